"""`tallystick ledger book`, `period` and `reverse`: named books, days that close, corrections."""

from __future__ import annotations

import secrets
from typing import Any

from cyclopts import App

from tallystick.admin.commands import HERE, Place
from tallystick.admin.rest_operation import account_text, carry, given, listed, look, say_list

__all__ = ["book", "period", "reverse"]

book = App(name="book", help="Books with a name and a currency.")
period = App(name="period", help="Days of a book that are closed, and opened again by two.")

_BOOK_COLUMNS = ("ledger", "name", "currency", "value_dated", "closed_through")
_CLOSE_COLUMNS = ("close_id", "ledger", "first_day", "last_day", "status", "closed_by")
_CODE_COLUMNS = ("code", "debits_posted", "credits_posted")
_NOTE_COLUMNS = ("action", "by", "reason")
_ID_BITS = 127


@book.command(name="name")
def name_book(
    number: int, name: str, *, currency: str = "", value_dated: bool = False, place: Place = HERE
) -> None:
    """Name a book of your own, while no server runs.

    For example: `tallystick ledger book name 7 "Head office" --currency CNY --value-dated`.
    Currency and dating are settled once money has moved in the book.

    Args:
        number: the book, below 1,000,000.
        name: what people call it.
        currency: ISO 4217; exchange needs it.
        value_dated: entries may carry the day on which they take effect.
    """
    body = {"name": name, "currency": currency, "value_dated": value_dated}
    done = carry(place, "nameLedgerBook", {"ledger": str(number)}, body)
    place.say(done, f"Book {number} is {name}.")


@book.command(name="list")
def list_books(*, limit: int = 20, cursor: str = "", place: Place = HERE) -> None:
    """Named books in the order of their numbers; a server may run meanwhile.

    Args:
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    page = look(place, "listLedgerBooks", query={"limit": limit, "cursor": cursor})
    say_list(place, page, _BOOK_COLUMNS)


def _say_state(place: Place, done: dict[str, Any]) -> None:
    through = done["closed_through"] or "no day"
    place.say(
        done, f"Close {done['close_id']} is {done['status']}; book {done['ledger']} is closed "
        f"through {through}.",
    )  # fmt: skip


@period.command
def close(number: int, through: str, *, place: Place = HERE) -> None:
    """Close a book through a day or a month that is over, while no server runs.

    For example: `tallystick ledger period close 7 2026-10 --data data`. Nothing takes effect in
    closed days any more; the trial balance as of their end is kept with its SHA-256.

    Args:
        number: the book.
        through: the last day, yyyy-mm-dd, or a month, yyyy-mm.
    """
    path = {"ledger": str(number)}
    _say_state(place, carry(place, "closePeriod", path, {"period": through}))


@period.command(name="list")
def list_closes(
    *, number: int | None = None, limit: int = 20, cursor: str = "", place: Place = HERE
) -> None:
    """Closes, the newest first; a server may run meanwhile.

    Args:
        number: of one book only.
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    query = {"ledger": number, "limit": limit, "cursor": cursor}
    say_list(place, look(place, "listCloses", query=query), _CLOSE_COLUMNS)


@period.command
def show(close_id: str, *, place: Place = HERE) -> int:
    """Show a close and prove it anew from the books; a server may run meanwhile.

    The exit code is 1 when the books do not say any more what was closed, unless it was opened
    again.

    Args:
        close_id: its number.
    """
    story = look(place, "getClose", {"close_id": close_id})
    fits = story["digest_fits"] and story["totals_fit"]
    text = [
        listed([story["close"]], _CLOSE_COLUMNS), listed(story["lines"], _CODE_COLUMNS),
        listed(story["notes"], _NOTE_COLUMNS),
        "The books say the same." if fits else "THE BOOKS SAY SOMETHING ELSE.",
    ]  # fmt: skip
    place.say(story, "\n\n".join(text))
    return int(not fits and story["close"]["status"] != "reopened")


@period.command
def reopen(close_id: str, *, reason: str, place: Place = HERE) -> None:
    """Ask that a book's latest close be opened again, while no server runs.

    Somebody else has to agree, in the console or over REST: at the command line everybody is the
    same caller.

    Args:
        close_id: the close's number.
        reason: why.
    """
    _say_state(place, carry(place, "askReopening", {"close_id": close_id}, {"reason": reason}))


@period.command
def approve(close_id: str, *, place: Place = HERE) -> None:
    """Agree to what somebody else asked for: open a close again, while no server runs.

    Args:
        close_id: the close's number.
    """
    _say_state(place, carry(place, "approveReopening", {"close_id": close_id}))


@period.command
def reject(close_id: str, *, place: Place = HERE) -> None:
    """Leave a close closed, while no server runs.

    Args:
        close_id: the close's number.
    """
    _say_state(place, carry(place, "rejectReopening", {"close_id": close_id}))


def reverse(
    transfer: str, *, reason: str, amount: int | None = None, effective_date: str = "",
    reversal: str = "", place: Place = HERE,
) -> None:  # fmt: skip
    """Take a transfer back by a new one that names it, while no server runs.

    For example: `tallystick ledger reverse 701 --amount 230 --reason "Booked twice."`. All
    reversals of a transfer together never exceed what it moved.

    Args:
        transfer: its id: 32 hexadecimal digits, or a decimal number.
        reason: why; it is kept.
        amount: minor units; all that is left without it.
        effective_date: yyyy-mm-dd, in a value-dated book.
        reversal: the new transfer's id; one is made without it.
    """
    body = {
        "reversal_id": account_text(reversal) if reversal else str(secrets.randbits(_ID_BITS) or 1),
        "reason": reason, "effective_date": effective_date,
        **given({"amount": None if amount is None else str(amount)}),
    }  # fmt: skip
    path = {"transfer_id": account_text(transfer)}
    done = carry(place, "reverseLedgerTransfer", path, body)
    place.say(
        done,
        f"{done['amount']} of transfer {done['transfer_id']} is taken back by "
        f"{done['reversal_id']}; {done['left']} is left.",
    )
