"""Joint lending on the real ledger: plans, quotas reserved, taken and given back, every rule."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.credit.joint.desk import CASH, EAST, GUARD, WEST, apply, desk, draw, programme
from tests.payments.market import ALICE, BOB, Market, as_party

from tallystick.credit.joint.model import (
    CancelFunding,
    Concentration,
    DecideFunding,
    DefineProgramme,
    DrawFunded,
    FundingDecided,
    FundingStatus,
    Programme,
    ProgrammeDay,
    ProgrammeTerms,
)
from tallystick.credit.joint.quota import programme_use
from tallystick.credit.joint.views import institution_loans, loan_share
from tallystick.credit.loans.model import (
    ChargeOffLoan,
    DefineLoanProduct,
    DrawMore,
    PayLoan,
    PaymentMode,
    ReverseLoanPayment,
)
from tallystick.credit.participation.model import (
    BuyBackBy,
    LossSharing,
    Participant,
    Plan,
    require_plan,
)
from tallystick.credit.participation.share import owed_parts
from tallystick.ledger.chart import (
    INSTITUTION_SETTLEMENT,
    LOAN_INTEREST,
    LOAN_PRINCIPAL,
    PARTICIPATION_PRINCIPAL,
    SERVICING_FEE_INCOME,
    SHARE_CASH,
    SHARE_PRINCIPAL,
    account_id,
    book_id,
)
from tallystick.ledger.statements import balance_of
from tallystick.payments.wallet.model import TransferBetweenWallets
from tallystick.pipeline.commands import Request
from tallystick.pipeline.refusals import Refusal, Refused


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    with desk(tmp_path) as made:
        yield made


def _settlement(shop: Market, institution_id: str) -> int:
    found = shop.ledger.accounts([account_id(1_000_156, INSTITUTION_SETTLEMENT, institution_id)])
    return balance_of(found[0]) if found else 0


def _pending(shop: Market, code: int) -> int:
    return sum(a.credits_pending for a in shop.ledger.accounts_where(book=1_000_156, code=code))


def test_a_plan_is_reserved_taken_and_paid_back_in_shares(shop: Market) -> None:
    programme(shop, "east", EAST, share=Decimal("0.3"), preference=1, keeps=Decimal("0.7"))
    programme(shop, "west", WEST, share_max=Decimal("0.5"), preference=2)
    programme(shop, "own", "", preference=9)
    decided = apply(shop, 100_001)
    assert [(s.programme_id, s.share_ppm, s.amount) for s in decided.shares] == [
        ("east", 300_000, 30_000), ("west", 500_000, 50_001), ("own", 200_000, 20_000),
    ]  # fmt: skip
    assert _pending(shop, PARTICIPATION_PRINCIPAL.code) == 80_001
    assert shop.sum_of(PARTICIPATION_PRINCIPAL.code) == 0
    done = shop.accept(DrawFunded(decision_id=decided.decision_id), as_party(ALICE))
    assert _pending(shop, PARTICIPATION_PRINCIPAL.code) == 0
    assert shop.sum_of(PARTICIPATION_PRINCIPAL.code) == 80_001
    assert _settlement(shop, EAST) == -30_000
    paid = shop.accept(PayLoan(loan_id=done.loan_id, amount=50_000, mode=PaymentMode.EARLY))
    assert paid.paid == {"principal": 50_000}
    assert _settlement(shop, EAST) == -30_000 + 15_000
    assert _settlement(shop, WEST) == -50_001 + 25_000
    own = shop.ledger.accounts_where(book=book_id(2001, "CNY"))
    assert sum(a.debits_posted - a.credits_posted for a in own) == 0
    assert {a.code: balance_of(a) for a in own} == {
        SHARE_PRINCIPAL.code: 15_000, SHARE_CASH.code: -15_000
    }  # fmt: skip
    back = shop.accept(ReverseLoanPayment(loan_id=done.loan_id, step=paid.step))
    assert back.owed == 100_001
    assert (_settlement(shop, EAST), _settlement(shop, WEST)) == (-30_000, -50_001)
    assert shop.refuse(DrawFunded(decision_id=decided.decision_id)) == "FUNDING_STATE_REFUSED"


def test_income_is_split_with_platform_and_guarantor(shop: Market) -> None:
    programme(
        shop, "east", EAST, keeps=Decimal("0.7"), guarantor_id=GUARD, guarantee=Decimal("0.1")
    )
    loan_id = draw(shop, 300_000)
    shop.clock.pass_ms(30 * 86_400_000)
    before = shop.available(ALICE)
    shop.accept(PayLoan(loan_id=loan_id, mode=PaymentMode.ALL), as_party(ALICE))
    paid = before - shop.available(ALICE)
    interest = paid - 300_000
    assert interest == 2959
    guard, fee = _settlement(shop, GUARD), shop.sum_of(SERVICING_FEE_INCOME.code)
    assert (guard, fee) == (296, 592)
    assert _settlement(shop, EAST) == interest - guard - fee
    assert shop.sum_of(PARTICIPATION_PRINCIPAL.code) == 0


def test_quota_is_given_back_when_a_decision_is_cancelled_or_expires(shop: Market) -> None:
    programme(shop, "east", EAST, total_max=150_000, day_max=150_000)
    first = apply(shop, 100_000)
    assert apply(shop, 100_000).rule == "day"
    shop.accept(CancelFunding(decision_id=first.decision_id), as_party(ALICE))
    assert shop.refuse(CancelFunding(decision_id=first.decision_id)) == "FUNDING_STATE_REFUSED"
    second = apply(shop, 150_000)
    assert second.status is FundingStatus.RESERVED
    shop.clock.now_ms = second.expires_ms
    assert shop.refuse(DrawFunded(decision_id=second.decision_id)) == "FUNDING_EXPIRED"
    shop.run_timers()
    assert shop.refuse(DrawFunded(decision_id=second.decision_id)) == "FUNDING_EXPIRED"
    assert _pending(shop, PARTICIPATION_PRINCIPAL.code) == 0
    assert apply(shop, 150_000).status is FundingStatus.RESERVED


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"products": ("gold",)}, "product"),
        ({"eligible": "score >= 600"}, "eligible"),
        ({"eligible": "region in ['north'] && amount < 1000000"}, "eligible"),
        ({"price": Decimal("0.13")}, "price"),
        ({"loan_min": 100_001}, "loan"),
        ({"loan_max": 99_999}, "loan"),
        ({"borrower_max": 99_999}, "borrower"),
        ({"day_max": 99_999}, "day"),
        ({"total_max": 99_999}, "total"),
        ({"share_max": Decimal("0.5")}, "share"),
        (
            {
                "concentration": Concentration(fact="region", share=Decimal("0.1")),
                "total_max": 999_990,
            },
            "concentration",
        ),
    ],
)
def test_the_rule_that_left_no_plan_is_named(shop: Market, terms: Any, rule: str) -> None:
    programme(shop, "east", EAST, **terms)
    decided = apply(shop, 100_000, region="south", score=500)
    assert (decided.status, decided.rule) == (FundingStatus.DECLINED, rule)
    assert [r.programme_id for r in decided.reasons] == ["east"]
    assert shop.refuse(DrawFunded(decision_id=decided.decision_id)) == "FUNDING_STATE_REFUSED"
    assert _pending(shop, PARTICIPATION_PRINCIPAL.code) == 0


def test_ceilings_of_borrower_and_kind_count_what_is_owed_and_reserved(shop: Market) -> None:
    programme(
        shop, "east", EAST, borrower_max=250_000, total_max=1_000_000,
        concentration=Concentration(fact="region", share=Decimal("0.3")),
    )  # fmt: skip
    loan_id = draw(shop, 100_000, region="south")
    apply(shop, 100_000, region="north")
    assert apply(shop, 100_000, region="north").rule == "borrower"
    assert apply(shop, 200_001, BOB, region="south").rule == "concentration"
    assert apply(shop, 200_000, BOB, region="south").status is FundingStatus.RESERVED
    shop.accept(PayLoan(loan_id=loan_id, mode=PaymentMode.ALL), as_party(ALICE))
    assert apply(shop, 100_000, region="south").status is FundingStatus.RESERVED


def test_first_losses_are_borne_by_others_up_to_the_cap(shop: Market) -> None:
    programme(
        shop, "east", EAST, share=Decimal("0.6"), losses=LossSharing.PLATFORM_FIRST, cap=50_000
    )
    programme(
        shop, "west", WEST, share=Decimal("0.4"), guarantor_id=GUARD,
        losses=LossSharing.GUARANTOR_FIRST, cap=1_000_000,
    )  # fmt: skip
    loan_id = draw(shop, 200_000)
    shop.accept(ChargeOffLoan(loan_id=loan_id))
    assert _settlement(shop, EAST) == -120_000 + 50_000
    assert _settlement(shop, WEST) == 0
    assert _settlement(shop, GUARD) == -80_000
    shop.accept(PayLoan(loan_id=loan_id, amount=20_000), as_party(ALICE))
    assert _settlement(shop, EAST) == -120_000 + 50_000 + 7_000
    assert _settlement(shop, GUARD) == -80_000 + 8_000
    again = draw(shop, 10_000)
    shop.accept(ChargeOffLoan(loan_id=again))
    assert _settlement(shop, EAST) == -63_000 - 6_000


def test_a_guarantor_that_took_two_shares_over_sees_both_of_them(shop: Market) -> None:
    guaranteed = {
        "guarantor_id": GUARD, "buy_back_days": 5, "buy_back_by": BuyBackBy.GUARANTOR,
    }  # fmt: skip
    programme(shop, "east", EAST, share=Decimal("0.3"), **guaranteed)
    programme(shop, "west", WEST, **guaranteed)
    loan_id = draw(shop, 100_001)
    shop.accept(
        TransferBetweenWallets(
            payer_id=ALICE, payee_id=BOB, amount=shop.available(ALICE), out_biz_no="away"
        ),
        as_party(ALICE),
    )
    for _ in range(40):
        shop.clock.pass_ms(86_400_000)
        while shop.run_timers():
            pass
    of_east, of_west = (loan_share(shop.rows, who, loan_id) for who in (EAST, WEST))
    assert of_east is not None
    assert of_west is not None
    assert (of_east.bought_back, of_west.bought_back) == (True, True)
    found = loan_share(shop.rows, GUARD, loan_id)
    assert found is not None
    assert (found.share_ppm, found.owed["principal"]) == (1_000_000, 100_001)
    # Both came at one moment: a page that ends between them leaves neither out.
    first, rest = (institution_loans(shop.rows, GUARD, 1), institution_loans(shop.rows, GUARD, 9))
    place = (first[0].at_ns, first[0].loan_id, first[0].flow_no)
    assert institution_loans(shop.rows, GUARD, 9, place) == rest[1:]
    assert len(rest) == 2


@pytest.mark.parametrize(
    "terms",
    [
        {"eligible": "score >= 'high'"},
        {"eligible": "points > 3"},
        {"eligible": "score + 1"},
        {"share": Decimal("1.1")},
        {"share": Decimal("1e999999")},
        {"price": Decimal("1e999999")},
        {"share_min": Decimal("0.5"), "share_max": Decimal("0.4")},
        {"share": Decimal("0.3"), "share_min": Decimal("0.2")},
        {"loan_min": 500, "borrower_max": 400},
        {"loan_min": 500, "day_max": 400},
        {"loan_min": 1001},
        {"keeps": Decimal("0.8"), "guarantee": Decimal("0.3"), "guarantor_id": GUARD},
        {"losses": LossSharing.GUARANTOR_FIRST, "cap": 100},
        {"losses": LossSharing.PLATFORM_FIRST},
        {"buy_back_days": 30, "buy_back_by": BuyBackBy.GUARANTOR},
        {"guarantor_id": GUARD, "buy_back_by": BuyBackBy.GUARANTOR},
        {"cap": 5},
        {"concentration": Concentration(fact="colour", share=Decimal("0.5"))},
        {"total_max": -1},
        {"currency": "XXQ"},
    ],
)
def test_terms_that_make_no_sense_are_refused_and_nothing_changes(shop: Market, terms: Any) -> None:
    terms = {"total_max": 1000, **terms}
    command = DefineProgramme(
        programme_id="east", institution_id=EAST, terms=ProgrammeTerms(**terms)
    )
    assert shop.refuse(command) == "FUNDING_TERMS_INVALID"
    assert shop.rows.select(Programme) == []


def test_a_plan_that_is_not_the_whole_is_refused_by_name() -> None:
    with pytest.raises(Refused) as refused:
        require_plan(Plan((Participant(share_ppm=600_000), Participant(share_ppm=300_000))))
    assert refused.value.refusal.code == "FUNDING_PLAN_INVALID"
    assert "90.0000 % together, not 100 %" in refused.value.refusal.detail


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"total_max": 64_999}, "total"),
        ({"borrower_max": 64_999}, "borrower"),
        ({"day_max": 64_999}, "day"),
        ({"loan_max": 64_999}, "loan"),
        ({"concentration": Concentration(fact="region", share=Decimal("0.649990"))},
         "concentration"),
    ],
)  # fmt: skip
def test_a_further_part_of_a_loan_takes_quota_or_is_refused_by_rule(
    shop: Market, terms: dict[str, Any], rule: str
) -> None:
    product = msgspec.structs.replace(CASH, drawdowns_max=5)
    shop.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=product))
    limits = {"share": Decimal("0.5"), "total_max": 100_000, **terms}
    programme(shop, "east", EAST, **limits)
    programme(shop, "own", "", share=Decimal("0.5"))
    loan_id = draw(shop, 100_000, region="east")
    more = DrawMore(loan_id=loan_id, amount=30_000)
    answer = shop.submit(more, as_party(ALICE))
    assert answer.refusal == Refusal("FUNDING_DECLINED", rule)
    assert _position(shop, loan_id) == (100_000, 50_000)
    shop.accept(DrawMore(loan_id=loan_id, amount=29_998), as_party(ALICE))
    assert _position(shop, loan_id) == (129_998, 64_999)
    day = shop.rows.select(ProgrammeDay, programme_id="east")
    assert [one.used for one in day] == [64_999]
    assert apply(shop, 2, region="east").rule == ("" if rule == "loan" else rule)
    shop.accept(
        DefineProgramme(
            programme_id="east", institution_id=EAST, is_open=False,
            terms=ProgrammeTerms(total_max=10**8, concentration=limits.get("concentration")),
        )
    )  # fmt: skip
    closed = shop.submit(DrawMore(loan_id=loan_id, amount=2), as_party(ALICE))
    assert closed.refusal == Refusal("FUNDING_DECLINED", "open")


def _position(shop: Market, loan_id: str) -> tuple[int, int]:
    """What is owed of a loan's principal, and what all owe to institutions."""
    (loan,) = shop.ledger.accounts([account_id(1_000_156, LOAN_PRINCIPAL, loan_id)])
    shares = shop.ledger.accounts_where(book=1_000_156, code=PARTICIPATION_PRINCIPAL.code)
    return balance_of(loan), sum(balance_of(account) for account in shares)


