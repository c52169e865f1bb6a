"""Which accounts use a device: of the devices that were seen last, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sharers"]

_DEVICES_MAX: Final = 200_000
_ACCOUNTS_MAX: Final = 8
_DAY_MS: Final = 86_400_000


class Sharers:
    """The latest accounts of each device, by the device's mark.

    Args:
        devices_max: beyond so many the one that was seen least recently is forgotten.
    """

    def __init__(self, devices_max: int = _DEVICES_MAX) -> None:
        self.devices_max = devices_max
        self._users: OrderedDict[int, dict[str, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._users)

    def others(self, mark: int, party: str, at_ms: int) -> int:
        """How many other accounts used a device within a day; this one uses it now."""
        users = self._users.get(mark)
        if users is None:
            users = self._users[mark] = {}
            if len(self._users) > self.devices_max:
                self._users.popitem(last=False)
        else:
            self._users.move_to_end(mark)
        others = sum(at_ms - seen < _DAY_MS for who, seen in users.items() if who != party)
        users[party] = at_ms
        if len(users) > _ACCOUNTS_MAX:
            del users[min(users, key=lambda who: users[who])]
        return others

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, as columns to keep in a file: the device seen last at the end."""
        users = list(self._users.values())
        names = "\n".join(who for each in users for who in each).encode()
        return {
            "sharers.marks": np.fromiter(self._users, np.int64, len(users)),
            "sharers.counts": np.array([len(each) for each in users], np.int8),
            "sharers.seen_ms": np.array([ms for each in users for ms in each.values()], np.int64),
            "sharers.names": np.frombuffer(names, np.uint8),
        }

    @classmethod
    def of_arrays(cls, found: Mapping[str, NDArray[Any]]) -> Sharers:
        """What `arrays` gave (KeyError or ValueError when it is not whole)."""
        made, at = cls(), 0
        seen = found["sharers.seen_ms"].tolist()
        names = found["sharers.names"].tobytes().decode().split("\n") if seen else []
        pairs = list(zip(names, seen, strict=True))
        counts = found["sharers.counts"].tolist()
        for mark, count in zip(found["sharers.marks"].tolist(), counts, strict=True):
            made._users[mark] = dict(pairs[at : at + count])
            at += count
        return made
