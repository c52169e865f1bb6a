"""Metrics in Prometheus's format: counted in plain numbers, put into form when they are asked for.

The executor's thread tells of every command, so telling costs a few additions and no lock: each
number is written by one thread alone. What is a state and not a count (what waits, how late it
is, free space) is read at the scrape.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tallystick import __version__

__all__ = ["METRICS", "ArchiveState", "Books", "Metrics", "State"]

L = TypeVar("L", bound=tuple[str, ...])

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RISK_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
_SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)

METRICS: Final[Mapping[str, tuple[str, str]]] = {
    "tallystick_commands": (
        "counter",
        "Commands by name and result: `accepted`, `replayed` or the code of a refusal.",
    ),
    "tallystick_command_seconds": (
        "histogram",
        "From asking for a command to its durable answer, by name.",
    ),
    "tallystick_batch_commands": ("histogram", "Commands that shared one transaction."),
    "tallystick_batch_seconds": ("histogram", "How long a transaction took, disk sync included."),
    "tallystick_batches_tried_again": (
        "counter",
        "Batches that the database undid (`undone`: a deadlock, a serialisation failure) or that "
        "lost their `connection`, and that were tried again.",
    ),
    "tallystick_commands_waiting": ("gauge", "Commands that wait for their batch."),
    "tallystick_timer_lag_seconds": ("gauge", "How late the oldest due timer is."),
    "tallystick_timers_due": ("gauge", "Timers that are due and have not run."),
    "tallystick_notifications_waiting": (
        "gauge",
        "Notifications that are not delivered yet: `due` now, or `waiting` for a further try.",
    ),
    "tallystick_notifications_given_up": ("gauge", "Notifications whose last try has failed."),
    "tallystick_outbox_oldest_seconds": ("gauge", "Age of the oldest undelivered notification."),
    "tallystick_outbox_lag_seconds": ("gauge", "How overdue the next notification is."),
    "tallystick_books_balanced": (
        "gauge",
        "1 when debits equal credits in every book, 0 when not; not there before the first look.",
    ),
    "tallystick_escrow_matches_trades": (
        "gauge",
        "1 when what is held in escrow is what the open trades hold, 0 when not.",
    ),
    "tallystick_escrow_held": ("gauge", "What open trades hold, in minor units, by currency."),
    "tallystick_books_checked_timestamp_seconds": ("gauge", "When the books were last added up."),
    "tallystick_gateway_requests": (
        "counter",
        "Requests to the partner gateway by method and result: `success` or the sub code.",
    ),
    "tallystick_risk_decisions": (
        "counter",
        "Decided commands by outcome and by what it comes from: `rules`, `list`, `step_up`, "
        "`review`, nothing, or `failure` with `open` or `closed`.",
    ),
    "tallystick_risk_unanswered": (
        "counter",
        "Commands without an answer of risk, by command and by its policy: `open` or `closed`.",
    ),
    "tallystick_risk_seconds": ("histogram", "How long risk took for a command."),
    "tallystick_http_answers": ("counter", "Answers by door and HTTP status."),
    "tallystick_store_writable": ("gauge", "0 when the last batch could not be written."),
    "tallystick_disk_free_bytes": ("gauge", "Free space where the data folder lies."),
    "tallystick_archive_writable": (
        "gauge",
        "0 when the newest commits could not be copied to the archive; not there without one.",
    ),
    "tallystick_archive_lag_seconds": (
        "gauge",
        "Since when the archive has not had everything that is committed.",
    ),
    "tallystick_worker_alive": ("gauge", "1 while a background worker runs, by its name."),
    "tallystick_build_info": ("gauge", "Always 1; the label tells the version."),
}
"""Every metric of ours with its kind and meaning; the documentation is made from it."""


class Histogram:
    """Counts by upper bound, and the sum of what was counted."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulative counts by bound as Prometheus wants them, and the sum."""
        named = [*(str(bound) for bound in self._bounds), "+Inf"]
        running, found = 0, []
        for bound, count in zip(named, list(self._counts), strict=True):
            running += count
            found.append((bound, float(running)))
        return found, self._total


class Books(NamedTuple):
    """What adding up all books found; `held` is minor units by currency."""

    at_ms: int
    balanced: bool
    held_matches: bool
    held: Mapping[str, int]


class ArchiveState(NamedTuple):
    """Whether the newest commits could be copied, and how long ago the archive had all of them."""

    writable: bool
    lag_ms: int


class State(NamedTuple):
    """What is read at a scrape; ages and lags in milliseconds."""

    commands_waiting: int
    timers_due: int
    timer_lag_ms: int
    notifications_due: int
    notifications_waiting: int
    notifications_given_up: int
    outbox_oldest_ms: int
    outbox_lag_ms: int
    store_writable: bool
    disk_free_bytes: int
    workers: Mapping[str, bool]
    archive: ArchiveState | None = None
    tried_again: Mapping[str, int] = MappingProxyType({})


