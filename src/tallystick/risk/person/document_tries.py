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

    def require(self, party_id: str, now_ms: int) -> None:
        """See that the party may try again.

        Raises:
            Refused: TOO_MANY_REQUESTS.
        """
        wrong = [at_ms for at_ms in self._wrong.get(party_id, ()) if at_ms > now_ms - _HOUR_MS]
        if len(wrong) >= DOCUMENT_TRIES_MAX:
            raise Refused("TOO_MANY_REQUESTS")

    def count(self, party_id: str, now_ms: int) -> None:
        """One more was wrong."""
        known = self._wrong.pop(party_id, [])
        self._wrong[party_id] = [*known, now_ms][-DOCUMENT_TRIES_MAX:]
        if len(self._wrong) > _PARTIES_MAX:
            self._wrong.popitem(last=False)
