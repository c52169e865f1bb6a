"""Features kept up live: what earlier commands of each key lie in each window, in memory.

Time never goes back, so that what has left a window never comes in again. All windows by the same
key share one series of commands and differ in where they begin in it. What a batch added is taken
out again when the batch is undone. Exact as long as no more than `events_max` commands lie in the
longest window; beyond, the oldest are forgotten and `since_ms` says from when on the windows are
whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from tallystick.risk.decision.facts import PAST
from tallystick.risk.decision.features import Feature, window_of
from tallystick.risk.decision.language import names_in, parse
from tallystick.risk.decision.live import Condition, Values

__all__ = ["EVENTS_MAX", "Past", "Windows"]

EVENTS_MAX: Final = 1_000_000
"""How many commands are kept in memory."""

_SLACK: Final = 32
"""How many commands of a key may lie before all its windows until they are cut off."""

_NO_VALUES: Final = Values({})

Facts = Mapping[str, int | str | bool]


class Past(NamedTuple):
    """A command that was decided: its facts by name, `outcome` and `result` among them."""

    at_ms: int
    facts: Facts


class _Series:
    """One key's commands, oldest first, and where each window begins among them.

    `sums[i]` is what the amounts before the i-th come to, so that a window's sum is a difference.
    """

    __slots__ = ("counted", "heads", "sums", "times", "total", "values")

    def __init__(self, windows: int, fields: int, distinct: int) -> None:
        self.times: list[int] = []
        self.sums: list[int] = []
        self.total = 0
        self.values: tuple[list[Any], ...] = tuple([] for _ in range(fields))
        self.counted: tuple[dict[Any, int], ...] = tuple({} for _ in range(distinct))
        self.heads = [0] * windows


class _Distinct(NamedTuple):
    """Different values of a field in a window: places in a series' `values` and `counted`."""

    field: int
    counted: int


class _Window(NamedTuple):
    """One window of a group, and the features that are read off it.

    Args:
        within_ms: its length.
        distinct: what is counted by value while commands come and leave.
        counts, sums, averages: the names of features that are read off it.
        different: names of distinct counts, with their places in `counted`.
    """

    at: int
    within_ms: int
    distinct: tuple[_Distinct, ...]
    counts: tuple[str, ...]
    sums: tuple[str, ...]
    averages: tuple[str, ...]
    different: tuple[tuple[str, int], ...]


