"""The chart of accounts: what each code stands for, its normal side and its limits."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from tallystick.ledger.model import ID_MAX, Account, AccountFlags
from tallystick.money.currency import currency, currency_of_number

__all__ = [
    "BANK_RESERVE",
    "CHANNEL_COST",
    "CHART",
    "COMPENSATION_INCOME",
    "CREDIT_FEE_INCOME",
    "CUSTOMER_WALLET",
    "EXCHANGE_COST",
    "EXCHANGE_GAIN",
    "EXCHANGE_LOSS",
    "EXCHANGE_POSITION",
    "FEE_INCOME",
    "FIRST_LOSS_COST",
    "FIRST_LOSS_PROVISION",
    "GUARANTEE_CLAIMS",
    "GUARANTEE_IMPAIRMENT",
    "GUARANTEE_INCOME",
    "GUARANTEE_PROVISION",
    "IMPAIRMENT_LOSS",
    "INSTITUTION_SETTLEMENT",
    "INTEREST_INCOME",
    "FINANCED_RECEIVABLE",
    "SALES_SHARE",
    "ASSIGNED_PROCEEDS",
    "LOAN_ADVANCE",
    "LOAN_ALLOWANCE",
    "LOAN_CLEARING",
    "LOAN_FEE",
    "LOAN_INTEREST",
    "LOAN_PENALTY",
    "LOAN_PRINCIPAL",
    "MERCHANT_WALLET",
    "PARTICIPATION_ALLOWANCE",
    "PARTICIPATION_INCOME",
    "PARTICIPATION_PRINCIPAL",
    "PENALTY_INCOME",
    "PLATFORM_BOOK_MIN",
    "PLATFORM_ENTITY",
    "RECOVERY_INCOME",
    "SALE_GAIN",
    "SALE_LOSS",
    "SERVICING_FEE_INCOME",
    "SHARE_ALLOWANCE",
    "SHARE_BANK",
    "SHARE_CASH",
    "SHARE_COVER",
    "SHARE_GUARANTEE_FEE",
    "SHARE_IMPAIRMENT",
    "SHARE_INCOME",
    "SHARE_LOSS",
    "SHARE_PRINCIPAL",
    "SHARE_RECEIVABLE",
    "SHARE_SERVICING_FEE",
    "SUSPENSE",
    "TRADE_ESCROW",
    "ChartEntry",
    "Side",
    "account_id",
    "book_currency",
    "book_id",
    "chart_entry",
    "open_account",
    "transfer_id",
]

PLATFORM_ENTITY: Final = 1000
"""The platform's own legal entity; entities are numbered from here."""

PLATFORM_BOOK_MIN: Final = PLATFORM_ENTITY * 1000
"""Books from here on are kept by the platform's products; smaller ones are free for others."""


_OWNER_DIGITS_MAX = 38  # 10**38 - 1 still fits 128 bits.


class Side(StrEnum):
    """The side on which an account grows."""

    DEBIT = "debit"
    CREDIT = "credit"


class ChartEntry(NamedTuple):
    """A line of the chart. `owner` says whose number an account of this code carries."""

    code: int
    name: str
    chinese: str
    side: Side
    flags: AccountFlags
    owner: str
    meaning: str


_NO_FLAGS = AccountFlags(0)
_NO_OVERDRAFT = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
_NOT_NEGATIVE = AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS

