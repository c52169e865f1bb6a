"""One entry of the ledger: what it moved, the links of reversals both ways, and taking it back."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.accounting.books.views import known_book
from tallystick.accounting.corrections.model import Reversal, ReverseTransfer
from tallystick.accounting.corrections.views import corrections_of
from tallystick.accounting.days import given_day
from tallystick.accounting.exchange.model import CurrencyExchange
from tallystick.accounting.views import transfer
from tallystick.console.bookkeeping.fields import day_of, units_of
from tallystick.console.bookkeeping.frame import (
    Said,
    carry_out,
    currency_of,
    hex_of,
    title_of_book,
    who_did,
)
from tallystick.console.frontend import Front, Frontend
from tallystick.console.operators import operators_page
from tallystick.console.requests import Form, read_form
from tallystick.console.statements import entry_views
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.ledger.chart import PLATFORM_BOOK_MIN, transfer_id
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["ENTRY_PAGES"]

_ENTRIES: Final = "/console/entries"
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_TRADE_NO: Final = re.compile(r"20[0-9]{26}")
_MOVES_NOTHING: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)


class ReversalView(NamedTuple):
    """A reversal as a page shows it; `other` is the entry at the link's other end."""

    row: Reversal
    other: str
    by: str


def _found(front: Frontend, entry_hex: str) -> Transfer:
    found = None
    if _HEX.fullmatch(entry_hex):
        found = transfer(front.platform.ledger, int(entry_hex, 16))
    if found is None:
        raise Refused("TRANSFER_NOT_EXIST")
    return found[0]


def _reversal(rows: ReadSession, row: Reversal, other: bytes) -> ReversalView:
    return ReversalView(row, hex_of(other), who_did(rows, row.reversed_by))


async def _entry(front: Frontend, visitor: Visitor, entry_hex: str, said: Said) -> Response[str]:
    rows, entry = front.platform.rows, _found(front, entry_hex)
    links = corrections_of(rows, entry.id)
    known = known_book(rows, entry.book)
    value_dated = known is not None and known.value_dated
    left = entry.amount - links.reversed
    is_own = entry.book < PLATFORM_BOOK_MIN
    leg_of = str(entry.user_data_128)
    is_leg = is_own and rows.get(CurrencyExchange, leg_of) is not None
    reversible = is_own and not entry.flags & _MOVES_NOTHING and links.reverses is None
    return operators_page(
        front, visitor, "entry", "search", refusal=said.refusal, typed=said.typed, entry=entry,
        entry_hex=entry_hex, currency=currency_of(rows, entry.book),
        view=entry_views(front.platform.ledger, [entry], visitor.language)[0],
        book=title_of_book(rows, entry.book, visitor.language),
        effective=str(given_day(entry.user_data_32) or "") if value_dated else "",
        trade_no=leg_of if not is_own and _TRADE_NO.fullmatch(leg_of) else "",
        pending=hex_of(entry.pending_id) if entry.pending_id else "",
        reverses=_reversal(rows, links.reverses, links.reverses.transfer_id)
        if links.reverses else None,
        reversals=[_reversal(rows, row, row.reversal_id) for row in links.reversals],
        left=left, value_dated=value_dated, is_leg=is_leg, is_own=is_own,
        may_reverse=reversible and not is_leg and left > 0,
    )  # fmt: skip


@get(f"{_ENTRIES}/{{entry_hex:str}}")
async def show_entry(entry_hex: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One entry."""
    return await _entry(front, visitor, entry_hex, Said())


def _reversal_id(form: Form, entry: Transfer) -> bytes:
    """The new entry's id: the same form makes the same entry."""
    form_id = form.get("form_id", "")[:64] or secrets.token_hex(16)
    return id_bytes(transfer_id(f"console.reversal:{entry.id}:{form_id}", 0))


@post(f"{_ENTRIES}/{{entry_hex:str}}/reversals")
async def reverse_entry(
    entry_hex: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Take an entry back, whole or in part."""
    form = await read_form(request)
    entry = _found(front, entry_hex)

    def made() -> Command:
        currency = currency_of(front.platform.rows, entry.book)
        return ReverseTransfer(
            transfer_id=id_bytes(entry.id), reversal_id=_reversal_id(form, entry),
            amount=units_of(form, "amount", currency, otherwise=0),
            reason=form.get("reason", ""), effective_day=day_of(form, "effective"),
        )  # fmt: skip

    return await carry_out(
        front, visitor, form, made, "entry_reversed", to=f"{_ENTRIES}/{entry_hex}",
        again=lambda said: _entry(front, visitor, entry_hex, said),
    )  # fmt: skip


ENTRY_PAGES: Final = (show_entry, reverse_entry)
