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
from tallystick.risk.decision.features import SUM_MAX, Feature, window_of
from tallystick.risk.decision.language import names_in, parse
from tallystick.risk.decision.live import Condition, Values

__all__ = ["EVENTS_MAX", "Past", "Windows"]

EVENTS_MAX: Final = 1_000_000
"""How many commands are kept in memory."""

_SLACK: Final = 32
"""How many commands of a key may lie before all its windows until they are cut off."""

_TAKEN_MAX: Final = 1024
"""For how many different facts it is remembered which conditions hold of them."""

_NEVER_MS: Final = 2**63

Facts = Mapping[str, int | str | bool]


class Past(NamedTuple):
    """A command that was decided: its facts by name, `outcome` and `result` among them."""

    at_ms: int
    facts: Facts


class _Field:
    """A field's values in a series, and which of them come again later.

    A window holds as many different values as it holds commands after which their value does
    not come again, so that one mark serves every window.

    Attributes:
        values: of each command.
        before: where the same value came last before, as a number that counts from the series'
            first command ever; -1 for never, or for what was cut off.
        again: whether the value comes again later.
        newest: where each value came last.
    """

    __slots__ = ("again", "before", "newest", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.before: list[int] = []
        self.again: list[bool] = []
        self.newest: dict[Any, int] = {}


class _Series:
    """One key's commands, oldest first, and where each window begins among them.

    Until `due_ms` no command leaves any of the windows.
    `sums[i]` is what the amounts before the i-th come to, and the last what all do, so that a
    window's sum is a difference. `cut` commands were cut off in front.
    """

    __slots__ = ("cut", "different", "due_ms", "fields", "heads", "sums", "times")

    def __init__(self, windows: int, fields: int, distinct: int) -> None:
        self.times: list[int] = []
        self.sums: list[int] = [0]
        self.cut = 0
        self.fields = [_Field() for _ in range(fields)]
        self.different = [0] * distinct
        self.heads = [0] * windows
        self.due_ms = 0


class _Distinct(NamedTuple):
    """Different values of a field in a window: a series' field, and its place in `different`."""

    field: int
    place: int


_Places = tuple[tuple[int, int], ...]
"""Windows in which a field's values are counted, and the places in a series' `different`."""


class _Window(NamedTuple):
    """One window of a group: its place, its length, and what is counted by value in it."""

    at: int
    within_ms: int
    distinct: tuple[_Distinct, ...]


class _Group:
    """All windows that look at the same commands by the same key."""

    def __init__(self, by: tuple[str, ...], where: str, features: list[Feature]) -> None:
        self.by = by
        self._of = tuple(dict.fromkeys(f.of for f in features if f.of))
        self._summed = any(f.aggregate in ("sum", "average") for f in features)
        spans = tuple(dict.fromkeys(window_of(f).within_ms for f in features))
        asked = dict.fromkeys((window_of(f).within_ms, f.of) for f in features if f.of)
        places = {distinct: place for place, distinct in enumerate(asked)}
        self._windows = tuple(
            _Window(at, span, tuple(
                _Distinct(self._of.index(of), place)
                for (within_ms, of), place in places.items() if within_ms == span
            ))
            for at, span in enumerate(spans)
        )  # fmt: skip
        self._distinct = len(places)
        self._places: tuple[tuple[str, _Places], ...] = tuple(
            (of, tuple((spans.index(span), place) for (span, name), place in places.items()
                       if name == of))
            for of in self._of
        )  # fmt: skip
        self._counts, self._sums, self._averages = (
            tuple((f.name, spans.index(window_of(f).within_ms)) for f in features
                  if f.aggregate == aggregate)
            for aggregate in ("count", "sum", "average")
        )  # fmt: skip
        self._different = tuple(
            (f.name, places[window_of(f).within_ms, f.of]) for f in features if f.of
        )
        self._nothing = {f.name: 0 for f in features}
        self._series: dict[Any, _Series] = {}
        self._read: tuple[Any, _Series | None] = (None, None)
        self._where = Condition(where) if where else None
        self.longest_ms = max(spans)

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

    def add(self, past: Past, *, just_read: bool) -> Any:
        """Count a command; its key, or None when it has none.

        Args:
            just_read: whether this very command was what `read` was last asked for.
        """
        facts = past.facts
        if just_read:
            key, series = self._read
        else:
            key = self._key_of(facts)
            series = None if key is None else self._series.get(key)
        if key is None:
            return None
        if series is None:
            series = _Series(len(self._windows), len(self._of), self._distinct)
            self._series[key] = series
        series.times.append(past.at_ms)
        if self._summed:
            amount = facts["amount"]
            assert isinstance(amount, int)
            series.sums.append(series.sums[-1] + amount)
        if self._of:
            self._add_values(series, facts)
        return key

    def _add_values(self, series: _Series, facts: Facts) -> None:
        cut, heads, different = series.cut, series.heads, series.different
        number = cut + len(series.times) - 1
        for (name, places), field in zip(self._places, series.fields, strict=True):
            value = facts[name]
            before = field.newest.get(value, -1)
            field.newest[value] = number
            field.values.append(value)
            field.before.append(before)
            field.again.append(False)
            place_before = before - cut
            if place_before >= 0:
                field.again[place_before] = True
            for at, place in places:
                if place_before < heads[at]:
                    different[place] += 1

    def take_back(self, key: Any) -> None:
        """Take a key's newest command out."""
        series = self._series.get(key)
        if series is None or not series.times:
            return
        last = len(series.times) - 1
        for window in self._windows:
            if series.heads[window.at] > last:  # It has left this window by itself.
                series.heads[window.at] = last
                for _, place in window.distinct:
                    series.different[place] += 1
        if self._of:
            for (_, places), field in zip(self._places, series.fields, strict=True):
                self._take_value_back(series, field, places)
        series.times.pop()
        if self._summed:
            series.sums.pop()

    @staticmethod
    def _take_value_back(series: _Series, field: _Field, places: _Places) -> None:
        value, before = field.values.pop(), field.before.pop()
        for at, place in places:
            if before - series.cut < series.heads[at]:
                series.different[place] -= 1
        field.again.pop()
        if before >= series.cut:
            field.newest[value] = before
            field.again[before - series.cut] = False
        else:
            del field.newest[value]

    def _leave(self, series: _Series, now_ms: int, since_ms: int) -> None:
        """Let what has left a window go out of it, and say when the next one does."""
        times, heads = series.times, series.heads
        size, due_ms = len(times), _NEVER_MS
        for at, within_ms, distinct in self._windows:
            head, until_ms = heads[at], now_ms - within_ms
            if until_ms < since_ms:
                until_ms = since_ms
            if head < size and times[head] <= until_ms:
                moved = bisect_right(times, until_ms, head)
                for field, place in distinct:
                    gone = series.fields[field].again[head:moved].count(False)
                    series.different[place] -= gone
                heads[at] = head = moved
            # What comes into an empty window stays as long as it is.
            first_ms = (times[head] if head < size else now_ms) + within_ms
            if first_ms < due_ms:
                due_ms = first_ms
        series.due_ms = due_ms

    def forget(self, key: Any, now_ms: int, since_ms: int) -> None:
        """Let go of what no window of the key holds any more."""
        series = self._series.get(key)
        if series is None:
            return
        longest = max(now_ms - self.longest_ms, since_ms)
        if series.times[-1] <= longest:
            del self._series[key]
        elif bisect_right(series.times, longest) > max(_SLACK, len(series.times) // 2):
            self._leave(series, now_ms, since_ms)
            self._cut(series, min(series.heads))

    @staticmethod
    def _cut(series: _Series, gone: int) -> None:
        for field in series.fields:
            for value, again in zip(field.values[:gone], field.again, strict=False):
                if not again:
                    del field.newest[value]
            del field.values[:gone], field.before[:gone], field.again[:gone]
        del series.times[:gone], series.sums[:gone]
        series.heads = [head - gone for head in series.heads]
        series.cut += gone

    def read(
        self, facts: Facts, now_ms: int, since_ms: int, into: dict[str, int | str | bool]
    ) -> None:
        """The group's features for a command."""
        key = self._key_of(facts)
        series = None if key is None else self._series.get(key)
        self._read = key, series
        if series is None or not series.times:
            into.update(self._nothing)
            return
        heads, size = series.heads, len(series.times)
        if now_ms >= series.due_ms or since_ms >= series.times[0]:
            self._leave(series, now_ms, since_ms)
        for name, at in self._counts:
            into[name] = size - heads[at]
        for name, place in self._different:
            into[name] = series.different[place]
        if self._summed:
            sums = series.sums
            whole = sums[-1]
            for name, at in self._sums:
                into[name] = min(whole - sums[heads[at]], SUM_MAX)
            for name, at in self._averages:
                head = heads[at]
                mean = (whole - sums[head]) // (size - head) if head < size else 0
                into[name] = min(mean, SUM_MAX)

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
        grouped: dict[tuple[tuple[str, ...], str], list[Feature]] = {}
        for feature in features:
            grouped.setdefault((feature.by, feature.where), []).append(feature)
        self._groups = [_Group(by, where, asked) for (by, where), asked in grouped.items()]
        self._events_max = events_max
        self._kept: deque[_Kept] = deque()
        self._just_read: Facts | None = None
        self.longest_ms = max((group.longest_ms for group in self._groups), default=0)
        self.since_ms = 0
        wanted = [names_in(parse(where)) for _, where in grouped if where]
        self._taken: dict[tuple[int | str | bool, ...], tuple[bool, ...]] = {}
        self._read_by_filters = [n for n in PAST if any(n in names for names in wanted)]

    @property
    def events(self) -> int:
        """How many commands are kept."""
        return len(self._kept)

    def read(self, facts: Facts, at_ms: int) -> dict[str, int | str | bool]:
        """Every feature's value for a command at a moment."""
        values: dict[str, int | str | bool] = {}
        self._just_read = None
        for group in self._groups:
            group.read(facts, at_ms, self.since_ms, values)
        return values

    def add_values(self, facts: dict[str, int | str | bool], at_ms: int) -> None:
        """The same, added to the command's facts."""
        self._just_read = None
        for group in self._groups:
            group.read(facts, at_ms, self.since_ms, facts)
        self._just_read = facts

    def add(self, past: Past) -> None:
        """Count a command that was decided; moments do not go back."""
        if not self._groups:
            return
        taken = self._takes(past.facts)
        just_read = past.facts is self._just_read
        self._just_read = None  # What is added or forgotten now, the next must look for itself.
        keys = tuple([
            group.add(past, just_read=just_read) if takes else None
            for group, takes in zip(self._groups, taken, strict=True)
        ])  # fmt: skip
        self._kept.append(_Kept(past.at_ms, keys))
        self._forget(past.at_ms)

    def _takes(self, facts: Facts) -> tuple[bool, ...]:
        """Which groups' conditions hold; few different facts are read by most conditions."""
        read = tuple([facts[name] for name in self._read_by_filters])
        taken = self._taken.get(read)
        if taken is None:
            values = Values(dict(zip(self._read_by_filters, read, strict=True)))
            taken = tuple([group.takes(values) for group in self._groups])
            if len(self._taken) >= _TAKEN_MAX:
                self._taken.clear()
            self._taken[read] = taken
        return taken

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
        self._just_read = None
        for _ in range(min(count, len(self._kept))):
            for group, key in zip(self._groups, self._kept.pop().keys, strict=True):
                if key is not None:
                    group.take_back(key)
