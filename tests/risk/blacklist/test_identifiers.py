"""Identifiers: one form for what is the same, and a refusal for what cannot be one."""

from __future__ import annotations

import pytest

from tallystick.risk.blacklist.protocol.identifiers import (
    IdentifierError,
    IdentifierKind,
    input_of,
    normal_form,
)


@pytest.mark.parametrize(
    ("kind", "texts", "form"),
    [
        ("national_id", ["11010519491231002X", " 110105 19491231 002x "], "11010519491231002X"),
        ("national_id", ["440524188001010014"], "440524188001010014"),
        ("national_id", ["110105491231002"], "11010519491231002X"),
        ("phone", ["13800138000", "+86 138-0013-8000", "008613800138000", "１３８００１３８０００",
                   "8613800138000", "\u202d+86 138\u20110013\u20138000\u202c"],
         "+8613800138000"),
        ("phone", ["+44 20 7946 0958"], "+442079460958"),
        ("card", ["6222 0212 3456 7890 128", "6222021234567890128"], "6222021234567890128"),
        ("card", ["4111-1111-1111-1111"], "4111111111111111"),
        ("device", [" AABB-ccdd ", "AABB-ccdd"], "AABB-ccdd"),
    ],
)  # fmt: skip
def test_what_is_the_same_has_one_form(kind: str, texts: list[str], form: str) -> None:
    assert {normal_form(IdentifierKind(kind), text) for text in texts} == {form}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("national_id", "110105194912310021"),  # The check character.
        ("national_id", "11010519491331002X"),  # The 13th month.
        ("national_id", "99010519491231002X"),  # No province.
        ("national_id", "1101051949123100"),
        ("national_id", "110105491331002"),
        ("phone", "12345"),
        ("phone", "+8612345678901"),
        ("phone", "+86138001380001"),
        ("phone", "+0123456789"),
        ("phone", "+86 0138 0013 8000"),
        ("card", "4111111111111112"),
        ("card", "41111"),
        ("device", "abc"),
        ("device", "with a space"),
        ("device", ""),
    ],
)
def test_what_cannot_be_one_is_refused_without_being_repeated(kind: str, text: str) -> None:
    with pytest.raises(IdentifierError) as raised:
        normal_form(IdentifierKind(kind), text)
    assert not text or text not in str(raised.value)


def test_the_kind_is_part_of_what_is_asked() -> None:
    assert input_of(IdentifierKind.DEVICE, "4111111111111111") != input_of(
        IdentifierKind.CARD, "4111111111111111"
    )
