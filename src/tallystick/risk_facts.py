"""What commands are about, for risk: each command that moves money or changes control.

This is where products and risk meet; neither knows of the other. A command that is not here is
not decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.exchange.model import ExchangeQuote, ExecuteExchange
from tallystick.credit.collections.commands import TakeOffer
from tallystick.credit.collections.model import CaseOffer
from tallystick.credit.inquiries.model import CaptureDeposit, DepositFree
from tallystick.credit.joint.model import DrawFunded, FundingDecision
from tallystick.credit.loans.model import DrawLoan, DrawMore, Loan, PayLoan
from tallystick.credit.merchant.model import DrawMerchantLoan
from tallystick.credit.pay_later.model import PayBill, PayTradeLater
from tallystick.credit.receivables.model import (
    FinanceReceivable,
    PayReceivable,
    Receivable,
    RepayReceivable,
)
from tallystick.parties.model import IssuePaymentCode, PaymentCode, RecordPasswordTry
from tallystick.partners.model import (
    AddAppKey,
    AddSeller,
    App,
    CreateApiKey,
    CreateApp,
    CreateOperator,
    OpenSession,
    RecordOperatorTry,
    ResetOperatorPassword,
    SetAppStatus,
    SetOperatorStatus,
    UpdateApp,
)
from tallystick.payments.callers import acting_app
from tallystick.payments.holds.model import FreezeFunds
from tallystick.payments.trades.model import (
    CancelTrade,
    ConfirmReceipt,
    PayTrade,
    RefundTrade,
    RelateReceivers,
    ResolveDispute,
    SplitTrade,
    Trade,
    TradeCommand,
    TradeStatus,
)
from tallystick.payments.wallet.model import (
    StartTopUp,
    StartWithdrawal,
    TransferBetweenWallets,
)
from tallystick.pipeline.commands import Command, Context
from tallystick.risk.decision.engine import Reader
from tallystick.risk.decision.facts import Facts
from tallystick.risk.person.model import AddFactor, RemoveFactor, RequestRecovery

__all__ = ["FOR_PEOPLE", "READERS"]


def _merchant(context: Context, app_id: str) -> str:
    app = context.uow.get(App, app_id) if app_id else None
    return "" if app is None else app.merchant_id


def _facts(context: Context, kind: str, app_id: str, **known: Any) -> Facts:
    app = acting_app(context, app_id)
    return Facts(kind, app=app, merchant=_merchant(context, app), **known)


def _payer(context: Context, code_index: bytes, named: str) -> str:
    if not code_index:
        return named
    code = context.uow.get(PaymentCode, code_index)
    return "" if code is None else code.party_id


def _stored_trade(command: PayTrade | TradeCommand, context: Context) -> Trade | None:
    uow = context.uow
    if command.trade_no:
        return uow.get(Trade, command.trade_no)
    app_id = acting_app(context, command.app_id)
    out_trade_no = command.out_trade_no if isinstance(command, TradeCommand) else ""
    if not (app_id and out_trade_no):
        return None
    return uow.find(Trade, app_id=app_id, out_trade_no=out_trade_no)


def _paid(command: PayTrade, context: Context, kind: str = "payment") -> Facts | None:
    payer = _payer(context, command.payment_code_index, command.buyer_id)
    order = command.order
    if order is not None:
        app = acting_app(context, order.app_id)
        merchant = _merchant(context, app)
        payee = order.seller_id or merchant
        return Facts(kind, order.amount, order.currency, payer, payee, merchant, app)
    trade = _stored_trade(command, context)
    if trade is None:
        return None
    return _of_trade(context, trade, kind, trade.amount)._replace(party=payer or trade.buyer_id)


def _of_trade(context: Context, trade: Trade, kind: str, amount: int) -> Facts:
    return Facts(
        kind, amount, trade.currency, trade.buyer_id, trade.seller_id,
        _merchant(context, trade.app_id), trade.app_id,
    )  # fmt: skip


def _pay_trade(command: PayTrade, context: Context) -> Facts | None:
    return _paid(command, context)


def _pay_later(command: PayTradeLater, context: Context) -> Facts | None:
    return _paid(command.payment, context, "pay_later")


def _confirm(command: ConfirmReceipt, context: Context) -> Facts | None:
    trade = _stored_trade(command, context)
    return None if trade is None else _of_trade(context, trade, "confirmation", trade.amount)


def _refund(command: RefundTrade, context: Context) -> Facts | None:
    """The money goes from the seller to the buyer; `party` is the buyer, who asks for refunds."""
    trade = _stored_trade(command, context)
    return None if trade is None else _of_trade(context, trade, "refund", command.amount)


def _cancel(command: CancelTrade, context: Context) -> Facts | None:
    """What is held goes back to the buyer; of an unpaid order nothing does."""
    trade = _stored_trade(command, context)
    if trade is None or trade.status is TradeStatus.WAIT_BUYER_PAY:
        return None
    return _of_trade(context, trade, "refund", trade.amount)


def _resolution(command: ResolveDispute, context: Context) -> Facts | None:
    trade = _stored_trade(command, context)
    if trade is None:
        return None
    return _of_trade(context, trade, "resolution", command.to_buyer + command.to_seller)


def _split(command: SplitTrade, context: Context) -> Facts | None:
    trade = _stored_trade(command, context)
    if trade is None:
        return None
    amount = sum(part.amount for part in command.splits)
    payee = command.splits[0].receiver_id if command.splits else ""
    return _of_trade(context, trade, "split", amount)._replace(party=trade.seller_id, payee=payee)


def _freeze(command: FreezeFunds, context: Context) -> Facts:
    payer = _payer(context, command.payment_code_index, command.payer_id)
    facts = _facts(
        context, "freeze", command.app_id, amount=command.amount, currency=command.currency,
        party=payer,
    )  # fmt: skip
    return facts._replace(payee=command.payee_id or facts.merchant)


def _deposit(command: CaptureDeposit, context: Context) -> Facts | None:
    """A payment by who need not deposit; nobody shows a code for it."""
    hold = context.uow.get(DepositFree, command.hold_id)
    facts = _paid(command.payment, context)
    return facts and facts._replace(party=hold.payer_id if hold else "")


def _transfer(command: TransferBetweenWallets, context: Context) -> Facts:
    return _facts(
        context, "transfer", command.app_id, amount=command.amount, currency=command.currency,
        party=command.payer_id, payee=command.payee_id,
    )  # fmt: skip


def _top_up(command: StartTopUp, context: Context) -> Facts:
    return _facts(
        context, "top_up", "", amount=command.amount, currency=command.currency,
        party=command.party_id, card=_bank_card(command.party_id, command.bank_id),
    )  # fmt: skip


def _bank_card(party_id: str, bank_id: str) -> str:
    """A token for a party's account at a bank."""
    return f"{bank_id}:{party_id}"


