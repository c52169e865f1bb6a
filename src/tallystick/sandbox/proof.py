"""The proof: what clients were told, put beside what the ledger says over REST."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from tallystick.money.amount import parse_amount
from tallystick.sandbox.history import Call
from tallystick.sandbox.marketplace import Marketplace
from tallystick.sandbox.model import TRADE_CALLS, HoldModel, Move, TradeModel, moves_by_party
from tallystick.sandbox.statement import Line, check_statement

__all__ = ["Book", "Proof", "prove"]

_AT_ONCE: Final = 16
_WAIT_S: Final = 60.0
_TIMER_LAG_MS: Final = 1_000
_OPEN: Final = ("held", "shipped", "disputed")
_ESCROW_CODE: Final = 2101
_RESERVE_CODE: Final = 1001

T = TypeVar("T")
U = TypeVar("U")


class Book(msgspec.Struct, frozen=True):
    """One book's totals, in minor units."""

    book: int
    debits: int
    credits: int
    held: int

    @property
    def balanced(self) -> bool:
        """Whether debits equal credits."""
        return self.debits == self.credits


class Proof(msgspec.Struct):
    """What was compared, and every difference. Amounts are minor units."""

    trades: dict[str, int] = {}
    money_in: int = 0
    money_out: int = 0
    in_wallets: int = 0
    held: int = 0
    fees: int = 0
    calls: int = 0
    wallets: int = 0
    statement_lines: int = 0
    books: list[Book] = []
    differences: list[str] = []


def fen(text: str) -> int:
    """Minor units of an amount of CNY that an answer shows; a sign is allowed."""
    sign = -1 if text.startswith("-") else 1
    return sign * parse_amount(text.lstrip("-"), "CNY", allow_zero=True)


