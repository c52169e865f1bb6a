"""How a run's tests are shared out among processes.

A module is one share, once for each store: what it sets up is set up once. Shares that take long
begin first, so that no process is left alone with one in the end.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

__all__ = ["Shares", "long_ones_first", "share_of"]

_LONG = (
    "tests/faults/test_kill.py", "tests/gateway/rest/test_rest_fuzz.py", "tests/faults/",
    "tests/clients/", "tests/browser/", "tests/payments/", "tests/operating/", "tests/admin/",
    "tests/gateway/", "tests/risk/", "tests/store/", "tests/ledger/",
)  # fmt: skip
"""What takes long, the longest first; the rest is quick."""


def share_of(nodeid: str) -> str:
    """The share that a test belongs to: its module, and the store when it runs on both."""
    module, _, name = nodeid.partition("::")
    return f"{module} postgres" if "[postgres" in name else module


def long_ones_first(items: list[pytest.Item]) -> None:
    """Order tests so that shares which take long begin first; a share stays together."""

    def place(item: pytest.Item) -> int:
        ranks = (i for i, prefix in enumerate(_LONG) if item.nodeid.startswith(prefix))
        return next(ranks, len(_LONG))

    items.sort(key=place)


class Shares(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process that is nearly done the next share, in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
