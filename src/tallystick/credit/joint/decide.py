"""What commands about institutions, programmes and funding do: pure functions to a decision."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.credit.joint.model import (
    CancelFunding,
    DecideFunding,
    DefineProgramme,
    ExpireFunding,
    FundingDecided,
    FundingDecision,
    FundingStatus,
    Institution,
    InstitutionDone,
    InstitutionKind,
    Programme,
    ProgrammeDay,
    ProgrammeDone,
    ProgrammeTerms,
    Reason,
    RegisterInstitution,
    ShareOffered,
)
from tallystick.credit.joint.routing import FACTS, Routed, ppm_of
from tallystick.credit.loans.model import Contract
from tallystick.credit.participation.model import (
    WHOLE_PPM,
    BuyBackBy,
    LossSharing,
    Participant,
    Plan,
    plan_row,
    require_plan,
)
from tallystick.credit.participation.postings import ShareBooks
from tallystick.decoding import decode_json
from tallystick.ledger.chart import transfer_id as transfer_number
from tallystick.ledger.model import TransferFlags
from tallystick.money.currency import currency
from tallystick.money.share import apportion
from tallystick.parties.model import Party, PartyKind
from tallystick.payments.banks.directory import BANKS
from tallystick.pipeline.decisions import Decision, Posting, Timer, event
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.checking import Kind, checked
from tallystick.risk.decision.language import ExpressionError

__all__ = [
    "Places", "Reserved", "decided", "declined", "define_programme", "drawn", "drawn_at_once",
    "given_back", "offered", "participants", "purchase_rate", "register_institution",
    "require_facts", "require_terms", "reservation",
]  # fmt: skip

_PROGRAMME_ID: Final = re.compile(r"[a-z0-9_-]{1,32}")
_BUILT_IN: Final = frozenset({"amount", "count", "annual_rate_ppm", "product"})
_VALID_MS_MAX: Final = 30 * 86_400_000
_TYPES: Final = {Kind.NUMBER: int, Kind.TEXT: str, Kind.BOOLEAN: bool}
_TEXT_MAX: Final = 100
_PRICE_MAX: Final = 100


# Institutions and programmes.


def register_institution(
    party: Party | None, known: Institution | None, entity: int, command: RegisterInstitution,
    now_ms: int,
) -> Decision:  # fmt: skip
    """Give a party of the kind institution a book; an institution that is known keeps its own.

    Raises:
        Refused: PARTY_NOT_EXIST, INVALID_PARAMETER, BANK_NOT_EXIST.
    """
    if party is None:
        raise Refused("PARTY_NOT_EXIST")
    if party.kind is not PartyKind.INSTITUTION or not command.name.strip():
        raise Refused("INVALID_PARAMETER", "A party of the kind institution, with a name.")
    if command.bank_id not in BANKS:
        raise Refused("BANK_NOT_EXIST")
    if known is not None and known.kind is not command.kind:
        raise Refused("INVALID_PARAMETER", "What an institution does cannot change.")
    row = Institution(
        command.institution_id, known.entity if known else entity, command.kind,
        command.name.strip(), command.bank_id, known.created_ms if known else now_ms,
    )  # fmt: skip
    reply = InstitutionDone(institution_id=row.institution_id, entity=row.entity)
    happened = event("joint.institution_registered", row.institution_id, {"kind": row.kind})
    return Decision(reply, (row,), events=(happened,))


def _fractions(terms: ProgrammeTerms) -> dict[str, Decimal]:
    named = {
        "share_min": terms.share_min, "share_max": terms.share_max, "keeps": terms.keeps,
        "guarantee": terms.guarantee,
    }  # fmt: skip
    if terms.share is not None:
        named["share"] = terms.share
    if terms.concentration is not None:
        named["concentration.share"] = terms.concentration.share
    return named


def _invalid(why: str) -> Refused:
    return Refused("FUNDING_TERMS_INVALID", why)


def _require_numbers(terms: ProgrammeTerms) -> None:
    try:
        currency(terms.currency)
    except ValueError as error:
        raise _invalid(f"currency: {error}.") from error
    for name, fraction in _fractions(terms).items():
        try:
            ppm_of(fraction)
        except ValueError as error:
            raise _invalid(f"{name}: {error}.") from error
    amounts = {
        name: getattr(terms, name)
        for name in ("loan_min", "loan_max", "borrower_max", "day_max", "total_max", "cap",
                     "buy_back_days")
    }  # fmt: skip
    for name, amount in amounts.items():
        if not 0 <= amount <= 10**15:
            raise _invalid(f"{name}: from 0 to {10**15}.")
    if not terms.price.is_finite() or not 0 <= terms.price <= _PRICE_MAX:
        raise _invalid(f"price: a yearly rate, a fraction of 1 between 0 and {_PRICE_MAX}.")


def _require_sense(terms: ProgrammeTerms) -> None:
    if terms.share is not None and not terms.share > 0:
        raise _invalid("share: above 0.")
    if terms.share_min > terms.share_max or not terms.share_max > 0:
        raise _invalid("share_min, share_max: from less to more, above 0.")
    if terms.share is not None and (terms.share_min or terms.share_max != 1):
        raise _invalid("share: fixed, or from share_min to share_max; not both.")
    for name in ("loan_max", "borrower_max", "day_max", "total_max"):
        if 0 < getattr(terms, name) < terms.loan_min:
            raise _invalid(f"loan_min: above {name}.")
    if terms.keeps + terms.guarantee > 1:
        raise _invalid("keeps, guarantee: more than 100 % of the income together.")
    if bool(terms.guarantee) and not terms.guarantor_id:
        raise _invalid("guarantee: nobody guarantees; name guarantor_id.")
    if terms.buy_back_by is BuyBackBy.GUARANTOR and not (
        terms.guarantor_id and terms.buy_back_days
    ):
        raise _invalid("buy_back_by: the guarantor; name guarantor_id and buy_back_days.")
    if terms.losses is LossSharing.GUARANTOR_FIRST and not terms.guarantor_id:
        raise _invalid("losses: nobody guarantees; name guarantor_id.")
    if (terms.losses is LossSharing.PARI_PASSU) == bool(terms.cap):
        raise _invalid("cap: with a first loss, and with nothing else.")


def _require_rules(terms: ProgrammeTerms) -> None:
    if terms.eligible:
        try:
            checked(terms.eligible, FACTS)
        except ExpressionError as error:
            raise _invalid(f"eligible: {error}.") from error
    limit = terms.concentration
    if limit is not None and limit.fact not in FACTS:
        raise _invalid(f"concentration.fact: one of {', '.join(sorted(FACTS))}.")
    if limit is not None and not terms.total_max:
        raise _invalid("concentration: a part of total_max, which is not set.")


def _require_owner(
    terms: ProgrammeTerms, owner: Institution | None, guarantor: Institution | None, named: str
) -> None:
    if not named:
        outside = (terms.borrower_max, terms.day_max, terms.total_max, terms.cap,
                   terms.buy_back_days, terms.guarantor_id, terms.guarantee)  # fmt: skip
        if any(outside) or terms.keeps != 1:
            raise _invalid("The platform's own money has no quota, guarantor or price.")
        return
    if owner is None or owner.kind is not InstitutionKind.FUNDER:
        raise Refused("INSTITUTION_NOT_EXIST", "institution_id: no institution that funds.")
    if not terms.total_max:
        raise _invalid("total_max: an institution's programme has a quota.")
    if terms.guarantor_id and (guarantor is None or guarantor.kind is InstitutionKind.FUNDER):
        raise Refused("INSTITUTION_NOT_EXIST", "guarantor_id: no institution that guarantees.")


def require_terms(terms: ProgrammeTerms) -> None:
    """See that terms make sense by themselves, and that their condition types.

    Raises:
        Refused: FUNDING_TERMS_INVALID.
    """
    _require_numbers(terms)
    _require_sense(terms)
    _require_rules(terms)


def define_programme(
    known: Programme | None, owner: Institution | None, guarantor: Institution | None,
    number: int, command: DefineProgramme, now_ms: int,
) -> Decision:  # fmt: skip
    """Keep a programme's terms, once they have been checked and typed.

    Raises:
        Refused: INVALID_PARAMETER, INSTITUTION_NOT_EXIST, FUNDING_TERMS_INVALID.
    """
    terms = command.terms
    if _PROGRAMME_ID.fullmatch(command.programme_id) is None:
        raise Refused("INVALID_PARAMETER", "programme_id")
    if known is not None and known.institution_id != command.institution_id:
        raise Refused("INVALID_PARAMETER", "A programme stays with its institution.")
    require_terms(terms)
    _require_owner(terms, owner, guarantor, command.institution_id)
    if known is not None:
        before = decode_json(known.terms, ProgrammeTerms)
        counted = (before.concentration and before.concentration.fact, before.currency)
        if counted != (terms.concentration and terms.concentration.fact, terms.currency):
            raise _invalid("currency, concentration.fact: what is counted by them stays.")
    row = Programme(
        command.programme_id, command.institution_id, known.number if known else number,
        msgspec.json.encode(terms).decode(), command.is_open, now_ms,
    )  # fmt: skip
    reply = ProgrammeDone(programme_id=row.programme_id, number=row.number, is_open=row.is_open)
    happened = event("joint.programme_defined", row.programme_id, {"open": row.is_open})
    return Decision(reply, (row,), events=(happened,))


# Funding a loan.


def require_facts(command: DecideFunding) -> None:
    """See that an application's facts are of the catalogue, each of its kind.

    Raises:
        Refused: INVALID_PARAMETER.
    """
    if not 0 < command.valid_ms <= _VALID_MS_MAX:
        raise Refused("INVALID_PARAMETER", "valid_ms: up to 30 days.")
    for name, value in command.facts.items():
        kind = FACTS.get(name)
        if kind is None or name in _BUILT_IN:
            known = ", ".join(sorted(FACTS.keys() - _BUILT_IN))
            raise Refused("INVALID_PARAMETER", f"facts.{name}: one of {known}.")
        if type(value) is not _TYPES[kind] or (type(value) is str and len(value) > _TEXT_MAX):
            raise Refused("INVALID_PARAMETER", f"facts.{name}: a {kind}.")
        if type(value) is int and abs(value) >= 2**63:
            raise Refused("INVALID_PARAMETER", f"facts.{name}: too large.")


class Places(NamedTuple):
    """Where a programme's share of a loan is booked.

    Args:
        class_no: of the kind of loan for which its concentration is counted; 0 where none is.
    """

    programme: Programme
    owner: Institution | None
    guarantor: Institution | None
    class_no: int


def _participant(places: Places, terms: ProgrammeTerms, share_ppm: int) -> Participant:
    if places.owner is None:
        return Participant(programme_id=places.programme.programme_id, share_ppm=share_ppm)
    account = str(places.programme.number)
    return Participant(
        institution_id=places.owner.institution_id,
        programme_id=places.programme.programme_id,
        account=account,
        class_account=f"{account}{places.class_no:06d}",
        entity=places.owner.entity,
        share_ppm=share_ppm,
        keeps_ppm=ppm_of(terms.keeps),
        guarantee_ppm=ppm_of(terms.guarantee),
        guarantor_id=terms.guarantor_id,
        guarantor_entity=places.guarantor.entity if places.guarantor else 0,
        losses=terms.losses,
        cap=terms.cap,
        buy_back_days=terms.buy_back_days,
        buy_back_by=terms.buy_back_by,
    )


def participants(routed: Routed, places: dict[str, Places]) -> Plan:
    """The plan that routing found, with the accounts and terms of each who takes part."""
    plan = Plan(
        tuple(
            _participant(places[candidate.programme_id], candidate.terms, share_ppm)
            for candidate, share_ppm in routed.shares
        )
    )
    require_plan(plan)
    return plan


def offered(plan: Plan, amount: int) -> tuple[ShareOffered, ...]:
    """Who funds how much of an amount."""
    parts = apportion(amount, plan.shares)
    return tuple(
        ShareOffered(p.programme_id, p.institution_id, p.share_ppm, part)
        for p, part in zip(plan.participants, parts, strict=True)
    )


def _held_id(decision_id: str, leg: int) -> int:
    return transfer_number(f"funding:{decision_id}", leg)


def reservation(row: FundingDecision, plan: Plan, flags: TransferFlags) -> tuple[Posting, ...]:
    """Quota as pending transfers in both books (`PENDING`), or let go again (`VOID_PENDING`)."""
    void = flags is TransferFlags.VOID_PENDING
    held: list[Posting] = []
    for p, part in zip(plan.participants, apportion(row.amount, plan.shares), strict=True):
        if not p.is_outside or not part:
            continue
        books = ShareBooks(p, row.currency, int(row.decision_id))
        for posting in books.postings("reserved", part):
            number = _held_id(row.decision_id, len(held))
            held.append(
                posting._replace(
                    amount=0 if void else part, flags=flags,
                    pending_id=number if void else 0, id=0 if void else number,
                )
            )  # fmt: skip
    return tuple(held)


class Reserved(NamedTuple):
    """A decision with its plan and how much of each programme's day is used."""

    row: FundingDecision
    plan: Plan
    days: tuple[ProgrammeDay, ...]


