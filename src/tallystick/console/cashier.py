"""The cashier: where a buyer who came from a shop, or scanned a code, pays one order."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import segno
from litestar import Response, get, post
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.drawing import unfunded_text
from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.identity import (
    Failed,
    failed_text,
    prove_payment_password,
    sign_in_party,
)
from tallystick.console.requests import Form, need_party, read_form
from tallystick.console.step_up import asks_for_proof, proof_at_sign_in, signed_in
from tallystick.console.texts import TEXTS, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.pay_later.model import PAY_LATER, PayTradeLater
from tallystick.credit.pay_later.views import LaterOffer, later_line, offers_of
from tallystick.partners.model import App
from tallystick.payments.trades.model import PayTrade, Trade, TradeStatus
from tallystick.payments.wallet.views import wallet_balance
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refusal, Refused

__all__ = ["CASHIER", "Standing", "qr_svg", "shop_name", "standing", "trade_of_code"]

_COUNTDOWN_MS: Final = 24 * 3_600_000
_COUNT_DIGITS: Final = 3


class Standing(Enum):
    """What an order is for whoever looks at it; the values of refusals are their codes."""

    PAYABLE = "payable"
    PAID_BY_VISITOR = "paid"
    ALREADY_PAID = "TRADE_ALREADY_PAID"
    CLOSED = "TRADE_CLOSED"
    EXPIRED = "TRADE_EXPIRED"
    DISPUTED = "TRADE_DISPUTED"
    FOREIGN = "BUYER_MISMATCH"
    OWN = "BUYER_IS_SELLER"


def standing(trade: Trade, party_id: str, now_ms: int) -> Standing:
    """Whether the visitor (empty: nobody signed in) can pay the order, or why not."""
    if trade.status is TradeStatus.CLOSED:
        late = not trade.paid_ms and trade.closed_ms >= trade.pay_by_ms
        return Standing.EXPIRED if late else Standing.CLOSED
    if trade.status is TradeStatus.DISPUTED:
        return Standing.DISPUTED
    if trade.paid_ms:
        is_theirs = bool(party_id) and trade.buyer_id == party_id
        return Standing.PAID_BY_VISITOR if is_theirs else Standing.ALREADY_PAID
    if now_ms >= trade.pay_by_ms:
        return Standing.EXPIRED
    if party_id and trade.buyer_id and trade.buyer_id != party_id:
        return Standing.FOREIGN
    return Standing.OWN if party_id and trade.seller_id == party_id else Standing.PAYABLE


def shop_name(front: Frontend, app_id: str) -> str:
    """The name of the shop that an app belongs to."""
    app = front.platform.rows.get(App, app_id)
    return app.name if app else app_id


def qr_svg(content: str) -> Markup:
    """A QR code as inline SVG, dark on light."""
    drawn = segno.make_qr(content, error="m").svg_inline(
        border=2, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"
    )
    return Markup(drawn)  # noqa: S704 - drawn by us; the content is only in its squares


def _trade(front: Frontend, trade_no: str) -> Trade:
    trade = front.platform.rows.get(Trade, trade_no)
    if trade is None:
        raise Refused("TRADE_NOT_EXIST")
    return trade


def trade_of_code(front: Frontend, code: str) -> Trade:
    """The order that a scanned code stands for.

    Raises:
        Refused: TRADE_NOT_EXIST.
    """
    index = front.platform.sealer.lasting_index("trade.code", code)
    found = front.platform.rows.query(
        Trade, "WHERE code_index = ? ORDER BY created_ms DESC LIMIT 1", (index,)
    )
    if not found:
        raise Refused("TRADE_NOT_EXIST")
    return found[0]


def _show(
    front: Frontend, visitor: Visitor, trade: Trade, *,
    refusal: RefusalText | None = None, locked_until_ms: int = 0, login: str = "",
) -> Response[str]:  # fmt: skip
    """The order as it stands: to be paid, paid, or why it cannot be paid."""
    now_ms = front.platform.clock_ms()
    found = standing(trade, visitor.party_id, now_ms)
    if found is Standing.PAID_BY_VISITOR:
        return _done(front, visitor, trade)
    if found is not Standing.PAYABLE:
        return _cannot(front, visitor, trade, found.value)
    party = visitor.party
    if party is not None and not locked_until_ms and party.payment_locked_until_ms > now_ms:
        locked_until_ms = party.payment_locked_until_ms
    balance = 0
    if party is not None:
        platform = front.platform
        found_balance = wallet_balance(
            platform.rows, platform.ledger, party.party_id, trade.currency
        )
        balance = found_balance.available
    left_ms = trade.pay_by_ms - now_ms
    return front.page(
        visitor, "cashier/pay.html", status=refusal.status if refusal else 200,
        trade=trade, shop_name=shop_name(front, trade.app_id), balance=balance,
        later=_later(front, party.party_id, trade) if party else [],
        refusal=refusal, locked_until_ms=locked_until_ms, login=login, ends_in_ms=left_ms,
        counts_down=left_ms < _COUNTDOWN_MS,
    )  # fmt: skip


def _later(front: Frontend, party_id: str, trade: Trade) -> list[LaterOffer]:
    """The ways in which the buyer may pay the order later."""
    platform = front.platform
    line = later_line(platform.rows, platform.ledger, party_id, PAY_LATER)
    if line is None:
        return []
    return offers_of(line, trade.amount, trade.currency, loan_day(platform.clock_ms()))


def _payment(form: Form, trade: Trade, party_id: str) -> Command:
    """The payment that a form asks for: from the balance, or later in so many payments."""
    payment = PayTrade(app_id=trade.app_id, trade_no=trade.trade_no, buyer_id=party_id)
    later = form.get("later", "")
    if not later:
        return payment
    if not (later.isascii() and later.isdigit() and len(later) <= _COUNT_DIGITS):
        raise Refused("INVALID_PARAMETER", "later: a number of payments.")
    return PayTradeLater(payment=payment, product_id=PAY_LATER, count=int(later))


def _done(front: Frontend, visitor: Visitor, trade: Trade) -> Response[str]:
    return front.page(
        visitor, "cashier/done.html", trade=trade, shop_name=shop_name(front, trade.app_id),
        return_location=front.return_location(trade), leaves="paid=now" in visitor.query,
    )  # fmt: skip


def _cannot(front: Frontend, visitor: Visitor, trade: Trade | None, code: str) -> Response[str]:
    said = refusal_text(Refusal(code), visitor.language)
    key = f"advice.{code}"
    return front.page(
        visitor, "cashier/refused.html", status=said.status, refusal=said, trade=trade,
        shop_name=shop_name(front, trade.app_id) if trade else "",
        advice=text(key if key in TEXTS else "advice.other", visitor.language),
    )  # fmt: skip


@get("/cashier/{trade_no:str}")
async def show_order(trade_no: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """The order to pay."""
    trade = front.platform.rows.get(Trade, trade_no)
    if trade is None:
        return _cannot(front, visitor, None, "TRADE_NOT_EXIST")
    return _show(front, visitor, trade)


@post("/cashier/{trade_no:str}/sign-in")
async def sign_in(
    trade_no: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Sign in on the way to paying."""
    trade = _trade(front, trade_no)
    form = await read_form(request)
    found = await sign_in_party(front, form.get("login", ""), form.get("password", ""))
    back = f"/cashier/{trade.trade_no}"
    if isinstance(found, Failed):
        proof = await proof_at_sign_in(front, found, back)
        if proof is not None:
            return proof
        said = failed_text(found, visitor.language)
        return _show(front, visitor, trade, refusal=said, login=form.get("login", ""))
    return await signed_in(front, visitor, found.party_id, back, back)


