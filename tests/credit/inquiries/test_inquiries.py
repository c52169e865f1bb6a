"""Consents, inquiries, limits over products and deposits left out, on the real store."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.payments.market import (
    ALICE,
    APP,
    APP_ID,
    BOB,
    CODES,
    DAY_MS,
    OTHER_SELLER,
    SHOP,
    Market,
    as_party,
    market,
)
from tests.platform_parts import Clock

from tallystick.credit.inquiries import service as inquiries
from tallystick.credit.inquiries.limits import Band, LimitPolicy
from tallystick.credit.inquiries.model import (
    AskCredit,
    CaptureDeposit,
    Consent,
    DepositFree,
    ExpireDeposit,
    FreezeByScore,
    GrantConsent,
    Inquiry,
    Purpose,
    RecordScore,
    ReleaseDeposit,
    RevokeConsent,
    SetLimitPolicy,
    StateIncome,
)
from tallystick.credit.inquiries.views import consents_of, inquiries_about, operations_of
from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    ChargeOffLoan,
    DefineLoanProduct,
    DrawLoan,
    GrantCreditLine,
    PayLaterTerms,
    PayLoan,
    PaymentMode,
    ProductTerms,
)
from tallystick.credit.pay_later import service as pay_later
from tallystick.credit.pay_later.model import PayTradeLater
from tallystick.decoding import decode_json
from tallystick.payments.trades.model import CreateTrade, PayTrade
from tallystick.payments.wallet.model import TransferBetweenWallets
from tallystick.pipeline.commands import Caller, CallerKind

CASH = ProductTerms(annual_rate=Decimal("0.12"), counts=(3,), amount_max=10_000)
POLICY = LimitPolicy(
    bands=(Band(score_from=600, months=Decimal(1), amount_max=3_000, deposit_max=1_000),)
)
OPERATOR = Caller(CallerKind.OPERATOR, "op", frozenset({"*"}))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    more = (loans.register, pay_later.register, inquiries.register)
    with market(tmp_path, Clock(), more=more) as made:
        made.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=CASH))
        made.accept(GrantCreditLine(borrower_id=ALICE, product_id="cash", amount=9_000))
        yield made


def ask(shop: Market, transaction_id: str, **fields: Any) -> Any:
    command = AskCredit(
        app_id=APP_ID, transaction_id=transaction_id,
        **({"purpose": Purpose.SCORE, "party_id": ALICE} | fields),
    )  # fmt: skip
    return shop.accept(command, APP)


def consent(shop: Market, purpose: Purpose = Purpose.SCORE, days: int = 30) -> str:
    command = GrantConsent(party_id=ALICE, asker_id=APP_ID, purpose=purpose, days=days)
    made = shop.accept(command, as_party(ALICE))
    assert (made.asker_id, made.purpose) == (APP_ID, purpose)
    return str(made.consent_id)


def scored(shop: Market, score: int = 655) -> None:
    shop.accept(RecordScore(party_id=ALICE, score=score, probability="0.02", model="m1"))


def draw(amount: int) -> DrawLoan:
    return DrawLoan(borrower_id=ALICE, product_id="cash", amount=amount, count=3)


def test_without_consent_nothing_is_told_and_the_inquiry_is_logged(shop: Market) -> None:
    scored(shop)
    done = ask(shop, "t1")
    assert (done.outcome, done.score) == ("no_consent", 0)
    (line,) = inquiries_about(shop.rows, ALICE)
    assert (line.asker_id, line.purpose, line.outcome) == (APP_ID, "score", "no_consent")
    told = decode_json(line.answer)
    assert told.pop("inquiry_id")  # Its digits may be any.
    assert "655" not in str(told)


def test_a_consent_covers_its_purpose_its_asker_and_its_time(shop: Market) -> None:
    scored(shop)
    given = consent(shop, days=2)
    assert ask(shop, "t1").score == 655
    told = ask(shop, "t2", minimum=700)
    assert (told.score, told.is_admitted) == (0, False)
    assert ask(shop, "t3", minimum=600).is_admitted
    assert ask(shop, "t4", party_id="", consent_id=given).score == 655
    assert ask(shop, "t5", purpose=Purpose.WATCH_LIST).outcome == "no_consent"
    shop.clock.pass_ms(2 * DAY_MS)
    assert ask(shop, "t6").outcome == "no_consent"
    assert len(inquiries_about(shop.rows, ALICE)) == 6


def test_a_consent_is_the_persons_alone_to_give_and_to_take_back(shop: Market) -> None:
    scored(shop)
    grant = GrantConsent(party_id=ALICE, asker_id=APP_ID, purpose=Purpose.SCORE)
    for other in (as_party(BOB), APP, OPERATOR):
        assert shop.refuse(grant, other) == "NOT_PERMITTED"
    given = consent(shop)
    revoke = RevokeConsent(consent_id=given)
    assert shop.refuse(revoke, as_party(BOB)) == "CREDIT_CONSENT_NOT_EXIST"
    assert ask(shop, "t1").score == 655
    shop.accept(revoke, as_party(ALICE))
    assert ask(shop, "t1").outcome == "no_consent"
    assert ask(shop, "t2", party_id="", consent_id=given).outcome == "no_consent"
    (kept,) = consents_of(shop.rows, ALICE)
    assert kept.revoked_ms == shop.clock.now_ms
    assert shop.rows.get(Consent, given) == kept


def test_the_same_transaction_gets_the_first_answer_for_a_day(shop: Market) -> None:
    scored(shop)
    consent(shop)
    first = ask(shop, "t1")
    shop.clock.pass_ms(DAY_MS)
    scored(shop, 700)
    assert ask(shop, "t1") == first
    assert len(shop.rows.select(Inquiry, party_id=ALICE)) == 2
    other = AskCredit(app_id=APP_ID, transaction_id="t1", purpose=Purpose.SCORE, party_id=ALICE,
                      minimum=600)  # fmt: skip
    assert shop.refuse(other, APP) == "CREDIT_INQUIRY_REPEATED"
    shop.clock.pass_ms(1)
    again = AskCredit(app_id=APP_ID, transaction_id="t1", purpose=Purpose.SCORE, party_id=ALICE)
    assert shop.refuse(again, APP) == "CREDIT_INQUIRY_REPEATED"


def test_the_watch_list_tells_of_loans_that_were_written_off(shop: Market) -> None:
    consent(shop, Purpose.WATCH_LIST)
    assert ask(shop, "t1", purpose=Purpose.WATCH_LIST).matches == ()
    loan_id = shop.accept(draw(100), as_party(ALICE)).loan_id
    shop.accept(ChargeOffLoan(loan_id=loan_id))
    found = ask(shop, "t2", purpose=Purpose.WATCH_LIST).matches
    assert found == (("written_off", shop.clock.now_ms),)


def test_a_limit_holds_over_all_products_and_is_freed_by_repayment(shop: Market) -> None:
    alice = as_party(ALICE)
    later = ProductTerms(annual_rate=Decimal(0), counts=(1,), amount_max=9_000,
                         pay_later=PayLaterTerms())  # fmt: skip
    shop.accept(DefineLoanProduct(product_id="later", name="Later", terms=later))
    shop.accept(GrantCreditLine(borrower_id=ALICE, product_id="later", amount=9_000))
    shop.accept(SetLimitPolicy(terms=POLICY))
    assert shop.refuse(draw(100), alice) == "CREDIT_LIMIT_EXCEEDED"
    scored(shop)
    assert shop.refuse(draw(100), alice) == "CREDIT_LIMIT_EXCEEDED"
    shop.accept(StateIncome(party_id=ALICE, currency="CNY", monthly=5_000), alice)
    assert shop.refuse(draw(2_501), alice) == "CREDIT_LIMIT_EXCEEDED"
    shop.accept(StateIncome(party_id=ALICE, currency="CNY", monthly=5_000, source="payslip"))
    assert shop.refuse(
        StateIncome(party_id=ALICE, currency="CNY", monthly=90_000), alice
    ) == "NOT_PERMITTED"  # fmt: skip
    loan_id = shop.accept(draw(2_000), alice).loan_id
    buy = PayTradeLater(
        payment=PayTrade(order=CreateTrade(app_id=APP_ID, out_trade_no="l1", amount=1_001,
                                           subject="Tea", seller_id=SHOP),
                         payment_code_index=CODES[ALICE]),
        product_id="later",
    )  # fmt: skip
    assert shop.refuse(buy, APP) == "CREDIT_LIMIT_EXCEEDED"
    shop.accept(PayLoan(loan_id=loan_id, amount=1, mode=PaymentMode.EARLY), alice)
    shop.accept(buy, APP)
    assert shop.refuse(draw(100), alice) == "CREDIT_LIMIT_EXCEEDED"


def test_a_deposit_is_left_out_for_a_score_and_counts_as_owed(shop: Market) -> None:
    shop.accept(SetLimitPolicy(terms=POLICY))
    shop.accept(StateIncome(party_id=ALICE, currency="CNY", monthly=9_000, source="payslip"))

    def freeze(number: str, amount: int) -> FreezeByScore:
        return FreezeByScore(
            app_id=APP_ID, out_order_no=number, out_request_no=number, amount=amount,
            title="Bicycle", payment_code_index=CODES[ALICE],
        )  # fmt: skip

    before = shop.available(ALICE)
    assert shop.accept(freeze("d1", 900), APP).outcome == "no_consent"
    consent(shop, Purpose.DEPOSIT_FREE)
    assert shop.accept(freeze("d2", 900), APP).outcome == "no_score"
    scored(shop)
    assert shop.accept(freeze("d3", 1_001), APP).outcome == "score_low"
    held = shop.accept(freeze("d4", 900), APP)
    assert shop.accept(freeze("d4", 900), APP) == held
    assert shop.refuse(freeze("d4", 901), APP) == "HOLD_MISMATCH"
    assert (shop.available(ALICE), shop.frozen(ALICE)) == (before, 0)
    assert [line.outcome.value for line in inquiries_about(shop.rows, ALICE)].count("answered") == 1
    assert shop.refuse(draw(2_101), as_party(ALICE)) == "CREDIT_LIMIT_EXCEEDED"
    back = ReleaseDeposit(app_id=APP_ID, hold_id=held.hold_id, out_request_no="r1", amount=900)
    done = shop.accept(back, APP)
    assert (done.open_amount, shop.accept(back, APP)) == (0, done)
    assert shop.refuse(
        ReleaseDeposit(app_id=APP_ID, hold_id=held.hold_id, out_request_no="r2", amount=1), APP
    ) == "HOLD_CLOSED"  # fmt: skip
    kept = shop.rows.get(DepositFree, held.hold_id)
    assert kept is not None
    assert kept.open_amount == 0
    shop.accept(draw(3_000), as_party(ALICE))


def left_out(shop: Market, number: str, amount: int = 900, **more: Any) -> Any:
    """A deposit of Alice's that a score stands for."""
    if not consents_of(shop.rows, ALICE):
        shop.accept(SetLimitPolicy(terms=POLICY))
        shop.accept(StateIncome(party_id=ALICE, currency="CNY", monthly=9_000, source="payslip"))
        consent(shop, Purpose.DEPOSIT_FREE)
        scored(shop)
    command = FreezeByScore(
        app_id=APP_ID, out_order_no=number, out_request_no=number, amount=amount,
        title="Bicycle", payment_code_index=CODES[ALICE], **more,
    )  # fmt: skip
    made = shop.accept(command, APP)
    shop.clock.pass_ms(1)
    return made


