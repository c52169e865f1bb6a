"""Invoices, trades and their financing, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.payments.market import ALICE, APP, APP_ID, CODES, OTHER_SELLER, SHOP, Market, as_party
from tests.payments.market import market as plain_market
from tests.platform_parts import Clock

from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.receivables import service as receivables
from tallystick.credit.receivables.model import (
    AnswerNotice,
    DefineReceivableTerms,
    FinanceReceivable,
    ReceivableTerms,
    RegisterInvoice,
)
from tallystick.payments.trades.model import CreateTrade, PayTrade
from tallystick.payments.wallet.model import TransferBetweenWallets

__all__ = [
    "DEBTOR", "DUE", "TERMS", "desk_at", "empty", "finance", "go_to", "invoice", "paid_trade",
]  # fmt: skip

DEBTOR = OTHER_SELLER
DUE = "2027-06-30"
TERMS = ReceivableTerms(
    advance_rate=Decimal("0.8"), discount_rate=Decimal("0.09"), grace_days=3, retry_days=(0, 2, 5)
)
TRADES = ReceivableTerms(
    advance_rate=Decimal("0.9"), discount_rate=Decimal("0.09"), retry_days=(0, 2, 5)
)


@contextmanager
def desk_at(folder: Path) -> Iterator[Market]:
    """A market with terms for receivables, on 1 May 2027."""
    clock = Clock(collect_ms(date(2027, 5, 1), 12))
    with plain_market(folder, clock, more=(receivables.register,)) as made:
        own = TERMS
        for name, terms in (
            ("recourse", own), ("trades", TRADES),
            ("without", ReceivableTerms(with_recourse=False, grace_days=3)),
            ("silent", ReceivableTerms(acknowledged=False)),
            ("small", ReceivableTerms(seller_max=50_000)),
        ):  # fmt: skip
            made.accept(DefineReceivableTerms(product_id=name, terms=terms))
        yield made


def go_to(desk: Market, day: str, hours: int = 12) -> None:
    """Let time pass, and every timer in it."""
    desk.clock.now_ms = collect_ms(date.fromisoformat(day), hours)
    while desk.run_timers():
        pass


def invoice(desk: Market, number: str, amount: int = 100_000, *, answered: bool = True) -> str:
    """An invoice of the shop's, acknowledged by its debtor; gives the receivable's number."""
    command = RegisterInvoice(
        seller_id=SHOP, debtor_id=DEBTOR, number=number, amount=amount, due_day=DUE
    )
    made = desk.accept(command, as_party(SHOP))
    if answered:
        told = AnswerNotice(receivable_id=made.receivable_id, accepted=True)
        desk.accept(told, as_party(DEBTOR))
    return str(made.receivable_id)


def finance(desk: Market, product: str, *, refused: bool = False, **what: Any) -> Any:
    """The shop assigns."""
    command = FinanceReceivable(product_id=product, **what)
    if refused:
        return desk.refuse(command, as_party(SHOP))
    return desk.accept(command, as_party(SHOP))


def paid_trade(desk: Market, number: str, amount: int = 100_000, **order: Any) -> str:
    """A trade that is paid and held; gives its number."""
    desk.fund(ALICE, amount, number)
    wanted = CreateTrade(
        app_id=APP_ID, out_trade_no=number, amount=amount, subject="Tea", settlement="escrow",
        **order,
    )  # fmt: skip
    paying = PayTrade(app_id=APP_ID, order=wanted, payment_code_index=CODES[ALICE])
    return str(desk.accept(paying, APP).trade_no)


def empty(desk: Market, party_id: str, name: str) -> None:
    """Nothing is left in a wallet."""
    amount = desk.available(party_id)
    if amount:
        payee = DEBTOR if party_id != DEBTOR else ALICE
        away = TransferBetweenWallets(
            payer_id=party_id, payee_id=payee, amount=amount, out_biz_no=name, title="away"
        )
        desk.accept(away, as_party(party_id))
