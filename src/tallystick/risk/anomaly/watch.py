"""The watch of a running platform: it follows the decisions, scores them, and raises alerts.

It reads every decision once, in order, in a thread of its own; payments never wait for it. While
no level has a policy it reads nothing, and catches up when one has. The habits that it has learned
are kept in a file now and then and when the platform stops; at the next start it goes on from
there. Without a file it learns from the newest decisions again. What happened long before it was
read teaches, but raises no alert.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from tallystick.pipeline.commands import SYSTEM, Answer, Registry, Request
from tallystick.risk.anomaly.decide import level_of
from tallystick.risk.anomaly.model import AlertKind, AnomalyAlert, AnomalyPolicy, RaiseAlert
from tallystick.risk.anomaly.profiles import ProfileFileError, Profiles
from tallystick.risk.anomaly.scoring import Part, StreamEvent, Watcher
from tallystick.store.connection import StoreError
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import Event

__all__ = ["AnomalyWatch"]

log = structlog.get_logger("tallystick.anomaly")

_AT_ONCE: Final = 2000
_LEARN_MAX: Final = 2_000_000
_PERIOD_S: Final = 0.25
_AGAIN_S: Final = 1.0
_KEEP_AFTER: Final = 50_000
_LATE_MS: Final = 3_600_000
_PASSING: Final = frozenset({"SYSTEM_BUSY", "STORE_UNAVAILABLE"})
_EVENT: Final = "seq, at_ms, kind, amount, party, payee, device, address, result"

Submit = Callable[[Request], Awaitable[Answer]]


class AnomalyWatch:
    """Follows the decisions of a platform.

    Args:
        rows: opens a session of the watch's own.
        kept: the file for what it has learned.
        clock_ms: tells what is long ago.
    """

    def __init__(
        self,
        rows: Callable[[], ReadSession],
        kept: Path,
        clock_ms: Callable[[], int],
        accounts_max: int = 200_000,
    ) -> None:
        self._open_rows = rows
        self._rows: ReadSession | None = None
        self._kept = kept
        self._kept_at = 0
        self._clock_ms = clock_ms
        self._accounts_max = accounts_max
        self._watcher = Watcher(Profiles(accounts_max))
        self._policies: tuple[AnomalyPolicy, ...] = ()
        self._changed = True
        self._proofs: deque[tuple[int, str]] = deque()
        self._unraised: list[Request] = []
        self._mutex = threading.Lock()
        self._begun = False
        self._closed = False

    @property
    def profiles(self) -> Profiles:
        """What is known of accounts; only read by others."""
        return self._watcher.profiles

    def register(self, registry: Registry) -> None:
        """Follow changes of the policy, and proofs."""
        registry.follow("anomaly.", self._note)

    def _note(self, happened: Event) -> None:
        self._changed = True

    def begin(self) -> None:
        """Take what was kept, or learn from the newest decisions."""
        with self._mutex:
            if self._begun or self._closed:
                return
            last = self._last()
            self._begun = True
            try:
                profiles = Profiles.load(self._kept, self._accounts_max)
                if profiles.position > last:
                    raise ProfileFileError(f"{self._kept.name} is ahead of the decisions")
                self._watcher = Watcher(profiles)
            except FileNotFoundError:
                self._watcher.profiles.position = max(0, last - _LEARN_MAX)
            except ProfileFileError as error:
                log.warning("anomaly_profiles_refused", problem=str(error))
                self._watcher.profiles.position = max(0, last - _LEARN_MAX)
            self._kept_at = self._watcher.profiles.position

    def _session(self) -> ReadSession:
        if self._rows is None:
            self._rows = self._open_rows()
        return self._rows

    def _last(self) -> int:
        found = self._session().connection.execute("SELECT MAX(seq) FROM risk_decision").fetchone()
        return int(found[0] or 0)

    async def run(self, submit: Submit) -> None:
        """Follow the decisions until it is cancelled; wait while the store is gone."""
        while True:
            try:
                await asyncio.to_thread(self.begin)
                await asyncio.to_thread(self._look)
            except (StoreError, sqlite3.Error) as error:
                log.warning("anomaly_cut_off", error=str(error))
                await asyncio.sleep(_AGAIN_S)
                continue
            if not self._unraised:
                await asyncio.sleep(_PERIOD_S)
            while self._unraised:
                answer = await submit(self._unraised[0])
                if answer.refusal is not None and answer.refusal.code in _PASSING:
                    await asyncio.sleep(_PERIOD_S)
                else:
                    del self._unraised[0]

    def catch_up(self) -> list[Request]:
        """Score what is new, at most some thousand decisions; the alerts, for who asks to raise."""
        self._look()
        found, self._unraised = self._unraised, []
        return found

    def _look(self) -> None:
        """Score what is new, and have its alerts wait until they are raised."""
        with self._mutex:
            if self._closed or not self._on():
                return
            profiles = self._watcher.profiles
            if profiles.position - self._kept_at >= _KEEP_AFTER:
                self._keep()
            rows = self._session().connection.execute(
                f"SELECT {_EVENT} FROM risk_decision "  # noqa: S608 - names are ours
                "WHERE seq > ? ORDER BY seq LIMIT ?",
                (profiles.position, _AT_ONCE),
            ).fetchall()  # fmt: skip
            self._follow()  # After the decisions, so that a proof before one of them is there.
            for row in rows:
                self._unraised += self._see(StreamEvent(*row))

    def _on(self) -> bool:
        """Whether a level has a policy; the first has the newest decisions read."""
        if self._policies:
            return True
        if not self._changed:
            return False
        self._follow()
        if self._policies:
            profiles = self._watcher.profiles
            profiles.position = max(profiles.position, self._last() - _LEARN_MAX)
        return bool(self._policies)

    def _follow(self) -> None:
        """Take over a changed policy, and what owners have proved to be theirs."""
        if not self._changed:
            return
        self._changed = False
        since = self._proofs[-1][0] if self._proofs else self.profiles.proved_ms
        tail = "WHERE proved_ms > ? ORDER BY proved_ms"
        try:
            session = self._session()
            policies = tuple(session.select(AnomalyPolicy))
            found = session.query(AnomalyAlert, tail, (since,))
        except (StoreError, sqlite3.Error):
            self._changed = True
            raise
        self._policies = policies
        self._proofs.extend(dict.fromkeys((alert.proved_ms, alert.party) for alert in found))

    def _trust_until(self, at_ms: int) -> None:
        """Take proofs into account in their turn, so that reading again comes to the same."""
        while self._proofs and self._proofs[0][0] <= at_ms:
            proved_ms, party = self._proofs.popleft()
            self._watcher.trust(party, proved_ms)
            self.profiles.proved_ms = proved_ms

    def _see(self, event: StreamEvent) -> list[Request]:
        self._watcher.profiles.position = event.seq
        self._trust_until(event.at_ms)
        scored = self._watcher.see(event)
        if scored is None or self._clock_ms() - event.at_ms > _LATE_MS:
            return []
        found = []
        if level_of(self._policies, scored.score) is not None:
            found.append(_request(event, event.party, scored.kind, scored.score, scored.parts))
        onward = scored.onward
        if onward is not None and level_of(self._policies, onward.points) is not None:
            found.append(_request(event, event.payee, "mule", onward.points, (onward,)))
        return found

    def _keep(self) -> None:
        """Keep what was learned, unless it is ahead of the alerts: those are found again then."""
        if self._unraised:
            return
        try:
            self._watcher.profiles.save(self._kept)
        except OSError as error:
            log.warning("anomaly_profiles_not_kept", problem=error.strerror)
        self._kept_at = self._watcher.profiles.position

    def close(self) -> None:
        """Keep what was learned, and let go of the database."""
        with self._mutex:
            if self._begun and not self._closed and self.profiles.position > self._kept_at:
                self._keep()
            self._closed = True
            if self._rows is not None:
                self._rows.connection.close()
                self._rows = None


def _request(
    event: StreamEvent, party: str, kind: str, score: int, parts: tuple[Part, ...]
) -> Request:
    """The same finding is the same request, also when it is scored again after a crash."""
    command = RaiseAlert(
        party=party, kind=AlertKind(kind), score=score, reasons=msgspec.json.encode(parts),
        seq=event.seq,
    )  # fmt: skip
    return Request(SYSTEM, f"anomaly:{event.seq}:{party}", command)
