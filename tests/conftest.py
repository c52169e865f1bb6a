"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import settings
from tests.server_process import ServerProcess, started_servers
from tests.shares import Shares, long_ones_first
from tests.stores import STORES, PerStore, choose, drop_databases_of_tests

# No law is about time, and a busy machine is no failure. In CI the same code draws the same
# examples, so that it passes or fails for what it is; elsewhere each run draws new ones.
settings.register_profile("tallystick", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tallystick")


ON_BOTH_STORES = (
    "tests/pipeline/test_group_commit.py", "tests/pipeline/test_idempotency.py",
    "tests/pipeline/test_timers.py", "tests/parties/test_parties.py",
    "tests/accounting/test_bookkeeping.py", "tests/accounting/test_periods.py",
    "tests/accounting/test_reversals.py", "tests/accounting/test_schedules.py",
    "tests/accounting/test_sweeps.py", "tests/accounting/test_monitors.py",
    "tests/accounting/test_exchange.py", "tests/partners/test_notifications.py",
    "tests/store/test_bulk_calls.py", "tests/store/test_unit_of_work.py",
    "tests/payments/", "tests/credit/test_loans.py", "tests/credit/test_pay_later.py",
    "tests/credit/collections/test_collections.py",
    "tests/credit/merchant/test_sales_loans.py", "tests/credit/receivables/test_receivables.py",
    "tests/credit/inquiries/test_inquiries.py",
    "tests/risk/blacklist/test_log.py", "tests/risk/anomaly/test_over_a_restart.py",
    "tests/risk/anomaly/test_warnings_in_the_path.py",
    "tests/proofs/test_heads.py", "tests/audit/test_audit_on_both_stores.py",
    "tests/faults/test_histories.py", "tests/admin/test_doctor.py",
    "tests/admin/test_master_key.py",
)  # fmt: skip
"""Modules of which every test runs on SQLite and on PostgreSQL; the others say on which."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--store`: where the tests' books are; by default some are on both."""
    parser.addoption(
        "--store", choices=[*STORES, "both"], default="both",
        help="run every test on this store (default: the embedded one, and many on both)",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """The store of what is set up before the first test."""
    choose(_usual(config))
    config.addinivalue_line(
        "markers", "embedded_store: about the embedded database itself, whatever --store says"
    )


def _usual(config: pytest.Config) -> str:
    chosen = str(config.getoption("--store"))
    return "sqlite" if chosen == "both" else chosen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the modules above once on each store."""
    at = metafunc.definition.nodeid
    if metafunc.config.getoption("--store") != "both":
        return
    if "chosen_store" in metafunc.fixturenames and at.startswith(ON_BOTH_STORES):
        metafunc.parametrize("chosen_store", STORES, indirect=True, scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long is begun first."""
    long_ones_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed says how the servers are that ran beside it."""
    report = yield
    if report.failed:
        report.sections += started_servers()
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shares:
    """Share the tests out among the processes of a run (`--numprocesses`)."""
    return Shares(config, log)


@pytest.fixture(autouse=True, scope="module")
def chosen_store(request: pytest.FixtureRequest) -> Iterator[str]:
    """The store that the test's databases are made on."""
    wanted = getattr(request, "param", _usual(request.config))
    choose(wanted)
    yield wanted
    drop_databases_of_tests()
    choose(_usual(request.config))


@pytest.fixture(autouse=True)
def embedded_store(request: pytest.FixtureRequest, chosen_store: str) -> Iterator[None]:
    """The embedded database, for tests that are about it."""
    if request.node.get_closest_marker("embedded_store"):
        choose("sqlite")
    yield
    choose(chosen_store)


@pytest.fixture(scope="session")
def running_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PerStore[ServerProcess]]:
    """Real servers, each with a seeded sandbox, for the whole run."""

    @contextmanager
    def running() -> Iterator[ServerProcess]:
        server = ServerProcess(tmp_path_factory.mktemp("server") / "data").start()
        yield server
        server.stop()

    with PerStore(running) as servers:
        yield servers


@pytest.fixture(scope="module")
def running_server(running_servers: PerStore[ServerProcess], chosen_store: str) -> ServerProcess:
    """The one real server on the chosen store."""
    return running_servers.get()
