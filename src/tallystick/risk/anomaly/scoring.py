"""Scoring one event of an account against its habits: which parts are out of the ordinary.

Each part is a surprise between 0 and 1, reckoned from the account's own past and, while that is
short, from what everybody does; a part's points are its surprise times its weight, and the score
is their sum, 0 to 1000. The surprise of something new is the logarithm of how rarely something
was new to this account (with Laplace's correction), that of an amount a z-score of its logarithm
with a prior, that of an hour the logarithm of how rarely the account acts around it.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from tallystick.risk.anomaly.profiles import Figure, Known, Profiles, mark_of
from tallystick.risk.decision.facts import hour_of

__all__ = [
    "OUTGOING", "PARTS", "SIGN_INS", "WEIGHTS", "Part", "Scored", "StreamEvent", "Watcher",
    "place_of",
]  # fmt: skip

OUTGOING: Final = frozenset({"payment", "transfer", "withdrawal", "pay_later", "freeze"})
SIGN_INS: Final = frozenset({"sign_in", "payment_code"})
WRONG: Final = frozenset({"sign_in_wrong", "payment_password_wrong"})
_WRONG_RESULTS: Final = frozenset({"PAYMENT_PASSWORD_WRONG", "CARD_REFUSED"})
_TO_OWN: Final = frozenset({"withdrawal"})

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_RECENT_MS: Final = 10 * _MINUTE_MS
_WRONG_MS: Final = 60 * _MINUTE_MS
_YOUNG_MS: Final = _DAY_MS
_TRUST_LASTS_MS: Final = 30 * _MINUTE_MS
_PRIOR: Final = 6.0
_PRIOR_SPREAD: Final = 0.9
_CROWD_FADES: Final = 20_000.0

# As plain numbers: an index is looked up some forty times an event.
_FIRST_MS: Final = int(Figure.FIRST_MS)
_LAST_MS: Final = int(Figure.LAST_MS)
_EVENTS: Final = int(Figure.EVENTS)
_PAYMENTS: Final = int(Figure.PAYMENTS)
_LOG_SUM: Final = int(Figure.LOG_SUM)
_LOG_SQUARES: Final = int(Figure.LOG_SQUARES)
_RECENT: Final = int(Figure.RECENT)
_WRONG: Final = int(Figure.WRONG)
_OUT: Final = int(Figure.OUT)
_INTO: Final = int(Figure.INTO)
_NEW_DEVICES: Final = int(Figure.NEW_DEVICES)
_NEW_PLACES: Final = int(Figure.NEW_PLACES)
_NEW_PAYEES: Final = int(Figure.NEW_PAYEES)
_TRUSTED_MS: Final = int(Figure.TRUSTED_MS)
_TAINT: Final = int(Figure.TAINT)

PARTS: Final = (
    "device", "place", "stranger", "hour", "amount", "payee", "speed", "wrong", "drain",
    "pass_through", "fresh", "shared", "tainted",
)  # fmt: skip
"""What is looked at; `risk.anomaly.words` says each in words."""

WEIGHTS: Final[dict[str, int]] = {
    "device": 100, "place": 90, "stranger": 140, "hour": 40, "amount": 110, "payee": 50,
    "speed": 200, "wrong": 240, "drain": 120, "pass_through": 370, "fresh": 350, "shared": 280,
    "tainted": 350,
}  # fmt: skip
"""Points of a part at its full surprise."""

_OF_MULES: Final = frozenset({"pass_through", "fresh", "shared", "tainted"})
_OF_TAKEOVERS: Final = frozenset({"device", "place", "stranger", "wrong"})


class StreamEvent(NamedTuple):
    """A decided command as the watch sees it; amounts in minor units."""

    seq: int
    at_ms: int
    kind: str
    amount: int
    party: str
    payee: str
    device: str
    address: str
    result: str


class Part(NamedTuple):
    """What one part adds: its points, what was seen and what is usual, in the part's own unit."""

    name: str
    points: int
    seen: float
    usual: float


class Scored(NamedTuple):
    """An event's score, what it looks like, and what it comes from (most first).

    `onward` is what it says of the one who got the money.
    """

    score: int
    kind: str
    parts: tuple[Part, ...]
    onward: Part | None = None


