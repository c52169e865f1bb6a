"""Routing: who funds a loan. Pure functions from programmes and an application to shares.

Every programme goes through the same rules in the same order. Each rule leaves it out or narrows
the share that it may have; of what is left the first combination that makes 100 % is taken, in
the order of preference, then of cost.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from tallystick.credit.joint.model import ProgrammeTerms, Reason
from tallystick.credit.participation.model import WHOLE_PPM
from tallystick.money.amount import format_amount
from tallystick.risk.decision.checking import Catalogue, Kind, checked
from tallystick.risk.decision.language import names_in
from tallystick.risk.decision.live import Condition, Values

__all__ = [
    "FACTS", "PARTICIPANTS_MAX", "RULES", "Application", "Candidate", "FactValue", "Routed",
    "facts_of", "ppm_of", "route",
]  # fmt: skip

PARTICIPANTS_MAX: Final = 8
"""The most who fund one loan."""

_SEARCH_STEPS_MAX: Final = 50_000

FACTS: Final[Catalogue] = {
    "amount": Kind.NUMBER, "count": Kind.NUMBER, "annual_rate_ppm": Kind.NUMBER,
    "product": Kind.TEXT, "score": Kind.NUMBER, "age": Kind.NUMBER, "income": Kind.NUMBER,
    "sales": Kind.NUMBER, "debt": Kind.NUMBER, "months_known": Kind.NUMBER,
    "region": Kind.TEXT, "industry": Kind.TEXT, "purpose": Kind.TEXT, "occupation": Kind.TEXT,
    "is_merchant": Kind.BOOLEAN, "first_loan": Kind.BOOLEAN,
}  # fmt: skip
"""What conditions may ask for. The first four every application has; amounts are minor units."""

FactValue = int | str | bool


class Application(NamedTuple):
    """A loan that looks for funds; `amount` in minor units, `annual_rate` a fraction of 1.

    Args:
        is_purchase: paid later: institutions fund it by programmes that name its product.
    """

    product_id: str
    currency: str
    amount: int
    payments: int
    annual_rate: Decimal
    facts: Mapping[str, FactValue]
    is_purchase: bool = False


class Candidate(NamedTuple):
    """A programme and how much of it is in use, in minor units, reservations included."""

    programme_id: str
    institution_id: str
    terms: ProgrammeTerms
    is_open: bool = True
    used: int = 0
    borrower_used: int = 0
    day_used: int = 0
    class_used: int = 0


class Range(NamedTuple):
    """The share that a programme may have, in millionths."""

    low: int
    high: int


class Routed(NamedTuple):
    """The plan that was found, as (candidate, millionths), or the rule that left none.

    `reasons` has for each programme that takes no part the rule that left it out.
    """

    shares: tuple[tuple[Candidate, int], ...]
    rule: str
    reasons: tuple[Reason, ...]


def ppm_of(fraction: Decimal) -> int:
    """A fraction of 1 in millionths, exactly.

    Raises:
        ValueError: it has more than six decimals, or is not between 0 and 1.
    """
    fits = fraction.is_finite() and 0 <= fraction <= 1
    if not fits or fraction * WHOLE_PPM != (fraction * WHOLE_PPM).to_integral_value():
        raise ValueError("a fraction from 0 to 1 with at most six decimals")
    return int(fraction * WHOLE_PPM)


def facts_of(application: Application) -> dict[str, FactValue]:
    """Everything that conditions may ask about an application."""
    return {
        **application.facts,
        "amount": application.amount,
        "count": application.payments,
        "annual_rate_ppm": int(application.annual_rate * WHOLE_PPM),
        "product": application.product_id,
    }


# The rules. Each answers the range that is left, or a text that says why there is none.

Rule = Callable[[Candidate, Application, Range], Range | str]


def _money(amount: int, application: Application) -> str:
    return f"{format_amount(max(0, amount), application.currency)} {application.currency}"


def _open(candidate: Candidate, application: Application, found: Range) -> Range | str:
    return found if candidate.is_open else "The programme is closed."


def _product(candidate: Candidate, application: Application, found: Range) -> Range | str:
    terms = candidate.terms
    if terms.currency != application.currency:
        return f"It funds {terms.currency}."
    if terms.products and application.product_id not in terms.products:
        return f"It does not fund {application.product_id}."
    if application.is_purchase and candidate.institution_id and not terms.products:
        return f"It does not name {application.product_id}, which pays purchases."
    return found


@functools.lru_cache(maxsize=1024)
def _condition(text: str) -> tuple[Condition, frozenset[str]]:
    return Condition(text), names_in(checked(text, FACTS))


def _eligible(candidate: Candidate, application: Application, found: Range) -> Range | str:
    text = candidate.terms.eligible
    if not text:
        return found
    condition, names = _condition(text)
    facts = facts_of(application)
    missing = sorted(names - facts.keys())
    if missing:
        return f"It asks for {', '.join(missing)}, which is not known."
    try:
        holds = condition.holds(Values(facts))
    except ArithmeticError:
        return f"{text}: this cannot be calculated for the application."
    return found if holds else f"{text}: this is not so."


def _price(candidate: Candidate, application: Application, found: Range) -> Range | str:
    earned = candidate.terms.keeps * application.annual_rate
    if earned < candidate.terms.price:
        return f"It would earn {earned.normalize():f} a year, less than its price."
    return found


def _share(candidate: Candidate, application: Application, found: Range) -> Range | str:
    terms = candidate.terms
    if terms.share is not None:
        fixed = ppm_of(terms.share)
        return Range(fixed, fixed)
    return Range(max(1, ppm_of(terms.share_min)), ppm_of(terms.share_max))


def _at_most(found: Range, room: int, application: Application, what: str) -> Range | str:
    """The range below a ceiling of so many minor units."""
    high = min(found.high, max(0, room) * WHOLE_PPM // application.amount)
    if high < max(1, found.low):
        return f"{what}: {_money(room, application)} is left."
    return Range(found.low, high)


def _loan(candidate: Candidate, application: Application, found: Range) -> Range | str:
    terms = candidate.terms
    low = max(found.low, -(-terms.loan_min * WHOLE_PPM // application.amount))
    if low > found.high:
        return f"Its part would be below {_money(terms.loan_min, application)}."
    if not terms.loan_max:
        return Range(low, found.high)
    return _at_most(Range(low, found.high), terms.loan_max, application, "Of one loan")


def _borrower(candidate: Candidate, application: Application, found: Range) -> Range | str:
    most = candidate.terms.borrower_max
    if not most:
        return found
    return _at_most(found, most - candidate.borrower_used, application, "Of this borrower")


def _day(candidate: Candidate, application: Application, found: Range) -> Range | str:
    most = candidate.terms.day_max
    return _at_most(found, most - candidate.day_used, application, "Today") if most else found


def _total(candidate: Candidate, application: Application, found: Range) -> Range | str:
    most = candidate.terms.total_max
    return _at_most(found, most - candidate.used, application, "In all") if most else found


def _concentration(candidate: Candidate, application: Application, found: Range) -> Range | str:
    limit = candidate.terms.concentration
    if limit is None:
        return found
    value = facts_of(application).get(limit.fact)
    if value is None:
        return f"It asks for {limit.fact}, which is not known."
    most = candidate.terms.total_max * ppm_of(limit.share) // WHOLE_PPM
    what = f"Of {limit.fact} {value}"
    return _at_most(found, most - candidate.class_used, application, what)


RULES: Final[dict[str, Rule]] = {
    "open": _open, "product": _product, "eligible": _eligible, "price": _price, "share": _share,
    "loan": _loan, "borrower": _borrower, "day": _day, "total": _total,
    "concentration": _concentration,
}  # fmt: skip
"""The rules by name, in their order."""

Allowed = list[tuple[Candidate, Range]]


def _allowed(
    candidates: Sequence[Candidate], application: Application, rules: Sequence[str]
) -> tuple[Allowed, list[Reason]]:
    """What some rules leave of the programmes, and why they leave the others out."""
    allowed: Allowed = []
    reasons: list[Reason] = []
    for candidate in candidates:
        found: Range | str = Range(1, WHOLE_PPM)
        for name in rules:
            assert isinstance(found, Range)
            found = RULES[name](candidate, application, found)
            if isinstance(found, str):
                reasons.append(Reason(candidate.programme_id, name, found))
                break
        if isinstance(found, Range):
            allowed.append((candidate, found))
    return allowed, reasons


class _Search:
    """Looks for the first combination, in their order, that can make 100 %."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._steps = 0

    def find(self, at: int = 0, chosen: tuple[int, ...] = ()) -> tuple[int, ...] | None:
        """The places of a combination that goes on from some that are chosen."""
        self._steps += 1
        low = sum(self._allowed[i][1].low for i in chosen)
        high = sum(self._allowed[i][1].high for i in chosen)
        if low > WHOLE_PPM or self._steps > _SEARCH_STEPS_MAX:
            return None
        if high >= WHOLE_PPM:
            return chosen
        room = PARTICIPANTS_MAX - len(chosen)
        rest = sorted((r.high for _, r in self._allowed[at:]), reverse=True)[:room]
        if high + sum(rest) < WHOLE_PPM:
            return None
        for after in range(at, len(self._allowed)):
            found = self.find(after + 1, (*chosen, after))
            if found is not None:
                return found
        return None


