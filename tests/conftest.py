"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.server_process import ServerProcess

# No law is about time, and a busy machine is no failure.
settings.register_profile("tallystick", deadline=None)
settings.load_profile("tallystick")


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One real server with a seeded sandbox for the whole run."""
    data: Path = tmp_path_factory.mktemp("server") / "data"
    server = ServerProcess(data).start()
    yield server
    server.stop()
