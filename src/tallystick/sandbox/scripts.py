"""What buyers do, each with its share of all arrivals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from tallystick.sandbox.deals import Deal, Deposit, give_between, reward, withdraw
from tallystick.sandbox.marketplace import Buyer, Marketplace

__all__ = ["SCRIPTS", "Script", "draw"]

_PRICE_MIN: Final = 100
_PRICE_MAX: Final = 5_000

Play = Callable[[Marketplace, Buyer], Awaitable[None]]


class Script(NamedTuple):
    """A way to behave; `share` is its weight among all."""

    name: str
    share: int
    play: Play


def _price(market: Marketplace) -> int:
    return market.rng.randint(_PRICE_MIN, _PRICE_MAX)


def _deal(market: Marketplace, buyer: Buyer) -> Deal:
    return Deal(market, buyer, _price(market))


async def _buy(market: Marketplace, buyer: Buyer) -> None:
    """Pay by code; the goods are shipped and arrive."""
    deal = _deal(market, buyer)
    await deal.pay()
    await deal.ship()
    await deal.confirm()


async def _order_then_buy(market: Marketplace, buyer: Buyer) -> None:
    """The shop opens the order first."""
    deal = _deal(market, buyer)
    await deal.create()
    await deal.pay()
    await deal.ship()
    await deal.confirm()


async def _scan(market: Marketplace, buyer: Buyer) -> None:
    """The buyer scans the order's code."""
    deal = _deal(market, buyer)
    await deal.precreate()
    await deal.pay_over_rest()
    await deal.ship()
    await deal.confirm()


async def _shop_on_a_page(market: Marketplace, buyer: Buyer) -> None:
    """A web shop sends the buyer to the cashier; the goods are still on their way at the end."""
    deal = _deal(market, buyer)
    await deal.open_page()
    await deal.pay_over_rest()
    await deal.ship()


async def _ask_a_part_back(market: Marketplace, buyer: Buyer) -> None:
    """Parts come back before and after the seller is paid, one of them asked for twice."""
    deal = _deal(market, buyer)
    await deal.pay()
    first = deal.amount // 4
    number = await deal.refund(first)
    await deal.refund(first, number=number)
    await deal.ship()
    await deal.confirm()
    await deal.refund(deal.amount // 3)


async def _ask_all_back(market: Marketplace, buyer: Buyer) -> None:
    """The buyer wants everything back, before or after the goods were shipped."""
    deal = _deal(market, buyer)
    await deal.pay()
    if market.rng.random() < 0.5:
        await deal.ship()
    await deal.refund(deal.amount, whole=True)


async def _ask_too_much_back(market: Marketplace, buyer: Buyer) -> None:
    """A refund of more than was paid is refused."""
    deal = _deal(market, buyer)
    await deal.pay()
    await deal.refund(deal.amount + 1)


async def _pay_twice(market: Marketplace, buyer: Buyer) -> None:
    """An order that is paid cannot be paid again."""
    deal = _deal(market, buyer)
    await deal.pay("T-1")
    await deal.pay("T-2")


async def _dispute(market: Marketplace, buyer: Buyer, share: int) -> None:
    deal = _deal(market, buyer)
    await deal.pay()
    if market.rng.random() < 0.7:
        await deal.ship()
    await deal.dispute()
    to_buyer = deal.amount * share // 100
    await deal.resolve(to_buyer, deal.amount - to_buyer)


async def _win_a_dispute(market: Marketplace, buyer: Buyer) -> None:
    """The buyer gets everything back."""
    await _dispute(market, buyer, 100)


async def _lose_a_dispute(market: Marketplace, buyer: Buyer) -> None:
    """The seller gets everything."""
    await _dispute(market, buyer, 0)


async def _settle_a_dispute(market: Marketplace, buyer: Buyer) -> None:
    """Each side gets a part."""
    await _dispute(market, buyer, 40)


async def _leave_a_dispute(market: Marketplace, buyer: Buyer) -> None:
    """Nobody has decided at the end."""
    deal = _deal(market, buyer)
    await deal.pay()
    await deal.dispute()


async def _give_up(market: Marketplace, buyer: Buyer) -> None:
    """The buyer never pays; the order closes itself."""
    await _deal(market, buyer).create_to_give_up()


async def _close(market: Marketplace, buyer: Buyer) -> None:
    """The shop closes an unpaid order."""
    deal = _deal(market, buyer)
    await deal.create()
    await deal.close()


async def _cancel(market: Marketplace, buyer: Buyer) -> None:
    """The shop undoes an order, paid or not."""
    deal = _deal(market, buyer)
    if market.rng.random() < 0.5:
        await deal.create()
    else:
        await deal.pay()
    await deal.cancel()


async def _split(market: Marketplace, buyer: Buyer) -> None:
    """The seller shares with the courier."""
    deal = _deal(market, buyer)
    await deal.pay()
    await deal.ship()
    await deal.confirm()
    await deal.split(deal.amount // 10)


async def _leave_a_deposit(market: Marketplace, buyer: Buyer) -> None:
    """Money is frozen; a part, or all of it, is given free."""
    deposit = Deposit(market, buyer, _price(market))
    await deposit.freeze()
    half = deposit.amount // 2
    await deposit.unfreeze(half)
    if market.rng.random() < 0.5:
        await deposit.unfreeze(deposit.amount - half)


async def _pay_from_a_deposit(market: Marketplace, buyer: Buyer) -> None:
    """A trade is paid out of frozen money."""
    deposit = Deposit(market, buyer, _price(market))
    await deposit.freeze()
    deal = Deal(market, buyer, deposit.amount // 2)
    await deal.pay_from(deposit)
    await deal.confirm()


async def _be_rewarded(market: Marketplace, buyer: Buyer) -> None:
    """The marketplace sends money."""
    await reward(market, buyer, market.rng.randint(1, 200))


async def _give(market: Marketplace, buyer: Buyer) -> None:
    """One buyer sends another money."""
    others = [other for other in market.buyers if other != buyer]
    if others:
        await give_between(market, buyer, market.rng.choice(others), _price(market))


async def _withdraw(market: Marketplace, buyer: Buyer) -> None:
    """Money goes to a bank that accepts, rejects, answers late, or twice."""
    await withdraw(market, buyer, _price(market), market.rng.choice(market.banks))


SCRIPTS: Final = (
    Script("buy", 26, _buy),
    Script("order, then buy", 8, _order_then_buy),
    Script("scan", 6, _scan),
    Script("shop on a page", 5, _shop_on_a_page),
    Script("ask a part back", 7, _ask_a_part_back),
    Script("ask all back", 7, _ask_all_back),
    Script("ask too much back", 2, _ask_too_much_back),
    Script("pay twice", 2, _pay_twice),
    Script("win a dispute", 3, _win_a_dispute),
    Script("lose a dispute", 3, _lose_a_dispute),
    Script("settle a dispute", 3, _settle_a_dispute),
    Script("leave a dispute", 1, _leave_a_dispute),
    Script("give up", 5, _give_up),
    Script("close", 3, _close),
    Script("cancel", 4, _cancel),
    Script("split", 4, _split),
    Script("leave a deposit", 3, _leave_a_deposit),
    Script("pay from a deposit", 3, _pay_from_a_deposit),
    Script("be rewarded", 2, _be_rewarded),
    Script("give", 2, _give),
    Script("withdraw", 3, _withdraw),
)
_SHARES: Final = tuple(script.share for script in SCRIPTS)


def draw(market: Marketplace) -> Script:
    """A script, by its share."""
    return market.rng.choices(SCRIPTS, _SHARES)[0]
