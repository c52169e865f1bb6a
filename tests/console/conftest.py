"""One world for all tests of the pages; each test uses orders of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.console.world import World, serving
from tests.stores import PerStore


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PerStore[World]]:
    """Platforms with their pages."""
    with PerStore(lambda: serving(tmp_path_factory.mktemp("world") / "data")) as made:
        yield made


@pytest.fixture(scope="module")
def world(worlds: PerStore[World], chosen_store: str) -> World:
    """The platform on the chosen store."""
    return worlds.get()
