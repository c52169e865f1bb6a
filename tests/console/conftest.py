"""One world for all tests of the pages; each test uses orders of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.console.world import World, serving


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A platform with its pages."""
    with serving(tmp_path_factory.mktemp("world") / "data") as made:
        yield made
