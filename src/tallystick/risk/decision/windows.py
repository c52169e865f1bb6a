"""Features kept up live: what earlier commands of each key lie in each window, in memory.

Time never goes back, so that what has left a window never comes in again; adding and leaving
cost the same however much a window holds. What a batch added is taken out again when the batch
is undone. Exact as long as no more than `events_max` commands lie in the longest window; beyond,
the oldest are forgotten and `since_ms` says from when on the windows are whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from tallystick.risk.decision.facts import PAST
from tallystick.risk.decision.features import Feature, WindowKey, window_of
from tallystick.risk.decision.language import names_in, parse
from tallystick.risk.decision.live import Condition, Values

__all__ = ["EVENTS_MAX", "Past", "Windows"]

EVENTS_MAX: Final = 1_000_000
"""How many commands are kept in memory."""

Facts = Mapping[str, int | str | bool]


class Past(NamedTuple):
    """A command that was decided: its facts by name, `outcome` and `result` among them."""

    at_ms: int
    facts: Facts


class _Series:
    """One key's commands in one window: moments and amounts, and values counted by field."""

    __slots__ = ("amounts", "counted", "times", "total", "values")

    def __init__(self, fields: int) -> None:
        self.times: deque[int] = deque()
        self.amounts: deque[int] = deque()
        self.total = 0
        self.values: tuple[deque[Any], ...] = tuple(deque() for _ in range(fields))
        self.counted: tuple[dict[Any, int], ...] = tuple({} for _ in range(fields))

    def add(self, at_ms: int, amount: int, values: tuple[Any, ...]) -> None:
        self.times.append(at_ms)
        self.amounts.append(amount)
        self.total += amount
        for value, held, counts in zip(values, self.values, self.counted, strict=True):
            held.append(value)
            counts[value] = counts.get(value, 0) + 1

    def _less(self, amount: int, values: Iterable[Any]) -> None:
        self.total -= amount
        for value, counts in zip(values, self.counted, strict=True):
            if counts[value] == 1:
                del counts[value]
            else:
                counts[value] -= 1

    def leave(self, until_ms: int) -> None:
        """Let go of what is not after `until_ms`."""
        times = self.times
        while times and times[0] <= until_ms:
            times.popleft()
            self._less(self.amounts.popleft(), [held.popleft() for held in self.values])

    def take_back(self) -> None:
        """Let go of the newest."""
        self.times.pop()
        self._less(self.amounts.pop(), [held.pop() for held in self.values])


class _Window:
    """All keys of one window, and the features that look at it."""

    def __init__(self, key: WindowKey, features: list[Feature]) -> None:
        self.key = key
        self.of = tuple(dict.fromkeys(f.of for f in features if f.of))
        self._asked = [(f.name, f.aggregate, self.of.index(f.of) if f.of else 0) for f in features]
        self._series: dict[Any, _Series] = {}
        self._where = Condition(key.where) if key.where else None

    def _key_of(self, facts: Facts) -> Any:
        by = self.key.by
        if len(by) == 1:
            return facts[by[0]] or None
        key = tuple(facts[name] for name in by)
        return key if all(key) else None

    def takes(self, values: Values) -> bool:
        """Whether the window's condition holds of a command; one that fails does not."""
        if self._where is None:
            return True
        try:
            return self._where.holds(values)
        except ArithmeticError:
            return False

    def add(self, past: Past) -> Any:
        """Count a command; its key, or None when it has none."""
        key = self._key_of(past.facts)
        if key is None:
            return None
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(len(self.of))
        amount = past.facts["amount"]
        assert isinstance(amount, int)
        series.add(past.at_ms, amount, tuple(past.facts[name] for name in self.of))
        return key

    def take_back(self, key: Any) -> None:
        """Take a key's newest command out, unless it has left by itself."""
        series = self._series.get(key)
        if series is not None and series.times:
            series.take_back()

    def forget(self, key: Any, until_ms: int) -> None:
        """Drop a key when nothing of it is left in the window."""
        series = self._series.get(key)
        if series is not None:
            series.leave(until_ms)
            if not series.times:
                del self._series[key]

    def read(self, facts: Facts, until_ms: int, into: dict[str, int | str | bool]) -> None:
        """The window's features for a command."""
        key = self._key_of(facts)
        series = None if key is None else self._series.get(key)
        if series is None:
            for name, _, _ in self._asked:
                into[name] = 0
            return
        if series.times and series.times[0] <= until_ms:
            series.leave(until_ms)
        count = len(series.times)
        for name, aggregate, field in self._asked:
            if aggregate == "count":
                into[name] = count
            elif aggregate == "sum":
                into[name] = series.total
            elif aggregate == "distinct":
                into[name] = len(series.counted[field])
            else:
                into[name] = series.total // count if count else 0

    @property
    def keys(self) -> int:
        """How many keys are held."""
        return len(self._series)


class _Kept(NamedTuple):
    """Where a command was counted, so that it can be forgotten or taken back."""

    at_ms: int
    keys: tuple[Any, ...]


class Windows:
    """Every feature of a set of definitions."""

    def __init__(self, features: Iterable[Feature], *, events_max: int = EVENTS_MAX) -> None:
        grouped: dict[WindowKey, list[Feature]] = {}
        for feature in features:
            grouped.setdefault(window_of(feature), []).append(feature)
        self._windows = [_Window(key, asked) for key, asked in grouped.items()]
        self._events_max = events_max
        self._kept: deque[_Kept] = deque()
        self.longest_ms = max((key.within_ms for key in grouped), default=0)
        self.since_ms = 0
        wanted = [names_in(parse(key.where)) for key in grouped if key.where]
        self._read_by_filters = [n for n in PAST if any(n in names for names in wanted)]

    @property
    def events(self) -> int:
        """How many commands are kept."""
        return len(self._kept)

    def read(self, facts: Facts, at_ms: int) -> dict[str, int | str | bool]:
        """Every feature's value for a command at a moment."""
        values: dict[str, int | str | bool] = {}
        for window in self._windows:
            window.read(facts, max(at_ms - window.key.within_ms, self.since_ms), values)
        return values

    def add(self, past: Past) -> None:
        """Count a command that was decided; moments do not go back."""
        if not self._windows:
            return
        values = Values({name: past.facts[name] for name in self._read_by_filters})
        keys = tuple(w.add(past) if w.takes(values) else None for w in self._windows)
        self._kept.append(_Kept(past.at_ms, keys))
        self._forget(past.at_ms)

    def _forget(self, now_ms: int) -> None:
        """Let go of commands that no window holds; two at most for each that comes in."""
        kept = self._kept
        if len(kept) > self._events_max:
            self.since_ms = max(self.since_ms, kept[0].at_ms)
        until = max(now_ms - self.longest_ms, self.since_ms)
        for _ in range(2):
            if not kept or kept[0].at_ms > until:
                return
            for window, key in zip(self._windows, kept.popleft().keys, strict=True):
                if key is not None:
                    window.forget(key, max(now_ms - window.key.within_ms, self.since_ms))

    def take_back(self, count: int) -> None:
        """Take out the newest commands again, newest first; all are of the latest moment."""
        for _ in range(min(count, len(self._kept))):
            for window, key in zip(self._windows, self._kept.pop().keys, strict=True):
                if key is not None:
                    window.take_back(key)
