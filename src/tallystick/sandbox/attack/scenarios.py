"""The stories: honest people with habits, and six ways to steal among them, from a seed.

All amounts are in fen. A story is a list of acts in the order of their moments; what is lost is
what its victims do not get back: money that has left through a mule or a withdrawal, goods and
coupons got for nothing, payments by stolen cards that the cards' owners call back.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any, Final

from tallystick.sandbox.attack.acts import Act, Kind

__all__ = ["SCENARIOS", "Story"]

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_CHINA_MS: Final = 8 * _HOUR_MS
_START_OF_DAY_MS: Final = 1_790_000_000_000 % _DAY_MS
_SHOPS: Final = 6
_LONG_AGO_MS: Final = -200 * _DAY_MS


class Story:
    """Everything that happens in one attack.

    Args:
        people: how many honest people there are.
        days: for how long; thieves come in the last third.
        attacks: how many times thieves strike.
    """

    def __init__(self, seed: int, *, people: int, days: int, attacks: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - a story
        self.days = days
        self.attacks = attacks
        self.acts: list[Act] = []
        self._fresh = 0
        self._orders = 0
        self.shops = [self._party(900 + number) for number in range(1, _SHOPS + 1)]
        self.people = [self._party(100_000 + number) for number in range(people)]
        self.mean = {party: self.rng.lognormvariate(8.3, 0.6) for party in self.people}
        for shop in self.shops:
            self.act(_LONG_AGO_MS, "shop", shop)
        for party in self.people:
            self.act(_LONG_AGO_MS, "register", party)
            self.act(_LONG_AGO_MS, "fund", party, round(self.mean[party] * days * 6) + 100_000)
        for party in self.people:
            self._habits(party)

    @staticmethod
    def _party(number: int) -> str:
        return f"2088{number:012d}"

    def fresh(self, what: str) -> str:
        """A device, card or network that nobody has used before."""
        self._fresh += 1
        return f"{what}-x{self._fresh}"

    def newcomer(self, at_ms: int, *, shop: bool = False) -> str:
        """An account that is opened at a moment."""
        self._fresh += 1
        party = self._party(500_000 + self._fresh)
        self.act(at_ms, "shop" if shop else "register", party, theft=True)
        return party

    def order(self) -> str:
        """A further order's number."""
        self._orders += 1
        return f"order-{self._orders}"

    def act(self, at_ms: int, kind: Kind, party: str, amount: int = 0, **more: Any) -> None:
        """Write an act down."""
        self.acts.append(Act(at_ms, kind, party, amount, **more))

    def told(self) -> list[Act]:
        """All acts in the order of their moments."""
        return sorted(self.acts, key=lambda act: act.at_ms)

    def moment(self, day: int, hour: float) -> int:
        """A moment of a day in China time."""
        return int(day * _DAY_MS + (hour * _HOUR_MS - _CHINA_MS - _START_OF_DAY_MS) % _DAY_MS)

    def night(self) -> int:
        """When thieves come: a late day, any hour, more often at night."""
        rng = self.rng
        day = rng.randrange(self.days * 2 // 3, self.days)
        hour = rng.gauss(3, 1.5) if rng.random() < 0.6 else rng.uniform(8, 23)
        return self.moment(day, hour % 24)

    def _habits(self, party: str) -> None:
        """Two errands a day or so, from the own phone; sometimes on the road or on a new phone."""
        rng = self.rng
        number = self.people.index(party)
        shops = rng.sample(self.shops, 3)
        friends = rng.sample(self.people, min(3, len(self.people)))
        phone, favourite = f"phone-{number}", rng.gauss(14, 3)
        for day in range(self.days):
            if rng.random() < 0.01:
                phone = self.fresh("phone")
            for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
                at_ms = self.moment(day, rng.gauss(favourite, 3) % 24)
                away = rng.random() < 0.06
                where: dict[str, Any] = {
                    "device": phone,
                    "address": f"100.64.{rng.randrange(200)}.7" if away
                    else f"10.{number // 200}.{number % 200}.{rng.randrange(250)}",
                }  # fmt: skip
                self._errand(at_ms, party, rng.choice(shops), rng.choice(friends), where)

    def _errand(
        self, at_ms: int, party: str, shop: str, friend: str, where: dict[str, Any]
    ) -> None:
        rng, amount = self.rng, max(100, round(self.mean[party] * self.rng.lognormvariate(0, 0.6)))
        if rng.random() < 0.4:
            if rng.random() < 0.05:
                self.act(at_ms - 30_000, "wrong", party, **where)
            self.act(at_ms - 20_000, "sign_in", party, **where)
        draw = rng.random()
        if draw < 0.12 and friend != party:
            self.act(at_ms, "transfer", party, amount, payee=friend, **where)
        elif draw < 0.15:
            self.act(at_ms, "withdrawal", party, amount * 2, **where)
        else:
            order = self.order()
            self.act(at_ms, "payment", party, amount, payee=shop, order=order, **where)
            if draw > 0.97:
                later = at_ms + rng.randrange(2 * _HOUR_MS, 20 * _HOUR_MS)
                self.act(later, "refund", party, amount, order=order, needs=order, **where)


def _takeover(story: Story) -> None:
    """A stranger signs in after a few wrong tries and sends the money to a mule."""
    rng, at_ms = story.rng, story.night()
    victim = rng.choice(story.people)
    where: dict[str, Any] = {
        "device": story.fresh("device"), "address": f"203.0.113.{rng.randrange(250)}",
    }  # fmt: skip
    mule = story.newcomer(at_ms - 3 * _DAY_MS)
    for _ in range(rng.randrange(1, 4)):
        story.act(at_ms, "wrong", victim, theft=True, **where)
        at_ms += rng.randrange(4_000, 20_000)
    story.act(at_ms, "sign_in", victim, theft=True, **where)
    for _ in range(rng.randrange(3, 7)):
        at_ms += rng.randrange(20_000, 4 * _MINUTE_MS)
        amount = max(5_000, round(story.mean[victim] * rng.lognormvariate(1.3, 0.4)))
        story.act(at_ms, "transfer", victim, amount, payee=mule, theft=True, loss=amount, **where)


def _mule(story: Story) -> None:
    """People are talked into sending money; it goes from hand to hand and out at a bank."""
    rng, at_ms = story.rng, story.night()
    hands = [story.newcomer(at_ms - rng.randrange(2, 6) * _DAY_MS) for _ in range(3)]
    total = 0
    for victim in rng.sample(story.people, 3):
        amount = max(20_000, round(story.mean[victim] * 5))
        number = story.people.index(victim)
        story.act(at_ms, "transfer", victim, amount, payee=hands[0], theft=True,
                  device=f"phone-{number}",
                  address=f"10.{number // 200}.{number % 200}.9")  # fmt: skip
        total += amount
        at_ms += rng.randrange(2 * _MINUTE_MS, 15 * _MINUTE_MS)
    device = story.fresh("device")
    for payer, payee in itertools.pairwise(hands):
        at_ms += rng.randrange(2 * _MINUTE_MS, 10 * _MINUTE_MS)
        total = total * 97 // 100
        story.act(at_ms, "transfer", payer, total, payee=payee, theft=True, device=device,
                  address="198.51.100.20")  # fmt: skip
        device = device if rng.random() < 0.5 else story.fresh("device")
    at_ms += rng.randrange(2 * _MINUTE_MS, 10 * _MINUTE_MS)
    story.act(at_ms, "withdrawal", hands[-1], total, theft=True, loss=total, device=device,
              address="198.51.100.20")  # fmt: skip


def _card_testing(story: Story) -> None:
    """Stolen cards, tried with small sums from one device; those that work buy something."""
    rng, at_ms = story.rng, story.night()
    where: dict[str, Any] = {"device": story.fresh("device"), "address": "203.0.113.77"}
    shop = rng.choice(story.shops)
    for _ in range(rng.randrange(8, 15)):
        at_ms += rng.randrange(20_000, 90_000)
        party, card = story.newcomer(at_ms - 10_000), story.fresh("card")
        big = rng.randrange(30_000, 120_000) if rng.random() < 0.4 else 0
        for amount in (rng.randrange(50, 900), big):
            if not amount:
                continue
            story.act(at_ms, "top_up", party, amount, card=card, theft=True, **where)
            at_ms += rng.randrange(5_000, 20_000)
            story.act(at_ms, "payment", party, amount, payee=shop, order=story.order(), card=card,
                      theft=True, loss=amount, **where)  # fmt: skip
            at_ms += 60_000


def _refund_abuse(story: Story) -> None:
    """One who buys, and sends back an empty box, at shop after shop."""
    rng, at_ms = story.rng, story.night()
    number = rng.randrange(len(story.people))
    party = story.people[number]
    where: dict[str, Any] = {
        "device": f"phone-{number}", "address": f"10.{number // 200}.{number % 200}.5",
    }  # fmt: skip
    for _ in range(rng.randrange(6, 12)):
        at_ms += rng.randrange(2 * _HOUR_MS, 6 * _HOUR_MS)
        amount, order = round(story.mean[party] * rng.lognormvariate(0.3, 0.3)), story.order()
        story.act(at_ms, "payment", party, amount, payee=rng.choice(story.shops), order=order,
                  **where)  # fmt: skip
        story.act(at_ms + _HOUR_MS, "refund", party, amount, order=order, needs=order, theft=True,
                  loss=amount, **where)  # fmt: skip


def _collusion(story: Story) -> None:
    """A shop of the thieves' own, paid by accounts of theirs with stolen cards."""
    rng, at_ms = story.rng, story.night()
    shop = story.newcomer(at_ms - 4 * _DAY_MS, shop=True)
    payers = [story.newcomer(at_ms - rng.randrange(1, 4) * _DAY_MS) for _ in range(5)]
    devices = [story.fresh("device") for _ in range(3)]
    for _ in range(rng.randrange(12, 20)):
        at_ms += rng.randrange(3 * _MINUTE_MS, 40 * _MINUTE_MS)
        party, order = rng.choice(payers), story.order()
        amount = rng.randrange(2, 12) * 10_000
        where: dict[str, Any] = {"device": rng.choice(devices), "address": "203.0.113.140"}
        story.act(at_ms, "fund", party, amount, theft=True)
        story.act(at_ms + 1000, "payment", party, amount, payee=shop, order=order,
                  card=story.fresh("card"), theft=True, loss=amount, **where)  # fmt: skip


def _promotion(story: Story) -> None:
    """Account after account on one device, each for the newcomer's coupon."""
    rng, at_ms = story.rng, story.night()
    where: dict[str, Any] = {"device": story.fresh("device"), "address": "203.0.113.200"}
    shop = rng.choice(story.shops)
    story.act(_LONG_AGO_MS, "fund", shop, 1_000_000)
    for _ in range(rng.randrange(10, 20)):
        at_ms += rng.randrange(_MINUTE_MS, 12 * _MINUTE_MS)
        party, order = story.newcomer(at_ms - 30_000), story.order()
        story.act(at_ms - 20_000, "fund", party, 1_000, theft=True)
        story.act(at_ms, "payment", party, 1_000, payee=shop, order=order, theft=True, **where)
        story.act(at_ms + 5_000, "coupon", shop, 2_000, payee=party, needs=order, theft=True,
                  loss=2_000)  # fmt: skip


SCENARIOS: Final[dict[str, Callable[[Story], None]]] = {
    "takeover": _takeover, "mule": _mule, "card_testing": _card_testing,
    "refund_abuse": _refund_abuse, "collusion": _collusion, "promotion": _promotion,
}  # fmt: skip
"""What thieves do, by name."""
