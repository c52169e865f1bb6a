"""Reconciliation for operators: both sides, proposals to decide, breaks by age."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.charts import Point, bar_chart
from tallystick.console.display import money_text
from tallystick.console.frontend import Front, Frontend, RefusalText, error_text, refusal_text
from tallystick.console.operators import act, operators_page
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.payments.banks.directory import BANKS
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refusal, Refused
from tallystick.reconciliation.days import day_of, day_of_ms
from tallystick.reconciliation.importing import import_command
from tallystick.reconciliation.matching.rules import RULE_NAMES
from tallystick.reconciliation.model import (
    DIFFERENCE_ACCOUNTS,
    AcceptProposal,
    AssignBreak,
    BreakStatus,
    GroupStatus,
    ImportedStatement,
    ImportStatement,
    ReconciledEntry,
    ReconciliationBreak,
    RejectProposal,
    ResolveBreak,
    StatementLine,
    WriteBreakNote,
)
from tallystick.reconciliation.statements.mapping import read_mapping
from tallystick.reconciliation.statements.model import StatementError, shortened
from tallystick.reconciliation.views import (
    AgeBucket,
    BothSides,
    break_story,
    breaks_by_age,
    groups_of,
)

__all__ = ["RECONCILIATION"]

_SHOWN: Final = 25
_FILE_BYTES_MAX: Final = 8 * 1024 * 1024
_LINE_SHOWN: Final = 160
_ZIP: Final = b"PK"
_PLACE: Final = "/console/reconciliation"
_BREAK_ID: Final = re.compile(r"[0-9a-f]{32}|[0-9]{28}-[0-9]{5}")
_REASONS: Final = {name.code: name for name in RULE_NAMES.values()}


class SideView(NamedTuple):
    """A bank line or an entry, as a page shows it."""

    day: str
    amount: int
    about: str


class GroupView(NamedTuple):
    """A group with both sides and its reason in the visitor's language."""

    group_id: str
    currency: str
    bank: list[SideView]
    ledger: list[SideView]
    reason: str
    tolerance: str
    difference: int
    choices: int


class BreakView(NamedTuple):
    """A break with its age in days."""

    row: ReconciliationBreak
    day: str
    age: int


def _side(row: StatementLine | ReconciledEntry) -> SideView:
    about = row.reference
    if isinstance(row, StatementLine):
        about = about or row.counterparty or row.text
    return SideView(day_of(row.day).isoformat(), row.amount, about)


def _group(found: BothSides, language: Language) -> GroupView:
    group, reason = found.group, _REASONS[found.group.rule]
    return GroupView(
        group.group_id, group.currency, [_side(x) for x in found.lines],
        [_side(x) for x in found.entries], language.pick(reason.english, reason.chinese),
        group.tolerance, group.difference, group.choices,
    )  # fmt: skip


def _today(front: Frontend) -> int:
    return day_of_ms(front.platform.clock_ms())


def _break_view(row: ReconciliationBreak, today: int) -> BreakView:
    return BreakView(row, day_of(row.day).isoformat(), max(0, today - row.day))


def _chart(buckets: list[AgeBucket], currency: str, language: Language) -> Markup:
    """How many breaks of a currency are how old."""
    points = []
    for bucket in buckets:
        days = f"{bucket.days_min}–{bucket.days_max}" if bucket.days_max is not None else (
            f"{bucket.days_min}+"
        )  # fmt: skip
        says = text(
            "recon.ages_says", language, days=days, count=bucket.breaks,
            amount=money_text(bucket.amount, currency),
        )  # fmt: skip
        points.append(Point(days, bucket.breaks, says))
    count = sum(bucket.breaks for bucket in buckets)
    return bar_chart(
        points, name=f"chart-ages-{currency}", title=text("recon.ages", language),
        description=text("recon.ages_sum", language, count=count), language=language, axis_text=str,
    )  # fmt: skip