def test_an_institution_has_no_wallet(shop: Market) -> None:
    from tallystick.payments.wallet.model import StartWithdrawal, TransferBetweenWallets

    move = TransferBetweenWallets(payer_id=EAST, payee_id=ALICE, amount=1, out_biz_no="1")
    assert shop.refuse(move, as_party(EAST)) == "NOT_PERMITTED"
    to_bank = StartWithdrawal(party_id=EAST, amount=1, bank_id="1")
    assert shop.refuse(to_bank, as_party(EAST)) == "NOT_PERMITTED"


def test_sixteen_at_once_never_sell_more_than_there_is(shop: Market) -> None:
    programme(shop, "east", EAST, total_max=1_000_000, day_max=900_000)
    command = DecideFunding(borrower_id=ALICE, product_id="cash", amount=70_000, count=3)

    def one(number: int) -> FundingStatus:
        reply = shop.executor.submit_and_wait(Request.once(as_party(ALICE), command)).reply
        assert isinstance(reply, FundingDecided)
        if reply.status is FundingStatus.RESERVED and number % 3:
            kind = DrawFunded if number % 2 else CancelFunding
            shop.accept(kind(decision_id=reply.decision_id), as_party(ALICE))
        return reply.status

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(one, range(64)))
    assert FundingStatus.DECLINED in found
    row = shop.rows.get(Programme, "east")
    assert row is not None
    from tallystick.store.unit_of_work import UnitOfWork

    uow = UnitOfWork(shop.rows.connection, shop.clock.now_ms, 0)
    used, reserved = programme_use(uow, row, "CNY")
    assert reserved <= used <= 900_000


