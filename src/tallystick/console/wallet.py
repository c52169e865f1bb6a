"""The buyer's wallet: balance, orders, statement, payment code, bank, transfers."""

from __future__ import annotations

import secrets
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.cashier import qr_svg, shop_name
from tallystick.console.figures import CURRENCY
from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.identity import (
    Failed,
    close_session,
    failed_text,
    prove_payment_password,
    sign_in_party,
)
from tallystick.console.listing import cursor_text, pair_cursor, shipment_text
from tallystick.console.requests import Form, amount_in, form_request, need_party, read_form
from tallystick.console.security import local_path
from tallystick.console.statements import NEWEST
from tallystick.console.step_up import asks_for_proof, proof_at_sign_in, signed_in
from tallystick.console.texts import Language
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.console.wallet_alerts import notices_of
from tallystick.ledger.statements import available_of
from tallystick.parties.model import IssuePaymentCode, Party, PaymentCodeIssued
from tallystick.parties.views import (
    masked_login,
    new_payment_code,
    party_by_login,
    payment_code_index,
)
from tallystick.payments.accounts import trade_escrow
from tallystick.payments.banks.directory import BANKS
from tallystick.payments.movements import Movement
from tallystick.payments.trades.model import (
    ConfirmReceipt,
    OpenDispute,
    Refund,
    Trade,
    TradeStatus,
)
from tallystick.payments.trades.views import TradeFilter, TradePage, list_trades
from tallystick.payments.wallet.model import (
    StartTopUp,
    StartWithdrawal,
    TransferBetweenWallets,
    WalletTransfer,
)
from tallystick.payments.wallet.views import (
    StatementEntry,
    WalletBalance,
    open_bank_orders,
    wallet_balance,
    wallet_statement,
)
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused

__all__ = ["WALLET"]

_PAGE: Final = 20
_GLANCE: Final = 5
_CODE_RENEW_MS: Final = 5_000
_HELD: Final = (TradeStatus.HELD, TradeStatus.SHIPPED, TradeStatus.DISPUTED)
_OF_TRADES: Final = frozenset({Movement.TRADE_PAY, Movement.TRADE_REFUND, Movement.TRADE_SETTLE})


class Line(NamedTuple):
    """A line of the statement as a person reads it; amounts in minor units."""

    title: str
    note: str
    at_ms: int
    change: int
    after: int
    currency: str


def _party(visitor: Visitor) -> Party:
    party = need_party(visitor).party
    assert party is not None
    return party


def _balance(front: Frontend, party: Party) -> WalletBalance:
    platform = front.platform
    return wallet_balance(platform.rows, platform.ledger, party.party_id, CURRENCY)


def _in_orders(front: Frontend, party: Party) -> int:
    """What the buyer paid for orders that are still open."""
    rows, ledger = front.platform.rows, front.platform.ledger
    trades = rows.query(
        Trade, "WHERE buyer_id = ? AND status IN (?, ?, ?)",
        (party.party_id, *(s.value for s in _HELD)),
    )  # fmt: skip
    ids = [trade_escrow(t.trade_no, t.currency).id for t in trades if t.currency == CURRENCY]
    return sum(available_of(account) for account in ledger.accounts(ids))


def _note(front: Frontend, party: Party, entry: StatementEntry) -> str:
    """What an entry belongs to: the order's subject, or who is on the other side."""
    rows = front.platform.rows
    if entry.movement in _OF_TRADES:
        trade = rows.get(Trade, entry.reference)
        return trade.subject if trade else ""
    if entry.movement == Movement.WALLET_TRANSFER:
        found = rows.get(WalletTransfer, entry.reference)
        who = masked_login(rows, front.platform.sealer, entry.counterparty_id)
        return f"{who} · {found.remark}" if found and found.remark else who
    return ""


def _lines(
    front: Frontend, party: Party, language: Language, *, before: int = NEWEST, limit: int
) -> tuple[list[Line], int]:
    """A page of the statement, newest first, and the cursor of the next (0: none)."""
    platform = front.platform
    page = wallet_statement(
        platform.rows, platform.ledger, party.party_id, CURRENCY, before=before, limit=limit
    )
    lines = [
        Line(
            language.pick(*entry.name), _note(front, party, entry), entry.at_ms, entry.change,
            entry.balance, CURRENCY,
        )
        for entry in page.entries
    ]  # fmt: skip
    return lines, page.after or 0


