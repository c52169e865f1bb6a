"""The lists in memory, following the rows change by change."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.risk.decision.facts import LISTED, LISTED_KINDS
from tallystick.risk.decision.model import LISTS_NUMBER, ActiveNumber, ListEntry
from tallystick.store.rows import Rows

__all__ = ["Lists"]


class Lists:
    """Which values are on which list, as the rows tell it."""

    def __init__(self) -> None:
        self._number = 0
        self._until: dict[tuple[str, str, str], int] = {}

    @property
    def empty(self) -> bool:
        """Whether nothing is on any list."""
        return not self._until

    def follow(self, rows: Rows) -> None:
        """Take over what has changed since the last time; all of it after an undone change."""
        active = rows.get(ActiveNumber, LISTS_NUMBER)
        number = 0 if active is None else active.number
        if number == self._number:
            return
        if number < self._number or self._number == 0:
            self._until.clear()
            self._take(rows.select(ListEntry))
        else:
            for change_no in range(self._number + 1, number + 1):
                self._take(rows.select(ListEntry, change_no=change_no))
        self._number = number

    def _take(self, entries: list[ListEntry]) -> None:
        for entry in entries:
            key = (entry.list_kind, entry.subject, entry.value)
            if entry.removed_ms:
                self._until.pop(key, None)
            else:
                self._until[key] = entry.expires_ms or 2**63

    def forget(self) -> None:
        """Read all rows at the next look."""
        self._number = 0
        self._until.clear()

    def of(self, facts: Mapping[str, int | str | bool], now_ms: int) -> tuple[str, ...]:
        """The lists that hold a value of the command: `block_device`, …, not expired."""
        until = self._until
        if not until:
            return ()
        return tuple(
            f"{kind}_{subject}"
            for kind in LISTED_KINDS
            for subject in LISTED
            if until.get((kind, subject, str(facts[subject])), 0) > now_ms
        )