def _charts(front: Frontend, bank_id: str, language: Language) -> dict[str, Markup]:
    """A chart of ages for each currency in which something stands alone."""
    found = breaks_by_age(front.platform.rows, _today(front), bank_id)
    currencies = dict.fromkeys(bucket.currency for bucket in found)
    return {c: _chart([b for b in found if b.currency == c], c, language) for c in currencies}


def _breaks(front: Frontend, bank_id: str) -> list[BreakView]:
    """The oldest open breaks."""
    where, values = "WHERE status = ?", [BreakStatus.OPEN.value]
    if bank_id:
        where += " AND bank_id = ?"
        values.append(bank_id)
    tail = f"{where} ORDER BY day, break_id LIMIT ?"
    found = front.platform.rows.query(ReconciliationBreak, tail, (*values, _SHOWN))
    return [_break_view(row, _today(front)) for row in found]


def _statements(front: Frontend, bank_id: str) -> list[tuple[ImportedStatement, str]]:
    """The latest statements, each with its days."""
    where, values = ("WHERE bank_id = ?", (bank_id,)) if bank_id else ("", ())
    found = front.platform.rows.query(
        ImportedStatement, f"{where} ORDER BY imported_ms DESC, statement_id DESC LIMIT ?",
        (*values, _SHOWN),
    )  # fmt: skip
    return [(row, f"{day_of(row.first_day)} – {day_of(row.last_day)}") for row in found]