def _withdrawal(command: StartWithdrawal, context: Context) -> Facts:
    return _facts(
        context, "withdrawal", "", amount=command.amount, currency=command.currency,
        party=command.party_id, card=_bank_card(command.party_id, command.bank_id),
    )  # fmt: skip


def _loan(command: DrawLoan, context: Context) -> Facts:
    return Facts("loan", command.amount, party=command.borrower_id)


def _on_sales(command: DrawMerchantLoan, context: Context) -> Facts:
    return Facts("loan", command.amount, party=command.merchant_id)


def _more_of_a_loan(command: DrawMore, context: Context) -> Facts | None:
    loan = context.uow.get(Loan, command.loan_id)
    return None if loan is None else Facts("loan", command.amount, party=loan.borrower_id)


def _funded_loan(command: DrawFunded, context: Context) -> Facts | None:
    found = context.uow.get(FundingDecision, command.decision_id)
    if found is None:
        return None
    return Facts("loan", found.amount, found.currency, found.borrower_id)


def _financed(command: FinanceReceivable, context: Context) -> Facts | None:
    """An advance on what a debtor owes: the seller's loan."""
    if command.trade_no:
        trade = context.uow.get(Trade, command.trade_no)
        if trade is None:
            return None
        return Facts("loan", trade.amount, trade.currency, trade.seller_id)
    found = context.uow.get(Receivable, command.receivable_id)
    return None if found is None else Facts("loan", found.face, found.currency, found.seller_id)


def _repayment(command: PayLoan, context: Context) -> Facts | None:
    loan = context.uow.get(Loan, command.loan_id)
    if loan is None:
        return None
    return Facts("repayment", command.amount, loan.currency, loan.borrower_id)


def _bill(command: PayBill, context: Context) -> Facts:
    return Facts("repayment", command.amount, party=command.borrower_id)


def _settled_case(command: TakeOffer, context: Context) -> Facts | None:
    offer = context.uow.get(CaseOffer, command.offer_id)
    return None if offer is None else Facts("repayment", party=offer.borrower_id)


def _paid_invoice(command: PayReceivable, context: Context) -> Facts | None:
    found = context.uow.get(Receivable, command.receivable_id)
    if found is None:
        return None
    return Facts("repayment", command.amount, found.currency, found.debtor_id, found.seller_id)


def _bought_back(command: RepayReceivable, context: Context) -> Facts | None:
    found = context.uow.get(Receivable, command.receivable_id)
    if found is None:
        return None
    return Facts("repayment", command.amount, found.currency, found.seller_id)


def _exchange(command: ExecuteExchange, context: Context) -> Facts | None:
    quote = context.uow.get(ExchangeQuote, command.quote_id)
    if quote is None:
        return None
    book = context.uow.get(LedgerBook, quote.sell_book)
    currency = "" if book is None else book.currency
    return _facts(context, "exchange", "", amount=quote.sell_amount, currency=currency)


