"""A server with a marketplace of several apps, for everything that is tried over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.gateway.alipay.marketplace import Marketplace, prepare
from tests.gateway.alipay.shop import Auditor, Shop
from tests.stores import PerStore


@pytest.fixture(scope="session")
def markets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PerStore[Marketplace]]:
    """The marketplaces, open for the whole run."""

    @contextmanager
    def opened() -> Iterator[Marketplace]:
        made = prepare(tmp_path_factory.mktemp("gateway") / "data")
        made.server.start()
        yield made
        made.close()

    with PerStore(opened) as kept:
        yield kept


@pytest.fixture(scope="module")
def market(markets: PerStore[Marketplace], chosen_store: str) -> Marketplace:
    """The marketplace on the chosen store."""
    return markets.get()


@pytest.fixture(scope="module")
def shop(market: Marketplace) -> Iterator[Shop]:
    """The sandbox's own app: escrow."""
    made = Shop.of(market.server)
    yield made
    made.hang_up()


@pytest.fixture
def auditor(market: Marketplace) -> Auditor:
    """Reads the marketplace's tables."""
    return Auditor(market.server.data)