BANK_RESERVE: Final = ChartEntry(
    1001, "Bank reserve", "银行备付金", Side.DEBIT, _NO_FLAGS, "bank",
    "Customers' money that lies at a bank; an asset, one account a bank.",
)  # fmt: skip
LOAN_PRINCIPAL: Final = ChartEntry(
    1201, "Loan principal", "贷款本金", Side.DEBIT, _NOT_NEGATIVE, "loan",
    "What a borrower has drawn and not repaid; one account a loan.",
)  # fmt: skip
LOAN_INTEREST: Final = ChartEntry(
    1202, "Loan interest receivable", "应收利息", Side.DEBIT, _NOT_NEGATIVE, "loan",
    "Interest that has accrued on a loan and is not paid.",
)  # fmt: skip
LOAN_FEE: Final = ChartEntry(
    1203, "Loan fees receivable", "应收贷款费用", Side.DEBIT, _NOT_NEGATIVE, "loan",
    "Fees that a borrower owes, those for being late too.",
)  # fmt: skip
LOAN_PENALTY: Final = ChartEntry(
    1204, "Loan penalty receivable", "应收罚息", Side.DEBIT, _NOT_NEGATIVE, "loan",
    "Penalty interest on what is overdue.",
)  # fmt: skip
FINANCED_RECEIVABLE: Final = ChartEntry(
    1205, "Financed receivables", "应收账款融资", Side.DEBIT, _NOT_NEGATIVE, "receivable",
    "What was advanced on a receivable that was assigned, and has not come back.",
)  # fmt: skip
LOAN_ALLOWANCE: Final = ChartEntry(
    1291, "Loan loss allowance", "贷款损失准备", Side.CREDIT, _NO_OVERDRAFT, "loan",
    "Loss that is expected of a loan; it is used up when the loan is written off.",
)  # fmt: skip
SHARE_CASH: Final = ChartEntry(
    1301, "Due from the servicer", "应收平台清算款", Side.DEBIT, _NO_FLAGS, "institution",
    "In an institution's book: what the platform owes it, or it owes the platform.",
)  # fmt: skip
SHARE_BANK: Final = ChartEntry(
    1302, "Settled by bank", "银行清算款", Side.DEBIT, _NO_FLAGS, "institution",
    "In an institution's book: what the platform has paid it by bank, less what it paid in.",
)  # fmt: skip
SHARE_PRINCIPAL: Final = ChartEntry(
    1311, "Share of principal", "联合贷款本金", Side.DEBIT, _NOT_NEGATIVE, "programme",
    "In an institution's book: its share of what borrowers have drawn and not repaid.",
)  # fmt: skip
SHARE_RECEIVABLE: Final = ChartEntry(
    1312, "Share of income receivable", "联合贷款应收收益", Side.DEBIT, _NOT_NEGATIVE, "programme",
    "In an institution's book: its share of interest, fees and penalties not yet paid.",
)  # fmt: skip
SHARE_ALLOWANCE: Final = ChartEntry(
    1391, "Allowance for shares", "联合贷款损失准备", Side.CREDIT, _NO_FLAGS, "programme",
    "In an institution's book: loss that is expected of its shares, whoever bears it.",
)  # fmt: skip
SHARE_COVER: Final = ChartEntry(
    1392, "Expected cover of losses", "预计风险补偿", Side.DEBIT, _NO_FLAGS, "programme",
    "In an institution's book: what others would bear of the loss that is expected.",
)  # fmt: skip
CUSTOMER_WALLET: Final = ChartEntry(
    2001, "Customer wallet", "个人钱包余额", Side.CREDIT, _NO_OVERDRAFT, "party",
    "What the platform owes a person; it cannot go below zero.",
)  # fmt: skip
MERCHANT_WALLET: Final = ChartEntry(
    2002, "Merchant wallet", "商户钱包余额", Side.CREDIT, _NO_OVERDRAFT, "party",
    "What the platform owes a merchant; it cannot go below zero.",
)  # fmt: skip
TRADE_ESCROW: Final = ChartEntry(
    2101, "Trade escrow", "担保交易资金", Side.CREDIT, _NO_OVERDRAFT, "trade",
    "A buyer's money that is held for one trade; empty when the trade is over.",
)  # fmt: skip
LOAN_ADVANCE: Final = ChartEntry(
    2201, "Loan payments in advance", "预收还款", Side.CREDIT, _NO_OVERDRAFT, "loan",
    "A borrower's money that waits for the next due date of its loan.",
)  # fmt: skip
SALES_SHARE: Final = ChartEntry(
    2202, "Shares of sales collected", "销售分成待还款", Side.CREDIT, _NO_OVERDRAFT, "loan",
    "A merchant's money, taken from settlements, that pays its loan at the end of the day.",
)  # fmt: skip
ASSIGNED_PROCEEDS: Final = ChartEntry(
    2203, "Proceeds of assigned receivables", "转让应收账款回款", Side.CREDIT, _NO_OVERDRAFT,
    "receivable",
    "Through it a debtor's money goes to the lender first and the rest to the seller; empty after.",
)  # fmt: skip
PARTICIPATION_PRINCIPAL: Final = ChartEntry(
    2301, "Participations in principal", "联合贷款资金份额", Side.CREDIT, _NO_OVERDRAFT,
    "programme",
    "Institutions' share of what borrowers owe of principal; one account a programme.",
)  # fmt: skip
PARTICIPATION_INCOME: Final = ChartEntry(
    2302, "Participations in income", "联合贷款应付收益", Side.CREDIT, _NO_OVERDRAFT, "programme",
    "Institutions' share of interest, fees and penalties that borrowers have yet to pay.",
)  # fmt: skip
INSTITUTION_SETTLEMENT: Final = ChartEntry(
    2303, "Settlement with institutions", "机构清算款", Side.CREDIT, _NO_FLAGS, "party",
    "What the platform owes an institution, or is owed by it; settled once a day.",
)  # fmt: skip
PARTICIPATION_ALLOWANCE: Final = ChartEntry(
    2391, "Expected loss of participations", "资金份额损失准备", Side.DEBIT, _NO_FLAGS, "programme",
    "Loss that is expected of institutions' shares: what the platform will not owe them.",
)  # fmt: skip
FIRST_LOSS_PROVISION: Final = ChartEntry(
    2392, "Provision for first losses", "风险补偿预计负债", Side.CREDIT, _NO_FLAGS, "programme",
    "What the platform would bear of the loss that is expected of institutions' shares.",
)  # fmt: skip
GUARANTEE_PROVISION: Final = ChartEntry(
    2393, "Provision for guarantees", "担保预计负债", Side.CREDIT, _NO_FLAGS, "programme",
    "In a guarantor's book: what it would bear of the loss that is expected of a programme.",
)  # fmt: skip
SUSPENSE: Final = ChartEntry(
    2901, "Suspense", "挂账", Side.CREDIT, _NO_FLAGS, "bank",
    "Money whose purpose is not known yet, until somebody clears it.",
)  # fmt: skip
LOAN_CLEARING: Final = ChartEntry(
    2902, "Loan reallocation", "还款重分配", Side.CREDIT, _NO_FLAGS, "loan",
    "Through it payments are allocated anew when an earlier one is taken back; always empty.",
)  # fmt: skip
FEE_INCOME: Final = ChartEntry(
    4001, "Fee income", "手续费收入", Side.CREDIT, _NO_FLAGS, "platform",
    "What the platform earns in fees, less fees returned with refunds.",
)  # fmt: skip
INTEREST_INCOME: Final = ChartEntry(
    4101, "Interest income", "利息收入", Side.CREDIT, _NO_FLAGS, "platform",
    "Interest earned on loans, day by day.",
)  # fmt: skip
CREDIT_FEE_INCOME: Final = ChartEntry(
    4102, "Credit fee income", "信贷手续费收入", Side.CREDIT, _NO_FLAGS, "platform",
    "Fees of loans and of instalments.",
)  # fmt: skip
PENALTY_INCOME: Final = ChartEntry(
    4103, "Penalty income", "罚息收入", Side.CREDIT, _NO_FLAGS, "platform",
    "Penalty interest on overdue loans.",
)  # fmt: skip
RECOVERY_INCOME: Final = ChartEntry(
    4104, "Recovery income", "核销收回", Side.CREDIT, _NO_FLAGS, "platform",
    "What borrowers still pay after their loans were written off.",
)  # fmt: skip
SERVICING_FEE_INCOME: Final = ChartEntry(
    4105, "Servicing fee income", "贷款服务费收入", Side.CREDIT, _NO_FLAGS, "platform",
    "What the platform keeps of institutions' income for servicing their loans.",
)  # fmt: skip
SHARE_INCOME: Final = ChartEntry(
    4201, "Income of shares", "联合贷款收益", Side.CREDIT, _NO_FLAGS, "programme",
    "In an institution's book: its share of interest, fees and penalties, fees not deducted.",
)  # fmt: skip
COMPENSATION_INCOME: Final = ChartEntry(
    4202, "Compensation for losses", "风险补偿收入", Side.CREDIT, _NO_FLAGS, "programme",
    "In an institution's book: what others bore of its losses.",
)  # fmt: skip
GUARANTEE_INCOME: Final = ChartEntry(
    4203, "Guarantee income", "担保费收入", Side.CREDIT, _NO_FLAGS, "institution",
    "In a guarantor's book: its fee out of the income that it guarantees.",
)  # fmt: skip
SALE_GAIN: Final = ChartEntry(
    4106, "Gain on loan sales", "贷款转让收益", Side.CREDIT, _NO_FLAGS, "platform",
    "What loans were sold for above what was owed of them, less the loss expected.",
)  # fmt: skip
CHANNEL_COST: Final = ChartEntry(
    5001, "Channel cost", "渠道成本", Side.DEBIT, _NO_FLAGS, "bank",
    "What banks and channels charge the platform.",
)  # fmt: skip

