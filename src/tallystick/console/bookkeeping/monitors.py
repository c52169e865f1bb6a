"""Monitors: thresholds, where the value stands, and when it was crossed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.accounting.monitors.model import (
    BalanceMonitor,
    CreateMonitor,
    Direction,
    EndMonitor,
    Measure,
)
from tallystick.accounting.monitors.views import monitor_story, value_of
from tallystick.accounting.statements.words import kind_of_account
from tallystick.accounting.sweeps.model import Sweep
from tallystick.console.bookkeeping.fields import account_of, choice_of, units_of, whole_of
from tallystick.console.bookkeeping.frame import (
    PLACE,
    Said,
    carry_out,
    currency_of,
    hex_of,
    newest_rows,
    show,
    title_of_book,
    who_did,
)
from tallystick.console.frontend import Front, Frontend
from tallystick.console.requests import Form, read_form
from tallystick.console.texts import Language
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused

__all__ = ["MONITOR_PAGES"]

_MONITORS: Final = f"{PLACE}/monitors"
_CODE_MAX: Final = 65_535
_SWEEPS_CHOSEN: Final = 200


class MonitorView(NamedTuple):
    """A monitor as a page shows it; `account` is empty where it watches a kind of account."""

    row: BalanceMonitor
    value: int
    book: str
    currency: str
    account: str
    kind: str
    sweep: Sweep | None
    by: str


def _view(front: Frontend, row: BalanceMonitor, language: Language) -> MonitorView:
    rows = front.platform.rows
    return MonitorView(
        row, value_of(front.platform.ledger, row), title_of_book(rows, row.book, language),
        currency_of(rows, row.book), hex_of(row.account_id) if row.account_id else "",
        "" if row.account_id else kind_of_account(row.code, row.book, language.value),
        rows.get(Sweep, row.sweep_id) if row.sweep_id else None, who_did(rows, row.created_by),
    )  # fmt: skip


async def _all(
    request: WebRequest, front: Frontend, visitor: Visitor, said: Said
) -> Response[str]:  # fmt: skip
    rows = front.platform.rows
    found, older = newest_rows(rows, BalanceMonitor, "monitor_id", request)
    sweeps = rows.query(
        Sweep, "WHERE active = ? ORDER BY created_ms DESC, sweep_id LIMIT ?", (1, _SWEEPS_CHOSEN)
    )
    return show(
        front, visitor, "monitors", "monitors", said, sweeps=sweeps,
        monitors=[_view(front, row, visitor.language) for row in found],
        older=f"{_MONITORS}?before={older}" if older else "",
        newest=_MONITORS if request.query_params.get("before") else "",
        measures=list(Measure), directions=list(Direction),
    )  # fmt: skip


@get(_MONITORS)
async def show_monitors(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Every monitor, newest first, and a form for one more."""
    return await _all(request, front, visitor, Said())


def _new(front: Frontend, form: Form) -> CreateMonitor:
    account = account_of(form, "account") if form.get("account") else b""
    book = whole_of(form, "book", 0)
    if bool(account) == bool(book):
        raise Refused("INVALID_PARAMETER", "Either an account, or a book and a code.")
    if account:
        found = front.platform.ledger.accounts([int.from_bytes(account, "big")])
        if not found:
            raise Refused("ACCOUNT_NOT_EXIST")
        counted_in = found[0].book
    else:
        counted_in = book
    currency = currency_of(front.platform.rows, counted_in)
    return CreateMonitor(
        name=form.get("name", ""), account_id=account, book=book,
        code=0 if account else whole_of(form, "code", most=_CODE_MAX),
        measure=choice_of(form, "measure", Measure),
        direction=choice_of(form, "direction", Direction),
        threshold=units_of(form, "threshold", currency, signed=True),
        hysteresis=units_of(form, "hysteresis", currency, otherwise=0),
        sweep_id=form.get("sweep_id", "")[:64],
    )  # fmt: skip


@post(_MONITORS)
async def create_monitor(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Watch a balance."""
    form = await read_form(request)
    return await carry_out(
        front, visitor, form, lambda: _new(front, form), "monitor_made",
        to=lambda done: f"{_MONITORS}/{done.monitor_id}",
        again=lambda said: _all(request, front, visitor, said),
    )  # fmt: skip


async def _one(monitor_id: str, front: Frontend, visitor: Visitor, said: Said) -> Response[str]:
    story = monitor_story(front.platform.rows, monitor_id)
    if story is None:
        raise Refused("MONITOR_NOT_EXIST")
    changes = [(change, int(change.value)) for change in story.changes]
    return show(
        front, visitor, "monitor", "monitors", said, changes=changes,
        found=_view(front, story.monitor, visitor.language),
    )  # fmt: skip


@get(f"{_MONITORS}/{{monitor_id:str}}")
async def show_monitor(monitor_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One monitor with its crossings."""
    return await _one(monitor_id, front, visitor, Said())


@post(f"{_MONITORS}/{{monitor_id:str}}/end")
async def end_monitor(
    monitor_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Watch no more."""
    form = await read_form(request)

    def made() -> Command:
        return EndMonitor(monitor_id=monitor_id)

    return await carry_out(
        front, visitor, form, made, "monitor_ended", to=f"{_MONITORS}/{monitor_id}",
        again=lambda said: _one(monitor_id, front, visitor, said),
    )  # fmt: skip


MONITOR_PAGES: Final = (show_monitors, create_monitor, show_monitor, end_monitor)
