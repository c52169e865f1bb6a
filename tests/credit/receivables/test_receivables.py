"""Receivables: notice, assignment, who is paid first, reductions, recourse and losses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.credit.receivables.desk import (
    DEBTOR,
    DUE,
    TERMS,
    desk_at,
    empty,
    finance,
    go_to,
    invoice,
    paid_trade,
)
from tests.payments.market import ALICE, APP, APP_ID, COURIER, SHOP, Market, as_party

from tallystick.credit.loans.timing import loan_day
from tallystick.credit.receivables.model import (
    AnswerNotice,
    DefineReceivableTerms,
    PayReceivable,
    Receivable,
    ReceivableStatus,
    ReduceReceivable,
    RegisterInvoice,
    RepayReceivable,
)
from tallystick.credit.receivables.views import (
    FinancingOption,
    due_buckets,
    financing_options,
    receivable_story,
)
from tallystick.ledger.chart import (
    ASSIGNED_PROCEEDS,
    CREDIT_FEE_INCOME,
    FINANCED_RECEIVABLE,
    IMPAIRMENT_LOSS,
    RECOVERY_INCOME,
)
from tallystick.payments.trades.model import (
    ConfirmReceipt,
    OpenDispute,
    RefundTrade,
    ResolveDispute,
    Split,
)

FEE = 1_200
"""80,000 for 60 days at 9 percent of a year of 360 days."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Market]:
    with desk_at(tmp_path) as made:
        yield made


def row(desk: Market, receivable_id: str) -> Receivable:
    found = desk.rows.get(Receivable, receivable_id)
    assert found is not None
    return found


def owed(desk: Market, receivable_id: str) -> int:
    return receivable_story(desk.rows, row(desk, receivable_id)).standing.owed


def balances(desk: Market) -> dict[str, int]:
    codes = {
        "advanced": FINANCED_RECEIVABLE, "fees": CREDIT_FEE_INCOME, "lost": IMPAIRMENT_LOSS,
        "recovered": RECOVERY_INCOME, "proceeds": ASSIGNED_PROCEEDS,
    }  # fmt: skip
    found = {name: desk.sum_of(entry.code) for name, entry in codes.items()}
    return {name: amount for name, amount in found.items() if amount}


def pay(desk: Market, receivable_id: str, amount: int = 0) -> Any:
    return desk.accept(
        PayReceivable(receivable_id=receivable_id, amount=amount), as_party(DEBTOR)
    )  # fmt: skip


def of_trade(desk: Market, number: str) -> Receivable:
    return row(desk, desk.trade(number).assigned_to)


def test_an_invoice_is_financed_once_its_debtor_has_acknowledged_the_notice(desk: Market) -> None:
    before = desk.available(SHOP)
    number = invoice(desk, "I1", answered=False)
    assert finance(desk, "recourse", refused=True, receivable_id=number) == (
        "RECEIVABLE_NOT_ACKNOWLEDGED"
    )
    told = AnswerNotice(receivable_id=number, accepted=True)
    assert desk.refuse(told, as_party(SHOP)) == "NOT_PERMITTED"
    desk.accept(told, as_party(DEBTOR))
    done = finance(desk, "recourse", receivable_id=number)
    assert (done.advance, done.fee, done.owed) == (80_000, FEE, 80_000 + FEE)
    assert desk.available(SHOP) == before + 80_000
    assert balances(desk) == {"advanced": 80_000}


def test_terms_that_ask_for_no_acknowledgement_need_none(desk: Market) -> None:
    number = invoice(desk, "I1", answered=False)
    assert finance(desk, "silent", receivable_id=number).status is ReceivableStatus.ASSIGNED


def test_what_its_debtor_contests_is_not_financed(desk: Market) -> None:
    number = invoice(desk, "I1", answered=False)
    no = AnswerNotice(receivable_id=number, accepted=False, reason="never delivered")
    desk.accept(no, as_party(DEBTOR))
    assert finance(desk, "silent", refused=True, receivable_id=number) == "RECEIVABLE_STATE_REFUSED"