def _app_key(command: AddAppKey, context: Context) -> Facts:
    """Who holds an app's key acts for its merchant."""
    merchant = _merchant(context, command.app_id)
    return Facts("app_key", party=merchant, merchant=merchant, app=command.app_id)


def _app(command: CreateApp, context: Context) -> Facts:
    return Facts("app", party=command.merchant_id, merchant=command.merchant_id, app=command.app_id)


def _changed_app(command: UpdateApp | SetAppStatus, context: Context) -> Facts:
    merchant = _merchant(context, command.app_id)
    return Facts("app", party=merchant, merchant=merchant, app=command.app_id)


def _seller(command: AddSeller, context: Context) -> Facts:
    merchant = _merchant(context, command.app_id)
    return Facts("seller", party=merchant, payee=command.party_id, merchant=merchant,
                 app=command.app_id)  # fmt: skip


def _receivers(command: RelateReceivers, context: Context) -> Facts:
    """Who may get a share of an app's trades; the first of them is the payee."""
    merchant = _merchant(context, command.app_id)
    return Facts("receiver", party=merchant, payee=next(iter(command.receivers), ""),
                 merchant=merchant, app=command.app_id)  # fmt: skip


def _api_key(command: CreateApiKey, context: Context) -> Facts:
    merchant = _merchant(context, command.app_id)
    return Facts("api_key", party=merchant, merchant=merchant, app=command.app_id)


def _payment_code(command: IssuePaymentCode, context: Context) -> Facts:
    """Who holds the code pays with it."""
    return Facts("payment_code", party=command.party_id)


def _password_try(command: RecordPasswordTry, context: Context) -> Facts | None:
    """A right login is a sign-in; what a right payment password is for is decided by itself."""
    if command.right:
        return Facts("sign_in", party=command.party_id) if command.password == "login" else None  # noqa: S105
    kind = "sign_in_wrong" if command.password == "login" else "payment_password_wrong"  # noqa: S105
    return Facts(kind, party=command.party_id)


def _operator_try(command: RecordOperatorTry, context: Context) -> Facts | None:
    """Wrong tries; a right one opens a session."""
    return None if command.right else Facts("operator_sign_in_wrong", party=command.operator_id)


def _session(command: OpenSession, context: Context) -> Facts:
    kind = "operator_session" if command.kind == "operator" else "session"
    return Facts(kind, party=command.subject_id)


def _operator(command: CreateOperator | SetOperatorStatus, context: Context) -> Facts:
    return Facts("operator", party=command.operator_id)


def _password(command: ResetOperatorPassword, context: Context) -> Facts:
    return Facts("password", party=command.operator_id)


def _factor(command: AddFactor | RemoveFactor, context: Context) -> Facts:
    """Who has a factor proves to be the party."""
    return Facts("factor", party=command.party_id)


def _recovery(command: RequestRecovery, context: Context) -> Facts:
    return Facts("recovery", party=command.party_id)


READERS: Final[Mapping[type[Command], Reader]] = {
    PayTrade: _pay_trade,
    PayTradeLater: _pay_later,
    ConfirmReceipt: _confirm,
    RefundTrade: _refund,
    SplitTrade: _split,
    FreezeFunds: _freeze,
    TransferBetweenWallets: _transfer,
    StartTopUp: _top_up,
    StartWithdrawal: _withdrawal,
    DrawLoan: _loan,
    DrawMerchantLoan: _on_sales,
    AddAppKey: _app_key,
    CreateApp: _app,
    AddSeller: _seller,
    RelateReceivers: _receivers,
    CreateApiKey: _api_key,
    IssuePaymentCode: _payment_code,
    RecordPasswordTry: _password_try,
    RecordOperatorTry: _operator_try,
    OpenSession: _session,
    CreateOperator: _operator,
    SetOperatorStatus: _operator,
    ResetOperatorPassword: _password,
    AddFactor: _factor,
    RemoveFactor: _factor,
    RequestRecovery: _recovery,
    DrawMore: _more_of_a_loan,
    DrawFunded: _funded_loan,
    FinanceReceivable: _financed,
    PayLoan: _repayment,
    PayBill: _bill,
    TakeOffer: _settled_case,
    PayReceivable: _paid_invoice,
    RepayReceivable: _bought_back,
    CancelTrade: _cancel,
    ResolveDispute: _resolution,
    UpdateApp: _changed_app,
    SetAppStatus: _changed_app,
    ExecuteExchange: _exchange,
    CaptureDeposit: _deposit,
}
"""Each decided command, with what tells its facts."""

FOR_PEOPLE: Final[frozenset[type[Command]]] = frozenset(
    {RecordPasswordTry, RecordOperatorTry, OpenSession, AddFactor, RemoveFactor, RequestRecovery}
)
"""Commands that the platform asks for on behalf of who sits at a page."""
