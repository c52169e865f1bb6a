"""A labelled history of fraud: genuine buyers, and six ways to steal among them, from a seed.

Genuine people have habits: their own devices, cards, addresses and shops, daytime hours, amounts
around a mean of their own; some of them share a device, travel, buy much at once or return goods,
so that no single figure tells them from thieves. What thieves do differs in its numbers with the
seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import polars as pl

__all__ = ["SCENARIOS", "fraud_history"]

_START_MS: Final = 1_790_000_000_000
_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
_ATTACK_EVERY: Final = 2_500
"""About one attack to so many genuine events."""


class _World:
    """Who there is, and the events so far."""

    def __init__(self, seed: int, parties: int, days: int) -> None:
        self.random = np.random.default_rng(seed)
        self.days = days
        self.parties = parties
        self.merchants = max(10, parties // 50)
        self.mean = self.random.lognormal(8.3, 0.9, parties)
        self.shops = self.random.zipf(1.5, (parties, 4)) % self.merchants
        self.born = self.random.integers(-400, days, parties)
        self.rows: list[dict[str, Any]] = []
        self._fresh = 0

    def fresh(self, what: str) -> str:
        """A device, card, address or account that nobody has used before."""
        self._fresh += 1
        return f"{what}-x{self._fresh}"

    def when(self, day: int, *, night: bool = False) -> int:
        """A moment of a day in China time, by day or at night."""
        hour = self.random.normal(2.5, 1.5) % 24 if night else self.random.normal(15, 4) % 24
        return int(_START_MS + day * _DAY_MS + (hour - 8) % 24 * 3_600_000)

    def day(self) -> int:
        """Any day but the first, on which everybody is new."""
        return int(self.random.integers(1, self.days))

    def add(self, at_ms: Any, kind: str, amount: Any, party: str, **facts: Any) -> None:
        """One event; `fraud` is 0 where nothing else is said."""
        row = {
            "at_ms": int(at_ms), "kind": kind, "amount": max(1, int(amount)), "currency": "CNY",
            "party": party, "payee": "", "merchant": "", "device": f"device-{party}",
            "card": "", "address": f"net-{party}", "party_age_min": 200_000,
            "result": "accepted", "fraud": 0, "scenario": "",
        }  # fmt: skip
        self.rows.append(row | facts)


def _genuine(world: _World, number: int) -> None:
    random = world.random
    who = int(random.integers(world.parties))
    party = f"party-{who}"
    day = int(random.integers(max(0, world.born[who]), world.days))
    at_ms = world.when(day, night=random.random() < 0.06)
    shop = f"shop-{world.shops[who, random.integers(4)]}"
    facts: dict[str, Any] = {
        "payee": shop, "merchant": shop, "card": f"card-{who}",
        "device": f"device-{who if random.random() < 0.9 else who // 4}",
        "address": f"net-{who // 3}" if random.random() < 0.85 else f"net-far-{number % 4000}",
        "party_age_min": max(1, (day - int(world.born[who])) * 1440),
    }  # fmt: skip
    amount = world.mean[who] * random.lognormal(0, 0.7)
    draw = random.random()
    if draw < 0.05:  # A new phone, as honest people buy.
        facts["device"] = world.fresh("device")
    if draw > 0.97:
        _spree(world, at_ms, party, amount, facts)
    elif draw > 0.94:
        world.add(at_ms, "refund", amount, party, **facts)
    elif draw > 0.90:
        other = f"party-{random.integers(world.parties)}"
        world.add(at_ms, "transfer", amount * 2, party, **facts | {"payee": other, "merchant": ""})
    elif draw > 0.88:
        world.add(at_ms, "withdrawal", amount * 4, party, **facts | {"payee": "", "merchant": ""})
    else:
        refused = random.random() < 0.03
        result = "BUYER_BALANCE_NOT_ENOUGH" if refused else "accepted"
        world.add(at_ms, "payment", amount, party, **facts | {"result": result})


def _spree(world: _World, at_ms: int, party: str, amount: float, facts: dict[str, Any]) -> None:
    for step in range(int(world.random.integers(3, 8))):
        pause = world.random.integers(2, 15) * step * _MINUTE_MS
        world.add(at_ms + pause, "payment", amount * world.random.lognormal(0, 0.5), party, **facts)


def _card_testing(world: _World) -> None:
    """Many cards from one device, small amounts, most refused."""
    random, at_ms = world.random, world.when(world.day(), night=world.random.random() < 0.5)
    device, address = world.fresh("device"), world.fresh("net")
    shop = f"shop-{random.integers(world.merchants)}"
    for _ in range(int(random.integers(8, 40))):
        at_ms += int(random.integers(3_000, 90_000))
        result = "accepted" if random.random() < 0.25 else "CARD_REFUSED"
        world.add(
            at_ms, "payment", random.integers(50, 900), world.fresh("party"), payee=shop,
            merchant=shop, device=device, address=address, card=world.fresh("card"),
            party_age_min=int(random.integers(1, 600)), result=result, fraud=1,
            scenario="card_testing",
        )  # fmt: skip


def _takeover(world: _World) -> None:
    """An old account, a device never seen, a few wrong tries, then all the money goes."""
    random, who = world.random, int(world.random.integers(world.parties))
    party, at_ms = f"party-{who}", world.when(world.day(), night=world.random.random() < 0.6)
    device, address, mule = world.fresh("device"), world.fresh("net"), world.fresh("party")
    for step in range(int(random.integers(3, 8))):
        at_ms += int(random.integers(30_000, 400_000))
        kind = ("transfer", "withdrawal", "payment")[int(random.integers(3))]
        payee = "" if kind == "withdrawal" else mule
        world.add(
            at_ms, kind, world.mean[who] * random.lognormal(1.5, 0.5), party, payee=payee,
            device=device, address=address, card=f"card-{who}",
            result="accepted" if step else "PAYMENT_PASSWORD_WRONG", fraud=1,
            scenario="takeover",
        )  # fmt: skip


def _mule_chain(world: _World) -> None:
    """Money comes to a new account and leaves it at once, from hand to hand."""
    random, at_ms = world.random, world.when(world.day())
    amount, device = random.lognormal(11, 0.6), world.fresh("device")
    account = world.fresh("party")
    for _ in range(int(random.integers(4, 9))):
        following = world.fresh("party")
        at_ms += int(random.integers(60_000, 1_200_000))
        if random.random() < 0.5:
            device = world.fresh("device")
        for part in random.dirichlet(np.ones(int(random.integers(1, 4)))):
            at_ms += int(random.integers(5_000, 120_000))
            world.add(
                at_ms, "transfer", amount * part * 0.97, account, payee=following, device=device,
                address=f"net-far-{random.integers(4000)}",
                party_age_min=int(random.integers(60, 20_000)), fraud=1, scenario="mule_chain",
            )  # fmt: skip
        account = following
    world.add(
        at_ms + 300_000, "withdrawal", amount * 0.9, account, device=device,
        party_age_min=int(random.integers(60, 20_000)), fraud=1, scenario="mule_chain",
    )  # fmt: skip


def _refund_abuse(world: _World) -> None:
    """Buys and returns, again and again, at several shops within days."""
    random, who = world.random, int(world.random.integers(world.parties))
    party, day = f"party-{who}", world.day()
    for _ in range(int(random.integers(5, 14))):
        day = min(world.days - 1, day + int(random.integers(0, 2)))
        at_ms, shop = world.when(day), f"shop-{random.integers(world.merchants)}"
        facts: dict[str, Any] = {
            "payee": shop, "merchant": shop, "device": f"device-{who}", "card": f"card-{who}",
        }  # fmt: skip
        amount = world.mean[who] * random.lognormal(0.8, 0.4)
        world.add(at_ms, "payment", amount, party, **facts)
        world.add(at_ms + int(random.integers(600_000, 20_000_000)), "refund", amount, party,
                  **facts, fraud=1, scenario="refund_abuse")  # fmt: skip


def _collusive_merchant(world: _World) -> None:
    """A shop and a few accounts that pay it round sums, night and day, from shared devices."""
    random, shop = world.random, world.fresh("shop")
    accounts = [world.fresh("party") for _ in range(int(random.integers(3, 8)))]
    devices = [world.fresh("device") for _ in range(2)]
    day = world.day()
    for _ in range(int(random.integers(15, 50))):
        at_ms = world.when(min(world.days - 1, day + int(random.integers(0, 3))),
                           night=random.random() < 0.4)  # fmt: skip
        world.add(
            at_ms, "payment", random.integers(5, 60) * 10_000,
            accounts[int(random.integers(len(accounts)))], payee=shop, merchant=shop,
            device=devices[int(random.integers(2))], card=world.fresh("card"),
            party_age_min=int(random.integers(500, 40_000)), fraud=1,
            scenario="collusive_merchant",
        )  # fmt: skip


def _promotion_abuse(world: _World) -> None:
    """Many new accounts from one device, each buying once for the newcomer's coupon."""
    random, at_ms = world.random, world.when(world.day())
    device, address = world.fresh("device"), world.fresh("net")
    shop = f"shop-{random.integers(world.merchants)}"
    for _ in range(int(random.integers(6, 30))):
        at_ms += int(random.integers(60_000, 900_000))
        if random.random() < 0.2:
            device = world.fresh("device")
        world.add(
            at_ms, "payment", random.integers(900, 1_500), world.fresh("party"), payee=shop,
            merchant=shop, device=device, address=address, card=world.fresh("card"),
            party_age_min=int(random.integers(1, 60)), fraud=1, scenario="promotion_abuse",
        )  # fmt: skip


SCENARIOS: Final[dict[str, Callable[[_World], None]]] = {
    "card_testing": _card_testing,
    "takeover": _takeover,
    "mule_chain": _mule_chain,
    "refund_abuse": _refund_abuse,
    "collusive_merchant": _collusive_merchant,
    "promotion_abuse": _promotion_abuse,
}
"""What thieves do, by name."""


def fraud_history(
    seed: int,
    *,
    events: int = 100_000,
    parties: int = 5_000,
    days: int = 30,
    scenarios: tuple[str, ...] = tuple(SCENARIOS),
) -> pl.DataFrame:
    """A history in the order of its moments, with `fraud` and the `scenario` that it is of.

    Args:
        events: about how many genuine ones; attacks come on top, some percent of all events.
        scenarios: which attacks there are; the same seed gives the same history.
    """
    world = _World(seed, parties, days)
    for number in range(events):
        _genuine(world, number)
    rounds = max(1, events // _ATTACK_EVERY)
    for _ in range(rounds):
        for name in scenarios:
            SCENARIOS[name](world)
    frame = pl.DataFrame(world.rows)
    return frame.sort("at_ms", maintain_order=True)
