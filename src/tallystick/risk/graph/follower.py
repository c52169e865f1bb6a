"""The graph of a running platform: rebuilt from what is stored at the start, then following it.

Every event of the outbox and every record of a decision is read once, in the order of their
times, and the places of the last ones are part of the graph's state. A graph that has grown large
is kept as a snapshot when the platform stops, and taken from there at the next start; one that
does not fit is rebuilt from the beginning.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog

from tallystick.pipeline.commands import Registry
from tallystick.risk.graph.errors import SnapshotError
from tallystick.risk.graph.features import AccountFeatures, account_features
from tallystick.risk.graph.feed import WRITTEN, apply_event, wallet_id
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.kernels import Floats
from tallystick.risk.graph.schema import VertexKind
from tallystick.risk.graph.sign_ins import Seen, SeenPage, apply_seen, seen_after
from tallystick.risk.graph.snapshot import load_snapshot, save_snapshot
from tallystick.risk.graph.spread import association_scores
from tallystick.risk.graph.standing import STANDING_ALONE, Standing, standing_of
from tallystick.store.connection import StoreError
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import Event

__all__ = ["GraphFollower"]

log = structlog.get_logger("tallystick.graph")

_EVENTS_AT_ONCE: Final = 2000
_SNAPSHOT_AFTER: Final = 20_000
_PERIOD_S: Final = 0.25
_TURNS_PER_SCORING: Final = 80
_STANDING_S: Final = 1.0
_STANDING_REST: Final = 20
_AGAIN_S: Final = 1.0


class GraphFollower:
    """Keeps a graph up to date with the outbox.

    Attributes:
        graph: the graph; another object after a snapshot was taken.
        ready: whether it has caught up once since the start.
        skipped: events that the graph did not take, because a vertex was not there.
        scores: association with blocked accounts, by row, as it was last reckoned.
    """

    def __init__(self, rows: Callable[[], ReadSession], snapshot: Path) -> None:
        self.graph = Graph()
        self.ready = False
        self.skipped = 0
        self.scores: Floats = np.zeros(0)
        self._scored_at = -1
        self._standing: Standing | None = None
        self._stood_at = -1
        self._wanted: Callable[[], bool] = lambda: False
        self._open_rows = rows
        self._rows: ReadSession | None = None
        self._snapshot = snapshot
        self._kept_at = 0
        self._mutex = threading.Lock()
        self._closed = False

    def register(self, registry: Registry) -> None:
        """Have writes by command in the graph before they are answered."""
        registry.follow(WRITTEN, self._wrote)

    def _wrote(self, event: Event) -> None:
        if self.ready:
            self.catch_up()

    async def run(self) -> None:
        """Rebuild, then follow events until it is cancelled; wait while the store is gone."""
        while True:
            try:
                if not self.ready:
                    await asyncio.to_thread(self.rebuild)
                await self._follow()
            except (StoreError, sqlite3.Error) as error:
                log.warning("graph_cut_off", error=str(error))
                await asyncio.sleep(_AGAIN_S)

    async def _follow(self) -> None:
        turn, rest_until = 0, 0.0
        while True:
            if turn % _TURNS_PER_SCORING == 0:
                await asyncio.to_thread(self.score)
            turn += 1
            if self._wanted() and time.monotonic() >= rest_until:
                spent = await asyncio.to_thread(self.stand)
                rest_until = time.monotonic() + max(_STANDING_S, spent * _STANDING_REST)
            await asyncio.sleep(_PERIOD_S)
            await asyncio.to_thread(self.catch_up)

    def watch_standing(self, wanted: Callable[[], bool]) -> None:
        """Keep every account's standing up to date for as long as somebody reads it."""
        self._wanted = wanted

    def stand(self) -> float:
        """Reckon every account's standing anew if the graph has changed since.

        Returns:
            The seconds of processor time that it took.
        """
        if self._stood_at == self.graph.changes:
            return 0.0
        began = time.thread_time()
        changes, view = self.graph.changes, self.graph.frozen()
        self._standing = standing_of(view, time.time_ns() // 1_000_000, self.scores)
        self._stood_at = changes
        return time.thread_time() - began

    def standing(self, party_id: str, currency_code: str) -> tuple[int, ...]:
        """A party's account as it was last reckoned; alone when it is not known."""
        standing = self._standing
        if standing is None or not (party_id.isascii() and party_id.isdigit()):
            return STANDING_ALONE
        account = wallet_id(party_id, currency_code or "CNY")
        return standing.of(self.graph.vertices[VertexKind.ACCOUNT].row(account))

    def score(self) -> None:
        """Reckon association anew if the graph has changed since; nobody waits for it."""
        if self._scored_at == self.graph.changes:
            return
        changes, view = self.graph.changes, self.graph.frozen()
        blocked = np.flatnonzero(view.blocked(VertexKind.ACCOUNT)).astype(np.int32)
        self.scores = association_scores(view, blocked)
        self._scored_at = changes

    def features(self, account_id: int, now_ms: int) -> AccountFeatures:
        """What rules ask of an account, from the graph of now."""
        with self.graph.reading() as view:
            return account_features(view, account_id, now_ms, self.scores)

    def rebuild(self) -> None:
        """Begin with the snapshot if there is one that fits, and read all events after it."""
        with self._mutex, suppress(FileNotFoundError):
            try:
                self._begin_with_snapshot()
            except SnapshotError as error:
                log.warning("graph_snapshot_refused", problem=str(error))
        self.catch_up()
        self.ready = True

    def _begin_with_snapshot(self) -> None:
        if self._closed or not self._snapshot.exists():
            return
        graph = load_snapshot(self._snapshot)
        if graph.position > self._last("outbox") or graph.decided > self._last("risk_decision"):
            raise SnapshotError(f"{self._snapshot.name} is ahead of what is stored")
        self.graph = graph
        self._kept_at = graph.position + graph.decided

    def catch_up(self) -> None:
        """Read the events that are new, in the outbox's order."""
        with self._mutex:
            while not self._closed and self._step():
                pass

    def _session(self) -> ReadSession:
        if self._rows is None:
            self._rows = self._open_rows()
        return self._rows

    def _last(self, table: str) -> int:
        newest = f"SELECT MAX(seq) FROM {table}"  # noqa: S608
        return int(self._session().connection.execute(newest).fetchone()[0] or 0)

    def _step(self) -> bool:
        """Take some of what is new; whether there may be more.

        Records are read before events, so that whatever a record builds on is among the events.
        """
        page = seen_after(self._session(), self.graph.decided, _EVENTS_AT_ONCE)
        events = (
            self._session()
            .connection.execute(
                "SELECT seq, topic, subject, payload, created_ms FROM outbox "
                "WHERE seq > ? ORDER BY seq LIMIT ?",
                (self.graph.position, _EVENTS_AT_ONCE),
            )
            .fetchall()
        )
        if page.size or events:
            with self.graph.lock.writing():
                self._take(page, events)
        return _EVENTS_AT_ONCE in (page.size, len(events))

    def _take(self, page: SeenPage, events: Sequence[Any]) -> None:
        """Both in the order of their times, events first; until a page ends that was full."""
        at, graph, seen = 0, self.graph, page.seen
        for seq, topic, subject, payload, created_ms in events:
            while at < len(seen) and seen[at].at_ms < created_ms:
                self._take_seen(seen[at])
                at += 1
            if at == len(seen) and page.size == _EVENTS_AT_ONCE:
                graph.decided = page.last
                return
            self.skipped += not apply_event(graph, topic, subject, payload, created_ms)
            graph.position = seq
        if len(events) < _EVENTS_AT_ONCE:
            for each in seen[at:]:
                self._take_seen(each)
            graph.decided = page.last

    def _take_seen(self, seen: Seen) -> None:
        self.skipped += not apply_seen(self.graph, seen)
        self.graph.decided = seen.seq

    def _keep(self) -> None:
        """Without a snapshot the next start reads everything again; no reason not to stop."""
        try:
            save_snapshot(self.graph, self._snapshot)
        except OSError as error:
            log.warning("graph_snapshot_not_kept", problem=error.strerror)

    def close(self) -> None:
        """Keep the graph if much has come since it was kept, and let go of the database."""
        self._closed = True  # At once: who is reading a long history ends with the next page.
        with self._mutex:
            read = self.graph.position + self.graph.decided
            if self.ready and read - self._kept_at >= _SNAPSHOT_AFTER:
                self._keep()
            if self._rows is not None:
                self._rows.connection.close()
                self._rows = None
