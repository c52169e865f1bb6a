"""What a buyer and a shop can do with one trade or one hold, each as a recorded command."""

from __future__ import annotations

import time
from typing import Any, Final

from tallystick.money.china_time import china_time
from tallystick.sandbox.history import Call
from tallystick.sandbox.marketplace import Buyer, Marketplace, StoppedError
from tallystick.sandbox.model import yuan

__all__ = ["Deal", "Deposit", "give_between", "reward", "withdraw"]

_GIVE_UP_AFTER_MS: Final = 3_000
_PAID: Final = "ACQ.TRADE_HAS_SUCCESS"
_CLOSED: Final = "ACQ.TRADE_HAS_CLOSE"


class Deal:
    """One trade between a buyer and a seller of the marketplace; `amount` in minor units."""

    def __init__(self, market: Marketplace, buyer: Buyer, amount: int) -> None:
        self.market = market
        self.buyer = buyer
        self.amount = amount
        self.number = market.new_number("trade")
        self.seller_id = market.rng.choice((market.market_id, market.tea_id))
        self.trade_no = ""
        self.state = ""

    def _facts(self, **more: Any) -> dict[str, Any]:
        return {"amount": self.amount, "seller_id": self.seller_id} | more

    def _order(self, **more: Any) -> dict[str, Any]:
        return {
            "out_trade_no": self.number,
            "total_amount": yuan(self.amount),
            "subject": "Sandbox goods 商品",
            "seller_id": self.seller_id,
        } | more

    def _moved(self, call: Call, state: str) -> Call:
        """Keep the live count of trades by state; a script ends where it is refused."""
        if not call.accepted:
            raise StoppedError
        self.trade_no = self.trade_no or call.told.get("trade_no", "")
        states = self.market.states
        if self.state:
            states[self.state] -= 1
        states[state] += 1
        self.state = state
        return call

    # Opening and paying.

    async def create(self) -> None:
        """Open the order."""
        call = await self.market.over_gateway(
            "create", self.number, self._facts(), "alipay.trade.create", self._order()
        )
        self._moved(call, "wait_buyer_pay")

    async def create_to_give_up(self) -> None:
        """Open an order that nobody pays; it closes itself soon."""
        pay_by_ms = (time.time_ns() // 1_000_000 + _GIVE_UP_AFTER_MS) // 1000 * 1000
        facts = self._facts(pay_by_ms=pay_by_ms, late=True)
        call = await self.market.over_gateway(
            "create", self.number, facts, "alipay.trade.create",
            self._order(time_expire=china_time(pay_by_ms)), done_before=_CLOSED,
        )  # fmt: skip
        self._moved(call, "wait_buyer_pay")

    async def precreate(self) -> None:
        """Open the order for a buyer who scans its code."""
        call = await self.market.over_gateway(
            "create", self.number, self._facts(), "alipay.trade.precreate", self._order()
        )
        self._moved(call, "wait_buyer_pay")
        found = await self.market.rest.get("/v1/trades", number=self.number)
        self.trade_no = found["items"][0]["trade_no"]

    async def open_page(self) -> None:
        """Open the order as a shop's web page does; the browser is sent to the cashier."""
        product = {"product_code": "FAST_INSTANT_TRADE_PAY"}
        call = await self.market.over_gateway(
            "create", self.number, self._facts(), "alipay.trade.page.pay", self._order(**product)
        )
        self._moved(call, "wait_buyer_pay")
        self.trade_no = call.told.get("location", "").rsplit("/", 1)[-1]

    async def pay(self, terminal_id: str = "T-1") -> None:
        """Pay with the buyer's code at the gateway; the order is opened if need be.

        Args:
            terminal_id: where. The same order at the same terminal within a second is the same
                signed request, which has the first answer again.
        """
        call = await self.market.over_gateway(
            "pay", self.number, self._facts(buyer_id=self.buyer.party_id), "alipay.trade.pay",
            self._order(auth_code=self.buyer.payment_code, terminal_id=terminal_id),
            done_before="" if self.state == "held" else _PAID,
        )  # fmt: skip
        self._moved(call, "held")

    async def pay_over_rest(self) -> None:
        """Pay an opened order, as the cashier would have it paid."""
        call = await self.market.over_rest(
            "pay", self.number, self._facts(buyer_id=self.buyer.party_id),
            f"/v1/trades/{self.trade_no}/pay", {"payment_code": self.buyer.payment_code},
        )  # fmt: skip
        self._moved(call, "held")

    async def pay_from(self, deposit: Deposit) -> None:
        """Pay out of what is frozen."""
        facts = self._facts(
            buyer_id=self.buyer.party_id, hold=deposit.number, request_no=self.number
        )
        call = await self.market.over_gateway(
            "pay", self.number, facts, "alipay.trade.pay", self._order(auth_no=deposit.hold_id),
            done_before=_PAID,
        )  # fmt: skip
        self._moved(call, "held")

    # Fulfilling.

    async def ship(self) -> None:
        """The seller sends the goods."""
        call = await self.market.over_rest(
            "ship", self.number, {}, f"/v1/trades/{self.trade_no}/ship",
            {"carrier": "Swift Courier", "tracking_no": self.number},
        )  # fmt: skip
        self._moved(call, "shipped")

    async def confirm(self) -> None:
        """The buyer has the goods; the seller is paid."""
        number = self.market.new_number("settle")
        call = await self.market.over_gateway(
            "confirm", self.number, {"request_no": number}, "alipay.trade.settle.confirm",
            {"out_request_no": number, "trade_no": self.trade_no},
        )  # fmt: skip
        self._moved(call, "settled")

    async def split(self, amount: int) -> None:
        """The seller gives the courier a part."""
        number, courier_id = self.market.new_number("split"), self.market.courier_id
        part = {"trans_in": courier_id, "trans_in_type": "userId", "amount": yuan(amount)}
        call = await self.market.over_gateway(
            "split", self.number,
            {"request_no": number, "amount": amount, "receiver_id": courier_id},
            "alipay.trade.order.settle",
            {"out_request_no": number, "trade_no": self.trade_no, "royalty_parameters": [part]},
        )  # fmt: skip
        self._moved(call, self.state)

    # Going back.

    async def refund(self, amount: int, *, number: str = "", whole: bool = False) -> str:
        """Give money back; the same number again is the same refund. Gives the number."""
        number = number or self.market.new_number("refund")
        call = await self.market.over_gateway(
            "refund", self.number, {"request_no": number, "amount": amount},
            "alipay.trade.refund",
            {"trade_no": self.trade_no, "refund_amount": yuan(amount), "out_request_no": number},
        )  # fmt: skip
        self._moved(call, "closed" if whole else self.state)
        return number

    async def dispute(self) -> None:
        """The buyer contests."""
        call = await self.market.over_rest(
            "dispute", self.number, {}, f"/v1/trades/{self.trade_no}/dispute",
            {"reason": "Nothing arrived 未收到货"},
        )  # fmt: skip
        self._moved(call, "disputed")

    async def resolve(self, to_buyer: int, to_seller: int) -> None:
        """An arbiter decides."""
        call = await self.market.over_rest(
            "resolve", self.number, {"to_buyer": to_buyer, "to_seller": to_seller},
            f"/v1/trades/{self.trade_no}/resolve",
            {"to_buyer": yuan(to_buyer), "to_seller": yuan(to_seller)},
        )  # fmt: skip
        self._moved(call, "settled" if to_seller else "closed")

    async def close(self) -> None:
        """The shop gives the unpaid order up."""
        call = await self.market.over_gateway(
            "close", self.number, {}, "alipay.trade.close", {"out_trade_no": self.number},
            done_before=_CLOSED,
        )  # fmt: skip
        self._moved(call, "closed")

    async def cancel(self) -> None:
        """The shop undoes the order, paid or not."""
        call = await self.market.over_gateway(
            "cancel", self.number, {}, "alipay.trade.cancel", {"out_trade_no": self.number}
        )
        self._moved(call, "closed")


class Deposit:
    """Money of a buyer that is frozen for the marketplace."""

    def __init__(self, market: Marketplace, buyer: Buyer, amount: int) -> None:
        self.market = market
        self.buyer = buyer
        self.amount = amount
        self.number = market.new_number("hold")
        self.hold_id = ""

    async def freeze(self) -> None:
        """Freeze all of it."""
        call = await self.market.over_gateway(
            "freeze", self.number,
            {"request_no": self.number, "amount": self.amount, "buyer_id": self.buyer.party_id},
            "alipay.fund.auth.order.freeze",
            {"out_order_no": self.number, "out_request_no": self.number,
             "order_title": "Deposit 押金", "amount": yuan(self.amount),
             "auth_code": self.buyer.payment_code},
        )  # fmt: skip
        if not call.accepted:
            raise StoppedError
        self.hold_id = call.told["auth_no"]

    async def unfreeze(self, amount: int) -> None:
        """Give a part free."""
        number = self.market.new_number("unfreeze")
        call = await self.market.over_gateway(
            "unfreeze", self.number, {"request_no": number, "amount": amount},
            "alipay.fund.auth.order.unfreeze",
            {"auth_no": self.hold_id, "out_request_no": number, "amount": yuan(amount),
             "remark": "Returned 退还"},
        )  # fmt: skip
        if not call.accepted:
            raise StoppedError


async def reward(market: Marketplace, buyer: Buyer, amount: int) -> None:
    """The marketplace sends a buyer money."""
    number = market.new_number("reward")
    facts = {"payer_id": market.market_id, "payee_id": buyer.party_id, "amount": amount}
    await market.over_gateway(
        "transfer", number, facts, "alipay.fund.trans.uni.transfer",
        {"out_biz_no": number, "trans_amount": yuan(amount), "order_title": "Reward 返利",
         "payee_info": {"identity": buyer.party_id, "identity_type": "ALIPAY_USER_ID"}},
    )  # fmt: skip


async def give_between(market: Marketplace, payer: Buyer, payee: Buyer, amount: int) -> None:
    """One buyer sends another money."""
    number = market.new_number("gift")
    facts = {"payer_id": payer.party_id, "payee_id": payee.party_id, "amount": amount}
    await market.over_rest(
        "transfer", number, facts, "/v1/transfers",
        {"payer_id": payer.party_id, "payee_id": payee.party_id, "amount": yuan(amount),
         "out_biz_no": number},
    )  # fmt: skip


async def withdraw(market: Marketplace, buyer: Buyer, amount: int, bank_id: str) -> None:
    """A buyer takes money out, at a bank that answers in its own way."""
    facts = {"amount": amount, "party_id": buyer.party_id, "bank_id": bank_id}
    await market.over_rest(
        "withdraw", buyer.party_id, facts, f"/v1/wallets/{buyer.party_id}/withdrawals",
        {"amount": yuan(amount), "bank_id": bank_id},
    )  # fmt: skip
