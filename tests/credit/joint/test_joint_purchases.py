"""Purchases that are paid later and funded together: shared from the purchase to the last cent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.credit.days.test_late_bill_laws import empty_wallets
from tests.credit.joint.desk import EAST, GUARD, WEST, institution, programme
from tests.credit.joint.partner_days import DAY_MS, Files
from tests.credit.test_pay_later import LATER, buy, go_to, loan_of, pay
from tests.payments.market import ALICE, APP, APP_ID, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.credit.joint import service as joint
from tallystick.credit.joint.files.verify import verify_files
from tallystick.credit.joint.model import (
    DecideFunding,
    FundingDecision,
    FundingStatus,
    InstitutionKind,
    ProgrammeDay,
    ProgrammeTerms,
)
from tallystick.credit.joint.simulate import Changes, compare
from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    ChargeOffLoan,
    DefineLoanProduct,
    GrantCreditLine,
    Loan,
    PaidFrom,
    PayLoan,
    PaymentMode,
)
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.participation.model import (
    FundingPlan,
    JointLoan,
    LossSharing,
    ShareFlow,
    plan_of,
)
from tallystick.credit.participation.share import owed_parts
from tallystick.credit.pay_later import service as pay_later
from tallystick.credit.pay_later.model import PAY_LATER, Bill, PayBill
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.decoding import decode_json
from tallystick.ledger.chart import (
    PARTICIPATION_INCOME,
    PARTICIPATION_PRINCIPAL,
    account_id,
)
from tallystick.ledger.statements import balance_of
from tallystick.payments.trades.model import ConfirmReceipt, RefundTrade, ShipTrade
from tallystick.pipeline.refusals import Refused

_BOOK = 1_000_156
_START = date(2027, 2, 20)


@contextmanager
def funded_shop(tmp_path: Path) -> Iterator[Market]:
    """East Bank funds 30 % of purchases, West Bank up to half, the platform the rest."""
    clock = Clock(collect_ms(_START, 12))
    more = (loans.register, pay_later.register, joint.register)
    with market(tmp_path, clock, more=more) as made:
        made.accept(DefineLoanProduct(product_id=PAY_LATER, name="Pay later", terms=LATER))
        made.accept(GrantCreditLine(borrower_id=ALICE, product_id=PAY_LATER, amount=90_000))
        institution(made, EAST, InstitutionKind.FUNDER, "1")
        institution(made, WEST, InstitutionKind.FUNDER, "1")
        institution(made, GUARD, InstitutionKind.GUARANTOR, "1")
        programme(
            made, "east", EAST, products=(PAY_LATER,), share=Decimal("0.3"), preference=1,
            keeps=Decimal("0.7"), day_max=5_000, losses=LossSharing.PLATFORM_FIRST, cap=1_000,
        )  # fmt: skip
        programme(
            made, "west", WEST, products=(PAY_LATER,), share_max=Decimal("0.5"), preference=2,
            keeps=Decimal("0.6"), guarantor_id=GUARD, guarantee=Decimal("0.2"),
        )  # fmt: skip
        programme(made, "own", "", preference=9, share_max=Decimal("0.7"))
        empty_wallets(made)
        yield made


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    with funded_shop(tmp_path) as made:
        yield made


def _account(shop: Market, entry: Any, owner: str) -> Any:
    found = shop.ledger.accounts([account_id(_BOOK, entry, owner)])
    return found[0] if found else None


def require_shares(shop: Market) -> None:
    """See that each programme is owed exactly its shares of all that is owed on purchases."""
    principal: dict[str, int] = {}
    income: dict[str, int] = {}
    for row in shop.rows.select(JointLoan):
        plan_row = shop.rows.get(FundingPlan, row.plan_id)
        assert plan_row is not None
        plan = plan_of(plan_row)
        for bucket, entry in RECEIVABLES.items():
            account = _account(shop, entry, row.loan_id)
            if account is None:
                continue
            parts = owed_parts(account.debits_posted, account.credits_posted, plan.shares)
            assert sum(parts) == balance_of(account)
            sums = principal if bucket is Bucket.PRINCIPAL else income
            for p, part in zip(plan.participants, parts, strict=True):
                if p.is_outside:
                    sums[p.account] = sums.get(p.account, 0) + part
    for sums, entry in ((principal, PARTICIPATION_PRINCIPAL), (income, PARTICIPATION_INCOME)):
        for number, amount in sums.items():
            held = _account(shop, entry, number)
            assert (balance_of(held) if held else 0) == amount, (entry, number)


def test_a_purchase_is_decided_and_shared_at_once_and_its_bill_pays_each_its_share(
    shop: Market,
) -> None:
    buy(shop, "O1", 10_001)
    (decision,) = shop.rows.select(FundingDecision)
    assert (decision.status, decision.loan_id) == (
        FundingStatus.DRAWN, loan_of(shop, "O1").loan_id,
    )  # fmt: skip
    assert shop.rows.get(ProgrammeDay, "east", "2027-02-20") == ProgrammeDay(
        "east", "2027-02-20", 3_000
    )
    flows = {f.programme_id: f.net for f in shop.rows.select(ShareFlow) if f.kind.value == "drawn"}
    assert flows == {"east": -3_000, "west": -5_001}
    require_shares(shop)
    go_to(shop, "2027-03-12")
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-03-10")
    assert bill is not None
    assert bill.late_fee == 300
    require_shares(shop)
    shop.fund(ALICE, 20_000, "wages")
    pay(shop)
    assert loan_of(shop, "O1").status.value == "closed"
    require_shares(shop)
    assert all(shop.sum_of(entry.code) == 0 for entry in RECEIVABLES.values())


def test_refunds_in_the_middle_of_instalments_and_what_is_written_off_are_shared(
    shop: Market,
) -> None:
    buy(shop, "O1", 9_001, count=3)
    trade_no = shop.trade("O1").trade_no
    require_shares(shop)
    go_to(shop, "2027-03-12")
    back = RefundTrade(app_id=APP_ID, trade_no=trade_no, amount=2_000, out_request_no="R1")
    shop.accept(back, APP)
    require_shares(shop)
    go_to(shop, "2027-04-20")
    require_shares(shop)
    shop.accept(ChargeOffLoan(loan_id=loan_of(shop, "O1").loan_id))
    require_shares(shop)
    lost = [f for f in shop.rows.select(ShareFlow) if f.kind.value == "lost"]
    assert {f.programme_id for f in lost} == {"east", "west"}
    assert all(shop.sum_of(entry.code) == 0 for entry in RECEIVABLES.values())


def test_a_bill_that_is_checked_late_finds_the_shares_of_later_payments_anew(
    shop: Market,
) -> None:
    buy(shop, "O1", 10_001)
    loan_id = loan_of(shop, "O1").loan_id
    go_to(shop, "2027-03-02")
    shop.clock.now_ms = collect_ms(date(2027, 3, 15), 20)
    shop.accept(PayLoan(loan_id=loan_id, mode=PaymentMode.ALL, source=PaidFrom(bank_id="1")))
    assert loan_of(shop, "O1").status.value == "closed"
    go_to(shop, "2027-03-20")
    assert shop.sum_of(RECEIVABLES[Bucket.FEE].code) == 300
    require_shares(shop)


def test_a_sellers_fee_is_shared_when_the_seller_is_paid(shop: Market) -> None:
    buy(shop, "O1", 9_000, count=3, seller_pays=True)
    trade_no = shop.trade("O1").trade_no
    shop.accept(ShipTrade(app_id=APP_ID, trade_no=trade_no), APP)
    shop.accept(ConfirmReceipt(app_id=APP_ID, trade_no=trade_no), as_party(ALICE))
    fees = {f.programme_id: f.net for f in shop.rows.select(ShareFlow) if f.kind.value == "fee"}
    # 207 in all: 30 % and 50 % of it, of which they keep 70 % and 60 %.
    assert fees == {"east": 43, "west": 62}
    require_shares(shop)


def test_without_a_plan_a_purchase_is_refused_with_the_rule_and_nothing_is_changed(
    shop: Market,
) -> None:
    buy(shop, "O1", 15_000)
    programme(shop, "own", "", preference=9, share_max=Decimal("0.4"))
    assert buy(shop, "O2", 7_000, refused=True) == "FUNDING_DECLINED"
    assert len(shop.rows.select(Loan)) == 1
    application = DecideFunding(borrower_id=ALICE, product_id=PAY_LATER, amount=7_000, count=1)
    assert shop.refuse(application, as_party(ALICE)) == "CREDIT_PRODUCT_NOT_EXIST"
    require_shares(shop)


def test_a_purchase_that_was_declined_is_replayed_under_other_rules(shop: Market) -> None:
    programme(shop, "own", "", preference=9, share_max=Decimal("0.1"))
    assert buy(shop, "O1", 7_000, refused=True) == "FUNDING_DECLINED"
    (decision,) = shop.rows.select(FundingDecision)
    assert (decision.status, decision.amount, decision.rule) == (
        FundingStatus.DECLINED, 7_000, "share",
    )  # fmt: skip
    assert (decision.borrower_id, decision.loan_id, decision.plan_id) == (ALICE, "", "")
    others = Changes(terms={"own": ProgrammeTerms(products=(PAY_LATER,), share_max=Decimal(1))})
    replayed = compare(shop.rows, 0, shop.clock.now_ms + 1, others)
    assert replayed["now"].declined == {"share": 1}
    assert (replayed["changed"].funded, replayed["changed"].granted) == (1, 7_000)
    new = Changes(
        terms={"new": ProgrammeTerms(products=(PAY_LATER,), share=Decimal(1))}, closed=("new",)
    )
    assert compare(shop.rows, 0, shop.clock.now_ms + 1, new)["changed"].funded == 0
    with pytest.raises(Refused, match="INVALID_PARAMETER"):
        compare(shop.rows, 0, shop.clock.now_ms + 1, Changes(closed=("nobody",)))


def test_programmes_that_do_not_name_the_product_fund_no_purchases(shop: Market) -> None:
    programme(shop, "all", EAST, share=Decimal("0.5"))
    buy(shop, "O1", 1_000)
    (decision,) = shop.rows.select(FundingDecision)
    reasons = {name: rule for name, rule, _ in decode_json(decision.reasons)}
    assert reasons["all"] == "product"
    assert "all" not in {f.programme_id for f in shop.rows.select(ShareFlow)}
    # The simulator knows that it was a purchase.
    again = compare(shop.rows, 0, shop.clock.now_ms + 1, Changes())["now"]
    assert (again.applications, again.funded) == (1, 1)
    assert [use.loans for use in again.use if use.programme_id == "all"] == [0]


def test_the_partners_files_say_what_its_book_says_of_purchases(
    shop: Market, tmp_path: Path
) -> None:
    files = Files(shop, tmp_path / "files")
    buy(shop, "O1", 10_001)
    buy(shop, "O2", 3_000, count=3)
    go_to(shop, "2027-03-11")
    assert files.next_day() > 0
    files.settle()
    shop.fund(ALICE, 3_000, "wages")
    pay(shop, 2_500)
    assert files.next_day() > 0
    for bank in (EAST, WEST):
        (checked,) = verify_files([files.folder / bank])
        assert checked.problems == ()
        assert checked.closing.principal > 0


_STEPS = st.one_of(
    st.tuples(st.just("buy"), st.integers(1, 9_000), st.sampled_from([1, 1, 3, 6])),
    st.tuples(st.just("pay"), st.integers(1, 9_000), st.just(0)),
    st.tuples(st.just("refund"), st.integers(1, 100), st.integers(0, 4)),
    st.tuples(st.just("days"), st.integers(1, 45), st.just(0)),
)


def _happen(shop: Market, number: int, bought: list[int], step: tuple[str, int, int]) -> None:
    """One step of a life; what is refused changes nothing."""
    what, amount, more = step
    if what == "buy":
        buy(shop, f"O{number}", amount, count=more)
        bought.append(number)
    elif what == "days":
        shop.clock.pass_ms(amount * DAY_MS)
        while shop.run_timers():
            pass
    elif what == "pay":
        shop.fund(ALICE, amount, f"wages-{number}")
        command = PayBill(borrower_id=ALICE, product_id=PAY_LATER, amount=amount)
        refusal = shop.submit(command, as_party(ALICE)).refusal
        assert refusal is None or refusal.code == "LOAN_NOTHING_TO_PAY"
    elif bought:
        trade = shop.trade(f"O{bought[more % len(bought)]}")
        back = RefundTrade(
            app_id=APP_ID, trade_no=trade.trade_no, out_request_no=f"R{number}",
            amount=max(1, trade.amount * amount // 100),
        )  # fmt: skip
        shop.submit(back, APP)


@given(st.lists(_STEPS, min_size=3, max_size=9).filter(lambda s: s[0][0] == "buy"))
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
def test_whatever_happens_on_purchases_each_is_owed_exactly_its_shares(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    with funded_shop(tmp_path_factory.mktemp("p")) as shop:
        bought: list[int] = []
        for number, step in enumerate(steps):
            _happen(shop, number, bought, step)
            require_shares(shop)
        funded = {row.loan_id for row in shop.rows.select(JointLoan)}
        assert funded == {row.loan_id for row in shop.rows.select(Loan)}