def _days(reserved: Reserved, sign: int) -> tuple[ProgrammeDay, ...]:
    """The days' use with this decision's parts added, or taken off."""
    row = reserved.row
    used = {d.programme_id: d for d in reserved.days}
    for share in offered(reserved.plan, row.amount):
        if share.institution_id:
            day = used.get(share.programme_id) or ProgrammeDay(share.programme_id, row.day, 0)
            used[share.programme_id] = replace(day, used=day.used + sign * share.amount)
    return tuple(used.values())


def _reply(row: FundingDecision, plan: Plan | None) -> FundingDecided:
    return FundingDecided(
        decision_id=row.decision_id,
        status=row.status,
        currency=row.currency,
        shares=offered(plan, row.amount) if plan is not None else (),
        rule=row.rule,
        reasons=decode_json(row.reasons, tuple[Reason, ...]),
        expires_ms=row.expires_ms,
    )


def _timer_id(decision_id: str) -> str:
    return f"joint.expire:{decision_id}"


def decided(reserved: Reserved) -> Decision:
    """Reserve the quota of a plan until the decision's time is over."""
    row, plan = reserved.row, reserved.plan
    expires = Timer(
        _timer_id(row.decision_id), row.expires_ms, ExpireFunding(decision_id=row.decision_id)
    )
    happened = event(
        "joint.reserved", row.decision_id, {"product_id": row.product_id, "amount": row.amount}
    )
    return Decision(
        reply=_reply(row, plan),
        rows=(plan_row(plan), row, *_days(reserved, 1)),
        postings=reservation(row, plan, TransferFlags.PENDING),
        timers=(expires,),
        events=(happened,),
    )