def test_nothing_is_assigned_twice(desk: Market) -> None:
    number = invoice(desk, "I1")
    finance(desk, "recourse", receivable_id=number)
    assert finance(desk, "trades", refused=True, receivable_id=number) == (
        "RECEIVABLE_ALREADY_ASSIGNED"
    )
    again = RegisterInvoice(
        seller_id=SHOP, debtor_id=ALICE, number="I1", amount=5, due_day=DUE
    )  # fmt: skip
    assert desk.refuse(again, as_party(SHOP)) == "RECEIVABLE_ALREADY_REGISTERED"
    trade_no = paid_trade(desk, "T1")
    finance(desk, "trades", trade_no=trade_no)
    assert finance(desk, "trades", refused=True, trade_no=trade_no) == "RECEIVABLE_ALREADY_ASSIGNED"


def test_limits_due_days_and_strangers_are_refused_by_name(desk: Market) -> None:
    number = invoice(desk, "I1")
    assert finance(desk, "small", refused=True, receivable_id=number) == "RECEIVABLE_LIMIT_EXCEEDED"
    assert finance(desk, "none", refused=True, receivable_id=number) == "CREDIT_PRODUCT_NOT_EXIST"
    late = RegisterInvoice(
        seller_id=SHOP, debtor_id=DEBTOR, number="I2", amount=5, due_day="2027-05-01"
    )
    assert desk.refuse(late, as_party(SHOP)) == "RECEIVABLE_DUE_DAY"
    assert desk.refuse(late, as_party(ALICE)) == "NOT_PERMITTED"
    go_to(desk, DUE)
    assert finance(desk, "recourse", refused=True, receivable_id=number) == "RECEIVABLE_DUE_DAY"
    assert balances(desk) == {}


def test_the_debtors_money_goes_to_the_lender_first_and_the_rest_to_the_seller(
    desk: Market,
) -> None:
    number = invoice(desk, "I1")
    finance(desk, "recourse", receivable_id=number)
    desk.fund(DEBTOR, 100_000, "more1")
    before = desk.available(SHOP)
    assert pay(desk, number, 30_000).owed == 80_000 + FEE - 30_000
    assert desk.available(SHOP) == before
    assert balances(desk) == {"advanced": 80_000 - 30_000 + FEE, "fees": FEE}
    assert pay(desk, number).status is ReceivableStatus.SETTLED
    assert desk.available(SHOP) == before + 100_000 - 80_000 - FEE
    assert balances(desk) == {"fees": FEE}


def test_an_escrow_settles_to_the_lender_first(desk: Market) -> None:
    finance(desk, "trades", trade_no=paid_trade(desk, "T1"))
    assigned = of_trade(desk, "T1")
    assert (assigned.face, assigned.advance) == (95_000, 85_500)
    before = desk.available(SHOP)
    desk.accept(ConfirmReceipt(app_id=APP_ID, out_trade_no="T1"), APP)
    assert of_trade(desk, "T1").status is ReceivableStatus.SETTLED
    assert desk.available(SHOP) == before + 95_000 - 85_500 - assigned.fee
    assert balances(desk) == {"fees": assigned.fee}
    assert desk.sum_of(2101) == 0


def test_a_split_does_not_take_what_is_assigned(desk: Market) -> None:
    finance(desk, "trades", trade_no=paid_trade(desk, "T1"))
    away = ConfirmReceipt(
        app_id=APP_ID, out_trade_no="T1", out_request_no="S", splits=(Split(COURIER, 50_000),)
    )
    assert desk.refuse(away, APP) == "SPLIT_EXCEEDS_AMOUNT"
    small = ConfirmReceipt(
        app_id=APP_ID, out_trade_no="T1", out_request_no="S", splits=(Split(COURIER, 500),)
    )
    desk.accept(small, APP)
    assert of_trade(desk, "T1").status is ReceivableStatus.SETTLED


