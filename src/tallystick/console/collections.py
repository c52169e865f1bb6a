"""Collections for operators: the queue, one borrower's record, strategies and the split."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.charts import Point, bar_chart
from tallystick.console.frontend import Front, Frontend, RefusalText, error_text
from tallystick.console.operators import act, operators_page, party_label
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.texts import text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.collections.commands import (
    DecideHardship,
    MakeOffer,
    RecordCall,
    ResumeCase,
    SaveStrategy,
    SaveText,
    SetContactRules,
    StartSplit,
    StopCase,
)
from tallystick.credit.collections.loading import current_split, rules_in_force, terms_of
from tallystick.credit.collections.model import CollectionCase, Hardship, HardshipStatus
from tallystick.credit.collections.overdue import borrowed
from tallystick.credit.collections.split import Comparison
from tallystick.credit.collections.terms import Offered
from tallystick.credit.collections.views import (
    buckets,
    case_story,
    queue,
    split_result,
    strategies,
    texts,
)
from tallystick.credit.loans.timing import loan_day
from tallystick.decoding import convert, decode_json
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused

__all__ = ["COLLECTIONS"]

_QUEUE: Final = "/console/collections"
_CASES: Final = f"{_QUEUE}/cases"
_STRATEGIES: Final = f"{_QUEUE}/strategies"
_SHOWN: Final = 50
_PAUSE_DAYS: Final = 30
_PERCENT: Final = 100


def _number(text_of: str) -> int:
    """A number of a query or a form; 0 for anything else."""
    return int(text_of) if text_of.isascii() and text_of.isdigit() and len(text_of) < 9 else 0


@get(_QUEUE)
async def show_queue(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Cases by their next contact, of one bucket or of all."""
    need_operator(visitor)
    rows = front.platform.rows
    bucket = _number(request.query_params.get("bucket", ""))
    status = request.query_params.get("status", "open")
    status = status if status in ("open", "stopped", "cured", "closed") else "open"
    cases = queue(rows, bucket=bucket, status=status, limit=_SHOWN)
    waiting = rows.query(
        Hardship, "WHERE status = ? ORDER BY asked_ms, hardship_id LIMIT ?",
        (HardshipStatus.ASKED.value, _SHOWN),
    )  # fmt: skip
    return operators_page(
        front, visitor, "collections", "collections",
        cases=[(case, party_label(front, case.borrower_id)) for case in cases], bucket=bucket,
        shown=status, counts=buckets(rows), firsts=rules_in_force(rows).buckets, waiting=waiting,
    )  # fmt: skip


# One borrower.


