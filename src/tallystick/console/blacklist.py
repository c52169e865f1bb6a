"""The shared blacklist: for operators the list, its members and disputes; for people what is said.

What an operator types stays in this process: an identifier becomes a pad key before any command is
made of it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.charts import Point, bar_chart
from tallystick.console.frontend import Front, Frontend, RefusalText, error_text
from tallystick.console.operators import act, operators_page
from tallystick.console.requests import Form, need_operator, need_party, read_form
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused
from tallystick.risk.blacklist.keeping import new_list
from tallystick.risk.blacklist.model import (
    IDENTIFIERS_MAX,
    LIST_KEY,
    AdmitMember,
    BlacklistDispute,
    BlacklistEntry,
    DecideDispute,
    DisputeEntry,
    DisputeGround,
    EntryStatus,
    ListKey,
    Member,
    PublishEntry,
    SubjectTold,
    TellSubject,
    ToldEntry,
    WithdrawEntry,
)
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind
from tallystick.risk.blacklist.protocol.listed import tag_of
from tallystick.risk.blacklist.reasons import DAY_MS, REASONS
from tallystick.risk.blacklist.views import (
    cosigned_head,
    latest_entries,
    open_disputes,
    standing_by_reason,
    witnesses,
)

__all__ = ["BLACKLIST"]

_PLACE: Final = "/console/blacklist"
_MINE: Final = "/wallet/said-of-me"
_SHOWN: Final = 25
_DAYS_MAX: Final = 3650


class DisputeView(NamedTuple):
    """A dispute with the entry that it is about."""

    row: BlacklistDispute
    entry: BlacklistEntry


def _chart(counts: Counter[str], language: Language) -> Markup:
    """How many entries stand for each reason."""
    points = []
    for code, reason in REASONS.items():
        name = language.pick(reason.english, reason.chinese)
        points.append(Point(str(reason.number), counts[code], f"{name}: {counts[code]}"))
    return bar_chart(
        points, name="chart-reasons", title=text("blacklist.by_reason", language),
        description=text("blacklist.by_reason_sum", language, count=counts.total()),
        language=language, axis_text=str,
    )  # fmt: skip


def _whole_number(form: Form, name: str) -> int:
    found = form.get(name, "")
    if not (found.isascii() and found.isdecimal() and len(found) <= 9):
        raise Refused("INVALID_PARAMETER", f"{name} is a whole number.")
    return int(found)


def _pad_key(front: Frontend, form: Form) -> tuple[IdentifierKind, bytes]:
    try:
        kind = IdentifierKind(form.get("kind", ""))
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", "kind is not known.") from error
    rows = front.platform.rows
    return kind, front.platform.blacklist.pad_key(rows, kind, form.get("identifier", ""))


def _page(
    front: Frontend, visitor: Visitor, refusal: RefusalText | None = None, **more: Any
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    key = rows.get(ListKey, LIST_KEY)
    shown: dict[str, Any] = {"key": key, "found": None, **more}
    if key is not None:
        disputes = [
            DisputeView(row, entry)
            for row in open_disputes(rows, _SHOWN)
            if (entry := rows.get(BlacklistEntry, row.entry_id)) is not None
        ]
        shown |= {
            "head": cosigned_head(rows, front.platform.blacklist.head(rows)),
            "witnesses": witnesses(rows), "members": rows.select(Member), "disputes": disputes,
            "entries": latest_entries(rows, _SHOWN), "reasons": REASONS,
            "chart": _chart(standing_by_reason(rows), visitor.language),
            "kinds": list(IdentifierKind),
        }  # fmt: skip
    return operators_page(front, visitor, "blacklist", "blacklist", refusal=refusal, **shown)


async def _do(front: Frontend, visitor: Visitor, form: Form, made: Any, done: str) -> Response[Any]:
    """Run what an operator asks; `made` gives the command, or refuses."""
    need_operator(visitor)
    try:
        command: Command = made()
        await act(front, visitor, form, command, done)
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _page(front, visitor, said)
    return front.redirect(_PLACE, done=done)


@get(_PLACE)
async def show_blacklist(front: Front, visitor: Asking) -> Response[str]:
    """The list: head and witnesses, disputes, members and their quota, the latest entries."""
    return _page(front, visitor)


@post(f"{_PLACE}/open")
async def open_list(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Begin the list."""
    form = await read_form(request)

    def made() -> Command:
        return new_list(form.get("origin", ""), front.platform.sealer)

    return await _do(front, visitor, form, made, "blacklist_opened")


