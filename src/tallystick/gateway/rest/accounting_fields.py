"""The kinds of value that bookkeeping's operations share: days, ids, signed units, who."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from msgspec import Meta

from tallystick.accounting.days import date_of, day_of_date
from tallystick.gateway.rest.problem import BadRequest
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import AMOUNT_MAX, ID_MAX
from tallystick.pipeline.refusals import Refused

__all__ = [
    "AccountIdText", "AmountUnits", "BookNumber", "DayText", "LedgerNumberText", "NameText",
    "NumberText", "Reason", "day_text", "id_of", "read_day", "units_of",
]  # fmt: skip

_DECIMAL: Final = r"^(0|[1-9][0-9]{0,38})\Z"
DayText = Annotated[
    str,
    Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", description="A day in China time.",
         examples=["2026-11-24"]),
]  # fmt: skip
LedgerNumberText = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,9}\Z", description="A book's number.", examples=["1"])
]
BookNumber = Annotated[int, Meta(ge=1, le=2**32 - 1, description="A book.", examples=[1])]
AccountIdText = Annotated[
    str, Meta(pattern=_DECIMAL, description="128 bits, decimal.", examples=["1001"])
]
AmountUnits = Annotated[
    str,
    Meta(pattern=r"^(0|[1-9][0-9]{0,18})\Z", description="Minor units.", examples=["1230"]),
]
NumberText = Annotated[
    str,
    Meta(pattern=r"^[0-9]{28}\Z", description="A number that the platform gave.",
         examples=["2026112412345678901234567890"]),
]  # fmt: skip
NameText = Annotated[str, Meta(min_length=1, max_length=100, examples=["Head office"])]
Reason = Annotated[
    str, Meta(min_length=1, max_length=500, examples=["An invoice came late."])
]  # fmt: skip


def read_day(text: str, field: str) -> int:
    """The number of a day that was written `yyyy-mm-dd`.

    Raises:
        Refused: INVALID_PARAMETER: there is no such day, or it is before 1970-01-02.
    """
    try:
        day = day_of_date(date.fromisoformat(text))
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", f"{field}: there is no such day.") from error
    if day < 1:
        raise Refused("INVALID_PARAMETER", f"{field}: days begin with 1970-01-02.")
    return day


def day_text(day: int) -> str | None:
    """A day as an answer shows it; null for none."""
    return date_of(day).isoformat() if day > 0 else None


def id_of(text: str, field: str) -> bytes:
    """The 16 bytes of a 128-bit number.

    Raises:
        BadRequest: it is larger.
    """
    number = int(text)
    if number > ID_MAX:
        raise BadRequest(f"{number} is more than 2^128-1.", field)
    return id_bytes(number)


def units_of(text: str, field: str) -> int:
    """Minor units as a number.

    Raises:
        BadRequest: more than an amount can be.
    """
    number = int(text)
    if number > AMOUNT_MAX:
        raise BadRequest(f"{number} is more than {AMOUNT_MAX}.", field)
    return number