def capture(hold_id: str, number: str, amount: int, **more: Any) -> CaptureDeposit:
    order = CreateTrade(
        app_id=APP_ID, out_trade_no=number, amount=amount, subject="Rent", settlement="instant",
        **more,
    )  # fmt: skip
    return CaptureDeposit(hold_id=hold_id, payment=PayTrade(app_id=APP_ID, order=order))


def open_amount(shop: Market, hold_id: str) -> int:
    hold = shop.rows.get(DepositFree, hold_id)
    assert hold is not None
    return hold.open_amount


def test_a_deposit_pays_an_order_from_the_wallet_and_shrinks_with_it(shop: Market) -> None:
    held = left_out(shop, "c1")
    before = shop.available(ALICE)
    paid = shop.accept(capture(held.hold_id, "rent-1", 300), APP)
    assert (paid.status, paid.buyer_id) == ("settled", ALICE)
    assert (shop.available(ALICE), open_amount(shop, held.hold_id)) == (before - 300, 600)
    # What is left is all that it pays without a code; nobody else's app or seller has it.
    for refused, code in (
        (capture(held.hold_id, "rent-2", 601), "HOLD_AMOUNT_EXCEEDED"),
        (capture("1" * 28, "rent-2", 1), "HOLD_NOT_EXIST"),
        (capture(held.hold_id, "rent-2", 1, seller_id=OTHER_SELLER), "HOLD_MISMATCH"),
        (capture(held.hold_id, "rent-1", 300), "TRADE_ALREADY_PAID"),
    ):
        assert shop.refuse(refused, APP) == code
    with_code = capture(held.hold_id, "rent-2", 1)
    with_code = replace(
        with_code, payment=replace(with_code.payment, payment_code_index=CODES[ALICE])
    )
    assert shop.refuse(with_code, APP) == "INVALID_PARAMETER"
    assert (shop.available(ALICE), open_amount(shop, held.hold_id)) == (before - 300, 600)
    shop.accept(capture(held.hold_id, "rent-3", 600), APP)
    assert shop.refuse(capture(held.hold_id, "rent-4", 1), APP) == "HOLD_CLOSED"


