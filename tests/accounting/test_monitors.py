"""Balance monitors: an event for each crossing and for nothing else, whatever moved the money."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.accounting.own_books import BOOK, account, accounts, balance, transfer
from tests.platform_parts import START_MS, Clock, Parts
from tests.stores import database_for, traced

from tallystick.accounting import products
from tallystick.accounting.apply import apply_file
from tallystick.accounting.model import CreateLedgerTransfers, TransferDraft
from tallystick.accounting.monitors.model import (
    CreateMonitor,
    Direction,
    EndMonitor,
    LookAtMonitors,
    Measure,
    MonitorChange,
)
from tallystick.accounting.monitors.views import monitor_story
from tallystick.accounting.monitors.watch import MonitorWatch
from tallystick.accounting.sweeps.model import CreateSweep
from tallystick.decoding import decode_json
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.pipeline.commands import SYSTEM, Command, Context, Registry, Reply, Request
from tallystick.pipeline.executor import Witness
from tallystick.store.ledger_rows import id_bytes

SHOP, FLOAT, OTHER = 2, 3, 4


class PostInBulk(Command, frozen=True, kw_only=True, tag="test.post_in_bulk"):
    """A bulk call in a command's own transaction."""

    amount: int


class PostedInBulk(Reply, frozen=True, kw_only=True):
    """Done."""


def _post_in_bulk(command: PostInBulk, context: Context) -> Reply:
    moved = Transfer(1 << 60, 1, SHOP, command.amount, book=BOOK, code=1)
    answers = context.uow.create_transfers([moved])
    assert answers.tolist() == [0]
    return PostedInBulk()


