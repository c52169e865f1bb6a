"""The REST API of the run's server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.gateway.rest.rest_client import Rest
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def rest(running_server: ServerProcess) -> Iterator[Rest]:
    """With the sandbox's key."""
    made = Rest.of(running_server)
    yield made
    made.hang_up()