IMPAIRMENT_LOSS: Final = ChartEntry(
    5101, "Impairment loss", "信用减值损失", Side.DEBIT, _NO_FLAGS, "platform",
    "What loans are expected to lose, as it comes to be expected.",
)  # fmt: skip

FIRST_LOSS_COST: Final = ChartEntry(
    5102, "First-loss cost", "风险补偿支出", Side.DEBIT, _NO_FLAGS, "platform",
    "What the platform bears of institutions' losses.",
)  # fmt: skip
SHARE_SERVICING_FEE: Final = ChartEntry(
    5201, "Servicing fees", "贷款服务费支出", Side.DEBIT, _NO_FLAGS, "programme",
    "In an institution's book: what the platform keeps of its income.",
)  # fmt: skip
SHARE_GUARANTEE_FEE: Final = ChartEntry(
    5202, "Guarantee fees", "担保费支出", Side.DEBIT, _NO_FLAGS, "programme",
    "In an institution's book: what the guarantor gets of its income.",
)  # fmt: skip
SHARE_LOSS: Final = ChartEntry(
    5203, "Credit losses", "联合贷款损失", Side.DEBIT, _NO_FLAGS, "programme",
    "In an institution's book: its share of what was written off, less what was recovered.",
)  # fmt: skip
GUARANTEE_CLAIMS: Final = ChartEntry(
    5204, "Guarantee claims", "代偿支出", Side.DEBIT, _NO_FLAGS, "institution",
    "In a guarantor's book: what it bore of others' losses, less what was recovered.",
)  # fmt: skip
SHARE_IMPAIRMENT: Final = ChartEntry(
    5205, "Impairment of shares", "联合贷款减值损失", Side.DEBIT, _NO_FLAGS, "programme",
    "In an institution's book: what its shares are expected to lose, cover taken off.",
)  # fmt: skip
GUARANTEE_IMPAIRMENT: Final = ChartEntry(
    5206, "Expected guarantee claims", "担保减值损失", Side.DEBIT, _NO_FLAGS, "institution",
    "In a guarantor's book: what it is expected to bear of others' losses.",
)  # fmt: skip