@post(f"{_PLACE}/members")
async def admit(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Admit a member, or change its terms."""
    form = await read_form(request)

    def made() -> Command:
        return AdmitMember(
            member_id=form.get("member_id", ""), name=form.get("name", ""),
            key_id=form.get("key_id", "")[:64], quota=_whole_number(form, "quota"),
            per_minute=_whole_number(form, "per_minute"),
            witness_key=form.get("witness_key", "")[:300], suspended="suspended" in form,
        )  # fmt: skip

    return await _do(front, visitor, form, made, "blacklist_admitted")


@post(f"{_PLACE}/entries")
async def publish(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """List somebody in the keeper's own name."""
    form = await read_form(request)

    def made() -> Command:
        kind, pad_key = _pad_key(front, form)
        days = min(_DAYS_MAX, _whole_number(form, "days"))
        return PublishEntry(
            kind=kind, pad_key=pad_key, reason=form.get("reason", ""),
            severity=_whole_number(form, "severity"),
            evidence=hashlib.sha256(form.get("evidence", "").encode()).digest(),
            until_ms=front.platform.clock_ms() + days * DAY_MS,
        )  # fmt: skip

    return await _do(front, visitor, form, made, "blacklist_published")


@post(f"{_PLACE}/entries/{{entry_id:str}}/withdraw")
async def withdraw(
    entry_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Take back an entry of the keeper's own."""
    form = await read_form(request)

    def made() -> Command:
        because: Any = "wrong" if form.get("because") == "wrong" else "over"
        return WithdrawEntry(entry_id=entry_id, because=because)

    return await _do(front, visitor, form, made, "blacklist_withdrawn")


@post(f"{_PLACE}/entries/{{entry_id:str}}/dispute")
async def dispute(
    entry_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Dispute an entry for a person who asked."""
    form = await read_form(request)

    def made() -> Command:
        return DisputeEntry(
            entry_id=entry_id, ground=_ground(form), raised_by=form.get("on_behalf", "")
        )

    return await _do(front, visitor, form, made, "blacklist_disputed")


def _ground(form: Form) -> DisputeGround:
    try:
        return DisputeGround(form.get("ground", ""))
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", "ground is not known.") from error


@post(f"{_PLACE}/disputes/{{dispute_id:str}}")
async def decide(
    dispute_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Decide a dispute."""
    form = await read_form(request)

    def made() -> Command:
        upheld = form.get("decision") == "uphold"
        return DecideDispute(dispute_id=dispute_id, upheld=upheld, note=form.get("note", ""))

    return await _do(front, visitor, form, made, "blacklist_decided")


@post(f"{_PLACE}/subject")
async def tell_subject(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Look for a person who asks what is said of them; it is recorded."""
    form = await read_form(request)
    need_operator(visitor)
    try:
        _, pad_key = _pad_key(front, form)
        on_behalf = form.get("on_behalf", "")
        if not on_behalf:
            raise Refused("INVALID_PARAMETER", "Say for whom it is asked.")
        command = TellSubject(tags=(tag_of(pad_key),), on_behalf=on_behalf)
        told = await act(front, visitor, form, command, "blacklist_subject")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _page(front, visitor, said)
    assert isinstance(told, SubjectTold)
    return _page(front, visitor, found=_now(front, told), on_behalf=form["on_behalf"])


def _now(front: Frontend, told: SubjectTold) -> list[BlacklistEntry]:
    """The entries as they are now; the answer may be one that was given before."""
    rows = front.platform.rows
    found = [rows.get(BlacklistEntry, entry.entry_id) for entry in told.entries]
    return [entry for entry in found if entry is not None]


# For people.


async def _of_me(front: Frontend, visitor: Visitor) -> tuple[ToldEntry, ...]:
    """What is said of the signed-in person, by all that was proved to be theirs."""
    need_party(visitor)
    assert visitor.party is not None
    rows, party_id = front.platform.rows, visitor.party.party_id
    if rows.get(ListKey, LIST_KEY) is None:
        return ()
    tags = front.platform.blacklist.tags_of(rows, party_id)
    entries: list[ToldEntry] = []
    for at in range(0, len(tags), IDENTIFIERS_MAX):
        asked = tuple(tags[at : at + IDENTIFIERS_MAX])
        answer = await front.submit(visitor.caller, TellSubject(tags=asked, on_behalf=party_id))
        if answer.refusal is not None:
            raise Refused(*answer.refusal)
        assert isinstance(answer.reply, SubjectTold)
        entries += answer.reply.entries
    return tuple(entries)


@get(_MINE)
async def show_mine(front: Front, visitor: Asking) -> Response[str]:
    """Before a person asks."""
    need_party(visitor)
    return front.page(visitor, "wallet/said_of_me.html", here="home", entries=None)


def _mine(front: Frontend, visitor: Visitor, entries: tuple[ToldEntry, ...]) -> Response[str]:
    standing = [
        entry for entry in entries if entry.status in (EntryStatus.ACTIVE, EntryStatus.DISPUTED)
    ]
    return front.page(
        visitor, "wallet/said_of_me.html", here="home", entries=standing, reasons=REASONS,
        grounds=list(DisputeGround),
    )  # fmt: skip


@post(_MINE)
async def ask_mine(front: Front, visitor: Asking) -> Response[str]:
    """A person asks what is said of them; that they did is recorded."""
    return _mine(front, visitor, await _of_me(front, visitor))


@post(f"{_MINE}/{{entry_id:str}}")
async def dispute_mine(
    entry_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[str]:
    """A person disputes what is said of them, and of nobody else."""
    form = await read_form(request)
    if entry_id not in {entry.entry_id for entry in await _of_me(front, visitor)}:
        raise Refused("BLACKLIST_ENTRY_NOT_EXIST")
    assert visitor.party is not None
    command = DisputeEntry(entry_id=entry_id, ground=_ground(form))
    answer = await front.submit(visitor.caller, command)
    if answer.refusal is not None:
        raise Refused(*answer.refusal)
    return _mine(front, visitor, await _of_me(front, visitor))


BLACKLIST: Final = (
    show_blacklist, open_list, admit, publish, withdraw, dispute, decide, tell_subject, show_mine,
    ask_mine, dispute_mine,
)  # fmt: skip
