"""How moves are shared: pure functions from a plan and running totals to postings and flows.

The rule for remainders is Webster's (`money.share.apportion`), applied to running totals: what a
participant is owed of a bucket is its part of all that was ever debited to the loan's account
less its part of all that was ever credited. So the parts are the whole at every moment, and no
cent that one has is ever taken away again by a later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.credit.participation.model import (
    WHOLE_PPM,
    BuyBackBy,
    FlowKind,
    JointLoan,
    LossSharing,
    Participant,
    Plan,
    ShareFlow,
)
from tallystick.credit.participation.moves import Move, MoveKind
from tallystick.credit.participation.postings import ShareBooks
from tallystick.credit.postings import Bucket
from tallystick.decoding import decode_json
from tallystick.money.share import apportion
from tallystick.pipeline.decisions import Posting

__all__ = ["Funded", "Running", "Shared", "buy_back", "owed_parts", "parts_between", "share"]

Parts = dict[Bucket, int]


class Funded(NamedTuple):
    """A jointly funded loan with its plan, and what decisions about it look at.

    Args:
        compensated: by participant, what others have borne of its programme's losses so far.
        day, at_ns: the day in China and the moment of the ledger.
    """

    joint: JointLoan
    plan: Plan
    compensated: tuple[int, ...]
    day: str
    at_ns: int

    def books(self, participant: Participant) -> ShareBooks:
        """A participant's accounts for this loan."""
        return ShareBooks(participant, self.joint.currency, int(self.joint.loan_id))


class Running(NamedTuple):
    """A move with what its side of the account had added up to before it.

    Of an allowance, which grows and shrinks, `before` is its balance.
    """

    move: Move
    before: int


class Shared(NamedTuple):
    """What sharing comes to."""

    postings: tuple[Posting, ...]
    joint: JointLoan
    flows: tuple[ShareFlow, ...]


def parts_between(before: int, amount: int, weights: Sequence[int]) -> list[int]:
    """What each gets of an amount that comes on top of a running total; nobody less than 0."""
    after = apportion(before + amount, weights)
    return [a - b for a, b in zip(after, apportion(before, weights), strict=True)]


def owed_parts(debits: int, credits: int, shares: Sequence[int]) -> list[int]:
    """What each is owed of a receivable with these totals; together what the borrower owes."""
    charged, gone = apportion(debits, shares), apportion(credits, shares)
    return [a - b for a, b in zip(charged, gone, strict=True)]


class _Tally:
    """The flows of one decision, by participant and kind, as they come together."""

    def __init__(self, funded: Funded) -> None:
        self._funded = funded
        self._rows: dict[tuple[str, str, FlowKind], ShareFlow] = {}

    def add(
        self, participant: Participant, kind: FlowKind, amounts: Mapping[str, int],
        institution_id: str = "",
    ) -> None:  # fmt: skip
        """Add to the flow of a participant (or of the guarantor that is named)."""
        who = institution_id or participant.institution_id
        key = (who, participant.programme_id, kind)
        joint = self._funded.joint
        row = self._rows.get(key) or ShareFlow(
            joint.loan_id, 0, who, participant.programme_id, kind, self._funded.day,
            0, 0, 0, 0, 0, 0, 0, 0, joint.currency, self._funded.at_ns,
        )  # fmt: skip
        self._rows[key] = replace(
            row, **{name: getattr(row, name) + amount for name, amount in amounts.items()}
        )

    def rows(self, first_no: int) -> tuple[ShareFlow, ...]:
        """The flows that moved anything, numbered on from the loan's last."""
        moved = [
            r for r in self._rows.values()
            if any((r.principal, r.interest, r.fee, r.penalty, r.other, r.net))
        ]  # fmt: skip
        return tuple(replace(r, flow_no=first_no + n) for n, r in enumerate(moved))


def _alone(amount: int) -> Mapping[str, int]:
    """An amount that changes nothing of what borrowers owe."""
    return {"other": amount, "net": amount}


def _three(participant: Participant, before: int, amount: int) -> tuple[int, int, int]:
    """Income in what the participant keeps, the guarantor's fee and the platform's."""
    servicing = WHOLE_PPM - participant.keeps_ppm - participant.guarantee_ppm
    weights = (participant.keeps_ppm, participant.guarantee_ppm, servicing)
    kept, guarantee, fee = parts_between(before, amount, weights)
    return kept, guarantee, fee


def _income(
    books: ShareBooks, tally: _Tally, what: str, kind: FlowKind, bucket: Bucket, before: int,
    amount: int,
) -> list[Posting]:  # fmt: skip
    """Income that is paid (or, with `reversed`, taken back), less what platform and guarantor get.

    Args:
        what: `paid` or `reversed`.
    """
    p = books.participant
    kept, guarantee, servicing = _three(p, before, amount)
    sign = 1 if what == "paid" else -1
    tally.add(
        p, kind,
        {
            bucket.value: -sign * amount, "servicing": sign * servicing,
            "guarantee": sign * guarantee, "net": sign * kept,
        },
    )  # fmt: skip
    if guarantee:
        tally.add(p, FlowKind.PREMIUM, _alone(sign * guarantee), p.guarantor_id)
    return [
        *books.postings(f"income_{what}", kept),
        *books.postings(f"servicing_{what}", servicing),
        *books.postings(f"guarantee_{what}", guarantee),
    ]


