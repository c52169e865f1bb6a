"""Codes of a generator against RFC 6238's own vectors, and how far off they may be."""

from __future__ import annotations

import pytest

from tallystick.risk.person.totp import STEP_S, code_at, provisioning_uri, step_of_code

SECRET = b"12345678901234567890"
"""The secret of RFC 6238's appendix B; its codes have eight digits, of which ours are the last."""


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"),
        (1234567890, "89005924"), (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_the_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert code_at(SECRET, at_s // STEP_S) == code[2:]
    assert step_of_code(SECRET, code[2:], at_s * 1000) == at_s // STEP_S


def test_a_code_counts_one_step_before_and_after_and_no_more() -> None:
    step = 1_800_000_000 // STEP_S
    code = code_at(SECRET, step)
    for off, expected in ((-2, 0), (-1, step), (0, step), (1, step), (2, 0)):
        assert step_of_code(SECRET, code, (step + off) * STEP_S * 1000) == expected, off


@pytest.mark.parametrize("wrong", ["", "12345", "1234567", "abcdef", "１２３４５６"])
def test_what_is_no_code_is_of_no_step(wrong: str) -> None:
    assert step_of_code(SECRET, wrong, 1_800_000_000_000) == 0


def test_the_address_to_scan_holds_secret_issuer_and_account() -> None:
    uri = provisioning_uri(SECRET, "alice@shop.example", "Tally stick")
    assert uri == (
        "otpauth://totp/Tally%20stick:alice%40shop.example"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tally+stick"
    )
