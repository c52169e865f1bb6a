"""Receivables: what others owe a seller, financed by assignment; states, rows, commands."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from tallystick.credit.loans.model import PaidFrom
from tallystick.decoding import decode_json
from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "OPEN", "AnswerNotice", "CheckReceivable", "DefineReceivableTerms", "FinanceReceivable",
    "PayReceivable", "ReceivableDone", "ReceivableEvent", "ReceivableEventKind",
    "ReceivableKind", "ReceivableProduct", "ReceivableStatus", "ReceivableTerms",
    "ReceivableTransition", "ReceivableTermsDone", "Receivable", "ReduceReceivable",
    "RegisterInvoice", "RepayReceivable", "TRANSITIONS", "terms_of_receivable",
]  # fmt: skip


class ReceivableTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a receivable is financed for. Amounts in minor units.

    Args:
        advance_rate: what of the face value is advanced.
        discount_rate: a year, on the advance, from the assignment to the due day; days of a year
            of 360, rounded half up once. It is agreed once and stays when the debtor pays sooner.
        grace_days: after the due day, before the seller answers for the debtor.
        with_recourse: whether the seller repays what the debtor does not; else it is the lender's
            loss. For what is reduced the seller always answers.
        retry_days: when the seller's wallet is tried, days after the grace; after the last of
            them what is missing is a loss.
        acknowledged: an invoice's debtor must have acknowledged the notice.
        tenor_days_max: the due day lies no further away.
        seller_max, debtor_max: the most that may be owed on one seller's, one debtor's receivables.
        ceiling: the highest all-in yearly rate; an advance above it is refused. The source is the
            rule that says so.
    """

    currency: str = "CNY"
    advance_rate: Decimal = Decimal("0.8")
    discount_rate: Decimal = Decimal("0.09")
    grace_days: int = 3
    with_recourse: bool = True
    retry_days: tuple[int, ...] = (0, 1, 3, 7, 15, 30)
    acknowledged: bool = True
    tenor_days_max: int = 180
    seller_max: int = 10**12
    debtor_max: int = 10**12
    ceiling: Decimal | None = None
    ceiling_source: str = ""


class ReceivableKind(StrEnum):
    """What is owed: by the escrow of a paid trade, or by the debtor of an invoice."""

    TRADE = "trade"
    INVOICE = "invoice"


class ReceivableStatus(StrEnum):
    """Where a receivable stands."""

    REGISTERED = "registered"
    ACKNOWLEDGED = "acknowledged"
    CONTESTED = "contested"
    ASSIGNED = "assigned"
    RECOURSE = "recourse"
    SETTLED = "settled"
    LOST = "lost"


S = ReceivableStatus


class ReceivableTransition(NamedTuple):
    """From `before`, `command` may lead to `after`, when `when` holds."""

    command: str
    before: ReceivableStatus | None
    after: ReceivableStatus
    when: str


TRANSITIONS: Final = (
    ReceivableTransition("register", None, S.REGISTERED, "an invoice; its debtor is given notice"),
    ReceivableTransition("acknowledge", S.REGISTERED, S.ACKNOWLEDGED, "by the debtor"),
    ReceivableTransition("contest", S.REGISTERED, S.CONTESTED, "by the debtor"),
    ReceivableTransition("finance", None, S.ASSIGNED, "a trade that is paid and not settled"),
    ReceivableTransition("finance", S.REGISTERED, S.ASSIGNED, "terms ask for no acknowledgement"),
    ReceivableTransition("finance", S.ACKNOWLEDGED, S.ASSIGNED, "the advance is paid"),
    ReceivableTransition("pay", S.ASSIGNED, S.ASSIGNED, "a part of what the lender is owed"),
    ReceivableTransition("pay", S.ASSIGNED, S.SETTLED, "the lender has all"),
    ReceivableTransition("pay", S.ASSIGNED, S.RECOURSE, "a trade brought less than is owed"),
    ReceivableTransition("pay", S.RECOURSE, S.RECOURSE, "a part"),
    ReceivableTransition("pay", S.RECOURSE, S.SETTLED, "the lender has all"),
    ReceivableTransition("pay", S.SETTLED, S.SETTLED, "the rest is the seller's"),
    ReceivableTransition("pay", S.LOST, S.LOST, "recovered"),
    ReceivableTransition("repay", S.ASSIGNED, S.ASSIGNED, "by the seller, a part"),
    ReceivableTransition("repay", S.ASSIGNED, S.SETTLED, "by the seller, all"),
    ReceivableTransition("repay", S.RECOURSE, S.RECOURSE, "by the seller, a part"),
    ReceivableTransition("repay", S.RECOURSE, S.SETTLED, "by the seller, all"),
    ReceivableTransition("repay", S.LOST, S.LOST, "recovered"),
    ReceivableTransition("reduce", S.ASSIGNED, S.ASSIGNED, "it still covers what is owed"),
    ReceivableTransition("reduce", S.ASSIGNED, S.RECOURSE, "it does not, nor does the wallet"),
    ReceivableTransition("reduce", S.ASSIGNED, S.SETTLED, "the seller has repaid all"),
    ReceivableTransition("reduce", S.RECOURSE, S.RECOURSE, "a part is repaid"),
    ReceivableTransition("reduce", S.RECOURSE, S.SETTLED, "the seller has repaid all"),
    ReceivableTransition("reduce", S.SETTLED, S.SETTLED, "less is the seller's"),
    ReceivableTransition("reduce", S.LOST, S.LOST, "less may be recovered"),
    ReceivableTransition("check", S.ASSIGNED, S.RECOURSE, "unpaid after the grace, with recourse"),
    ReceivableTransition("check", S.ASSIGNED, S.SETTLED, "the seller's wallet pays all"),
    ReceivableTransition("check", S.ASSIGNED, S.LOST, "unpaid after the grace, without recourse"),
    ReceivableTransition("check", S.RECOURSE, S.RECOURSE, "the wallet is tried again"),
    ReceivableTransition("check", S.RECOURSE, S.SETTLED, "the wallet pays the rest"),
    ReceivableTransition("check", S.RECOURSE, S.LOST, "the last try was in vain"),
)
"""A receivable's life; nothing else may happen."""