class Watched(Parts):
    """Parts with the watch."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        registry = Registry()
        products.register(registry)
        registry.add(PostInBulk, _post_in_bulk, reply=PostedInBulk, scope="system")
        watch = MonitorWatch()
        watch.register(registry)
        witness: Witness = watch.witness
        super().__init__(database_for(folder), registry, clock, witnesses=(witness,))

    def events(self) -> list[tuple[str, str]]:
        """Topic and value of what monitors told, in order."""
        found = self.rows.connection.execute(
            "SELECT topic, payload FROM outbox WHERE topic IN ('monitor.crossed', "
            "'monitor.cleared') ORDER BY seq"
        )
        return [(t.split(".")[1], decode_json(p)["value"]) for t, p in found]

    def move(self, *transfers: TransferDraft) -> None:
        self.accept(CreateLedgerTransfers(transfers=transfers))


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    accounts(made, account(1), *(account(id_, code=20) for id_ in (SHOP, FLOAT, OTHER)))
    yield made
    made.close()


def monitor(threshold: int, **more: Any) -> CreateMonitor:
    wanted = {"name": "m", "account_id": id_bytes(SHOP), "direction": Direction.ABOVE}
    return CreateMonitor(threshold=threshold, **(wanted | more))


def test_only_a_crossing_is_told(parts: Watched) -> None:
    parts.accept(monitor(100))
    for number, amount in enumerate((60, 40, 1, 500), 10):
        parts.move(transfer(number, 1, SHOP, amount))
    parts.move(transfer(20, SHOP, 1, 501))
    assert parts.events() == [("crossed", "101"), ("cleared", "100")]


def test_with_hysteresis_it_is_quiet_until_the_value_has_come_back(parts: Watched) -> None:
    parts.move(transfer(10, 1, SHOP, 200))
    parts.accept(monitor(100, direction=Direction.BELOW, hysteresis=30))
    for number, (debit, credit, amount) in enumerate(
        ((SHOP, 1, 120), (1, SHOP, 40), (SHOP, 1, 30), (1, SHOP, 40)), 20
    ):
        parts.move(transfer(number, debit, credit, amount))
    assert parts.events() == [("crossed", "80"), ("cleared", "130")]


def test_available_counts_holds(parts: Watched) -> None:
    parts.move(transfer(10, 1, SHOP, 200))
    wanted = {"direction": Direction.BELOW, "measure": Measure.AVAILABLE}
    parts.accept(monitor(100, **wanted))
    parts.move(transfer(11, SHOP, 1, 150, flags=int(TransferFlags.PENDING)))
    void = int(TransferFlags.VOID_PENDING)
    parts.move(transfer(12, 0, 0, 0, pending_id=11, flags=void, book=0, code=0))
    assert parts.events() == [("crossed", "50"), ("cleared", "200")]


def test_each_command_of_a_batch_is_looked_at(parts: Watched) -> None:
    parts.accept(monitor(100))
    moves = [transfer(10, 1, SHOP, 150), transfer(11, SHOP, 1, 100), transfer(12, 1, SHOP, 300)]
    requests = [Request.once(SYSTEM, CreateLedgerTransfers(transfers=(m,))) for m in moves]
    parts.together(requests)
    assert parts.events() == [("crossed", "150"), ("cleared", "50"), ("crossed", "350")]


def test_a_monitor_watches_from_its_own_batch_on(parts: Watched) -> None:
    before = CreateLedgerTransfers(transfers=(transfer(10, 1, SHOP, 90),))
    after = CreateLedgerTransfers(transfers=(transfer(11, 1, OTHER, 20),))
    of_code = monitor(100, account_id=b"", book=BOOK, code=20)
    parts.together([Request.once(SYSTEM, c) for c in (before, of_code, after)])
    assert parts.events() == [("crossed", "110")]


def test_a_refused_command_moves_nothing_and_tells_nothing(parts: Watched) -> None:
    parts.accept(monitor(100))
    wrong = (transfer(10, 1, SHOP, 500), transfer(11, 1, SHOP, 1, book=1_000_156))
    assert parts.refuse(CreateLedgerTransfers(transfers=wrong)) == "BOOK_RESERVED"
    assert parts.events() == []


def test_bulk_calls_are_watched(parts: Watched, tmp_path: Path) -> None:
    parts.accept(monitor(100))
    parts.accept(monitor(900, account_id=b"", book=BOOK, code=20))
    parts.accept(PostInBulk(amount=500))
    assert parts.events() == [("crossed", "500")]
    file = tmp_path / "moves.csv"
    head = "id,debit_account_id,credit_account_id,amount,ledger,code\n"
    file.write_text(f"{head}70,1,{OTHER},600,{BOOK},1\n")
    apply_file(parts.writer, file, clock_ns=lambda: START_MS * 1_000_000)
    parts.run_timers()
    assert parts.events() == [("crossed", "500"), ("crossed", "1100")]


def test_a_second_look_finds_what_another_process_moved_meanwhile(tmp_path: Path) -> None:
    # The other one has not heard of the monitor when it posts.
    clock = Clock()
    parts = Watched(tmp_path, clock)
    accounts(parts, account(1), account(SHOP, code=20))
    parts.accept(monitor(100))
    parts.executor._witnesses = ()
    parts.move(transfer(10, 1, SHOP, 500))
    assert parts.events() == []
    clock.pass_ms(5001)
    parts.run_timers()
    assert parts.events() == [("crossed", "500")]
    parts.close()


def test_where_nothing_is_watched_nothing_is_asked_for(parts: Watched) -> None:
    asked: list[str] = []
    parts.move(transfer(10, 1, SHOP, 1))
    with traced(parts.writer, asked.append):
        parts.move(transfer(11, 1, SHOP, 1))
    assert not [sql for sql in asked if "monitor" in sql]


def test_a_monitor_that_fires_runs_its_sweep(parts: Watched) -> None:
    made = parts.accept(CreateSweep(
        name="s", book=BOOK, header_id=id_bytes(FLOAT), account_ids=(id_bytes(SHOP),), target=50
    ))  # fmt: skip
    parts.accept(monitor(100, sweep_id=made.sweep_id))
    parts.move(transfer(10, 1, SHOP, 300))
    parts.run_timers()
    assert (balance(parts, SHOP), balance(parts, FLOAT)) == (50, 250)
    assert parts.events() == [("crossed", "300"), ("cleared", "50")]


def test_what_cannot_be_watched_is_refused(parts: Watched) -> None:
    assert parts.refuse(monitor(1, account_id=id_bytes(99))) == "ACCOUNT_NOT_EXIST"
    assert parts.refuse(monitor(1, account_id=b"")) == "INVALID_PARAMETER"
    assert parts.refuse(monitor(1, name="")) == "INVALID_PARAMETER"
    assert parts.refuse(monitor(1, sweep_id="1")) == "SWEEP_NOT_EXIST"
    assert parts.refuse(EndMonitor(monitor_id="1")) == "MONITOR_NOT_EXIST"


class Monitors(RuleBasedStateMachine):
    """Monitors on an account and on a code, beside a naive look after each command."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tallystick-monitors-"))
        self.parts = Watched(self.folder)
        accounts(self.parts, account(1), account(SHOP, code=20), account(OTHER, code=20))
        self.numbers = iter(range(100, 100_000))
        self.has = {SHOP: 0, OTHER: 0}
        self.watched: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        self.parts.close()
        shutil.rmtree(self.folder)

    def value(self, of_code: bool) -> int:
        return sum(self.has.values()) if of_code else self.has[SHOP]

    @rule(
        of_code=st.booleans(), threshold=st.integers(-20, 60), hysteresis=st.integers(0, 15),
        direction=st.sampled_from(Direction),
    )  # fmt: skip
    def watch(self, of_code: bool, threshold: int, hysteresis: int, direction: Direction) -> None:
        place = {"account_id": b"", "book": BOOK, "code": 20} if of_code else {}
        made = self.parts.accept(
            monitor(threshold, hysteresis=hysteresis, direction=direction, **place)
        )
        sign = 1 if direction is Direction.ABOVE else -1
        self.watched[made.monitor_id] = {
            "of_code": of_code, "sign": sign, "threshold": threshold, "hysteresis": hysteresis,
            "fired": sign * (self.value(of_code) - threshold) > 0, "told": [],
        }  # fmt: skip

    @rule(shop=st.sampled_from((SHOP, OTHER)), amount=st.integers(-40, 40).filter(bool))
    def move(self, shop: int, amount: int) -> None:
        ends = (1, shop) if amount > 0 else (shop, 1)
        self.parts.move(transfer(next(self.numbers), *ends, abs(amount)))
        self.has[shop] += amount
        for one in self.watched.values():
            value = self.value(one["of_code"])
            beyond = one["sign"] * (value - one["threshold"])
            fired = beyond > (-one["hysteresis"] if one["fired"] else 0)
            if fired is not one["fired"]:
                one["fired"] = fired
                one["told"].append((fired, str(value)))

    @rule()
    def look_again(self) -> None:
        self.parts.accept(LookAtMonitors())

    @invariant()
    def it_told_what_happened(self) -> None:
        for monitor_id, one in self.watched.items():
            story = monitor_story(self.parts.rows, monitor_id)
            assert story is not None
            assert story.monitor.fired is one["fired"]
            assert story.value == self.value(one["of_code"])
            changes = self.parts.rows.select(MonitorChange, monitor_id=monitor_id)
            assert [(c.fired, c.value) for c in changes] == one["told"]


Monitors.TestCase.settings = settings(
    max_examples=6, stateful_step_count=14, suppress_health_check=list(HealthCheck)
)
TestMonitors = Monitors.TestCase
