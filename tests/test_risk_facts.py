"""Every command of the platform is decided by risk, or is here with the reason why it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from tests.payments.market import ALICE, APP
from tests.risk.decision.watched_market import watched

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.exchange.model import ExchangeQuote, ExecuteExchange
from tallystick.credit.collections.commands import TakeOffer
from tallystick.credit.collections.model import CaseOffer, OfferStatus
from tallystick.credit.joint.model import DrawFunded, FundingDecision, FundingStatus
from tallystick.credit.loans.model import Loan, LoanStatus, PayLoan
from tallystick.credit.pay_later.model import PayBill
from tallystick.credit.receivables.model import (
    FinanceReceivable,
    PayReceivable,
    Receivable,
    ReceivableKind,
    ReceivableStatus,
    RepayReceivable,
)
from tallystick.payments.trades.model import CancelTrade, CreateTrade
from tallystick.pipeline.commands import Caller, CallerKind, Command, Context, Request
from tallystick.platform import Platform
from tallystick.risk.decision.facts import Facts
from tallystick.risk_facts import FOR_PEOPLE, READERS
from tallystick.settings import load_settings
from tallystick.store.unit_of_work import UnitOfWork

NOT_DECIDED: Final[dict[str, str]] = {
    "the platform's own: a timer, a worker or a follower asks, for what was decided before": """
        anomaly.raise anomaly.record_notice bank.answered bank.sent blacklist.expire
        collections.check_promise collections.contact collections.record_delivery
        collections.review credit.check_monthly_floor credit.check_receivable credit.close_day
        credit.collect_due credit.collect_loan credit.expire_deposit credit.post_day
        credit.read_day credit.score_people
        credit.sweep_shares hold.expire joint.buy_back joint.expire joint.record_day ledger.expire
        monitor.look nonce.use notification.record_attempt notification.retry
        partners.forget_expired
        party.forget_payment_codes pay_later.check_bill pay_later.close_bills pay_later.issue_bill
        person.finish_recovery person.record_document person.record_proof person.start_challenge
        schedule.run session.close trade.finish webhook.record_attempt""",
    "entries in the books that its callers keep; products alone move what is in the platform's": """
        exchange.define_desk exchange.put_rates exchange.quote ledger.create_accounts
        ledger.create_records ledger.create_transfers ledger.delete_group ledger.name_book
        ledger.reverse ledger.save_group ledger.set_metadata ledger.sign_head ledger.succeed_key
        monitor.create monitor.end period.approve_reopening period.ask_reopening period.close
        period.reject_reopening schedule.create schedule.end schedule.pause schedule.resume
        sweep.create sweep.end sweep.run""",
    "a lender's own figures: nothing leaves or enters a wallet": """
        credit.change_rate credit.charge_off_loan credit.re_age credit.reduce_receivable
        credit.reschedule credit.reverse_payment credit.sell_loan credit.waive_loan""",
    "terms, offers and papers; money moves by a command that is decided": """
        collections.ask_hardship collections.decide_hardship collections.offer
        collections.promise collections.record_call collections.resume collections.save_strategy
        collections.save_text collections.set_rules collections.start_split collections.stop
        credit.answer_notice credit.apply_for_line credit.define_product
        credit.define_receivables credit.freeze_by_score credit.grant_consent credit.grant_line
        credit.inquire credit.put_score_model credit.record_score credit.register_invoice
        credit.release_deposit credit.revoke_consent credit.serve_score_model
        credit.set_limit_policy credit.set_merchant_policy credit.state_income joint.cancel
        joint.decide joint.define_programme joint.record_report joint.register_institution
        party.register trade.close trade.create trade.dispute trade.ship""",
    "takes away what somebody may do, or frees what was taken: it must not be held up": """
        api_key.revoke app.retire_key hold.unfreeze party.block person.cancel_recovery
        royalty.unbind""",
    "a proof, which is what a decision asks for": """
        anomaly.answer person.ask_proof""",
    "risk's own work, by people whose scopes are for it": """
        anomaly.clear_policy anomaly.close anomaly.see anomaly.set_policy blacklist.admit
        blacklist.ask blacklist.confirm blacklist.correct blacklist.cosign blacklist.decide
        blacklist.dispute blacklist.open blacklist.publish blacklist.tell_subject
        blacklist.withdraw graph.write person.set_level_limit risk.add_to_list risk.close_case
        risk.define_feature risk.drop_feature risk.grant_step_up risk.label risk.note_case
        risk.open_case risk.publish_rule risk.reject risk.release risk.remove_from_list
        risk.retire_rule risk.save_model risk.save_rule risk.set_failure_policy
        risk.set_terms""",
    "who is told, and the keys with which the platform itself signs": """
        gateway_key.create notification.resend webhook.create_endpoint webhook.end_endpoint
        webhook.resend""",
    "matching of a bank's statements with entries that are there": """
        reconciliation.accept reconciliation.assign reconciliation.import reconciliation.note
        reconciliation.reject reconciliation.resolve""",
}


def tag_of(command: type[Command]) -> str:
    return str(command.__struct_config__.tag)


def test_every_command_is_decided_or_named_with_a_reason(tmp_path: Path) -> None:
    platform = Platform.open(load_settings(None, {}, data=tmp_path / "data"))
    try:
        commands = platform.registry.commands()
    finally:
        platform.close()
    named = [tag for tags in NOT_DECIDED.values() for tag in tags.split()]
    decided = {tag_of(command) for command in READERS}
    assert len(named) == len(set(named))
    assert {tag_of(command) for command in commands} == decided | set(named)
    assert not decided & set(named)
    # What the platform asks for by itself is decided only where it asks on somebody's behalf.
    own = {command for command, entry in commands.items() if entry.scope == "system"}
    assert own & READERS.keys() == {c for c in FOR_PEOPLE if commands[c].scope == "system"}


ANN, SHOP, BUYER = "2088000000000001", "2088000000000002", "2088000000000003"
LOAN = Loan("L1", "loan", ANN, "CNY", LoanStatus.ACTIVE, "{}", "", "", 0, 0, 0)
FUNDED = FundingDecision(
    "F1", ANN, "loan", "CNY", 70_000, 6, "0.12", "{}", FundingStatus.RESERVED, "", "", "", "", "",
    0, 0,
)  # fmt: skip
INVOICE = Receivable(
    "R1", ReceivableKind.INVOICE, SHOP, BUYER, "7", "CNY", 9_000, "2027-06-30",
    ReceivableStatus.REGISTERED, "", 0, 0, 0, 0, 0, 0,
)  # fmt: skip
OFFER = CaseOffer("O1", "C1", ANN, "L1", "{}", OfferStatus.OPEN, 0, 0)
QUOTE = ExchangeQuote("Q1", "desk", 1, 2, 500, 70, "0.14", 0, 0, "", "", 0, 0)
ACCOUNT = b"a" * 16


@pytest.mark.parametrize(
    ("command", "facts"),
    [
        (DrawFunded(decision_id="F1"), Facts("loan", 70_000, "CNY", ANN)),
        (FinanceReceivable(product_id="p", receivable_id="R1"), Facts("loan", 9_000, "CNY", SHOP)),
        (PayLoan(loan_id="L1", amount=5), Facts("repayment", 5, "CNY", ANN)),
        (PayBill(borrower_id=ANN, product_id="p", amount=6), Facts("repayment", 6, party=ANN)),
        (TakeOffer(offer_id="O1"), Facts("repayment", party=ANN)),
        (PayReceivable(receivable_id="R1", amount=7),
         Facts("repayment", 7, "CNY", BUYER, SHOP)),
        (RepayReceivable(receivable_id="R1", amount=8), Facts("repayment", 8, "CNY", SHOP)),
        (ExecuteExchange(quote_id="Q1", from_account_id=ACCOUNT, to_account_id=ACCOUNT),
         Facts("exchange", 500, "EUR")),
        (ExecuteExchange(quote_id="Q2", from_account_id=ACCOUNT, to_account_id=ACCOUNT), None),
        (PayLoan(loan_id="L2"), None),
    ],
)  # fmt: skip
def test_credit_and_exchange_are_told_by_whose_money_moves(
    tmp_path: Path, command: Command, facts: Facts | None
) -> None:
    with watched(tmp_path) as shop:
        uow = UnitOfWork(shop.rows.connection, 0, 0)
        for row in (
            LOAN,
            FUNDED,
            INVOICE,
            OFFER,
            QUOTE,
            LedgerBook(1, "euros", "EUR", False, -1, "", 0),
        ):
            uow.put(row)
        context = Context(uow, Caller(CallerKind.OPERATOR, "ann"), b"", 0)
        assert READERS[type(command)](command, context) == facts


def test_what_goes_back_by_cancelling_is_decided_as_a_refund(tmp_path: Path) -> None:
    with watched(tmp_path) as shop:
        shop.publish("kind == 'refund' && amount > 40", "deny")
        shop.accept(CreateTrade(app_id="", out_trade_no="open", amount=50, subject="Tea"), APP)
        shop.pay(ALICE, 50, order="paid")
        open_order, paid = (
            CancelTrade(app_id="", out_trade_no=number) for number in ("open", "paid")
        )
        codes = [
            shop.code_of(shop.executor.submit_and_wait(Request.once(APP, command)))
            for command in (open_order, paid)
        ]
        assert codes == ["accepted", "RISK_DENIED"]
        assert shop.decisions()[-1].party == ALICE
