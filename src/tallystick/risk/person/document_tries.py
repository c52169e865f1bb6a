"""Wrong documents and faces of a party, counted, so that nobody tries numbers out."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from tallystick.pipeline.refusals import Refused

__all__ = ["DOCUMENT_TRIES_MAX", "DocumentTries"]

DOCUMENT_TRIES_MAX: Final = 5
"""How many wrong ones an account may show within an hour, in each process that serves."""

_HOUR_MS: Final = 3_600_000
_PARTIES_MAX: Final = 100_000


class DocumentTries:
    """The moments of each party's latest wrong tries; of the parties seen last, in memory."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[int]] = OrderedDict()

    def take(self, party_id: str, now_ms: int) -> None:
        """Count a try as wrong before it is made, so that many at once are no more than in turn.

        Raises:
            Refused: TOO_MANY_REQUESTS.
        """
        known = self._wrong.pop(party_id, [])
        wrong = [at_ms for at_ms in known if at_ms > now_ms - _HOUR_MS]
        may_try = len(wrong) < DOCUMENT_TRIES_MAX
        self._wrong[party_id] = [*wrong, now_ms] if may_try else wrong
        if len(self._wrong) > _PARTIES_MAX:
            self._wrong.popitem(last=False)
        if not may_try:
            raise Refused("TOO_MANY_REQUESTS")

    def give_back(self, party_id: str, taken_ms: int) -> None:
        """The try of this moment was not a wrong one."""
        known = self._wrong.get(party_id, [])
        if taken_ms in known:
            known.remove(taken_ms)