def _fee(books: ShareBooks, tally: _Tally, amount: int) -> list[Posting]:
    """A fee that was paid at once."""
    p = books.participant
    kept, guarantee, servicing = _three(p, 0, amount)
    tally.add(
        p, FlowKind.FEE,
        {"servicing": servicing, "guarantee": guarantee, "other": amount, "net": kept},
    )  # fmt: skip
    if guarantee:
        tally.add(p, FlowKind.PREMIUM, _alone(guarantee), p.guarantor_id)
    return [
        *books.postings("fee_paid", kept),
        *books.postings("fee_servicing", servicing),
        *books.postings("fee_guarantee", guarantee),
    ]


def _one(
    books: ShareBooks, tally: _Tally, running: Running, amount: int, before: int
) -> list[Posting]:
    """A participant's part of a move; losses and recoveries are shared by themselves."""
    p, move = books.participant, running.move
    principal = move.bucket is Bucket.PRINCIPAL
    match move.kind:
        case MoveKind.DRAWN:
            tally.add(p, FlowKind.DRAWN, {"principal": amount, "net": -amount})
            return books.postings("drawn", amount)
        case MoveKind.ACCRUED:
            return books.postings("accrued", amount, move.bucket)
        case MoveKind.PAID if principal:
            tally.add(p, FlowKind.PAID, {"principal": -amount, "net": amount})
            return books.postings("principal_paid", amount)
        case MoveKind.PAID:
            return _income(books, tally, "paid", FlowKind.PAID, move.bucket, before, amount)
        case MoveKind.REVERSED if principal:
            tally.add(p, FlowKind.REVERSED, {"principal": amount, "net": -amount})
            return books.postings("principal_reversed", amount)
        case MoveKind.REVERSED:
            return _income(
                books, tally, "reversed", FlowKind.REVERSED, move.bucket, before, amount
            )  # fmt: skip
        case MoveKind.WAIVED:
            tally.add(p, FlowKind.WAIVED, {move.bucket.value: -amount})
            return books.postings("waived", amount, move.bucket)
        case MoveKind.FEE:
            return _fee(books, tally, amount)
        case _:
            assert move.kind is MoveKind.LOST, move
            tally.add(p, FlowKind.LOST, {move.bucket.value: -amount})
            return books.postings("principal_lost" if principal else "income_lost", amount)


Bore = tuple[int, str, int]
"""The place of a participant, who bore (`self`, `platform` or `guarantor`), minor units."""


def _compensated(
    funded: Funded, tally: _Tally, lost: Sequence[int]
) -> tuple[list[Posting], list[Bore]]:
    """Who bears what was written off: others up to the programme's cap, then each its own."""
    postings: list[Posting] = []
    bore: list[Bore] = []
    for place, (p, amount) in enumerate(zip(funded.plan.participants, lost, strict=True)):
        covered = 0
        if p.is_outside and p.losses is not LossSharing.PARI_PASSU:
            covered = min(amount, max(0, p.cap - funded.compensated[place]))
            who = "platform" if p.losses is LossSharing.PLATFORM_FIRST else "guarantor"
            postings += funded.books(p).postings(f"compensated_by_{who}", covered)
            bore.append((place, who, covered))
        bore.append((place, "self", amount - covered))
        if covered:
            tally.add(p, FlowKind.COMPENSATED, _alone(covered))
            if p.losses is LossSharing.GUARANTOR_FIRST:
                tally.add(p, FlowKind.CLAIM, _alone(-covered), p.guarantor_id)
    return postings, [b for b in bore if b[2]]


def _recovered(funded: Funded, joint: JointLoan, tally: _Tally, amount: int) -> list[Posting]:
    """What is recovered goes to those who bore the loss, in proportion to what each bore."""
    bore: list[Bore] = decode_json(joint.bore, list[Bore])
    parts = parts_between(joint.recovered, amount, [b[2] for b in bore])
    postings: list[Posting] = []
    for (place, who, _), part in zip(bore, parts, strict=True):
        p = funded.plan.participants[place]
        books = funded.books(p)
        if who == "platform":
            postings += books.postings("recovered_by_platform", part)
        elif who == "guarantor":
            postings += books.postings("recovered_by_guarantor", part)
            tally.add(p, FlowKind.RECOVERED, _alone(part), p.guarantor_id)
        elif p.is_outside:
            postings += books.postings("recovered", part)
            tally.add(p, FlowKind.RECOVERED, _alone(part))
    return postings