async def _each(items: Iterable[T], work: Callable[[T], Awaitable[U]]) -> list[U]:
    """Work on all items, a few at a time; results in their order."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> U:
        async with gate:
            return await work(item)

    return list(await asyncio.gather(*(one(item) for item in items)))


class _Auditor:
    """Reads the books over REST and gathers what differs."""

    def __init__(self, market: Marketplace, held_by_trade: dict[str, int]) -> None:
        self.market = market
        self.rest = market.rest
        self.proof = Proof(calls=len(market.history.calls))
        self.proof.differences += market.history.differences
        self.moves: list[Move] = []
        self.frozen: Counter[str] = Counter()
        self.held_by_trade = held_by_trade
        self.notices: dict[str, int] = {}

    def differs(self, what: str, told: object, found: object) -> None:
        """Note a difference, if it is one."""
        if told != found:
            self.proof.differences.append(f"{what}: clients know {told}, the ledger has {found}")

    # Trades.

    async def trades(self) -> None:
        """Every trade's state, amount, refunds and transitions."""
        by_number = self.market.history.by_subject(*TRADE_CALLS)
        models = await _each(by_number.items(), lambda item: self._trade(*item))
        self.proof.trades = dict(sorted(Counter(m.status for m in models if m.status).items()))

    async def _trade(self, number: str, calls: list[Call]) -> TradeModel:
        found = await self.rest.get("/v1/trades", number=number)
        rate = found["items"][0]["fee_rate"] if found["items"] else "0"
        model = TradeModel(number, Decimal(rate)).follow(calls)
        self.proof.differences += model.differences
        if not model.status:
            self.differs(f"trades numbered {number}", 0, len(found["items"]))
            return model
        if not found["items"]:
            self.differs(f"trade {number}", model.status, "nothing")
            return model
        model.trade_no = found["items"][0]["trade_no"]
        await self._compare_trade(model)
        self.moves += [move._replace(reference=model.trade_no) for move in model.moves]
        self.notices[model.trade_no] = model.notices
        return model

    async def _compare_trade(self, model: TradeModel) -> None:
        story = await self._story(model)
        trade, name = story["trade"], f"trade {model.out_trade_no}"
        self.differs(f"{name}, state", model.status, trade["status"])
        self.differs(f"{name}, amount", model.amount, fen(trade["amount"]))
        self.differs(f"{name}, seller", model.seller_id, trade["seller_id"])
        self.differs(f"{name}, buyer", model.buyer_id, trade["buyer_id"])
        refunds = {r["out_request_no"]: fen(r["amount"]) for r in story["refunds"]}
        self.differs(f"{name}, refunds", model.refunds, refunds)
        events = Counter(e["command"] for e in story["events"])
        self.differs(f"{name}, transitions", dict(Counter(model.events)), dict(events))
        settled = [s for s in story["settlements"] if s["kind"] == "settle"]
        self.proof.fees += sum(fen(s["fee"]) for s in settled)
        self.proof.fees -= sum(fen(r["fee_returned"]) for r in story["refunds"])
        self.held_by_trade[model.trade_no] = model.held

    async def _story(self, model: TradeModel) -> dict[str, Any]:
        """The trade's story, once what happens by itself has had the time to happen."""
        deadline = time.monotonic() + _WAIT_S
        while True:
            story = await self.rest.get(f"/v1/trades/{model.trade_no}/story")
            model.let_time_pass(time.time_ns() // 1_000_000)
            late = time.time_ns() // 1_000_000 - model.pay_by_ms
            waits = model.pay_by_ms and story["trade"]["status"] == "wait_buyer_pay"
            if not waits or (late > _TIMER_LAG_MS and time.monotonic() > deadline):
                return story
            await asyncio.sleep(0.2)

    # Holds, transfers, banks.

    async def holds(self) -> None:
        """What is frozen under each hold."""
        by_number = self.market.history.by_subject("freeze", "unfreeze")
        for call in self.market.history.calls:
            if call.what == "pay" and call.facts.get("hold"):
                by_number[call.facts["hold"]].append(call)
        for calls in by_number.values():
            calls.sort(key=lambda call: call.number)
        await _each(by_number.items(), lambda item: self._hold(*item))

    async def _hold(self, number: str, calls: list[Call]) -> None:
        model = HoldModel(number).follow(calls)
        self.proof.differences += model.differences
        found = await self.rest.get("/v1/holds", out_order_no=number)
        frozen = [fen(hold["frozen"]) for hold in found["items"]]
        self.differs(f"hold {number}, frozen", [model.frozen] if model.hold_id else [], frozen)
        if model.hold_id:
            self.frozen[model.payer_id] += model.frozen

    def transfers(self) -> None:
        """What went from wallet to wallet."""
        for call in self.market.history.calls:
            if call.what == "transfer" and call.accepted:
                for party_id, sign in ((call.facts["payer_id"], -1), (call.facts["payee_id"], 1)):
                    change = sign * call.facts["amount"]
                    self.moves.append(Move(party_id, change, call.told["order_id"], call))

    async def banks(self) -> None:
        """What came in and went out, as the banks answered."""
        by_party = self.market.history.by_subject("top_up", "withdraw")
        await _each(by_party.items(), lambda item: self._bank_orders(*item))

    async def _bank_orders(self, party_id: str, calls: list[Call]) -> None:
        known = {call.told["order_id"]: call for call in calls if call.accepted}
        orders = await self._answered_orders(party_id)
        self.differs(f"bank orders of {party_id}", sorted(known), sorted(orders))
        for order_id, call in known.items():
            order = orders.get(order_id)
            if order is None:
                continue
            amount, inward = call.facts["amount"], call.what == "top_up"
            self.differs(f"bank order {order_id}", amount, fen(order["amount"]))
            if order["status"] == "accepted":
                self.proof.money_in += amount if inward else 0
                self.proof.money_out += 0 if inward else amount
                change = amount if inward else -amount
                self.moves.append(Move(party_id, change, order_id, call, at_once=False))
            elif order["status"] != "rejected" and not inward:
                self.frozen[party_id] += amount

    async def _answered_orders(self, party_id: str) -> dict[str, dict[str, Any]]:
        """A party's bank orders, when all are answered (or have had time enough)."""
        deadline = time.monotonic() + _WAIT_S
        while True:
            listed = self.rest.items("/v1/bank-orders", party_id=party_id)
            orders = {order["order_id"]: order async for order in listed}
            waits = any(o["status"] not in ("accepted", "rejected") for o in orders.values())
            if not waits or time.monotonic() > deadline:
                return orders
            await asyncio.sleep(0.2)

    # Wallets.

    async def wallets(self) -> None:
        """Each wallet's statement and balance."""
        moves = moves_by_party(self.moves)
        buyers = {buyer.party_id for buyer in self.market.buyers}
        shops = {self.market.market_id, self.market.tea_id, self.market.courier_id}
        await _each(sorted(buyers), lambda p: self._wallet(p, moves.get(p, []), ours=True))
        await _each(sorted(shops), lambda p: self._wallet(p, moves.get(p, []), ours=False))
        self._refused_for_balance({p: moves.get(p, []) for p in buyers})

    async def _wallet(self, party_id: str, moves: list[Move], *, ours: bool) -> None:
        path = f"/v1/wallets/{party_id}"
        wallet = await self.rest.get(path)
        lines = [
            Line(line["reference"], fen(line["change"]), fen(line["balance"]))
            async for line in self.rest.items(f"{path}/statement")
        ][::-1]
        own = {move.reference for move in self.moves}
        foreign = None if ours else {line.reference for line in lines} - own
        self.proof.differences += check_statement(party_id, lines, moves, foreign=foreign)
        self.proof.wallets += 1
        self.proof.statement_lines += len(lines)
        total = fen(wallet["available"]) + fen(wallet["frozen"])
        if ours:
            self.proof.in_wallets += total
            self.differs(f"wallet {party_id}", sum(move.change for move in moves), total)
            self.differs(f"wallet {party_id}, frozen", self.frozen[party_id], fen(wallet["frozen"]))
        else:
            self.differs(f"wallet {party_id}", lines[-1].balance if lines else 0, total)

    def _refused_for_balance(self, moves: dict[str, list[Move]]) -> None:
        """No payment was refused while the buyer's wallet must have had enough."""
        for call in self.market.history.calls:
            payer = call.facts.get("buyer_id") or call.facts.get("payer_id")
            if call.accepted is not False or "BALANCE_NOT_ENOUGH" not in call.code:
                continue
            if (
                payer in moves
                and (least := self._least(payer, call, moves[payer])) >= (call.facts["amount"])
            ):
                self.proof.differences.append(
                    f"{call}: refused with {call.code} though the wallet had at least {least}"
                )

    def _least(self, payer: str, at: Call, moves: list[Move]) -> int:
        """The least that a wallet can have had while a call was on its way."""
        least = 0
        for move in moves:
            call = move.call
            if move.change < 0 and call.sent_s < at.answered_s:
                least += move.change
            bank_is_late = call.what == "top_up"
            if move.change > 0 and call.answered_s < at.sent_s and not bank_is_late:
                least += move.change
            if bank_is_late and payer in {b.party_id for b in self.market.buyers}:
                least += move.change  # Buyers come into play only once their bank has answered.
        for call in self.market.history.calls:
            if call.what in ("freeze", "withdraw") and call.accepted and (
                (call.facts.get("buyer_id") or call.facts.get("party_id")) == payer
                and call.sent_s < at.answered_s
            ):  # fmt: skip
                least -= call.facts["amount"]
        return least

    # Books.

    async def books(self) -> None:
        """Every book balances, and what is in escrow is what open trades hold."""
        async for book in self.rest.items("/v1/ledger/trial-balance"):
            escrow = [line for line in book["lines"] if line["code"] == _ESCROW_CODE]
            held = sum(int(x["credits_posted"]) - int(x["debits_posted"]) for x in escrow)
            entry = Book(
                book["ledger"], int(book["debits_posted"]), int(book["credits_posted"]), held
            )
            self.proof.books.append(entry)
            self.differs(f"book {entry.book}, debits and credits", entry.debits, entry.credits)
            self.differs(
                f"book {entry.book}, pending debits and credits",
                book["debits_pending"], book["credits_pending"],
            )  # fmt: skip
        self.proof.held = sum(book.held for book in self.proof.books)
        self.differs("held in escrow", await self._held(), self.proof.held)

    async def _held(self) -> int:
        """What all open trades hold, others' too."""
        held = 0
        for status in _OPEN:
            async for trade in self.rest.items("/v1/trades", status=status):
                known = self.held_by_trade.get(trade["trade_no"])
                if known is None:
                    refunds = await self.rest.get(f"/v1/trades/{trade['trade_no']}/refunds")
                    known = fen(trade["amount"]) - sum(fen(r["amount"]) for r in refunds["items"])
                held += known
        return held


async def prove(
    market: Marketplace, held_by_trade: dict[str, int] | None = None
) -> tuple[Proof, dict[str, int]]:
    """Compare everything that clients were told with the books.

    Args:
        held_by_trade: what is held for trades, minor units by trade number, as earlier proofs
            found it for clients that act no more; this one's are added. The books are asked for
            what is held for all others' trades.

    Returns:
        The proof, and how many notifications the shop is owed by trade number.

    Raises:
        NoAnswerError: the server cannot be asked.
    """
    auditor = _Auditor(market, {} if held_by_trade is None else held_by_trade)
    await auditor.trades()
    await auditor.holds()
    auditor.transfers()
    await auditor.banks()
    await auditor.wallets()
    await auditor.books()
    return auditor.proof, auditor.notices
