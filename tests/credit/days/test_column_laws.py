"""Days in columns say of every loan what the fold of that loan alone says, to the cent."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credit.days.side_by_side import (
    closed_side_by_side,
    late_of,
    moved_by,
    moved_in,
    shard_of,
    standing_after,
)
from tests.credit.loan_life import LivingLoan, contracts, new_dates

from tallystick.credit.loans import changing, closing, decide, reversing
from tallystick.credit.loans.days.collecting import collected
from tallystick.credit.loans.days.columns import I64
from tallystick.credit.loans.days.entries import Leg, Owners, entries_of
from tallystick.credit.loans.model import CollectLoan, LoanEventKind, LoanStatus, PaymentMode
from tallystick.credit.postings import INCOME, Bucket
from tallystick.credit.schedules.terms import Effect
from tallystick.pipeline.refusals import Refused

_HAPPENINGS = (
    "pass",
    "pay",
    "close",
    "waive",
    "fee",
    "reverse",
    "draw",
    "rate",
    "new",
    "re-age",
    "refund",
)


def _happen(living: LivingLoan, data: st.DataObject) -> None:
    match data.draw(st.sampled_from(_HAPPENINGS)):
        case "pass":
            living.pass_days(data.draw(st.integers(1, 40)))
        case "pay":
            part = data.draw(st.integers(1, 90))
            amount = max(1, living.position.payoff * part // 100)
            mode = data.draw(st.sampled_from(PaymentMode))
            living.act(decide.pay, amount, mode, data.draw(st.sampled_from(Effect)))
        case "close":
            living.act(closing.close_day)
        case "waive":
            bucket = data.draw(st.sampled_from([Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY]))
            living.act(decide.waive, bucket, (living.position.due[bucket] + 1) // 2)
        case "fee":
            living.act(decide.charge_fee, data.draw(st.integers(1, 500)))
        case "refund":
            amount = max(1, living.position.payoff * data.draw(st.integers(1, 60)) // 100)
            living.act(decide.refund, amount, f"R{len(living.events)}")
        case "draw":
            living.act(changing.draw_more, data.draw(st.integers(1, 100_000)))
        case "rate":
            rate = Decimal(data.draw(st.integers(0, 3600))) / 10_000
            living.act(changing.change_rate, rate)
        case "new":
            living.act(changing.reschedule, data.draw(new_dates))
        case "re-age":
            living.act(changing.re_age, data.draw(new_dates))
        case "reverse":
            paid = [e.step for e in living.events if e.kind is LoanEventKind.PAYMENT]
            if paid:
                living.act(reversing.reverse, data.draw(st.sampled_from(paid)))


@st.composite
def lives(draw: st.DrawFn) -> list[LivingLoan]:
    """Loans that are open on the same day, each after a life of its own."""
    data = draw(st.data())
    made = []
    for number in range(draw(st.integers(1, 4))):
        living = LivingLoan(draw(contracts), f"20260131{number:020d}")
        for _ in range(draw(st.integers(0, 6))):
            try:
                _happen(living, data)
            except Refused:
                continue
        if living.loan.status is LoanStatus.ACTIVE:
            made.append(living)
    day = max((living.day for living in made), default=None)
    for living in made:
        assert day is not None
        living.day = day
    return made


@given(lives(), st.lists(st.integers(1, 45), min_size=1, max_size=4))
@settings(max_examples=150)
def test_a_day_in_columns_is_what_the_fold_of_each_loan_says(
    loans: list[LivingLoan], spans: list[int]
) -> None:
    for span in spans:
        loans = [living for living in loans if living.loan.status is LoanStatus.ACTIVE]
        if not loans:
            return
        for living in loans:
            living.pass_days(span)
        until = loans[0].day.toordinal()
        closed = closed_side_by_side(loans, until)
        for at, living in enumerate(loans):
            by_fold = closing.close_day(living.state())
            before = living.standing
            assert before is not None
            living.keep(by_fold)
            if at in closed.by_fold:
                continue
            assert moved_in(closed.entries, living.loan_id) == moved_by(by_fold)
            assert standing_after(closed, at, before, until) == living.standing


@given(lives(), st.integers(0, 45), st.integers(0, 120), st.integers(0, 4))
@settings(max_examples=150)
def test_what_is_collected_in_columns_is_what_each_loan_alone_pays(
    loans: list[LivingLoan], span: int, percent: int, attempt: int
) -> None:
    if not loans:
        return
    for living in loans:
        living.pass_days(span)
    wanted = sum(living.position.due_total for living in loans)
    money = wanted * percent // 100
    shard = shard_of(loans)
    done = collected(
        shard, np.full(len(loans), money, np.int64), late_of(loans), loans[0].day.toordinal()
    )
    amounts: dict[Leg, I64] = {}
    for place, bucket in enumerate(Bucket):
        if bucket in INCOME:
            amounts["accrual", bucket] = done.closed.accrued[:, place]
        amounts["advance_used", bucket] = done.closed.used[:, place]
        amounts["payment", bucket] = done.paid[:, place]
    owners = Owners(shard.loan_id, shard.book, shard.wallet)
    entries = entries_of(owners, list(shard.loan_id), amounts)
    for at, living in enumerate(loans):
        if done.by_fold[at]:
            continue
        state = living.state()._replace(available=money)
        command = CollectLoan(
            loan_id=living.loan_id, due_day=living.day.isoformat(), attempt=attempt
        )
        by_fold = decide.collect(state, command)
        assert moved_in(entries, living.loan_id) == moved_by(by_fold)
        reply = by_fold.reply
        assert (reply.amount, reply.due, reply.owed) == (  # type: ignore[attr-defined]
            done.paid[at].sum(), done.due[at], done.owed[at],
        )  # fmt: skip
        assert done.over[at] == (reply.status is LoanStatus.CLOSED)  # type: ignore[attr-defined]
        money -= reply.amount  # type: ignore[attr-defined]


@given(lives(), st.lists(st.integers(1, 20), min_size=1, max_size=4))
@settings(max_examples=60)
def test_days_that_were_missed_are_closed_at_once_to_the_same_sums(
    loans: list[LivingLoan], spans: list[int]
) -> None:
    if not loans:
        return
    goal = loans[0].day.toordinal() + sum(spans)
    at_once = closed_side_by_side(loans, goal)
    sums = {
        living.loan_id: sorted(moved_in(at_once.entries, living.loan_id))
        for at, living in enumerate(loans)
        if at not in at_once.by_fold
    }
    daily: dict[str, dict[tuple[int, int, int], int]] = {name: {} for name in sums}
    loans = [living for living in loans if living.loan_id in sums]
    for span in spans:
        for living in loans:
            living.pass_days(span)
        for living in list(loans):
            decision = closing.close_day(living.state())
            for debit, credit, amount, movement in moved_by(decision):
                key = (debit, credit, movement)
                daily[living.loan_id][key] = daily[living.loan_id].get(key, 0) + amount
            living.keep(decision)
    for name, moved in daily.items():
        # What the allowance went up and down by on the way is not seen at the end.
        flows = {k: a for k, a in moved.items() if a and k[2] != 407}
        assert flows == {(d, c, m): a for d, c, a, m in sums[name] if m != 407}
