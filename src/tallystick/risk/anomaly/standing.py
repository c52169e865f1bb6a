"""What the path of payments sees: the warnings of accounts, in memory.

While there is no policy and no warning, a command costs one look at an attribute. After a change,
here or by another process, the next decided command reads the few rows again.
"""

from __future__ import annotations

from tallystick.pipeline.commands import Registry
from tallystick.risk.anomaly.model import AccountWarning, AnomalyPolicy
from tallystick.risk.decision.decide import NO_WARNING, Warned
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["AccountWarnings"]


class AccountWarnings:
    """The warnings in force, and whether there is a policy at all."""

    def __init__(self) -> None:
        self._fresh = False
        self._watching = False
        self._of: dict[str, Warned] = {}

    def register(self, registry: Registry) -> None:
        """Follow what changes."""
        registry.follow("anomaly.", self._forget)

    def _forget(self, happened: Event | None = None) -> None:
        self._fresh = False

    def follow(self, uow: UnitOfWork) -> bool:
        """Read again what has changed; whether decisions are to be recorded for the watch."""
        if not self._fresh:
            uow.when_undone(self._forget)
            self._read(ReadSession(uow.connection))
        return self._watching

    def _read(self, rows: ReadSession) -> None:
        self._of = {
            row.party: Warned(int(row.level), row.action.value)
            for row in rows.select(AccountWarning)
        }
        self._watching = bool(self._of) or bool(rows.select(AnomalyPolicy))
        self._fresh = True

    def of(self, party: str) -> Warned:
        """An account's warning."""
        return self._of.get(party, NO_WARNING)