SALE_LOSS: Final = ChartEntry(
    5103, "Loss on loan sales", "贷款转让损失", Side.DEBIT, _NO_FLAGS, "platform",
    "What loans were sold for below what was owed of them.",
)  # fmt: skip

EXCHANGE_POSITION: Final = ChartEntry(
    1901, "Exchange position", "外汇头寸", Side.CREDIT, _NO_FLAGS, "desk",
    "What a desk has taken in of another currency, less what it gave out; in that book.",
)  # fmt: skip
EXCHANGE_COST: Final = ChartEntry(
    1902, "Cost of exchange position", "外汇头寸成本", Side.DEBIT, _NO_FLAGS, "position",
    "What a position has cost, at its average; in the desk's home book.",
)  # fmt: skip
EXCHANGE_GAIN: Final = ChartEntry(
    4901, "Exchange gain", "汇兑收益", Side.CREDIT, _NO_FLAGS, "desk",
    "Differences that were realised in the desk's favour.",
)  # fmt: skip
EXCHANGE_LOSS: Final = ChartEntry(
    5901, "Exchange loss", "汇兑损失", Side.DEBIT, _NO_FLAGS, "desk",
    "Differences that were realised against the desk.",
)  # fmt: skip

CHART: Final[dict[int, ChartEntry]] = {
    entry.code: entry
    for entry in (
        BANK_RESERVE, LOAN_PRINCIPAL, LOAN_INTEREST, LOAN_FEE, LOAN_PENALTY, LOAN_ALLOWANCE,
        CUSTOMER_WALLET, MERCHANT_WALLET, TRADE_ESCROW, LOAN_ADVANCE, SUSPENSE, LOAN_CLEARING,
        FEE_INCOME, INTEREST_INCOME, CREDIT_FEE_INCOME, PENALTY_INCOME, RECOVERY_INCOME,
        CHANNEL_COST, IMPAIRMENT_LOSS, SHARE_CASH, SHARE_BANK, SHARE_PRINCIPAL, SHARE_RECEIVABLE,
        PARTICIPATION_PRINCIPAL, PARTICIPATION_INCOME, INSTITUTION_SETTLEMENT,
        SERVICING_FEE_INCOME, SHARE_INCOME, COMPENSATION_INCOME, GUARANTEE_INCOME,
        FIRST_LOSS_COST, SHARE_SERVICING_FEE, SHARE_GUARANTEE_FEE, SHARE_LOSS, GUARANTEE_CLAIMS,
        SALE_GAIN, SALE_LOSS, FINANCED_RECEIVABLE, SALES_SHARE, ASSIGNED_PROCEEDS,
        EXCHANGE_POSITION, EXCHANGE_COST, EXCHANGE_GAIN, EXCHANGE_LOSS,
        SHARE_ALLOWANCE, SHARE_COVER, PARTICIPATION_ALLOWANCE, FIRST_LOSS_PROVISION,
        GUARANTEE_PROVISION, SHARE_IMPAIRMENT, GUARANTEE_IMPAIRMENT,
    )
}  # fmt: skip
"""The whole chart by code."""

