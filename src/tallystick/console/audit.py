"""The operators' audit trail, as the pipeline wrote it."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlencode

from litestar import Response, get

from tallystick.console.frontend import Front, Frontend
from tallystick.console.operators import operators_page
from tallystick.console.requests import need_operator
from tallystick.console.texts import TEXTS, Language, text
from tallystick.console.visitor import Asking, WebRequest
from tallystick.partners.model import Operator

__all__ = ["AUDIT"]

_PAGE: Final = 50
_PREFIX: Final = "audit.command."
_COMMANDS: Final = [key.removeprefix(_PREFIX) for key in TEXTS if key.startswith(_PREFIX)]


class AuditLine(NamedTuple):
    """One command that an operator asked for; `outcome` is `accepted` or a refusal's code.

    `said` is the command in words, empty for one that has none.
    """

    seq: int
    at_ms: int
    who: str
    command: str
    subject: str
    outcome: str
    said: str = ""


def _in_words(command: str, language: Language) -> str:
    return text(f"audit.command.{command}", language) if command in _COMMANDS else ""


def _lines(front: Frontend, operator: str, command: str, before: int) -> list[AuditLine]:
    """Lines newest first, one more than a page; `before` is a line's number, 0 for the newest."""
    rows = front.platform.rows
    clauses: list[str] = ["seq > 0"]
    values: list[object] = []
    if operator:
        known = rows.find(Operator, login=operator)
        clauses.append("caller_id = ?")
        values.append(known.operator_id if known else operator)
    if command:
        clauses.append("command = ?")
        values.append(command)
    if before:
        clauses.append("seq < ?")
        values.append(before)
    records = rows.connection.execute(
        "SELECT seq, at_ms, caller_id, command, subject, outcome FROM audit "  # noqa: S608
        f"WHERE {' AND '.join(clauses)} ORDER BY seq DESC LIMIT ?",
        (*values, _PAGE + 1),
    )
    lines = [AuditLine(*record) for record in records]
    logins = {who: rows.get(Operator, who) for who in {line.who for line in lines}}
    return [
        line._replace(who=found.login) if (found := logins[line.who]) else line for line in lines
    ]


@get("/console/audit")
async def show_audit(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """What operators did, newest first."""
    need_operator(visitor)
    query = request.query_params
    wanted = {name: query.get(name, "").strip() for name in ("operator", "command")}
    asked = query.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0
    found = _lines(front, wanted["operator"], wanted["command"], before)
    page = [x._replace(said=_in_words(x.command, visitor.language)) for x in found[:_PAGE]]
    kept = {name: value for name, value in wanted.items() if value}
    older = ""
    if len(found) > _PAGE:
        older = f"/console/audit?{urlencode(kept | {'before': str(page[-1].seq)})}"
    return operators_page(
        front, visitor, "audit", "audit", lines=page, wanted=wanted, older=older,
        commands={name: _in_words(name, visitor.language) for name in _COMMANDS},
        newest=f"/console/audit?{urlencode(kept)}" if before else "",
    )  # fmt: skip


AUDIT: Final = (show_audit,)
