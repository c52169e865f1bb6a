"""What can be seen of merchants' credit: sales by month, what is owed, offers with their rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from tallystick.credit.loans.model import (
    Contract,
    Loan,
    LoanProduct,
    LoanStatus,
    ProductTerms,
    terms_of,
)
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.merchant.decide import assess, months_before
from tallystick.credit.merchant.model import (
    Assessment,
    MerchantPolicy,
    MerchantProduct,
    SalesMonth,
    policy_of,
)
from tallystick.credit.receivables.model import OPEN, Receivable
from tallystick.credit.schedules.all_in_rate import all_in_rate, cash_flows
from tallystick.credit.schedules.schedule import Schedule
from tallystick.credit.schedules.walk import schedule_of
from tallystick.decoding import decode_json
from tallystick.ledger.chart import FINANCED_RECEIVABLE, LOAN_PRINCIPAL
from tallystick.ledger.model import Account
from tallystick.ledger.statements import balance_of
from tallystick.money.china_time import parse_china_time
from tallystick.payments.accounts import platform_book
from tallystick.pipeline.decisions import AccountRef
from tallystick.pipeline.refusals import Refused
from tallystick.store.connection import Connection
from tallystick.store.rows import Rows

__all__ = [
    "Option", "exposure_of", "merchant_assessment", "merchant_product", "options_of",
    "sales_by_month",
]  # fmt: skip

_DAY_MS = 86_400_000
_CHINA_MS = 8 * 3_600_000

_SALES = """
SELECT (settled_ms + ?) / ? AS day, COUNT(*), SUM(amount) FROM trade
WHERE seller_id = ? AND currency = ? AND settled_ms >= ? AND settled_ms < ? GROUP BY 1
"""
_REFUNDS = """
SELECT (refund.refunded_ms + ?) / ? AS day, COUNT(*), SUM(refund.amount)
FROM trade JOIN refund ON refund.trade_no = trade.trade_no
WHERE trade.seller_id = ? AND trade.currency = ? AND trade.settled_ms > 0
AND refund.refunded_ms >= ? AND refund.refunded_ms < ? GROUP BY 1
"""


def _month_start_ms(month: str) -> int:
    start = parse_china_time(f"{month}-01 00:00:00")
    assert start is not None, month
    return start


def _by_month(found: Iterable[tuple[int, int, int]]) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    epoch = date(1970, 1, 1).toordinal()
    for day, count, amount in found:
        month = date.fromordinal(epoch + int(day)).isoformat()[:7]
        before = sums.get(month, (0, 0))
        sums[month] = (before[0] + int(count), before[1] + int(amount))
    return sums


def sales_by_month(
    connection: Connection, merchant_id: str, currency: str, day: date, count: int
) -> tuple[SalesMonth, ...]:
    """What a merchant's settled trades came to in each of the whole months before a day."""
    months = months_before(day, count)
    span = (_month_start_ms(months[0]), _month_start_ms(f"{day:%Y-%m}"))
    asked = (_CHINA_MS, _DAY_MS, merchant_id, currency, *span)
    sold = _by_month(connection.execute(_SALES, asked).fetchall())
    back = _by_month(connection.execute(_REFUNDS, asked).fetchall())
    return tuple(SalesMonth(m, *sold.get(m, (0, 0)), back.get(m, (0, 0))[1]) for m in months)


def exposure_of(
    rows: Rows, accounts: Callable[[list[int]], list[Account]], party_id: str, currency: str
) -> int:
    """What a party owes of principal and of advances on receivables, in minor units.

    Args:
        accounts: gives those accounts of the ledger that there are.
    """
    book = platform_book(currency)
    refs = [
        AccountRef(LOAN_PRINCIPAL, loan.loan_id, book)
        for loan in rows.select(Loan, borrower_id=party_id)
        if loan.currency == currency and loan.status is not LoanStatus.CLOSED
    ] + [
        AccountRef(FINANCED_RECEIVABLE, item.receivable_id, book)
        for item in rows.select(Receivable, seller_id=party_id)
        if item.currency == currency and item.status in OPEN
    ]
    return sum(balance_of(account) for account in accounts([ref.id for ref in refs]))


def merchant_product(rows: Rows, product_id: str) -> tuple[ProductTerms, MerchantPolicy]:
    """The terms and the policy of a product that merchants may draw.

    Raises:
        Refused: CREDIT_PRODUCT_NOT_EXIST.
    """
    product, offered = rows.get(LoanProduct, product_id), rows.get(MerchantProduct, product_id)
    if product is None or offered is None or not product.is_open:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST")
    return decode_json(product.terms, ProductTerms), policy_of(offered)


def merchant_assessment(
    rows: Rows, connection: Connection, accounts: Callable[[list[int]], list[Account]],
    merchant_id: str, product_id: str, now_ms: int,
) -> Assessment:  # fmt: skip
    """What a merchant may draw of a product now.

    Raises:
        Refused: CREDIT_PRODUCT_NOT_EXIST; as `assess`.
    """
    terms, policy = merchant_product(rows, product_id)
    months = sales_by_month(
        connection, merchant_id, terms.currency, loan_day(now_ms), policy.months_looked
    )
    exposure = exposure_of(rows, accounts, merchant_id, terms.currency)
    return assess(policy, terms, months, exposure)


class Option(NamedTuple):
    """A loan as it would be drawn today, with what it costs; amounts in minor units."""

    payments: int
    schedule: Schedule
    instalment: int
    cost: int
    all_in: Decimal | None


def options_of(terms: ProductTerms, amount: int, day: date) -> list[Option]:
    """What drawing an amount would come to, by number of payments."""
    options = []
    for count in terms.counts:
        contract = Contract(principal=amount, start=day, count=count, product=terms)
        schedule = schedule_of(terms_of(contract))
        flows = cash_flows(schedule)
        cost = -sum(flow.amount for flow in flows)
        options.append(Option(count, schedule, schedule.rows[0].payment, cost, all_in_rate(flows)))
    return options