def test_a_deposit_that_the_wallet_cannot_pay_stands_as_it_stood(shop: Market) -> None:
    held = left_out(shop, "c2")
    everything = TransferBetweenWallets(
        payer_id=ALICE, payee_id=BOB, amount=shop.available(ALICE), out_biz_no="all"
    )
    shop.accept(everything, as_party(ALICE))
    refused = capture(held.hold_id, "poor-1", 300)
    assert shop.refuse(refused, APP) == "BUYER_BALANCE_NOT_ENOUGH"
    assert open_amount(shop, held.hold_id) == 900
    shop.fund(ALICE, 300, "again")
    shop.accept(refused, APP)
    assert (shop.available(ALICE), open_amount(shop, held.hold_id)) == (0, 600)


def test_a_deposit_ends_by_itself_and_is_owed_no_more(shop: Market) -> None:
    held = left_out(shop, "c3", expires_within_ms=2 * DAY_MS)
    whole = left_out(shop, "c4", amount=100)
    shop.accept(capture(held.hold_id, "rent-5", 200), APP)
    assert shop.refuse(draw(2_201), as_party(ALICE)) == "CREDIT_LIMIT_EXCEEDED"
    shop.clock.pass_ms(2 * DAY_MS - 1)
    # Its time is over, also before the timer has said so.
    assert shop.refuse(capture(held.hold_id, "rent-6", 1), APP) == "HOLD_CLOSED"
    while shop.run_timers():
        pass
    hold = shop.rows.get(DepositFree, held.hold_id)
    assert hold is not None
    assert hold.open_amount == 0
    kinds = [(one.kind, one.amount, one.remark) for one in operations_of(shop.rows, hold)]
    assert kinds == [("FREEZE", 900, ""), ("PAY", 200, ""), ("UNFREEZE", 700, "expired")]
    assert open_amount(shop, whole.hold_id) == 100
    shop.accept(draw(2_900), as_party(ALICE))
    back = ReleaseDeposit(app_id=APP_ID, hold_id=held.hold_id, out_request_no="late", amount=1)
    assert shop.refuse(back, APP) == "HOLD_CLOSED"


def test_a_deposit_that_is_paid_or_released_whole_has_no_timer_left(shop: Market) -> None:
    held = left_out(shop, "c5")
    shop.accept(capture(held.hold_id, "rent-7", 900), APP)
    shop.clock.pass_ms(400 * DAY_MS)
    while shop.run_timers():
        pass
    hold = shop.rows.get(DepositFree, held.hold_id)
    assert hold is not None
    assert [one.kind for one in operations_of(shop.rows, hold)] == ["FREEZE", "PAY"]
    assert shop.refuse(ExpireDeposit(hold_id=held.hold_id)) == "HOLD_CLOSED"
    longer = FreezeByScore(
        app_id=APP_ID, out_order_no="c6", out_request_no="c6", amount=1, title="Bicycle",
        payment_code_index=CODES[ALICE], expires_within_ms=361 * DAY_MS,
    )  # fmt: skip
    assert shop.refuse(longer, APP) == "INVALID_PARAMETER"