def test_the_end_of_a_day_shares_what_accrues_and_what_is_collected(shop: Market) -> None:
    programme(shop, "east", EAST, share=Decimal("0.3"), keeps=Decimal("0.7"))
    programme(shop, "west", WEST)
    loans = [draw(shop, 100_001), draw(shop, 99_997), draw(shop, 100_003, BOB)]
    for _ in range(35):
        shop.clock.pass_ms(86_400_000)
        while shop.run_timers():
            pass
        shares = {"east": 300_000, "west": 700_000}
        for entry, code in ((LOAN_PRINCIPAL, 2301), (LOAN_INTEREST, 2302)):
            sums = dict.fromkeys(shares, 0)
            for loan_id in loans:
                account = shop.ledger.accounts([account_id(1_000_156, entry, loan_id)])
                if account:
                    totals = (account[0].debits_posted, account[0].credits_posted)
                    for name, part in zip(shares, owed_parts(*totals, list(shares.values())),
                                          strict=True):  # fmt: skip
                        sums[name] += part
            held = shop.ledger.accounts_where(book=1_000_156, code=code)
            booked = {a.user_data_128: balance_of(a) for a in held}
            assert booked.get(2_001_001, 0) == sums["east"]
            assert booked.get(2_002_001, 0) == sums["west"]
    assert _settlement(shop, EAST) > -90_000
