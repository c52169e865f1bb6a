"""A file that is no history is refused by line and field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tallystick.ledger.replay import ReplayError, replay_lines

GOOD: dict[str, Any] = {
    "name": "one",
    "accounts": [{"id": 1, "ledger": 1, "code": 1}, {"id": 2, "ledger": 1, "code": 1}],
    "batches": [
        [
            {"id": 5, "debit_account_id": 1, "credit_account_id": 2, "amount": 7,
             "ledger": 1, "code": 1}
        ]
    ],
}  # fmt: skip


def line(**changed: Any) -> bytes:
    return json.dumps(GOOD | changed).encode()


def transfer(**changed: Any) -> dict[str, Any]:
    return {"batches": [[], [GOOD["batches"][0][0] | changed]]}


def test_a_history_without_expected_answers_is_played() -> None:
    (answer,) = replay_lines([line(), b"\n"])
    assert answer["account_results"] == ["created", "created"]
    assert answer["results"] == [["created"]]
    assert answer["balances"][1] == {
        "id": 2,
        "debits_pending": 0,
        "debits_posted": 0,
        "credits_pending": 0,
        "credits_posted": 7,
        "closed": False,
    }


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (b"{", ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
        (b"[]", ""),
        (line(name=None), "name"),
        (line(accounts=None), "accounts"),
        (line(accounts=[3]), "accounts[0]"),
        (line(accounts=[{"id": 1, "owner": 3}]), "accounts[0].owner"),
        (line(accounts=[{"id": 1, "flags": 1 << 16}]), "accounts[0]"),
        (line(colour="red"), "colour"),
        (line(batches=[{}]), "batches[0]"),
        (line(**transfer(amount=1.5)), "batches[1][0].amount"),
        (line(**transfer(amount=True)), "batches[1][0].amount"),
        (line(**transfer(amount="7")), "batches[1][0].amount"),
        (line(**transfer(code="max")), "batches[1][0].code"),
        (line(**transfer(amount=-1)), "batches[1][0]"),
        (line(**transfer(amount=2**63)), "batches[1][0]"),
        (line(**transfer(id=2**128)), "batches[1][0]"),
    ],
)
def test_the_error_names_line_and_field(bad: bytes, field: str) -> None:
    answers = replay_lines([line(), bad])
    assert next(answers)["name"] == "one"
    with pytest.raises(ReplayError, match=r"^line 2") as caught:
        next(answers)
    assert (caught.value.line, caught.value.field) == (2, field)