@post("/cashier/{trade_no:str}/pay")
async def pay(
    trade_no: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Pay the order. Sent twice it pays once: the second time finds the first answer."""
    trade = _trade(front, trade_no)
    if visitor.party is None:
        return front.redirect(f"/cashier/{trade.trade_no}")
    party = need_party(visitor).party
    assert party is not None
    if standing(trade, party.party_id, front.platform.clock_ms()) is not Standing.PAYABLE:
        return _show(front, visitor, trade)
    form = await read_form(request)
    failed = await prove_payment_password(front, party, form.get("payment_password", ""))
    if failed is not None:
        said = failed_text(failed, visitor.language)
        return _show(front, visitor, trade, refusal=said, locked_until_ms=failed.locked_until_ms)
    command = _payment(form, trade, party.party_id)
    answer = await front.submit(visitor.caller, command, f"cashier:{trade.trade_no}")
    proof = await asks_for_proof(front, visitor, answer.refusal, f"/cashier/{trade.trade_no}")
    if proof is not None:
        return proof
    if answer.refusal is not None:
        line = unfunded_text(answer.refusal, visitor.language)
        said = refusal_text(answer.refusal, visitor.language, line)
        return _show(front, visitor, _trade(front, trade_no), refusal=said)
    return front.redirect(f"/cashier/{trade.trade_no}", paid="now")


@get("/pay/{code:str}")
async def scanned(code: FromPath[str], front: Front, visitor: Asking) -> Response[Any]:
    """A scanned order code leads to its order."""
    return front.redirect(f"/cashier/{trade_of_code(front, code).trade_no}")


@get("/pay/{code:str}/qr")
async def show_code(code: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """The code for a shop to show on its screen."""
    trade = trade_of_code(front, code)
    found = standing(trade, "", front.platform.clock_ms())
    if found is not Standing.PAYABLE:
        return _cannot(front, visitor, trade, found.value)
    address = f"{front.platform.settings.public_base}/pay/{code}"
    return front.page(
        visitor, "cashier/code.html", trade=trade, code=code, qr=qr_svg(address),
        shop_name=shop_name(front, trade.app_id),
    )  # fmt: skip


CASHIER: Final = (show_order, sign_in, pay, scanned, show_code)