def declined(row: FundingDecision) -> Decision:
    """Keep that nobody funds an application, and why."""
    happened = event("joint.declined", row.decision_id, {"rule": row.rule, "amount": row.amount})
    return Decision(_reply(row, None), (row,), events=(happened,))


def _require_reserved(row: FundingDecision, now_ms: int) -> None:
    if row.status is FundingStatus.RESERVED and now_ms >= row.expires_ms:
        raise Refused("FUNDING_EXPIRED")
    if row.status is FundingStatus.EXPIRED:
        raise Refused("FUNDING_EXPIRED")
    if row.status is not FundingStatus.RESERVED:
        raise Refused("FUNDING_STATE_REFUSED", f"It is {row.status.value}.")


def drawn(reserved: Reserved, loan_id: str, now_ms: int) -> Decision:
    """Let the reservation go, for the loan takes its place in the same transaction.

    Raises:
        Refused: FUNDING_EXPIRED, FUNDING_STATE_REFUSED.
    """
    _require_reserved(reserved.row, now_ms)
    row = replace(reserved.row, status=FundingStatus.DRAWN, loan_id=loan_id)
    return Decision(
        reply=_reply(row, reserved.plan),
        rows=(row,),
        postings=reservation(row, reserved.plan, TransferFlags.VOID_PENDING),
        cancelled_timers=(_timer_id(row.decision_id),),
    )


