"""A server with a marketplace of several apps, for everything that is tried over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway.alipay.marketplace import Marketplace, prepare
from tests.gateway.alipay.shop import Auditor, Shop


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marketplace]:
    """The marketplace, open for the whole run."""
    data: Path = tmp_path_factory.mktemp("gateway") / "data"
    made = prepare(data)
    made.server.start()
    yield made
    made.close()


@pytest.fixture(scope="session")
def shop(market: Marketplace) -> Iterator[Shop]:
    """The sandbox's own app: escrow."""
    made = Shop.of(market.server)
    yield made
    made.hang_up()


@pytest.fixture
def auditor(market: Marketplace) -> Auditor:
    """Reads the marketplace's tables."""
    return Auditor(market.server.data)
