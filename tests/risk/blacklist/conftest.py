"""One list a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.risk.blacklist.kept_list import KeptList


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[KeptList]:
    """A list that is open, with the members alpha and beta."""
    made = KeptList(tmp_path)
    yield made
    made.close()