OPEN: Final = frozenset({S.ASSIGNED, S.RECOURSE})
"""States in which the lender is owed something."""


class ReceivableProduct(Row, frozen=True):
    """Terms under a name. `terms` is JSON of `ReceivableTerms`."""

    product_id: str
    terms: str
    changed_ms: int


class Receivable(Row, frozen=True):
    """A receivable; amounts in minor units.

    What is owed of it follows from the row and its events, and is in the ledger.

    Args:
        number: of the invoice, or of the trade.
        face: what the debtor owed when it was registered; of a trade what its seller would get.
        terms: JSON of the terms that it was financed by, empty before.
        advance, fee: what was paid to the seller, and what the lender gets beside it.
    """

    receivable_id: str
    kind: ReceivableKind
    seller_id: str
    debtor_id: str
    number: str
    currency: str
    face: int
    due_day: str
    status: ReceivableStatus
    terms: str
    advance: int
    fee: int
    steps: int
    registered_ms: int
    financed_ms: int
    closed_ms: int


class ReceivableEventKind(StrEnum):
    """What happens to a receivable."""

    NOTICE = "notice"
    ACKNOWLEDGED = "acknowledged"
    CONTESTED = "contested"
    ADVANCE = "advance"
    COLLECTED = "collected"
    REDUCED = "reduced"
    REPAID = "repaid"
    LOST = "lost"


class ReceivableEvent(Row, frozen=True):
    """One event, in the order of `step`; `amount` in minor units, `detail` a reason or a bank."""

    receivable_id: str
    step: int
    kind: ReceivableEventKind
    day: str
    amount: int
    detail: str
    caller: str
    at_ms: int


RECEIVABLE_PRODUCTS = Table("receivable_product", ReceivableProduct, ("product_id",))
RECEIVABLES_TABLE = Table(
    "receivable", Receivable, ("receivable_id",), unique=(("seller_id", "kind", "number"),)
)  # fmt: skip
RECEIVABLE_EVENTS = Table("receivable_event", ReceivableEvent, ("receivable_id", "step"))


def terms_of_receivable(row: Receivable | ReceivableProduct) -> ReceivableTerms:
    """The terms that a row keeps."""
    return decode_json(row.terms, ReceivableTerms)


class DefineReceivableTerms(Command, frozen=True, kw_only=True, tag="credit.define_receivables"):
    """Define terms of financing, or change them for receivables that are financed from now on."""

    product_id: str
    terms: ReceivableTerms


class RegisterInvoice(Command, frozen=True, kw_only=True, tag="credit.register_invoice"):
    """Register an invoice, and give its debtor notice that it is to be assigned.

    Args:
        number: the seller's own; each may be registered once.
        amount: minor units.
        due_day: `yyyy-mm-dd` in China.
    """

    seller_id: str
    debtor_id: str
    number: str
    amount: int
    due_day: str
    currency: str = "CNY"


class AnswerNotice(Command, frozen=True, kw_only=True, tag="credit.answer_notice"):
    """The debtor acknowledges that it owes the invoice and whom it will pay, or contests it."""

    receivable_id: str
    accepted: bool
    reason: str = ""


class FinanceReceivable(Command, frozen=True, kw_only=True, tag="credit.finance_receivable"):
    """Assign a receivable and get the advance: a registered invoice, or a trade by its number."""

    product_id: str
    receivable_id: str = ""
    trade_no: str = ""


class PayReceivable(Command, frozen=True, kw_only=True, tag="credit.pay_receivable"):
    """The debtor pays an assigned invoice; the lender first, the rest to the seller.

    Args:
        amount: minor units; 0 pays all.
        source: the bank that it came by; the debtor's wallet else.
    """

    receivable_id: str
    amount: int = 0
    source: PaidFrom = PaidFrom()


class ReduceReceivable(Command, frozen=True, kw_only=True, tag="credit.reduce_receivable"):
    """An invoice is worth less than its face: returned goods, a discount, a credit note."""

    receivable_id: str
    amount: int
    reason: str


class RepayReceivable(Command, frozen=True, kw_only=True, tag="credit.repay_receivable"):
    """The seller repays from its wallet; 0 repays all."""

    receivable_id: str
    amount: int = 0


class CheckReceivable(Command, frozen=True, kw_only=True, tag="credit.check_receivable"):
    """After the grace: recourse to the seller, or a loss (asked for by a timer)."""

    receivable_id: str
    attempt: int = 0


class ReceivableTermsDone(Reply, frozen=True, kw_only=True):
    """The terms are kept."""

    product_id: str


class ReceivableDone(Reply, frozen=True, kw_only=True):
    """A receivable after a command; minor units.

    Args:
        amount: what the event moved.
        owed: what the lender is still owed.
        face_left: what the debtor still owes.
    """

    receivable_id: str
    currency: str
    status: ReceivableStatus
    amount: int
    advance: int
    fee: int
    owed: int
    face_left: int
