"""Rules for operators: written, checked with the place of what is wrong, tried, put in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.frontend import Front, Frontend, RefusalText, error_text
from tallystick.console.operators import act, operators_page
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.decoding import convert, decode_json
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.backtest import Backtest, RuleResult, backtest
from tallystick.risk.decision.features import catalogue_of
from tallystick.risk.decision.language import ExpressionError
from tallystick.risk.decision.model import (
    SET_NUMBER,
    ActiveNumber,
    ListEntry,
    ModelRow,
    PublishRule,
    RetireRule,
    RuleRow,
    RuleSetRow,
    RuleStatus,
    SaveRule,
    SetTerms,
)
from tallystick.risk.decision.rules import Action, Lane, Rule, RuleSet, Thresholds, check_rule
from tallystick.risk.decision.views import features_of, rule_set_in_force

__all__ = ["RISK_RULES"]

_PLACE: Final = "/console/risk/rules"
_ACTIONS: Final = get_args(Action)
_EVENTS_MAX: Final = 50_000
_FIELDS: Final = {"name": "", "when": "", "action": "hold", "points": "0", "priority": "100",
                  "lane": "champion", "note": ""}  # fmt: skip
_SETS_SHOWN: Final = 20


class Wrong(NamedTuple):
    """What does not fit, with the expression up to it and from it on."""

    message: str
    before: str
    after: str


class Tried(NamedTuple):
    """A rule over history: alone, and all lanes with it."""

    rule: RuleResult | None
    whole: Backtest


class Version(NamedTuple):
    """A version of a rule with its contents."""

    row: RuleRow
    rule: Rule


def _versions(front: Frontend, name: str = "") -> list[Version]:
    wanted: dict[str, str | int | bytes | None] = {"name": name} if name else {}
    found = [
        Version(row, decode_json(row.contents, Rule))
        for row in front.platform.rows.select(RuleRow, **wanted)
    ]
    order = (RuleStatus.PUBLISHED, RuleStatus.DRAFT, RuleStatus.RETIRED)
    return sorted(found, key=lambda v: (order.index(v.row.status), v.row.name, -v.row.version))


def _page(
    front: Frontend, visitor: Visitor, form: Form, *, refusal: RefusalText | None = None,
    wrong: Wrong | None = None, fits: bool = False, tried: Tried | None = None,
) -> Response[str]:  # fmt: skip
    rows = front.platform.rows
    active = rows.get(ActiveNumber, SET_NUMBER)
    sets = rows.query(RuleSetRow, "ORDER BY number DESC LIMIT ?", (_SETS_SHOWN,))
    return operators_page(
        front, visitor, "risk_rules", "risk", refusal=refusal, form={**_FIELDS, **form},
        wrong=wrong, fits=fits, tried=tried, versions=_versions(front), actions=_ACTIONS,
        lanes=[lane.value for lane in Lane], catalogue=catalogue_of(features_of(rows)),
        number=0 if active is None else active.number, sets=sets,
        terms=rule_set_in_force(rows), models=[row.name for row in rows.select(ModelRow)],
        filling=front.platform.decisions.filling,
    )  # fmt: skip


@get(_PLACE)
async def show_rules(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Every version of every rule, and a form for a new one, filled from another if wanted."""
    need_operator(visitor)
    query = request.query_params
    known = _versions(front, query.get("from", "")) if query.get("from") else []
    filled: Form = {}
    for version in known:
        if str(version.row.version) == query.get("version", ""):
            rule = version.rule
            filled = {
                "name": rule.name, "when": rule.when, "action": rule.action,
                "points": str(rule.points), "priority": str(rule.priority),
                "lane": rule.lane.value, "note": rule.note,
            }  # fmt: skip
    tried = None
    if query.get("compare"):
        tried = await asyncio.to_thread(_tried, front, None)
    return _page(front, visitor, filled, tried=tried)


def _rule_of(form: Form) -> Rule:
    """The rule in a form.

    Raises:
        Refused: INVALID_PARAMETER names the field that cannot be.
    """
    given = {name: form.get(name, default) for name, default in _FIELDS.items()}
    try:
        numbers = {name: int(given[name] or 0) for name in ("points", "priority")}
        return convert({**given, **numbers}, Rule)
    except (ValueError, msgspec.ValidationError) as error:
        raise Refused("INVALID_PARAMETER", f"{error}.") from error