def drawn_at_once(reserved: Reserved) -> Decision:
    """Keep a decision whose loan is drawn in the same transaction: its day's ceilings count it."""
    row, plan = reserved.row, reserved.plan
    return Decision(_reply(row, plan), (plan_row(plan), row, *_days(reserved, 1)))


def purchase_rate(contract: Contract) -> Decimal:
    """What a purchase in instalments earns a year: its fees on what is owed on average.

    The constant-ratio formula for monthly payments, 24 x fees / (price x (payments + 1)), to
    six decimals, down; 0 on the next bill. Who pays the fee makes no difference.
    """
    fees = contract.seller_fee + contract.period_fee * contract.count
    average = contract.principal * (contract.count + 1)
    return Decimal(24 * fees * WHOLE_PPM // average) / WHOLE_PPM


def given_back(reserved: Reserved, command: CancelFunding | ExpireFunding, now_ms: int) -> Decision:
    """Give the quota of a decision back; an expired one only by its timer.

    Raises:
        Refused: FUNDING_EXPIRED, FUNDING_STATE_REFUSED.
    """
    expired = isinstance(command, ExpireFunding)
    if expired and reserved.row.status is not FundingStatus.RESERVED:
        raise Refused("FUNDING_STATE_REFUSED", f"It is {reserved.row.status.value}.")
    if not expired:
        _require_reserved(reserved.row, now_ms)
    status = FundingStatus.EXPIRED if expired else FundingStatus.CANCELLED
    row = replace(reserved.row, status=status)
    return Decision(
        reply=_reply(row, reserved.plan),
        rows=(row, *_days(reserved, -1)),
        postings=reservation(row, reserved.plan, TransferFlags.VOID_PENDING),
        cancelled_timers=(_timer_id(row.decision_id),),
        events=(event(f"joint.{status.value}", row.decision_id, {"amount": row.amount}),),
    )