_IN_OWN_BOOKS: Final = frozenset(
    entry.code for entry in (EXCHANGE_POSITION, EXCHANGE_COST, EXCHANGE_GAIN, EXCHANGE_LOSS)
)


def chart_entry(code: int, book: int) -> ChartEntry | None:
    """What a code stands for in a book.

    Books below `PLATFORM_BOOK_MIN` may use the codes as they like, but for those of exchange.
    """
    return CHART.get(code) if book >= PLATFORM_BOOK_MIN or code in _IN_OWN_BOOKS else None


def book_id(entity: int, code: str) -> int:
    """The book of a legal entity (1000 to 999,999) in a currency.

    Raises:
        ValueError: no such currency, or an entity out of range.
    """
    if not PLATFORM_ENTITY <= entity < 1_000_000:
        raise ValueError("an entity is numbered from 1000 to 999999")
    return entity * 1000 + currency(code).number


def book_currency(book: int) -> str:
    """The currency code of a platform book (ValueError for other books)."""
    if book < PLATFORM_BOOK_MIN:
        raise ValueError(f"book {book} is not one of the platform's")
    return currency_of_number(book % 1000).code


def _number(text: bytes) -> int:
    """128 bits of BLAKE2b over the text, moved off the two numbers that are no ids."""
    number = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")
    return number % (ID_MAX - 1) + 1


@lru_cache(maxsize=4096)
def _account_id(book: int, code: int, owner: str) -> int:
    return _number(f"account:{book}:{code}:{owner}".encode())


def account_id(book: int, entry: ChartEntry, owner: str) -> int:
    """The id of an account: 128 bits that stand for its book, code and owner."""
    return _account_id(book, entry.code, owner)


def transfer_id(request_key: bytes | str, leg: int) -> int:
    """The id of a request's `leg`-th transfer: the same request makes the same transfers."""
    key = request_key.encode() if isinstance(request_key, str) else request_key
    return _number(b"transfer:%b:%d" % (key, leg))


def open_account(book: int, entry: ChartEntry, owner: str) -> Account:
    """The account to create; `user_data_128` carries the owner's number.

    Args:
        owner: decimal digits, at most 38 of them: a party, trade or bank number, `"0"` for the
            platform itself.

    Raises:
        ValueError: the owner is not such a number.
    """
    if not (owner.isascii() and owner.isdigit() and len(owner) <= _OWNER_DIGITS_MAX):
        raise ValueError(f"{owner!r} is not an owner's number")
    return Account(
        id=account_id(book, entry, owner),
        book=book,
        code=entry.code,
        flags=int(entry.flags | AccountFlags.HISTORY),
        user_data_128=int(owner),
    )