def _wrong(when: str, error: ExpressionError) -> Wrong:
    at = error.column - 1
    return Wrong(str(error), when[:at], when[at:])


def _tried(front: Frontend, rule: Rule | None) -> Tried:
    """All rules in force over the newest records, with one more; not for the event loop."""
    # Columns are loaded only where there is something for them.
    from tallystick.risk.decision.recorded import recorded_events

    with front.platform.reader() as rows:
        in_force = rule_set_in_force(rows)
        rules = tuple(r for r in in_force.rules if rule is None or r.name != rule.name)
        rules += () if rule is None else (rule,)
        rule_set = msgspec.structs.replace(in_force, rules=rules, features=features_of(rows))
        events = recorded_events(rows, _EVENTS_MAX)
        found = backtest(events, rule_set, rows.select(ListEntry))
    own = None if rule is None else next(r for r in found.rules if r.name == rule.name)
    return Tried(own, found)


@post(_PLACE)
async def write_rule(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Check a rule, try it on history, or keep it as a draft: what the button says."""
    need_operator(visitor)
    form = await read_form(request)
    try:
        rule = _rule_of(form)
        check_rule(rule, features_of(front.platform.rows))
        if form.get("do") == "save":
            await act(front, visitor, form, SaveRule(rule=rule), "rule")
            return front.redirect(_PLACE, done="saved")
        if form.get("do") == "test":
            return _page(
                front, visitor, form, fits=True, tried=await asyncio.to_thread(_tried, front, rule)
            )
    except ExpressionError as error:
        return _page(front, visitor, form, wrong=_wrong(form.get("when", ""), error))
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _page(front, visitor, form, refusal=said)
    return _page(front, visitor, form, fits=True)


async def _change(
    front: Frontend, visitor: Visitor, form: Form, make: Callable[[], Command], what: str
) -> Response[Any]:
    try:
        await act(front, visitor, form, make(), what)
    except (Refused, ValueError, msgspec.ValidationError) as error:
        said = error_text(error, visitor.language)
        return _page(front, visitor, {}, refusal=said)
    return front.redirect(_PLACE, done="saved")


@post(f"{_PLACE}/{{name:str}}/{{version:str}}/publish")
async def publish(
    name: FromPath[str], version: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Put a version in force."""
    form = await read_form(request)
    return await _change(
        front, visitor, form, lambda: PublishRule(name=name, version=int(version)), "publish"
    )


@post(f"{_PLACE}/{{name:str}}/{{version:str}}/retire")
async def retire(
    name: FromPath[str], version: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Take a version out of force."""
    form = await read_form(request)
    return await _change(
        front, visitor, form, lambda: RetireRule(name=name, version=int(version)), "retire"
    )


def _terms(form: Form) -> SetTerms:
    words = ("challenge", "hold", "deny")
    thresholds = convert({w: int(form.get(w) or 0) for w in words}, Thresholds)
    return SetTerms(
        thresholds=thresholds, challenger_percent=int(form.get("percent") or 0),
        model=form.get("model", ""),
    )  # fmt: skip


@post(f"{_PLACE}/terms")
async def set_terms(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Change thresholds, the challenger's share and the model."""
    form = await read_form(request)
    return await _change(front, visitor, form, lambda: _terms(form), "terms")


@get(f"{_PLACE}/sets/{{number:str}}")
async def show_set(number: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """A rule set that decided once, as it was."""
    need_operator(visitor)
    known = number.isascii() and number.isdigit() and len(number) < 10
    row = front.platform.rows.get(RuleSetRow, int(number)) if known else None
    if row is None:
        raise Refused("NOT_FOUND")
    contents = decode_json(row.contents, RuleSet)
    return operators_page(front, visitor, "risk_rule_set", "risk", row=row, contents=contents)


RISK_RULES: Final = (show_rules, write_rule, publish, retire, set_terms, show_set)