def _case_page(
    front: Frontend, visitor: Visitor, case_id: str, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    case = rows.get(CollectionCase, case_id[:64])
    if case is None:
        raise Refused("NOT_FOUND")
    day = loan_day(front.platform.clock_ms())
    return operators_page(
        front, visitor, "collection_case", "collections", refusal=refusal,
        story=case_story(rows, case), who=party_label(front, case.borrower_id),
        loans=borrowed(rows, case.borrower_id, case.currency, day).overdue,
        pause=(day + timedelta(days=_PAUSE_DAYS)).isoformat(),
    )  # fmt: skip


@get(f"{_CASES}/{{case_id:str}}")
async def show_case(case_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """A case with its whole record."""
    return _case_page(front, visitor, case_id)


def _case_command(what: str, case_id: str, form: Form) -> Command:
    """The command of a case's form.

    Raises:
        msgspec.ValidationError: a value that none of the forms has.
    """
    note = form.get("note", "")[:500]
    if what == "call":
        fields: dict[str, Any] = {"result": form.get("result", ""), "note": note}
        return _made(RecordCall, case_id=case_id, **fields)
    if what == "stop":
        return _made(StopCase, case_id=case_id, reason=form.get("reason", ""), note=note)
    if what == "resume":
        return ResumeCase(case_id=case_id, note=note)
    if what == "offer":
        terms = {"kind": form.get("kind", ""), "share": form.get("share", "0") or "0",
                 "count": _number(form.get("count", "")) or 1}  # fmt: skip
        offered = convert(terms, Offered, strict=False)
        return MakeOffer(case_id=case_id, loan_id=form.get("loan_id", ""), terms=offered)
    if what == "hardship":
        return DecideHardship(
            hardship_id=form.get("hardship_id", ""), granted=form.get("granted") == "yes",
            pause_until_day=form.get("pause", ""), waives=form.get("waives") == "yes",
        )  # fmt: skip
    raise Refused("NOT_FOUND")


def _made(kind: type[Command], **fields: Any) -> Command:
    tag = kind.__struct_config__.tag
    return convert({"command": tag, **fields}, kind)


@post(f"{_CASES}/{{case_id:str}}/{{what:str}}")
async def do_in_case(
    case_id: FromPath[str], what: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """A call, an offer, a stop, its end, or the answer to an application."""
    form = await read_form(request)
    try:
        await act(front, visitor, form, _case_command(what, case_id, form), f"case-{what}")
    except (Refused, msgspec.ValidationError) as error:
        return _case_page(front, visitor, case_id, error_text(error, visitor.language))
    return front.redirect(f"{_CASES}/{case_id}", done="saved")


# What is data, and how it does.


def _chart(result: Comparison, visitor: Visitor) -> Any:
    arms = (result.champion, result.challenger)
    points = [
        Point(
            text(f"collections.arm.{arm.arm}", visitor.language),
            round(arm.cured_share.value * _PERCENT),
            text(
                "collections.says_share", visitor.language, strategy=arm.strategy_id or "–",
                share=f"{arm.cured_share.value:.1%}", low=f"{arm.cured_share.low:.1%}",
                high=f"{arm.cured_share.high:.1%}", cases=arm.cases,
            ),
        )
        for arm in arms
    ]  # fmt: skip
    return bar_chart(
        points, name="cured", title=text("collections.cured_share", visitor.language),
        description=" ".join(point.says for point in points),
        language=visitor.language, axis_text=lambda value: f"{value} %",
    )  # fmt: skip


def _strategies_page(
    front: Frontend, visitor: Visitor, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    found = split_result(rows, front.platform.clock_ms())
    known = [(one, terms_of(one)) for one in strategies(rows)]
    return operators_page(
        front, visitor, "collection_strategies", "collections", refusal=refusal,
        rules=rules_in_force(rows), strategies=known, texts=texts(rows),
        split=current_split(rows), result=found[1] if found else None,
        chart=_chart(found[1], visitor) if found else None,
        rules_json=_json(rules_in_force(rows)),
        strategy_json={one.strategy_id: _json(terms) for one, terms in known},
    )  # fmt: skip


def _json(terms: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(terms)).decode()


@get(_STRATEGIES)
async def show_strategies(front: Front, visitor: Asking) -> Response[str]:
    """Contact rules, texts and strategies as they are, and how the split does."""
    return _strategies_page(front, visitor)


def _data_command(what: str, form: Form) -> Command:
    """The command of a form for data; rules and strategies are written as JSON.

    Raises:
        msgspec.DecodeError: the JSON cannot be read, or has other fields.
    """
    if what == "rules":
        written = {"terms": decode_json(form.get("terms", ""))}
        return _made(SetContactRules, **written)
    if what == "text":
        return SaveText(
            text_id=form.get("text_id", "")[:32], english=form.get("english", ""),
            chinese=form.get("chinese", ""),
        )  # fmt: skip
    if what == "strategy":
        written = {"terms": decode_json(form.get("terms", ""))}
        strategy_id = form.get("strategy_id", "")[:32]
        return _made(SaveStrategy, strategy_id=strategy_id, name=form.get("name", ""), **written)
    if what == "split":
        return StartSplit(
            champion_id=form.get("champion", ""), challenger_id=form.get("challenger", ""),
            challenger_permille=_number(form.get("permille", "")),
        )  # fmt: skip
    raise Refused("NOT_FOUND")


@post(f"{_STRATEGIES}/{{what:str}}")
async def save(
    what: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Rules, a text, a strategy, or a new split."""
    form = await read_form(request)
    try:
        await act(front, visitor, form, _data_command(what, form), f"collections-{what}")
    except (Refused, msgspec.DecodeError) as error:
        return _strategies_page(front, visitor, error_text(error, visitor.language))
    return front.redirect(_STRATEGIES, done="saved")


COLLECTIONS: Final = (show_queue, show_case, do_in_case, show_strategies, save)
