"""The simulator: applications of the past, routed anew under changed programmes.

A pure function. Quotas fill as loans are granted, from nothing on; what borrowers repay in these
days is not counted, so that ceilings in all bind no later than they would.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from tallystick.credit.joint.model import FundingDecision, Programme, ProgrammeTerms
from tallystick.credit.joint.routing import Application, Candidate, facts_of, route
from tallystick.credit.loans.model import LoanProduct, ProductTerms
from tallystick.credit.participation.model import WHOLE_PPM
from tallystick.decoding import decode_json
from tallystick.money.share import apportion
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = [
    "Applied", "Changes", "Simulated", "Use", "changed_programmes", "compare", "past_applications",
    "simulate",
]  # fmt: skip


class Applied(NamedTuple):
    """An application with who asked and on which day."""

    borrower_id: str
    day: str
    application: Application


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What of a programme is used: minor units, and millionths of its ceilings (0 for none)."""

    programme_id: str
    institution_id: str
    loans: int
    amount: int
    total_ppm: int
    busiest_day: int
    busiest_day_ppm: int


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """What rules come to: how many are funded, at which cost, and how quotas are used.

    Args:
        cost: what those who fund keep of the yearly rate, on average over the amounts granted.
        declined: applications by the rule that left no plan.
    """

    applications: int
    funded: int
    asked: int
    granted: int
    cost: Decimal
    declined: dict[str, int]
    use: tuple[Use, ...]


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is changed: terms by programme (also of new ones), and programmes that are closed."""

    terms: dict[str, ProgrammeTerms] = {}
    closed: tuple[str, ...] = ()


class _State:
    """Quotas as they fill."""

    def __init__(self, programmes: Sequence[Candidate]) -> None:
        self.programmes = programmes
        self.used: Counter[str] = Counter()
        self.by_borrower: Counter[tuple[str, str]] = Counter()
        self.by_day: Counter[tuple[str, str]] = Counter()
        self.by_class: Counter[tuple[str, str]] = Counter()
        self.loans: Counter[str] = Counter()

    def _class(self, candidate: Candidate, application: Application) -> tuple[str, str]:
        limit = candidate.terms.concentration
        value = facts_of(application).get(limit.fact) if limit is not None else None
        return candidate.programme_id, str(value)

    def candidates(self, applied: Applied) -> list[Candidate]:
        """The programmes as they are for an application."""
        return [
            c._replace(
                used=self.used[c.programme_id],
                borrower_used=self.by_borrower[c.programme_id, applied.borrower_id],
                day_used=self.by_day[c.programme_id, applied.day],
                class_used=self.by_class[self._class(c, applied.application)],
            )
            if c.institution_id
            else c
            for c in self.programmes
        ]

    def take(self, candidate: Candidate, amount: int, applied: Applied) -> None:
        """Count what a programme grants."""
        name = candidate.programme_id
        self.loans[name] += 1
        self.used[name] += amount
        self.by_borrower[name, applied.borrower_id] += amount
        self.by_day[name, applied.day] += amount
        self.by_class[self._class(candidate, applied.application)] += amount


def _ppm(part: int, whole: int) -> int:
    return part * WHOLE_PPM // whole if whole else 0


def simulate(applications: Iterable[Applied], programmes: Sequence[Candidate]) -> Simulated:
    """Route applications in their order, each with the quota that those before it left."""
    state = _State(programmes)
    count = funded = asked = granted = 0
    cost, declined = Decimal(0), Counter[str]()
    for applied in applications:
        application = applied.application
        count, asked = count + 1, asked + application.amount
        routed = route(state.candidates(applied), application)
        if not routed.shares:
            declined[routed.rule] += 1
            continue
        funded, granted = funded + 1, granted + application.amount
        parts = apportion(application.amount, [share for _, share in routed.shares])
        for (candidate, _), part in zip(routed.shares, parts, strict=True):
            state.take(candidate, part, applied)
            cost += candidate.terms.keeps * application.annual_rate * part
    busiest: dict[str, int] = defaultdict(int)
    for (name, _), used in state.by_day.items():
        busiest[name] = max(busiest[name], used)
    use = tuple(
        Use(
            programme_id=c.programme_id, institution_id=c.institution_id,
            loans=state.loans[c.programme_id], amount=state.used[c.programme_id],
            total_ppm=_ppm(state.used[c.programme_id], c.terms.total_max),
            busiest_day=busiest[c.programme_id],
            busiest_day_ppm=_ppm(busiest[c.programme_id], c.terms.day_max),
        )
        for c in programmes
    )  # fmt: skip
    return Simulated(
        applications=count, funded=funded, asked=asked, granted=granted,
        cost=round(cost / granted, 6) if granted else Decimal(0), declined=dict(declined), use=use,
    )  # fmt: skip


def past_applications(rows: ReadSession, since_ms: int, until_ms: int) -> list[Applied]:
    """The applications that were decided in a span, in their order."""
    found = rows.query(
        FundingDecision,
        "WHERE decided_ms >= ? AND decided_ms < ? ORDER BY decided_ms, decision_id",
        (since_ms, until_ms),
    )  # fmt: skip
    later = {
        product.product_id for product in rows.select(LoanProduct)
        if decode_json(product.terms, ProductTerms).pay_later is not None
    }  # fmt: skip
    return [
        Applied(
            row.borrower_id, row.day,
            Application(
                row.product_id, row.currency, row.amount, row.count, Decimal(row.annual_rate),
                decode_json(row.facts), row.product_id in later,
            ),
        )
        for row in found
    ]  # fmt: skip


def programmes_now(rows: ReadSession) -> list[Candidate]:
    """The programmes as they are defined now, with nothing in use."""
    return [
        Candidate(
            p.programme_id, p.institution_id, decode_json(p.terms, ProgrammeTerms),
            p.is_open,
        )
        for p in rows.select(Programme)
    ]  # fmt: skip


def changed_programmes(programmes: Sequence[Candidate], changes: Changes) -> list[Candidate]:
    """The programmes with some terms in place of theirs; a new name is a new programme.

    Raises:
        Refused: INVALID_PARAMETER, what is to be closed is not there.
    """
    known = {c.programme_id for c in programmes}
    if strange := sorted(set(changes.closed) - known - set(changes.terms)):
        raise Refused("INVALID_PARAMETER", f"closed: there is no programme {strange[0]!r}.")
    found = [
        c._replace(
            terms=changes.terms.get(c.programme_id, c.terms),
            is_open=c.is_open and c.programme_id not in changes.closed,
        )
        for c in programmes
    ]
    new = [
        Candidate(name, name, terms, name not in changes.closed)
        for name, terms in changes.terms.items()
        if name not in known
    ]  # fmt: skip
    return [*found, *new]


def compare(
    rows: ReadSession, since_ms: int, until_ms: int, changes: Changes
) -> Mapping[str, Simulated]:
    """A span's applications under the rules of now, and under changed ones."""
    applications, programmes = past_applications(rows, since_ms, until_ms), programmes_now(rows)
    return {
        "now": simulate(applications, programmes),
        "changed": simulate(applications, changed_programmes(programmes, changes)),
    }