_OF_ALLOWANCE: Final = {MoveKind.PROVIDED: 1, MoveKind.RELEASED: -1}


def _provided(funded: Funded, before: int, after: int) -> list[Posting]:
    """Each one's share of an allowance as it is now, over what it was.

    Webster's method takes nothing from anybody when the whole grows, so that the shares of a
    balance follow it up and down.
    """
    shares = funded.plan.shares
    known = apportion(before, shares) if funded.joint.allowance_shared else [0] * len(shares)
    postings: list[Posting] = []
    parts = zip(funded.plan.participants, known, apportion(after, shares), strict=True)
    for p, old, new in parts:
        if p.is_outside:
            name = "provided" if new >= old else "provision_released"
            postings += funded.books(p).postings(name, abs(new - old))
    return postings


def share(funded: Funded, moves: Sequence[Running]) -> Shared:
    """Share what one decision moved on a loan, move by move in its order."""
    plan, joint, tally = funded.plan, funded.joint, _Tally(funded)
    postings: list[Posting] = []
    lost = [0] * len(plan.participants)
    provided = [running for running in moves if running.move.kind in _OF_ALLOWANCE]
    if provided:
        change = sum(_OF_ALLOWANCE[r.move.kind] * r.move.amount for r in provided)
        postings += _provided(funded, provided[0].before, provided[0].before + change)
        joint = replace(joint, allowance_shared=True)
        moves = [running for running in moves if running.move.kind not in _OF_ALLOWANCE]
    for running in moves:
        amount, kind = running.move.amount, running.move.kind
        if kind is MoveKind.RECOVERED:
            postings += _recovered(funded, joint, tally, amount)
            joint = replace(joint, recovered=joint.recovered + amount)
            continue
        before = apportion(running.before, plan.shares)
        parts = parts_between(running.before, amount, plan.shares)
        for place, p in enumerate(plan.participants):
            if kind is MoveKind.LOST:
                lost[place] += parts[place]
            if p.is_outside and parts[place]:
                postings += _one(funded.books(p), tally, running, parts[place], before[place])
    if any(lost):
        paid, bore = _compensated(funded, tally, lost)
        postings += paid
        joint = replace(joint, bore=msgspec.json.encode(bore).decode())
    flows = tally.rows(joint.flows + 1)
    return Shared(tuple(postings), replace(joint, flows=joint.flows + len(flows)), flows)


def _bought(
    funded: Funded, tally: _Tally, p: Participant, parts: Parts, allowance: int
) -> tuple[list[Posting], Participant]:
    """One share that platform or guarantor buys for all that it is owed, and who has it then."""
    principal, whole = parts[Bucket.PRINCIPAL], sum(parts.values())
    amounts = {bucket.value: part for bucket, part in parts.items()}
    books = funded.books(p)
    postings = [
        *books.postings("principal_bought_back", principal),
        *books.postings("income_bought_back", whole - principal),
        *books.postings("provision_released", allowance),
    ]
    tally.add(p, FlowKind.BOUGHT_BACK, {**{n: -a for n, a in amounts.items()}, "net": whole})
    if p.buy_back_by is BuyBackBy.PLATFORM:
        return postings, replace(p, bought_back=True)
    holder = p.taken_over()
    books = funded.books(holder)
    postings += books.postings("principal_taken_over", principal)
    postings += books.postings("income_taken_over", whole - principal)
    postings += books.postings("provided", allowance)
    tally.add(holder, FlowKind.TAKEN_OVER, {**amounts, "net": -whole})
    return postings, holder


def buy_back(
    funded: Funded, owed: Sequence[Parts], days_past_due: int, allowance: int
) -> tuple[Shared, Plan] | None:
    """Platform or guarantors buy the shares back whose day has come, for all that they are owed.

    Args:
        owed: by participant, what it is owed of each bucket.
        allowance: the balance of the loan's allowance, in minor units.

    Returns:
        What is moved, and the plan from then on; None when no share's day has come.
    """
    tally = _Tally(funded)
    postings: list[Posting] = []
    after: list[Participant] = []
    expected = apportion(allowance if funded.joint.allowance_shared else 0, funded.plan.shares)
    for p, parts, loss in zip(funded.plan.participants, owed, expected, strict=True):
        if not p.is_outside or not 0 < p.buy_back_days <= days_past_due:
            after.append(p)
            continue
        moved, holder = _bought(funded, tally, p, parts, loss)
        postings += moved
        after.append(holder)
    if after == list(funded.plan.participants):
        return None
    left = [p.buy_back_days for p in after if p.is_outside and p.buy_back_days]
    flows = tally.rows(funded.joint.flows + 1)
    joint = replace(
        funded.joint, flows=funded.joint.flows + len(flows), buy_back_days=min(left, default=0)
    )
    return Shared(tuple(postings), joint, flows), Plan(tuple(after))