class _Group:
    """All windows that look at the same commands by the same key."""

    def __init__(self, by: tuple[str, ...], where: str, features: list[Feature]) -> None:
        self.by = by
        self._of = tuple(dict.fromkeys(f.of for f in features if f.of))
        self._summed = any(f.aggregate in ("sum", "average") for f in features)
        self._windows, self._distinct = self._laid_out(features)
        self._nothing = {f.name: 0 for f in features}
        self._series: dict[Any, _Series] = {}
        self._where = Condition(where) if where else None
        self.longest_ms = max(window.within_ms for window in self._windows)

    def _laid_out(self, features: list[Feature]) -> tuple[tuple[_Window, ...], int]:
        spans: dict[int, list[Feature]] = {}
        for feature in features:
            spans.setdefault(window_of(feature).within_ms, []).append(feature)
        found: list[_Window] = []
        places = 0
        for at, (within_ms, asked) in enumerate(spans.items()):
            counted = {}
            for of in dict.fromkeys(f.of for f in asked if f.of):
                counted[of] = _Distinct(self._of.index(of), places)
                places += 1
            counts, sums, averages = (
                tuple(f.name for f in asked if f.aggregate == aggregate)
                for aggregate in ("count", "sum", "average")
            )
            different = tuple((f.name, counted[f.of].counted) for f in asked if f.of)
            found.append(
                _Window(at, within_ms, tuple(counted.values()), counts, sums, averages, different)
            )
        return tuple(found), places

    def _key_of(self, facts: Facts) -> Any:
        by = self.by
        if len(by) == 1:
            return facts[by[0]] or None
        key = tuple([facts[name] for name in by])
        return key if all(key) else None

    def takes(self, values: Values) -> bool:
        """Whether the group's condition holds of a command; one that fails does not."""
        if self._where is None:
            return True
        try:
            return self._where.holds(values)
        except ArithmeticError:
            return False

    def add(self, past: Past) -> Any:
        """Count a command; its key, or None when it has none."""
        facts = past.facts
        key = self._key_of(facts)
        if key is None:
            return None
        series = self._series.get(key)
        if series is None:
            series = _Series(len(self._windows), len(self._of), self._distinct)
            self._series[key] = series
        series.times.append(past.at_ms)
        if self._summed:
            series.sums.append(series.total)
            amount = facts["amount"]
            assert isinstance(amount, int)
            series.total += amount
        if self._of:
            self._add_values(series, facts)
        return key

    def _add_values(self, series: _Series, facts: Facts) -> None:
        for name, held in zip(self._of, series.values, strict=True):
            held.append(facts[name])
        for window in self._windows:
            for field, place in window.distinct:
                counts, value = series.counted[place], series.values[field][-1]
                counts[value] = counts.get(value, 0) + 1

    def take_back(self, key: Any) -> None:
        """Take a key's newest command out."""
        series = self._series.get(key)
        if series is None or not series.times:
            return
        series.times.pop()
        if self._summed:
            series.total = series.sums.pop()
        last = len(series.times)
        for window in self._windows:
            if series.heads[window.at] > last:  # It has left this window by itself.
                series.heads[window.at] = last
                continue
            for field, place in window.distinct:
                _less(series.counted[place], series.values[field][last])
        for held in series.values:
            held.pop()

    def _leave(self, series: _Series, window: _Window, until_ms: int) -> int:
        """Move a window's begin past what is not after `until_ms`; where it is then."""
        heads = series.heads
        head = heads[window.at]
        moved = bisect_right(series.times, until_ms, head)
        for field, place in window.distinct:
            counts = series.counted[place]
            for value in series.values[field][head:moved]:
                _less(counts, value)
        heads[window.at] = moved
        return moved

    def forget(self, key: Any, now_ms: int, since_ms: int) -> None:
        """Let go of what no window of the key holds any more."""
        series = self._series.get(key)
        if series is None:
            return
        longest = max(now_ms - self.longest_ms, since_ms)
        if series.times[-1] <= longest:
            del self._series[key]
        elif bisect_right(series.times, longest) > max(_SLACK, len(series.times) // 2):
            for window in self._windows:
                self._leave(series, window, max(now_ms - window.within_ms, since_ms))
            gone = min(series.heads)
            for held in (series.times, series.sums, *series.values):
                del held[:gone]
            series.heads = [head - gone for head in series.heads]

    def read(
        self, facts: Facts, now_ms: int, since_ms: int, into: dict[str, int | str | bool]
    ) -> None:
        """The group's features for a command."""
        key = self._key_of(facts)
        series = None if key is None else self._series.get(key)
        if series is None or not series.times:
            into.update(self._nothing)
            return
        times, heads = series.times, series.heads
        size = len(times)
        for window in self._windows:
            at, within_ms, _, counts, sums, averages, different = window
            until_ms = now_ms - within_ms
            if until_ms < since_ms:
                until_ms = since_ms
            head = heads[at]
            if head < size and times[head] <= until_ms:
                head = self._leave(series, window, until_ms)
            for name in counts:
                into[name] = size - head
            for name, place in different:
                into[name] = len(series.counted[place])
            if self._summed:
                total = series.total - series.sums[head] if head < size else 0
                for name in sums:
                    into[name] = total
                for name in averages:
                    into[name] = total // (size - head) if head < size else 0

    @property
    def keys(self) -> int:
        """How many keys are held."""
        return len(self._series)


def _less(counts: dict[Any, int], value: Any) -> None:
    if counts[value] == 1:
        del counts[value]
    else:
        counts[value] -= 1


class _Kept(NamedTuple):
    """Where a command was counted, so that it can be forgotten or taken back."""

    at_ms: int
    keys: tuple[Any, ...]


class Windows:
    """Every feature of a set of definitions."""

    def __init__(self, features: Iterable[Feature], *, events_max: int = EVENTS_MAX) -> None:
        grouped: dict[tuple[tuple[str, ...], str], list[Feature]] = {}
        for feature in features:
            grouped.setdefault((feature.by, feature.where), []).append(feature)
        self._groups = [_Group(by, where, asked) for (by, where), asked in grouped.items()]
        self._events_max = events_max
        self._kept: deque[_Kept] = deque()
        self.longest_ms = max((group.longest_ms for group in self._groups), default=0)
        self.since_ms = 0
        wanted = [names_in(parse(where)) for _, where in grouped if where]
        self._read_by_filters = [n for n in PAST if any(n in names for names in wanted)]

    @property
    def events(self) -> int:
        """How many commands are kept."""
        return len(self._kept)

    def read(self, facts: Facts, at_ms: int) -> dict[str, int | str | bool]:
        """Every feature's value for a command at a moment."""
        values: dict[str, int | str | bool] = {}
        for group in self._groups:
            group.read(facts, at_ms, self.since_ms, values)
        return values

    def add(self, past: Past) -> None:
        """Count a command that was decided; moments do not go back."""
        if not self._groups:
            return
        values = _NO_VALUES
        if self._read_by_filters:
            values = Values({name: past.facts[name] for name in self._read_by_filters})
        keys = tuple([g.add(past) if g.takes(values) else None for g in self._groups])
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
            for group, key in zip(self._groups, kept.popleft().keys, strict=True):
                if key is not None:
                    group.forget(key, now_ms, self.since_ms)

    def take_back(self, count: int) -> None:
        """Take out the newest commands again, newest first; all are of the latest moment."""
        for _ in range(min(count, len(self._kept))):
            for group, key in zip(self._groups, self._kept.pop().keys, strict=True):
                if key is not None:
                    group.take_back(key)