def test_a_refund_makes_the_claim_smaller_and_the_seller_answers_for_it(desk: Market) -> None:
    desk.fund(SHOP, 100_000, "more2")
    finance(desk, "trades", trade_no=paid_trade(desk, "T1"))
    before, fee = desk.available(SHOP), of_trade(desk, "T1").fee
    refund = RefundTrade(
        app_id=APP_ID, out_trade_no="T1", out_request_no="R", amount=40_000, reason="broken"
    )
    desk.accept(refund, APP)
    number = of_trade(desk, "T1").receivable_id
    assert owed(desk, number) == 57_000
    assert desk.available(SHOP) == before - (85_500 + fee - 57_000)
    desk.accept(ConfirmReceipt(app_id=APP_ID, out_trade_no="T1"), APP)
    assert of_trade(desk, "T1").status is ReceivableStatus.SETTLED
    assert balances(desk) == {"fees": fee}


def test_a_trade_that_is_undone_is_the_sellers_to_repay_even_without_recourse(
    desk: Market,
) -> None:
    finance(desk, "without", trade_no=paid_trade(desk, "T1"))
    number, fee = of_trade(desk, "T1").receivable_id, of_trade(desk, "T1").fee
    empty(desk, SHOP, "gone")
    desk.accept(OpenDispute(app_id=APP_ID, out_trade_no="T1", reason="empty box"), as_party(ALICE))
    desk.accept(
        ResolveDispute(app_id=APP_ID, out_trade_no="T1", to_buyer=100_000, to_seller=0), APP
    )
    assert row(desk, number).status is ReceivableStatus.RECOURSE
    assert balances(desk) == {"advanced": 76_000}
    desk.fund(SHOP, 100_000, "more3")
    desk.accept(RepayReceivable(receivable_id=number), as_party(SHOP))
    assert row(desk, number).status is ReceivableStatus.SETTLED
    assert balances(desk) == {"fees": fee}


def test_after_the_grace_the_seller_repays_what_the_debtor_does_not(desk: Market) -> None:
    number = invoice(desk, "I1")
    finance(desk, "recourse", receivable_id=number)
    go_to(desk, "2027-07-03", 23)
    assert row(desk, number).status is ReceivableStatus.ASSIGNED
    go_to(desk, "2027-07-04")
    assert row(desk, number).status is ReceivableStatus.RECOURSE
    assert desk.available(SHOP) == 0
    desk.fund(SHOP, 100_000, "more4")
    go_to(desk, "2027-07-06")
    assert row(desk, number).status is ReceivableStatus.SETTLED
    assert balances(desk) == {"fees": FEE}
    assert desk.available(SHOP) == 81_000 + 100_000 - 80_000 - FEE
    desk.fund(DEBTOR, 100_000, "more5")
    pay(desk, number)
    assert desk.available(SHOP) == 281_000 - 80_000 - FEE


def test_without_recourse_it_is_the_lenders_loss_and_what_comes_later_is_recovered(
    desk: Market,
) -> None:
    number = invoice(desk, "I1")
    fee = finance(desk, "without", receivable_id=number).fee
    before = desk.available(SHOP)
    go_to(desk, "2027-07-04")
    assert row(desk, number).status is ReceivableStatus.LOST
    assert desk.available(SHOP) == before
    assert balances(desk) == {"lost": 80_000}
    desk.fund(DEBTOR, 100_000, "more6")
    pay(desk, number)
    assert balances(desk) == {"lost": 80_000, "recovered": 80_000 + fee}
    assert desk.available(SHOP) == before + 20_000 - fee


def test_when_the_last_try_is_in_vain_it_is_a_loss(desk: Market) -> None:
    number = invoice(desk, "I1")
    finance(desk, "recourse", receivable_id=number)
    empty(desk, SHOP, "gone")
    for day in ("2027-07-04", "2027-07-06", "2027-07-08"):
        go_to(desk, day)
        assert row(desk, number).status is ReceivableStatus.RECOURSE
    go_to(desk, "2027-07-09")
    assert row(desk, number).status is ReceivableStatus.LOST
    assert balances(desk) == {"lost": 80_000}


