"""Bills in columns say of every bill what the plain decisions say of it alone, to the cent."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credit.days.side_by_side import late_of, moved_by, moved_in, shard_of, standing_after
from tests.credit.days.test_column_laws import lives
from tests.credit.loan_life import LivingLoan

from tallystick.credit.loans.days.close import close
from tallystick.credit.loans.days.entries import entries_of
from tallystick.credit.loans.days.shard import (
    Notices,
    ShardClosed,
    loans_at,
    owners_of,
    standings_of,
)
from tallystick.credit.loans.decide import charge_fee
from tallystick.credit.loans.model import PayLaterTerms, contract_of
from tallystick.credit.pay_later import decide
from tallystick.credit.pay_later.columns import (
    BillsWritten,
    checked_bills,
    with_fees,
    written_bills,
)
from tallystick.credit.pay_later.fees import Fee, fee_amounts
from tallystick.credit.pay_later.loading import Loaded

_later = st.builds(
    PayLaterTerms,
    minimum_rate=st.integers(0, 1000).map(lambda n: Decimal(n) / 1000),
    minimum_floor=st.sampled_from([0, 500, 10**6]),
    late_fee=st.sampled_from([0, 300]),
)


def _billing(living: LivingLoan, later: PayLaterTerms) -> decide.Billing:
    contract = contract_of(living.loan)
    product = msgspec.structs.replace(contract.product, pay_later=later)
    billed = msgspec.structs.replace(contract, product=product)
    return decide.Billing(living.loan, billed, living.position)


def _loaded(loans: list[LivingLoan], bill: list[int], later: PayLaterTerms) -> Loaded:
    shard, terms = shard_of(loans), late_of(loans)
    columns, rules = loans_at(shard, np.arange(len(loans)), terms)
    closed = close(columns, rules, loans[0].day.toordinal())
    at_once = [contract_of(living.loan).count == 1 for living in loans]
    return Loaded(
        [], shard, {}, closed, rules, np.array(bill, np.int64), np.array(at_once, np.bool_),
        [later.minimum_rate] * len(loans), {}, [],
    )  # fmt: skip


def _exact(loans: list[LivingLoan]) -> list[LivingLoan]:
    """Those that columns take."""
    return [living for living in loans if living.standing and living.standing.exact]


@given(lives(), _later, st.integers(0, 40), st.integers(-5, 70), st.data())
@settings(max_examples=120)
def test_bills_in_columns_are_what_each_bill_says_alone(
    loans: list[LivingLoan], later: PayLaterTerms, span: int, ahead: int, data: st.DataObject
) -> None:
    loans = _exact(loans)
    if not loans:
        return
    for living in loans:
        living.pass_days(span)
    bill = [data.draw(st.integers(0, 1)) for _ in loans]
    due = loans[0].day.fromordinal(loans[0].day.toordinal() + ahead)
    loaded = _loaded(loans, bill, later)
    says = written_bills(
        loaded.closed.loans, loaded.bill, np.full(2, due.toordinal(), np.int64), loaded.at_once,
        loaded.rates, np.full(2, later.minimum_floor, np.int64),
    )  # fmt: skip
    for place in (0, 1):
        billings = [_billing(a, later) for a, b in zip(loans, bill, strict=True) if b == place]
        parts = [decide.billed_on(billing, due) for billing in billings]
        alone = decide.written(parts, later.minimum_floor)
        assert (says.total[place], says.minimum[place]) == alone


@given(lives(), _later, st.integers(0, 60), st.integers(0, 200), st.data())
@settings(max_examples=120)
def test_late_fees_in_columns_are_what_each_bill_is_charged_alone(
    loans: list[LivingLoan], later: PayLaterTerms, span: int, percent: int, data: st.DataObject
) -> None:
    loans = _exact(loans)
    if not loans:
        return
    for living in loans:
        living.pass_days(span)
    bill = [data.draw(st.integers(0, 1)) for _ in loans]
    said = [sum(a.position.due_total for a, b in zip(loans, bill, strict=True) if b == place)
            * percent // 100 for place in (0, 1)]  # fmt: skip
    minima = [data.draw(st.integers(0, total)) for total in said]
    loaded = _loaded(loans, bill, later)
    written = BillsWritten(np.array(said, np.int64), np.array(minima, np.int64))
    fees = np.full(2, later.late_fee, np.int64)
    done = checked_bills(loaded.closed.loans, loaded.bill, written, fees)
    charged: dict[int, int] = {}
    for place in (0, 1):
        mine = [at for at, b in enumerate(bill) if b == place]
        billings = [_billing(loans[at], later) for at in mine]
        fee = later.late_fee if mine else 0
        alone = decide.checked(said[place], minima[place], billings, fee)
        assert done.left[place] == alone.left
        if mine:
            assert done.late_fee[place] == alone.late_fee
            assert done.oldest[place] == mine[alone.oldest]
        if alone.late_fee:
            charged[mine[alone.oldest]] = alone.late_fee
    _charged_as_alone(loans, loaded, charged)


def _charged_as_alone(loans: list[LivingLoan], loaded: Loaded, charged: dict[int, int]) -> None:
    at = sorted(charged)
    fee = Fee(np.array(at, np.int64), np.array([charged[n] for n in at], np.int64))
    shard = loaded.shard
    entries = entries_of(owners_of(shard), list(shard.loan_id), fee_amounts(loaded, fee))
    after = with_fees(loaded.closed.loans, fee.at, fee.amount)
    every = standings_of(after, loaded.rules, after.bucket, range(after.size), provided=False)
    for place, living in enumerate(loans):
        moved = moved_in(entries, living.loan_id)
        if place not in charged:
            assert moved == []
            continue
        before = living.standing
        assert before is not None
        alone = living.act(charge_fee, charged[place])
        assert _sums(moved) == _sums(moved_by(alone))
        nothing = Notices(*([] for _ in Notices._fields))
        quiet = np.zeros(after.size, np.bool_)
        closed = ShardClosed(entries, {}, quiet, every, nothing, [])
        found = standing_after(closed, place, before, 0)
        assert living.standing is not None
        tries = {name: getattr(living.standing, name) for name in ("try_day", "try_no", "try_ms")}
        assert msgspec.structs.replace(found, **tries) == living.standing


def _sums(moved: list[tuple[int, int, int, int]]) -> dict[tuple[int, int, int], int]:
    sums: dict[tuple[int, int, int], int] = {}
    for debit, credit, amount, movement in moved:
        key = (debit, credit, movement)
        sums[key] = sums.get(key, 0) + amount
    return sums