def _shares(allowed: Allowed) -> tuple[tuple[Candidate, int], ...] | None:
    """Shares that add up to 100 %: the floors first, then from the first up to its ceiling."""
    places = _Search(allowed).find()
    if places is None:
        return None
    chosen = [allowed[place] for place in places]
    left = WHOLE_PPM - sum(found.low for _, found in chosen)
    shares = []
    for candidate, found in chosen:
        more = min(left, found.high - found.low)
        left -= more
        shares.append((candidate, found.low + more))
    assert left == 0, left
    return tuple(shares)


def _cost(candidate: Candidate, application: Application) -> Decimal:
    return candidate.terms.keeps * application.annual_rate


def route(candidates: Sequence[Candidate], application: Application) -> Routed:
    """Who funds an application, or which rule left no plan that respects all.

    The rule is the first, in the order of `RULES`, with which there is no plan any more.
    """
    asked = sorted(
        candidates,
        key=lambda c: (c.terms.preference, _cost(c, application), c.programme_id),
    )
    names = tuple(RULES)
    allowed, reasons = _allowed(asked, application, names)
    shares = _shares(allowed)
    if shares is not None:
        return Routed(shares, "", tuple(reasons))
    for count in range(len(names) + 1):
        fewer, _ = _allowed(asked, application, names[:count])
        if _shares(fewer) is None:
            rule = names[count - 1] if count else "open"
            return Routed((), rule, tuple(reasons + _too_little(allowed)))
    raise AssertionError("the last step is the plan that was not found")


def _percent(ppm: int) -> str:
    return f"{ppm // 10_000}.{ppm % 10_000:04d} %"


def _too_little(allowed: Allowed) -> list[Reason]:
    """Why those that may take part do not suffice."""
    low = sum(found.low for _, found in allowed)
    high = sum(found.high for _, found in allowed)
    what = f"Those that may fund it make {_percent(low)} to {_percent(high)} together."
    return [Reason(candidate.programme_id, "together", what) for candidate, _ in allowed]