def test_a_credit_note_is_repaid_as_far_as_the_invoice_does_not_cover_what_is_owed(
    desk: Market,
) -> None:
    number = invoice(desk, "I1")
    finance(desk, "recourse", receivable_id=number)

    def reduce(amount: int) -> Any:
        command = ReduceReceivable(receivable_id=number, amount=amount, reason="returned")
        return desk.accept(command, as_party(SHOP))

    before = desk.available(SHOP)
    assert reduce(10_000).owed == 80_000 + FEE
    assert reduce(30_000).owed == 60_000
    assert desk.available(SHOP) == before - 20_000 - FEE
    more = ReduceReceivable(receivable_id=number, amount=60_001, reason="returned")
    assert desk.refuse(more, as_party(SHOP)) == "INVALID_AMOUNT"


def options(desk: Market, receivable_id: str) -> dict[str, FinancingOption]:
    day = loan_day(desk.clock())
    found = financing_options(desk.rows, desk.ledger.accounts, row(desk, receivable_id), day)
    return {option.product_id: option for option in found}


def test_offers_say_the_advance_the_fee_and_the_all_in_rate_before_anything_is_signed(
    desk: Market,
) -> None:
    number = invoice(desk, "I-offers", answered=False)
    offer = options(desk, number)["recourse"]
    assert (offer.advance, offer.fee) == (80_000, FEE)
    # 1.5 % for 60 days: 1.015 to the power of 365 / 60.
    assert offer.all_in is not None
    assert round(offer.all_in, 6) == Decimal("0.094801")
    assert offer.refused is not None
    assert offer.refused.code == "RECEIVABLE_NOT_ACKNOWLEDGED"
    assert options(desk, number)["silent"].refused is None
    desk.accept(AnswerNotice(receivable_id=number, accepted=True), as_party(DEBTOR))
    offered = options(desk, number)
    assert offered["recourse"].refused is None
    assert offered["small"].refused is not None
    assert offered["small"].refused.code == "RECEIVABLE_LIMIT_EXCEEDED"
    made = finance(desk, "recourse", receivable_id=number)
    assert (made.advance, made.fee) == (offer.advance, offer.fee)


def test_an_advance_above_the_ceiling_is_refused_with_by_how_much(desk: Market) -> None:
    terms = replace(TERMS, ceiling=Decimal("0.09"), ceiling_source="judicial ceiling")
    desk.accept(DefineReceivableTerms(product_id="dear", terms=terms))
    number = invoice(desk, "I-dear")
    assert finance(desk, "dear", receivable_id=number, refused=True) == (
        "CREDIT_RATE_ABOVE_CEILING"
    )
    refused = options(desk, number)["dear"].refused
    assert refused is not None
    assert "0.4801 % above the ceiling of 9.0000 % (judicial ceiling)" in refused.detail
    assert row(desk, number).status is ReceivableStatus.ACKNOWLEDGED


@pytest.mark.parametrize("field", ["advance_rate", "discount_rate", "ceiling"])
def test_terms_whose_rate_is_no_number_are_refused_by_name(desk: Market, field: str) -> None:
    terms = replace(TERMS, **{field: Decimal("NaN")})
    answer = desk.submit(DefineReceivableTerms(product_id="odd", terms=terms))
    assert answer.refusal is not None
    assert answer.refusal.code == "CREDIT_TERMS_INVALID"
    assert answer.refusal.detail.startswith(f"{field}: ")


def test_what_is_advanced_is_told_by_when_it_falls_due(desk: Market) -> None:
    finance(desk, "recourse", receivable_id=invoice(desk, "I-due"))

    def told(day: str) -> dict[str, tuple[int, int]]:
        found = due_buckets(desk.rows, desk.ledger.accounts, "CNY", date.fromisoformat(day))
        return {b.name: (b.receivables, b.advanced) for b in found if b.receivables}

    assert told("2027-05-01") == {"60": (1, 80_000)}
    assert told("2027-06-29") == {"30": (1, 80_000)}
    assert told("2027-06-30") == {"overdue": (1, 80_000)}