def place_of(address: str) -> str:
    """The part of a network address that stays when a household's or a phone's address moves.

    The first 24 bits of IPv4, 48 of IPv6; anything else is taken whole.
    """
    if address.count(".") == 3 and address.replace(".", "").isdigit():
        return address.rsplit(".", 1)[0]
    if address.count(":") > 1:
        return ":".join(address.split(":")[:3])
    return address


class _Look(NamedTuple):
    """A value among those that the account is known for."""

    mark: int
    at: int
    surprise: float
    times: int


class _Money(NamedTuple):
    """Surprises of what goes out, and the usual amount in minor units."""

    amount: float = 0.0
    drain: float = 0.0
    pass_through: float = 0.0
    fresh: float = 0.0
    usual: float = 0.0


class Watcher:
    """Scores events in their order and learns from them; not for several threads.

    Args:
        weights: points of each part at its full surprise.
    """

    def __init__(self, profiles: Profiles, weights: dict[str, int] | None = None) -> None:
        self.profiles = profiles
        self._weights = WEIGHTS if weights is None else weights

    def see(self, event: StreamEvent) -> Scored | None:
        """Score an event and learn from it; None for one that says nothing of the account."""
        if not event.party:
            return None
        if event.kind in WRONG:
            self._count_wrong(event)
            return None
        if event.kind not in OUTGOING and event.kind not in SIGN_INS:
            return None
        return self._score(event)

    def trust(self, party: str, at_ms: int) -> None:
        """Its owner has proved themselves: what is known of the account is theirs, and what
        is new within the next half hour, too.
        """
        profiles = self.profiles
        row = profiles.row_of(party)
        if row < 0:
            return
        for known in (profiles.devices, profiles.places, profiles.payees):
            first = known.first_ms[row]
            first[first <= at_ms] -= _YOUNG_MS
        f = profiles.figures[row]
        f[_RECENT] = f[_WRONG] = f[_OUT] = 0.0
        f[_TRUSTED_MS] = at_ms + _TRUST_LASTS_MS

    def _count_wrong(self, event: StreamEvent) -> None:
        row = self.profiles.row(event.party)
        f = self.profiles.figures[row].tolist()
        f[_WRONG] = _faded(f[_WRONG], event.at_ms - f[_LAST_MS], _WRONG_MS) + 1
        # `wrong` fades from the last event on; the others that fade are brought along.
        self._fade_others(f, event.at_ms)
        f[_FIRST_MS] = f[_FIRST_MS] or event.at_ms
        f[_LAST_MS] = event.at_ms
        self.profiles.figures[row] = f

    @staticmethod
    def _fade_others(f: list[float], at_ms: int) -> None:
        since = at_ms - f[_LAST_MS]
        f[_RECENT] = _faded(f[_RECENT], since, _RECENT_MS)
        f[_OUT] = _faded(f[_OUT], since, _DAY_MS)
        f[_INTO] = _faded(f[_INTO], since, _DAY_MS)
        f[_TAINT] = _faded(f[_TAINT], since, _DAY_MS)

    def surprises(self, event: StreamEvent) -> tuple[int, list[tuple[float, float, float]], Any]:
        """The row, each part's surprise with what was seen and is usual, and what to learn."""
        profiles, at_ms = self.profiles, event.at_ms
        row = profiles.row(event.party)
        f: list[float] = profiles.figures[row].tolist()
        since = at_ms - f[_LAST_MS] if f[_LAST_MS] else 0.0
        f[_WRONG] = _faded(f[_WRONG], since, _WRONG_MS)
        self._fade_others(f, at_ms)
        events = f[_EVENTS]
        device = self._look(profiles.devices, row, event.device, events, f[_NEW_DEVICES], at_ms)
        place = self._look(
            profiles.places, row, place_of(event.address), events, f[_NEW_PLACES], at_ms
        )
        if at_ms <= f[_TRUSTED_MS]:
            device, place = device._replace(surprise=0.0), place._replace(surprise=0.0)
        outgoing = event.kind in OUTGOING
        payee = _Look(0, -1, 0.0, 0)
        if outgoing and event.payee and event.kind not in _TO_OWN:
            payee = self._look(
                profiles.payees, row, event.payee, f[_PAYMENTS], f[_NEW_PAYEES], at_ms
            )
        hour_x, hour, share = self._hour(row, at_ms)
        money = self._money(f, event) if outgoing else _Money()
        shared = profiles.sharers
        sharers = shared.others(device.mark, event.party, at_ms) if device.mark else 0
        recent = f[_RECENT] + 1
        by_kind = 0.5 if event.kind == "payment" else 1.0
        parts = [
            (device.surprise, device.times, f[_NEW_DEVICES]),
            (place.surprise, place.times, f[_NEW_PLACES]),
            (device.surprise * place.surprise, 0.0, 0.0),
            (hour_x, hour, share),
            (money.amount, float(event.amount), money.usual),
            (payee.surprise * by_kind, payee.times, f[_NEW_PAYEES]),
            (min(1.0, max(0.0, (recent - 2) / 6)), recent, 1.0),
            (min(1.0, f[_WRONG] / 3), f[_WRONG], 0.0),
            (money.drain, f[_OUT] + event.amount, money.usual),
            (money.pass_through, f[_OUT] + event.amount, f[_INTO]),
            (money.fresh, float(event.amount), f[_PAYMENTS]),
            (min(1.0, max(0.0, (sharers - 1) / 4)), sharers, 0.0),
            (f[_TAINT] if outgoing else 0.0, float(event.amount), 0.0),
        ]
        return row, parts, (f, device, place, payee, hour)

    def _hour(self, row: int, at_ms: int) -> tuple[float, int, float]:
        """How surprising the hour is, the hour, and the share of events around it."""
        hour = hour_of(at_ms)
        hours: list[float] = self.profiles.hours[row].tolist()
        around = sum(hours[(hour + step) % 24] for step in (-2, -1, 0, 1, 2))
        share = (around + 5 / 24 * _PRIOR) / (sum(hours) + _PRIOR)
        return min(1.0, max(0.0, -math.log(share / (5 / 24)) / 3)), hour, share

    def _money(self, f: list[float], event: StreamEvent) -> _Money:
        """How surprising it is that so much goes out."""
        z, usual = self._amount(f, event.amount)
        out = f[_OUT] + event.amount
        drain = min(1.0, math.log1p(out / math.exp(usual)) / 4)
        newness = 1 / (1 + f[_PAYMENTS] / 3)
        passed, fresh = 0.0, 0.0
        if event.kind != "payment":
            gone = out / f[_INTO] if f[_INTO] > 0 else 0.0
            passed = min(1.0, gone) * newness if gone > 0.3 else 0.0
            fresh = newness * min(1.0, max(0.0, self._above_crowd(event.amount) / 3))
        return _Money(
            min(1.0, max(0.0, (z - 1.0) / 4)), max(0.0, drain - 0.35) / 0.65, passed, fresh,
            math.exp(usual),
        )  # fmt: skip

    def _score(self, event: StreamEvent) -> Scored:
        row, surprises, learned = self.surprises(event)
        parts = [
            Part(name, round(self._weights[name] * x), seen, usual)
            for name, (x, seen, usual) in zip(PARTS, surprises, strict=True)
        ]
        told = tuple(sorted((p for p in parts if p.points > 0), key=lambda p: -p.points))
        score = min(1000, sum(part.points for part in told))
        self.learn(event, row, *learned)
        kind, onward = _kind_of(told), None
        if kind == "mule" and event.kind == "transfer" and event.payee:
            onward = self._taint(event, score)
        return Scored(score, kind, told, onward)

    def _taint(self, event: StreamEvent, score: int) -> Part | None:
        """Money from what looks like a mule: it says little of an account with a past."""
        if event.result != "accepted":
            return None
        row = self.profiles.row(event.payee)
        f = self.profiles.figures[row]
        taint = min(1.0, score / 400) / (1 + float(f[_PAYMENTS]) / 5)
        f[_TAINT] = max(float(f[_TAINT]), taint)
        points = round(self._weights["tainted"] * taint)
        return Part("tainted", points, float(event.amount), 0.0) if points else None

    def _look(
        self, known: Known, row: int, value: str, events: float, new: float, at_ms: int
    ) -> _Look:
        """How surprising a value is: not at all without one, or for an account without a past."""
        mark = mark_of(value)
        if not mark:
            return _Look(0, -1, 0.0, 0)
        at = known.find(row, mark)
        rare = min(1.0, math.log((events + 2) / (new + 1)) / 3.5) if events >= 1 else 0.0
        if at < 0:
            return _Look(mark, at, max(0.0, rare), 0)
        count = int(known.counts[row, at])
        if at_ms - int(known.first_ms[row, at]) < _YOUNG_MS and count < events:
            return _Look(mark, at, max(0.0, rare) * 0.9, count)
        return _Look(mark, at, 0.0, count)

    def _amount(self, f: list[float], amount: int) -> tuple[float, float]:
        """The z-score of an amount's logarithm, and what is usual, as a logarithm."""
        crowd_n, crowd_sum, _ = self.profiles.crowd
        crowd = crowd_sum / crowd_n if crowd_n >= 1 else math.log(max(1, amount))
        count = f[_PAYMENTS]
        mean = (f[_LOG_SUM] + crowd * 1.5) / (count + 1.5)
        spread = _PRIOR_SPREAD**2 * _PRIOR
        if count:
            spread += max(0.0, f[_LOG_SQUARES] - f[_LOG_SUM] ** 2 / count)
        sd = math.sqrt(spread / (count + _PRIOR))
        unsure = 1.0 if count < 3 else 0.0
        return (math.log(max(1, amount)) - mean) / (sd + unsure), mean

    def _above_crowd(self, amount: int) -> float:
        n, total, squares = self.profiles.crowd
        if n < 20:
            return 0.0
        mean = total / n
        return (math.log(max(1, amount)) - mean) / math.sqrt(max(0.05, squares / n - mean**2))

    def learn(
        self, event: StreamEvent, row: int, f: list[float], device: _Look, place: _Look,
        payee: _Look, hour: int,
    ) -> None:  # fmt: skip
        """Take the event into the account's habits; a refused one teaches its moment only."""
        profiles, at_ms = self.profiles, event.at_ms
        f[_FIRST_MS] = f[_FIRST_MS] or at_ms
        f[_LAST_MS] = at_ms
        f[_RECENT] += 1
        if event.result in _WRONG_RESULTS:
            f[_WRONG] += 1
        if event.result == "accepted":
            f[_EVENTS] += 1
            for known, look, at in (
                (profiles.devices, device, _NEW_DEVICES), (profiles.places, place, _NEW_PLACES),
                (profiles.payees, payee, _NEW_PAYEES),
            ):  # fmt: skip
                if look.mark:
                    f[at] += look.at < 0
                    known.learn(row, look.mark, look.at, at_ms, trusted=at_ms <= f[_TRUSTED_MS])
            profiles.hours[row, hour] += 1
            if event.kind in OUTGOING:
                self._learn_amount(f, event)
        profiles.figures[row] = f

    def _learn_amount(self, f: list[float], event: StreamEvent) -> None:
        log = math.log(max(1, event.amount))
        fade = 1 - 1 / 200  # So that habits of half a year ago weigh little.
        f[_PAYMENTS], f[_LOG_SUM], f[_LOG_SQUARES] = (
            f[_PAYMENTS] * fade + 1,
            f[_LOG_SUM] * fade + log,
            f[_LOG_SQUARES] * fade + log * log,
        )
        f[_OUT] += event.amount
        crowd, fade = self.profiles.crowd, 1 - 1 / _CROWD_FADES
        crowd[0], crowd[1], crowd[2] = (
            crowd[0] * fade + 1, crowd[1] * fade + log, crowd[2] * fade + log * log,
        )  # fmt: skip
        if event.payee and event.kind == "transfer":
            self._received(event)

    def _received(self, event: StreamEvent) -> None:
        row = self.profiles.row(event.payee)
        f = self.profiles.figures[row]
        since = event.at_ms - f[_LAST_MS] if f[_LAST_MS] else 0
        faded = f.tolist()
        faded[_WRONG] = _faded(faded[_WRONG], since, _WRONG_MS)
        self._fade_others(faded, event.at_ms)
        faded[_INTO] += event.amount
        faded[_FIRST_MS] = faded[_FIRST_MS] or event.at_ms
        faded[_LAST_MS] = event.at_ms
        self.profiles.figures[row] = faded


def _faded(value: float, since_ms: float, with_ms: int) -> float:
    return value * math.exp(-since_ms / with_ms) if value and since_ms > 0 else value


def _kind_of(parts: tuple[Part, ...]) -> str:
    """What it looks like: a take-over, a mule, or something unusual."""
    mule = sum(part.points for part in parts if part.name in _OF_MULES)
    takeover = sum(part.points for part in parts if part.name in _OF_TAKEOVERS)
    if max(mule, takeover) < 100:
        return "unusual"
    return "mule" if mule > takeover else "takeover"