def _page(
    front: Frontend, visitor: Visitor, bank_id: str, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    rows, language = front.platform.rows, visitor.language
    groups = {
        status: [
            _group(g, language)
            for g in groups_of(rows, status, bank_id=bank_id, limit=_SHOWN)
        ]
        for status in (GroupStatus.PROPOSED, GroupStatus.MATCHED)
    }  # fmt: skip
    return operators_page(
        front, visitor, "reconciliation", "reconciliation", refusal=refusal, bank_id=bank_id,
        banks=[(b.bank_id, language.pick(b.name, b.chinese)) for b in BANKS.values()],
        proposals=groups[GroupStatus.PROPOSED], matches=groups[GroupStatus.MATCHED],
        breaks=_breaks(front, bank_id), charts=_charts(front, bank_id, language),
        statements=_statements(front, bank_id), accounts=DIFFERENCE_ACCOUNTS,
    )  # fmt: skip


@get(_PLACE)
async def show_reconciliation(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Proposals, breaks by age, matches and statements, of one bank or of all."""
    asked = request.query_params.get("bank", "")
    return _page(front, visitor, asked if asked in BANKS else "")


async def _decide(
    front: Frontend, visitor: Visitor, form: Form, command: Command, done: str
) -> Response[Any]:
    """Run a decision about a proposal; the page says what became of it."""
    bank_id = form.get("bank", "") if form.get("bank", "") in BANKS else ""
    try:
        await act(front, visitor, form, command, done)
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _page(front, visitor, bank_id, said)
    where = f"{_PLACE}?bank={bank_id}" if bank_id else _PLACE
    return front.redirect(where, done=done)


async def _file(request: WebRequest, name: str) -> bytes:
    """A file in a form; empty when none was chosen."""
    found = (await request.form()).get(name)
    return await found.read() if isinstance(found, UploadFile) else b""


def _line_at(data: bytes, line: int) -> str:
    """A file's line as people read it; empty where it has no such line, or is no text."""
    lines = [] if data.startswith(_ZIP) else data.splitlines()
    if not 0 < line <= len(lines):
        return ""
    for encoding in ("utf-8", "gb18030", "latin-1"):
        with suppress(UnicodeDecodeError):
            return shortened(lines[line - 1].decode(encoding))[:_LINE_SHOWN]
    return ""


def _malformed(error: StatementError, data: bytes, language: Language) -> RefusalText:
    """Why a file is refused: the line, the reason, and what stands there."""
    place = text("recon.at_line", language, line=error.line) if error.line else ""
    found = _line_at(data, error.line)
    return refusal_text(
        Refusal("STATEMENT_MALFORMED"), language, f"{place} {error.reason}".strip(), found
    )


def _import_command(bank_id: str, data: bytes, mapping: bytes) -> ImportStatement:
    if bank_id not in BANKS or not data:
        raise Refused("INVALID_PARAMETER", "Choose a bank and a file.")
    try:
        explained = read_mapping(mapping.decode("utf-8")) if mapping.strip() else None
    except UnicodeDecodeError as error:
        raise StatementError(0, "The mapping is not UTF-8.") from error
    return import_command(bank_id, data, explained)


@post(f"{_PLACE}/statements", request_max_body_size=_FILE_BYTES_MAX)
async def import_file(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Take in a bank's file: match it, and open breaks for the rest."""
    need_operator(visitor)
    form, data = await read_form(request), await _file(request, "file")
    bank_id = form.get("bank", "")
    shown = bank_id if bank_id in BANKS else ""
    mapping = await _file(request, "mapping")
    try:
        command = await asyncio.to_thread(_import_command, bank_id, data, mapping)
        await act(front, visitor, form, command, f"statement:{command.file_digest.hex()}")
    except StatementError as error:
        return _page(front, visitor, shown, _malformed(error, data, visitor.language))
    except Refused as refused:
        return _page(front, visitor, shown, error_text(refused, visitor.language))
    return front.redirect(f"{_PLACE}?bank={bank_id}", done="statement_imported")


@post(f"{_PLACE}/proposals/{{group_id:str}}/accept")
async def accept(
    group_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Accept a proposal."""
    form = await read_form(request)
    command = AcceptProposal(group_id=group_id, difference_account=form.get("account", "")[:8])
    return await _decide(front, visitor, form, command, "proposal_accepted")


@post(f"{_PLACE}/proposals/{{group_id:str}}/reject")
async def reject(
    group_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Reject a proposal."""
    form = await read_form(request)
    command = RejectProposal(group_id=group_id)
    return await _decide(front, visitor, form, command, "proposal_rejected")


def _break_page(
    front: Frontend, visitor: Visitor, break_id: str, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    plain = _BREAK_ID.fullmatch(break_id) is not None
    story = break_story(front.platform.rows, break_id) if plain else None
    if story is None:
        raise Refused("BREAK_NOT_EXIST")
    return operators_page(
        front, visitor, "break", "reconciliation", refusal=refusal, line=story.line,
        found=_break_view(story.found, _today(front)), notes=story.notes,
        accounts=DIFFERENCE_ACCOUNTS,
    )  # fmt: skip


@get(f"{_PLACE}/breaks/{{break_id:str}}")
async def show_break(break_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One break with its notes, and what can be done about it."""
    return _break_page(front, visitor, break_id)


async def _act_on_break(
    front: Frontend, visitor: Visitor, form: Form, break_id: str, command: Command, done: str
) -> Response[Any]:
    """Run a break's command; its page says what became of it."""
    try:
        await act(front, visitor, form, command, f"{done}:{break_id}")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _break_page(front, visitor, break_id, said)
    return front.redirect(f"{_PLACE}/breaks/{break_id}", done=done)


@post(f"{_PLACE}/breaks/{{break_id:str}}/assign")
async def assign(
    break_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Say who looks after it."""
    form = await read_form(request)
    command = AssignBreak(break_id=break_id, assignee=form.get("assignee", ""))
    return await _act_on_break(front, visitor, form, break_id, command, "saved")


@post(f"{_PLACE}/breaks/{{break_id:str}}/resolve")
async def resolve(
    break_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Book it."""
    form = await read_form(request)
    command = ResolveBreak(
        break_id=break_id, account=form.get("account", "")[:8], note=form.get("note", "")
    )
    return await _act_on_break(front, visitor, form, break_id, command, "break_resolved")


@post(f"{_PLACE}/breaks/{{break_id:str}}/notes")
async def write_note(
    break_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Write about it."""
    form = await read_form(request)
    command = WriteBreakNote(break_id=break_id, text=form.get("text", ""))
    return await _act_on_break(front, visitor, form, break_id, command, "saved")


RECONCILIATION: Final = (
    show_reconciliation, import_file, accept, reject, show_break, assign, resolve, write_note,
)  # fmt: skip