def _orders(
    front: Frontend, party: Party, *, limit: int, after: tuple[int, str] | None = None
) -> TradePage:
    wanted = TradeFilter(buyer_id=party.party_id)
    return list_trades(front.platform.rows, wanted, limit=limit, after=after)


def _shop_names(front: Frontend, trades: list[Trade]) -> dict[str, str]:
    return {app_id: shop_name(front, app_id) for app_id in {t.app_id for t in trades}}


# Signing in and out.


def _sign_in_page(
    front: Frontend, visitor: Visitor, *, next_path: str,
    refusal: RefusalText | None = None, login: str = "",
) -> Response[str]:  # fmt: skip
    return front.page(
        visitor, "wallet/sign_in.html", status=refusal.status if refusal else 200,
        here="", next=next_path, refusal=refusal, login=login,
    )  # fmt: skip


@get("/wallet/sign-in")
async def show_sign_in(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Where a person signs in."""
    next_path = local_path(request.query_params.get("next", ""), "/wallet")
    if visitor.party is not None:
        return front.redirect(next_path)
    return _sign_in_page(front, visitor, next_path=next_path)


@post("/wallet/sign-in")
async def sign_in(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Sign in with login name and password."""
    form = await read_form(request)
    next_path = local_path(form.get("next", ""), "/wallet")
    login = form.get("login", "")
    found = await sign_in_party(front, login, form.get("password", ""))
    back = f"/wallet/sign-in?{urlencode({'next': next_path})}"
    if isinstance(found, Failed):
        proof = await proof_at_sign_in(front, found, back)
        if proof is not None:
            return proof
        said = failed_text(found, visitor.language)
        return _sign_in_page(front, visitor, next_path=next_path, refusal=said, login=login)
    return await signed_in(front, visitor, found.party_id, next_path, back)


@post("/wallet/sign-out")
async def sign_out(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Forget this browser."""
    form = await read_form(request)
    next_path = local_path(form.get("next", ""), "/wallet/sign-in?done=signed_out")
    answer = front.redirect(next_path)
    await close_session(front, visitor, answer, "party")
    return answer


# Looking.


@get("/wallet")
async def show_home(front: Front, visitor: Asking) -> Response[str]:
    """Balance, orders and movements at a glance."""
    party = _party(visitor)
    orders = _orders(front, party, limit=_GLANCE).trades
    lines, _ = _lines(front, party, visitor.language, limit=_GLANCE)
    at_bank = open_bank_orders(front.platform.rows, party_id=party.party_id, limit=_GLANCE)
    return front.page(
        visitor, "wallet/home.html", here="home", currency=CURRENCY,
        position=_balance(front, party), in_orders=_in_orders(front, party),
        **notices_of(front, party.party_id),
        waiting=at_bank, orders=orders, shop_names=_shop_names(front, orders), lines=lines,
    )  # fmt: skip


@get("/wallet/statement")
async def show_statement(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """All movements, a page at a time."""
    asked = request.query_params.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 20 else NEWEST
    before = min(before, NEWEST)
    lines, older = _lines(front, _party(visitor), visitor.language, before=before, limit=_PAGE)
    return front.page(
        visitor, "wallet/statement.html", here="statement", lines=lines, older=older,
        is_later=bool(asked),
    )  # fmt: skip


@get("/wallet/orders")
async def show_orders(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """All orders, a page at a time."""
    after = pair_cursor(request.query_params.get("after", ""))
    page = _orders(front, _party(visitor), limit=_PAGE, after=after)
    return front.page(
        visitor, "wallet/orders.html", here="orders", orders=page.trades,
        shop_names=_shop_names(front, page.trades), older=cursor_text(page.after),
        is_later=after is not None,
    )  # fmt: skip


# One order.


def _own_order(front: Frontend, party: Party, trade_no: str) -> Trade:
    """The party's order.

    Raises:
        Refused: TRADE_NOT_EXIST, also for orders of others.
    """
    trade = front.platform.rows.get(Trade, trade_no)
    if trade is None or trade.buyer_id != party.party_id:
        raise Refused("TRADE_NOT_EXIST")
    return trade


def _order_page(
    front: Frontend, visitor: Visitor, trade_no: str, refusal: RefusalText | None = None
) -> Response[str]:
    trade = _own_order(front, _party(visitor), trade_no)
    refunds = front.platform.rows.select(Refund, trade_no=trade_no)
    return front.page(
        visitor, "wallet/order.html", status=refusal.status if refusal else 200, here="orders",
        trade=trade, shop_name=shop_name(front, trade.app_id), refusal=refusal,
        shipment=shipment_text(trade), refunded=sum(r.amount for r in refunds),
    )  # fmt: skip


@get("/wallet/orders/{trade_no:str}")
async def show_order(trade_no: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One order and what the buyer can do."""
    return _order_page(front, visitor, trade_no)


async def _order_command(
    front: Frontend, visitor: Visitor, trade: Trade, command: Command, done: str
) -> Response[Any]:
    """Run an order's command; the page of the order says what became of it."""
    answer = await front.submit(visitor.caller, command)
    address = f"/wallet/orders/{trade.trade_no}"
    proof = await asks_for_proof(front, visitor, answer.refusal, address)
    if proof is not None:
        return proof
    if answer.refusal is not None:
        said = refusal_text(answer.refusal, visitor.language)
        return _order_page(front, visitor, trade.trade_no, said)
    return front.redirect(f"/wallet/orders/{trade.trade_no}", done=done)


@post("/wallet/orders/{trade_no:str}/confirm")
async def confirm(
    trade_no: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """The goods have arrived: the shop is paid."""
    party = _party(visitor)
    trade = _own_order(front, party, trade_no)
    form = await read_form(request)
    failed = await prove_payment_password(front, party, form.get("payment_password", ""))
    if failed is not None:
        return _order_page(front, visitor, trade_no, failed_text(failed, visitor.language))
    command = ConfirmReceipt(app_id=trade.app_id, trade_no=trade_no)
    return await _order_command(front, visitor, trade, command, "confirmed")


@post("/wallet/orders/{trade_no:str}/dispute")
async def dispute(
    trade_no: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Something is wrong: the money stays held."""
    trade = _own_order(front, _party(visitor), trade_no)
    reason = (await read_form(request)).get("reason", "")[:500]
    command = OpenDispute(app_id=trade.app_id, trade_no=trade_no, reason=reason)
    return await _order_command(front, visitor, trade, command, "disputed")


# The payment code.


@get("/wallet/code")
async def show_code_page(front: Front, visitor: Asking) -> Response[str]:
    """Before a code is shown."""
    need_party(visitor)
    return front.page(visitor, "wallet/code.html", here="code", digits="")


@post("/wallet/code")
async def show_code(front: Front, visitor: Asking) -> Response[str]:
    """A fresh payment code: 18 digits, good for a short while and one payment."""
    party = _party(visitor)
    digits = new_payment_code()
    platform = front.platform
    lasts_ms = platform.settings.payment_code_seconds * 1000
    expires_ms = platform.clock_ms() + lasts_ms
    command = IssuePaymentCode(
        party_id=party.party_id, code_index=payment_code_index(platform.sealer, digits),
        expires_ms=expires_ms,
    )  # fmt: skip
    answer = await front.submit(visitor.caller, command)
    if answer.refusal is not None:
        raise Refused(*answer.refusal)
    assert isinstance(answer.reply, PaymentCodeIssued)
    grouped = " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))
    return front.page(
        visitor, "wallet/code.html", here="code", digits=digits, grouped=grouped,
        qr=qr_svg(digits), expires_ms=expires_ms, ends_in_ms=max(1000, lasts_ms - _CODE_RENEW_MS),
    )  # fmt: skip


# The bank.


def _bank_names(language: Language) -> dict[str, str]:
    return {bank_id: language.pick(b.name, b.chinese) for bank_id, b in BANKS.items()}


def _bank_page(
    front: Frontend, visitor: Visitor, here: str, form: Form, refusal: RefusalText | None = None
) -> Response[str]:
    return front.page(
        visitor, "wallet/bank.html", status=refusal.status if refusal else 200, here=here,
        currency=CURRENCY, position=_balance(front, _party(visitor)),
        banks=_bank_names(visitor.language), amount=form.get("amount", ""),
        for_trade=form.get("for", ""), refusal=refusal,
    )  # fmt: skip


@get("/wallet/top-up")
async def show_top_up(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Where money comes from the bank."""
    form = {"for": request.query_params.get("for", "")}
    return _bank_page(front, visitor, "top_up", form)


@get("/wallet/withdraw")
async def show_withdraw(front: Front, visitor: Asking) -> Response[str]:
    """Where money goes to the bank."""
    return _bank_page(front, visitor, "withdraw", {})


@post("/wallet/top-up")
async def top_up(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Ask the bank for money."""
    party = _party(visitor)
    form = await read_form(request)
    try:
        command = StartTopUp(
            party_id=party.party_id, amount=amount_in(form, "amount", CURRENCY),
            bank_id=form.get("bank", ""), currency=CURRENCY,
        )  # fmt: skip
    except Refused as refused:
        said = refusal_text(refused.refusal, visitor.language)
        return _bank_page(front, visitor, "top_up", form, said)
    answer = await front.submit(visitor.caller, command, form_request(form, "top-up"))
    if answer.refusal is not None:
        said = refusal_text(answer.refusal, visitor.language)
        return _bank_page(front, visitor, "top_up", form, said)
    for_trade = form.get("for", "")
    back = f"/cashier/{for_trade}" if for_trade.isascii() and for_trade.isdigit() else "/wallet"
    return front.redirect(back, done="topped_up")


async def _move_money(
    front: Frontend, visitor: Visitor, form: Form, command: Command, what: str
) -> RefusalText | Response[Any] | None:
    """Run a command that the payment password must allow.

    None when it is done; else what is said, or the page that takes the proof that risk wants.
    """
    failed = await prove_payment_password(front, _party(visitor), form.get("payment_password", ""))
    if failed is not None:
        return failed_text(failed, visitor.language)
    answer = await front.submit(visitor.caller, command, form_request(form, what))
    proof = await asks_for_proof(front, visitor, answer.refusal, f"/wallet/{what}")
    if proof is not None:
        return proof
    return refusal_text(answer.refusal, visitor.language) if answer.refusal else None


@post("/wallet/withdraw")
async def withdraw(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Send money to the bank; it is frozen until the bank answers."""
    party = _party(visitor)
    form = await read_form(request)
    try:
        command = StartWithdrawal(
            party_id=party.party_id, amount=amount_in(form, "amount", CURRENCY),
            bank_id=form.get("bank", ""), currency=CURRENCY,
        )  # fmt: skip
    except Refused as refused:
        said: RefusalText | Response[Any] | None
        said = refusal_text(refused.refusal, visitor.language)
    else:
        said = await _move_money(front, visitor, form, command, "withdraw")
    if isinstance(said, Response):
        return said
    if said is not None:
        return _bank_page(front, visitor, "withdraw", form, said)
    return front.redirect("/wallet", done="withdrawn")


# Transfers.


def _transfer_page(
    front: Frontend, visitor: Visitor, form: Form, refusal: RefusalText | None = None
) -> Response[str]:
    return front.page(
        visitor, "wallet/transfer.html", status=refusal.status if refusal else 200,
        here="transfer", currency=CURRENCY, position=_balance(front, _party(visitor)),
        payee=form.get("payee", ""), amount=form.get("amount", ""),
        remark=form.get("remark", ""), refusal=refusal,
    )  # fmt: skip


@get("/wallet/transfer")
async def show_transfer(front: Front, visitor: Asking) -> Response[str]:
    """Where money goes to another person."""
    return _transfer_page(front, visitor, {})


def _transfer(front: Frontend, party: Party, form: Form) -> TransferBetweenWallets:
    """The transfer that a form describes.

    Raises:
        Refused: INVALID_AMOUNT, PAYEE_NOT_EXIST.
    """
    amount = amount_in(form, "amount", CURRENCY)
    payee = party_by_login(front.platform.rows, front.platform.sealer, form.get("payee", ""))
    if payee is None:
        raise Refused("PAYEE_NOT_EXIST")
    return TransferBetweenWallets(
        payer_id=party.party_id, payee_id=payee.party_id, amount=amount, currency=CURRENCY,
        out_biz_no=form.get("form_id", "")[:64] or secrets.token_hex(16),
        remark=form.get("remark", "")[:100],
    )  # fmt: skip


@post("/wallet/transfer")
async def transfer(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Send money to another person."""
    party = _party(visitor)
    form = await read_form(request)
    try:
        command = _transfer(front, party, form)
    except Refused as refused:
        said: RefusalText | Response[Any] | None
        said = refusal_text(refused.refusal, visitor.language)
    else:
        said = await _move_money(front, visitor, form, command, "transfer")
    if isinstance(said, Response):
        return said
    if said is not None:
        return _transfer_page(front, visitor, form, said)
    return front.redirect("/wallet", done="transferred")


WALLET: Final = (
    show_sign_in, sign_in, sign_out, show_home, show_statement, show_orders, show_order, confirm,
    dispute, show_code_page, show_code, show_top_up, top_up, show_withdraw, withdraw,
    show_transfer, transfer,
)  # fmt: skip
