"""Identifiers of people, each in one normal form, so that all institutions mean the same one.

A national id is checked by GB 11643, a phone number is E.164 (ITU-T), a card number passes the
check of ISO/IEC 7812 (Luhn), a device is the text that its maker gave it.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from enum import StrEnum
from typing import Final

__all__ = ["IdentifierError", "IdentifierKind", "input_of", "normal_form"]

_VERSION: Final = b"tallystick.blacklist.1"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_PROVINCES: Final = frozenset(
    f"{region}{at}"
    for region, last in ((1, 5), (2, 3), (3, 7), (4, 6), (5, 4), (6, 5), (7, 1), (8, 3))
    for at in range(0 if region == 5 else 1, last + 1)
)
_NATIONAL: Final = re.compile(r"[0-9]{17}[0-9X]")
_OLD_NATIONAL: Final = re.compile(r"[0-9]{15}")
_MOBILE: Final = re.compile(r"(?:86)?(1[3-9][0-9]{9})")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_CARD: Final = re.compile(r"[0-9]{12,19}")
_DEVICE: Final = re.compile(r"[!-~]{4,128}")
_SPACING: Final = re.compile(r"[\s()./\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060\ufeff-]+")
"""What people set between digits, and the marks of direction that address books copy along."""


class IdentifierKind(StrEnum):
    """What names a person or what they use."""

    NATIONAL_ID = "national_id"
    PHONE = "phone"
    CARD = "card"
    DEVICE = "device"


class IdentifierError(ValueError):
    """An identifier that cannot be one; the message never holds it."""


def check_character(first_17: str) -> str:
    """The last character of a national id (GB 11643, ISO 7064 MOD 11-2)."""
    return _CHECKS[sum(int(d) * w for d, w in zip(first_17, _WEIGHTS, strict=True)) % 11]


def _national_id(text: str) -> str:
    found = text.upper()
    if _OLD_NATIONAL.fullmatch(found):  # Of before 1999: two digits of the year, no check.
        found = f"{found[:6]}19{found[6:]}"
        found += check_character(found)
    if not _NATIONAL.fullmatch(found) or found[:2] not in _PROVINCES:
        raise IdentifierError("a national id has 18 characters and begins with a province")
    try:
        datetime.date(int(found[6:10]), int(found[10:12]), int(found[12:14]))
    except ValueError as error:
        raise IdentifierError("the date of birth in the national id is no date") from error
    if check_character(found[:17]) != found[17]:
        raise IdentifierError("the national id's check character is wrong")
    return found


def _phone(text: str) -> str:
    found = f"+{text[2:]}" if text.startswith("00") else text
    if mobile := _MOBILE.fullmatch(found):
        found = f"+86{mobile[1]}"
    if not _E164.fullmatch(found):
        raise IdentifierError("a phone number is + and 7 to 15 digits, or a mainland mobile number")
    if found.startswith("+861") and not _MOBILE.fullmatch(found[1:]):
        raise IdentifierError("a mainland mobile number has 11 digits")
    if found.startswith("+860"):
        raise IdentifierError("a mainland number has no 0 after +86")
    return found


def _card(text: str) -> str:
    if not _CARD.fullmatch(text):
        raise IdentifierError("a card number has 12 to 19 digits")
    digits = [int(d) for d in reversed(text)]
    total = sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
    if total % 10:
        raise IdentifierError("the card number's check digit is wrong")
    return text


def normal_form(kind: IdentifierKind, text: str) -> str:
    """The one form of an identifier; full-width digits, spaces, dashes and marks do not matter.

    Raises:
        IdentifierError: it cannot be an identifier of this kind.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if kind is IdentifierKind.DEVICE:
        if not _DEVICE.fullmatch(plain):
            raise IdentifierError("a device has 4 to 128 letters, digits and signs")
        return plain
    plain = _SPACING.sub("", plain)
    read = {IdentifierKind.NATIONAL_ID: _national_id, IdentifierKind.PHONE: _phone}
    return read.get(kind, _card)(plain)


def input_of(kind: IdentifierKind, text: str) -> bytes:
    """What the oblivious function is asked of: the kind and the normal form.

    Raises:
        IdentifierError: it cannot be an identifier of this kind.
    """
    return b"\0".join((_VERSION, kind.value.encode(), normal_form(kind, text).encode()))
