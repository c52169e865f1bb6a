"""Why money moves: the `code` of every transfer that products post."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Movement"]


class Movement(IntEnum):
    """The transfer codes, with the accounts they run between; those of loans are in credit.md."""

    TRADE_PAY = 101
    """Buyer's wallet → the trade's escrow."""
    TRADE_SETTLE = 102
    """The trade's escrow → seller's wallet."""
    TRADE_FEE = 103
    """The trade's escrow → fee income."""
    TRADE_SPLIT = 104
    """The trade's escrow or the seller's wallet → a receiver's wallet."""
    TRADE_REFUND = 105
    """The trade's escrow or the seller's wallet → buyer's wallet."""
    FEE_RETURN = 106
    """Fee income → seller's wallet, with a refund after settlement."""
    SPLIT_RETURN = 107
    """A receiver's wallet → seller's wallet, with a refund after settlement."""
    TOP_UP = 201
    """Bank reserve → wallet."""
    WITHDRAW = 202
    """Wallet → bank reserve; pending until the bank answers."""
    WALLET_TRANSFER = 203
    """Wallet → wallet."""
    HOLD = 301
    """Payer's wallet → payee's wallet, pending: money frozen under an authorisation."""
    HOLD_CAPTURE = 302
    """A part of a hold that is paid."""
    LOAN_DRAWDOWN = 401
    """Loan principal → borrower's wallet, or the escrow of the trade that it pays."""
    LOAN_ACCRUAL = 402
    """Loan receivables → income: interest, fees and penalties as they come about."""
    LOAN_PAYMENT = 403
    """Borrower's wallet or bank reserve → loan receivables."""
    LOAN_WAIVER = 404
    """Income → loan receivables: what is forgiven."""
    LOAN_REVERSAL = 405
    """Loan receivables → where a payment came from, when it is taken back."""
    LOAN_REALLOCATION = 406
    """Between receivables of a loan, when an earlier payment is taken back."""
    LOAN_PROVISION = 407
    """Impairment loss → loan loss allowance, or back."""
    LOAN_CHARGE_OFF = 408
    """Loan loss allowance → loan receivables: written off."""
    LOAN_RECOVERY = 409
    """Borrower's wallet or bank reserve → recovery income."""
    LOAN_FEE = 410
    """Borrower's or seller's wallet → credit fee income, at once."""
    LOAN_CAPITALISED = 411
    """Interest, fees or penalties receivable → loan principal."""
    LOAN_SALE = 412
    """A sold loan's receivables, its price, and the gain or loss, through loan reallocation."""
    SHARE_DRAWDOWN = 421
    """An institution's share of a drawdown; those of joint lending are in joint-lending.md."""
    SHARE_ACCRUAL = 422
    """An institution's share of interest, fees and penalties as they come about."""
    SHARE_PAYMENT = 423
    """An institution's share of a payment, with what platform and guarantor get of it."""
    SHARE_WAIVER = 424
    """An institution's share of what is forgiven."""
    SHARE_REVERSAL = 425
    """An institution's share of a payment that is taken back."""
    SHARE_LOSS = 426
    """An institution's share of what is written off."""
    SHARE_COMPENSATION = 427
    """What platform or guarantor bear of an institution's loss."""
    SHARE_RECOVERY = 428
    """What is recovered after a loss, to those who bore it."""
    SHARE_BUY_BACK = 429
    """A share that is bought back when its loan is long past due."""
    SHARE_RESERVATION = 430
    """Quota that is reserved for a loan, pending until it is drawn."""
    SHARE_PROVISION = 431
    """An institution's share of the loss that is expected, and what others would bear of it."""
    SALES_SHARE = 441
    """Merchant's wallet → shares of sales collected, with a settlement."""
    RECEIVABLE_ADVANCE = 442
    """Financed receivables → seller's wallet."""
    RECEIVABLE_PROCEEDS = 443
    """A trade's escrow, the debtor's wallet or a bank → proceeds of an assigned receivable."""
    RECEIVABLE_COLLECTED = 444
    """Proceeds or seller's wallet → financed receivables, fee income or recovery income."""
    RECEIVABLE_REST = 445
    """Proceeds → seller's wallet: what is left when the lender has its part."""
    RECEIVABLE_LOSS = 446
    """Impairment loss → financed receivables."""
    BANK_DIFFERENCE = 501
    """Bank reserve ↔ channel cost or suspense: what reconciliation with the bank found."""