class Metrics:
    """Counts since the start, and the last look at the books.

    `command`, `batch`, `decision` and `unanswered` are called by the executor's thread, the
    others by the event loop's.
    """

    def __init__(self) -> None:
        self.books: Books | None = None
        self._commands: dict[tuple[str, str], int] = {}
        self._command_seconds: dict[str, Histogram] = {}
        self._batch_commands = Histogram(_SIZES)
        self._batch_seconds = Histogram(_SECONDS)
        self._gateway: dict[tuple[str, str], int] = {}
        self._answers: dict[tuple[str, str], int] = {}
        self._decisions: dict[tuple[str, str], int] = {}
        self._unanswered: dict[tuple[str, str], int] = {}
        self._decision_seconds = Histogram(_RISK_SECONDS)
        self._scrape = threading.Lock()
        self._state: State | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collected(self))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    # Telling.

    def batch(self, commands: int, seconds: float) -> None:
        """A batch of so many commands took so long, sync included."""
        self._batch_commands.observe(commands)
        self._batch_seconds.observe(seconds)

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """A command ended; `outcome` is `accepted`, `replayed` or a refusal code."""
        key = (name, outcome)
        self._commands[key] = self._commands.get(key, 0) + 1
        histogram = self._command_seconds.get(name)
        if histogram is None:
            histogram = self._command_seconds[name] = Histogram(_SECONDS)
        histogram.observe(seconds)

    def decision(self, outcome: str, why: str, seconds: float) -> None:
        """Risk decided a command, in so many seconds of its own."""
        key = (outcome, why)
        self._decisions[key] = self._decisions.get(key, 0) + 1
        self._decision_seconds.observe(seconds)

    def unanswered(self, command: str, policy: str) -> None:
        """Risk gave no answer to a command, which was let through (`open`) or not (`closed`)."""
        key = (command, policy)
        self._unanswered[key] = self._unanswered.get(key, 0) + 1

    def gateway_request(self, method: str, result: str) -> None:
        """A partner's request ended; only known methods and codes, so that labels stay few."""
        key = (method, result)
        self._gateway[key] = self._gateway.get(key, 0) + 1

    def http_answer(self, door: str, status: int) -> None:
        """An answer began to leave by this door."""
        key = (door, str(status))
        self._answers[key] = self._answers.get(key, 0) + 1

    # Being asked.

    def exposition(self, state: State) -> bytes:
        """Everything in Prometheus's text format."""
        with self._scrape:
            self._state = state
            return generate_latest(self._registry)

    def families(self) -> Iterator[Metric]:
        """Everything that was counted, and the state of this scrape."""
        yield _counter("tallystick_commands", ("command", "result"), self._commands)
        yield _histograms("tallystick_command_seconds", self._command_seconds)
        yield _histograms("tallystick_batch_commands", {"": self._batch_commands})
        yield _histograms("tallystick_batch_seconds", {"": self._batch_seconds})
        yield _counter("tallystick_gateway_requests", ("method", "result"), self._gateway)
        yield _counter("tallystick_risk_decisions", ("outcome", "why"), self._decisions)
        yield _counter("tallystick_risk_unanswered", ("command", "policy"), self._unanswered)
        yield _histograms("tallystick_risk_seconds", {"": self._decision_seconds})
        yield _counter("tallystick_http_answers", ("door", "status"), self._answers)
        yield _gauge("tallystick_build_info", {__version__: 1}, "version")
        if self._state is not None:
            yield from _state_families(self._state)
        if self.books is not None:
            yield from _books_families(self.books)


class _Collected(Collector):
    """What the registry asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """All families."""
        return self._metrics.families()


def _counter(name: str, labels: tuple[str, ...], counts: Mapping[L, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, METRICS[name][1], labels=labels)
    for values, count in dict(counts).items():
        family.add_metric(values, count)
    return family


def _histograms(name: str, histograms: Mapping[str, Histogram]) -> HistogramMetricFamily:
    """A family by command; a histogram that stands alone has the empty name."""
    alone = "" in histograms
    family = HistogramMetricFamily(name, METRICS[name][1], labels=() if alone else ("command",))
    for command, histogram in dict(histograms).items():
        buckets, total = histogram.buckets()
        family.add_metric(() if alone else (command,), buckets, total)
    return family


def _gauge(name: str, values: Mapping[str, float], label: str = "") -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, METRICS[name][1], labels=(label,) if label else ())
    for key, value in values.items():
        family.add_metric((key,) if label else (), value)
    return family


def _state_families(state: State) -> Iterator[Metric]:
    waiting = {"due": state.notifications_due, "waiting": state.notifications_waiting}
    again = {(why,): count for why, count in state.tried_again.items()}
    yield _counter("tallystick_batches_tried_again", ("why",), again)
    yield _gauge("tallystick_commands_waiting", {"": state.commands_waiting})
    yield _gauge("tallystick_timers_due", {"": state.timers_due})
    yield _gauge("tallystick_timer_lag_seconds", {"": state.timer_lag_ms / 1000})
    yield _gauge("tallystick_notifications_waiting", waiting, "status")
    yield _gauge("tallystick_notifications_given_up", {"": state.notifications_given_up})
    yield _gauge("tallystick_outbox_oldest_seconds", {"": state.outbox_oldest_ms / 1000})
    yield _gauge("tallystick_outbox_lag_seconds", {"": state.outbox_lag_ms / 1000})
    yield _gauge("tallystick_store_writable", {"": int(state.store_writable)})
    yield _gauge("tallystick_disk_free_bytes", {"": state.disk_free_bytes})
    workers = {name: int(alive) for name, alive in state.workers.items()}
    yield _gauge("tallystick_worker_alive", workers, "worker")
    archive = state.archive
    writable = {} if archive is None else {"": int(archive.writable)}
    lag = {} if archive is None else {"": archive.lag_ms / 1000}
    yield _gauge("tallystick_archive_writable", writable)
    yield _gauge("tallystick_archive_lag_seconds", lag)


def _books_families(books: Books) -> Iterator[Metric]:
    yield _gauge("tallystick_books_balanced", {"": int(books.balanced)})
    yield _gauge("tallystick_escrow_matches_trades", {"": int(books.held_matches)})
    yield _gauge("tallystick_escrow_held", books.held, "currency")
    yield _gauge("tallystick_books_checked_timestamp_seconds", {"": books.at_ms / 1000})
