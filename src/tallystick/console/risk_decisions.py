"""Decisions for operators: what was decided, why, how fast, and what it turned out to be."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.charts import Point, bar_chart
from tallystick.console.frontend import Front, Frontend
from tallystick.console.operators import act, operators_page, party_label
from tallystick.console.requests import need_operator, read_form
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, WebRequest
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.facts import FACTS
from tallystick.risk.decision.model import (
    DecisionRow,
    FailurePolicy,
    LabelDecision,
    LabelRow,
    SetFailurePolicy,
)
from tallystick.risk.decision.views import (
    LATENCIES_MS,
    Asked,
    Overview,
    asked_rules,
    explain,
    overview,
    replay,
)
from tallystick.risk_facts import READERS

__all__ = ["RISK_DECISIONS"]

_PLACE: Final = "/console/risk"
_SHOWN: Final = 50
_OUTCOMES: Final = ("allow", "challenge", "hold", "deny")
_SEQ_MAX: Final = 10**18
_COMMANDS: Final = sorted(str(command.__struct_config__.tag) for command in READERS)


class Why(NamedTuple):
    """What a decision was made from, as its page shows it."""

    asked: list[Asked]
    facts: dict[str, Any]
    features: dict[str, Any]
    same: bool


def _seq(text_of_it: str) -> int:
    return int(text_of_it) if text_of_it.isascii() and text_of_it.isdigit() else 0


def _wanted(request: WebRequest) -> dict[str, str]:
    query = request.query_params
    outcome = query.get("outcome", "")
    return {
        "outcome": outcome if outcome in (*_OUTCOMES, "failure") else "",
        "party": query.get("party", "").strip()[:64],
        "before": query.get("before", ""),
    }


def _found(front: Frontend, wanted: dict[str, str]) -> list[DecisionRow]:
    clauses, values = ["1 = 1"], []
    if wanted["outcome"] == "failure":
        clauses.append("why = 'failure'")
    elif wanted["outcome"]:
        clauses.append("outcome = ?")
        values.append(wanted["outcome"])
    if wanted["party"]:
        clauses.append("party = ?")
        values.append(wanted["party"])
    if 0 < _seq(wanted["before"]) < _SEQ_MAX:
        clauses.append(f"seq < {_seq(wanted['before'])}")
    tail = f"WHERE {' AND '.join(clauses)} ORDER BY seq DESC LIMIT ?"
    with front.platform.reader() as rows:
        return rows.query(DecisionRow, tail, (*values, _SHOWN + 1))


def _latency_chart(found: Overview, language: Language) -> Markup:
    """How many decisions took how long."""
    labels = [f"≤{bound:g}" for bound in LATENCIES_MS] + [f">{LATENCIES_MS[-1]:g}"]
    points = [
        Point(label, count, text("risk.latency_says", language, bound=label, count=count))
        for label, count in zip(labels, found.latencies, strict=True)
    ]
    return bar_chart(
        points, name="chart-latency", title=text("risk.latency_chart", language),
        description=text("risk.latency_sum", language, median=found.percentiles_us[0] / 1000,
                         most=found.percentiles_us[1] / 1000), language=language, axis_text=str,
    )  # fmt: skip


def _newest(front: Frontend) -> Overview:
    with front.platform.reader() as rows:
        return overview(rows)


@get(_PLACE)
async def show_decisions(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """The newest decisions with their reasons, and how risk does."""
    need_operator(visitor)
    wanted = _wanted(request)
    rows = await asyncio.to_thread(_found, front, wanted)
    found = await asyncio.to_thread(_newest, front)
    older = ""
    if len(rows) > _SHOWN:
        kept = {**wanted, "before": rows[_SHOWN - 1].seq}
        older = f"{_PLACE}?{urlencode(kept)}"
    policies = {row.command: row.policy for row in front.platform.rows.select(FailurePolicy)}
    return operators_page(
        front, visitor, "risk_decisions", "risk", decisions=rows[:_SHOWN], wanted=wanted,
        outcomes=_OUTCOMES, found=found, chart=_latency_chart(found, visitor.language),
        older=older, policies=policies, commands=_COMMANDS,
        counted={o: found.outcomes.get(o, 0) for o in _OUTCOMES},
    )  # fmt: skip


def _why(front: Frontend, row: DecisionRow) -> Why:
    """Judges again, so not for the event loop."""
    with front.platform.reader() as rows:
        if row.why == "failure":
            return Why([], {}, {}, same=True)
        explained = explain(rows, row)
        facts = {name: explained.inputs[name] for name in FACTS}
        features = {n: v for n, v in explained.inputs.items() if n not in facts}
        return Why(list(asked_rules(explained)), facts, features, replay(rows, row).same)


@get(f"{_PLACE}/decisions/{{seq:str}}")
async def show_decision(seq: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One decision: its inputs and what each rule said."""
    need_operator(visitor)
    rows = front.platform.rows
    number = _seq(seq)
    row = rows.get(DecisionRow, number) if 0 < number < _SEQ_MAX else None
    if row is None:
        raise Refused("NOT_FOUND")
    why = await asyncio.to_thread(_why, front, row)
    return operators_page(
        front, visitor, "risk_decision", "risk", decision=row, why=why,
        label=rows.get(LabelRow, row.seq), payer=party_label(front, row.party),
        payee=party_label(front, row.payee),
    )  # fmt: skip


@post(f"{_PLACE}/decisions/{{seq:str}}/label")
async def label(
    seq: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Say what it turned out to be."""
    form = await read_form(request)
    command = LabelDecision(seq=_seq(seq), fraud=form.get("fraud") == "yes")
    await act(front, visitor, form, command, f"label:{seq}")
    return front.redirect(f"{_PLACE}/decisions/{_seq(seq)}", done="saved")


@post(f"{_PLACE}/policies")
async def set_policy(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Say what becomes of a command when risk gives no answer."""
    form = await read_form(request)
    command, policy = form.get("command", ""), form.get("policy", "")
    if command not in _COMMANDS:
        raise Refused("INVALID_PARAMETER", "command")
    wanted = SetFailurePolicy(
        command_name=command, policy="closed" if policy == "closed" else "open"
    )
    await act(front, visitor, form, wanted, "policy")
    return front.redirect(_PLACE, done="saved")


RISK_DECISIONS: Final = (show_decisions, show_decision, label, set_policy)
