"""Sweeps: every account at its target to the cent, nothing created, holds left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.accounting.own_books import BOOK, account, accounts, balance, money, totals, transfer
from tests.platform_parts import START_MS, Parts, opened

from tallystick.accounting import service
from tallystick.accounting.days import DAY_MS, day_of_ms
from tallystick.accounting.schedules import service as schedules
from tallystick.accounting.schedules.model import CreateSchedule
from tallystick.accounting.schedules.rule import Unit
from tallystick.accounting.sweeps import service as sweeps
from tallystick.accounting.sweeps.model import CreateSweep, EndSweep, RunSweep, SweepMode
from tallystick.accounting.sweeps.views import sweep_story
from tallystick.ledger.model import TransferFlags
from tallystick.ledger.statements import available_of
from tallystick.store.ledger_rows import id_bytes

REGISTERS = service.register, sweeps.register, schedules.register
HEADER = 9
SHOPS = (11, 12, 13)
NO_OVERDRAFT = 2


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, *REGISTERS) as made:
        prepare(made)
        yield made


def prepare(parts: Parts) -> None:
    accounts(
        parts, account(1), account(HEADER, flags=NO_OVERDRAFT),
        *(account(shop, flags=NO_OVERDRAFT) for shop in SHOPS),
    )  # fmt: skip


def sweep(**more: object) -> CreateSweep:
    wanted = {
        "name": "shops", "book": BOOK, "header_id": id_bytes(HEADER),
        "account_ids": tuple(id_bytes(shop) for shop in SHOPS),
    }  # fmt: skip
    return CreateSweep(**(wanted | more))  # type: ignore[arg-type]


shops = st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    has=shops, held=shops, header=st.integers(0, 800), target=st.integers(0, 300),
    amount_min=st.integers(1, 50), mode=st.sampled_from(SweepMode),
)  # fmt: skip
def test_a_sweep_brings_every_account_to_its_target(
    tmp_path_factory: pytest.TempPathFactory, has: tuple[int, ...], held: tuple[int, ...],
    header: int, target: int, amount_min: int, mode: SweepMode,
) -> None:  # fmt: skip
    with opened(tmp_path_factory.mktemp("s"), *REGISTERS) as parts:
        prepare(parts)
        money(parts, transfer(20, 1, HEADER, header))
        for shop, amount, hold in zip(SHOPS, has, held, strict=True):
            money(parts, transfer(100 + shop, 1, shop, amount))
            kept = min(hold, amount)
            money(parts, transfer(200 + shop, shop, 1, kept, flags=int(TransferFlags.PENDING)))
        free = {shop: available_of(totals(parts, shop)) for shop in SHOPS}
        before = sum(balance(parts, i) for i in (HEADER, *SHOPS))
        made = parts.accept(sweep(target=target, amount_min=amount_min, mode=mode))
        ran = parts.accept(RunSweep(sweep_id=made.sweep_id))
        assert sum(balance(parts, i) for i in (HEADER, *SHOPS)) == before
        assert balance(parts, HEADER) == header + ran.to_header - ran.from_header
        left = header
        for shop in SHOPS:
            now, gap = available_of(totals(parts, shop)), target - free[shop]
            if gap <= 0:
                expected = free[shop] if -gap < amount_min else target
                left += free[shop] - expected
            else:
                filled = min(gap, left) if mode is SweepMode.LEVEL and gap >= amount_min else 0
                left -= filled
                expected = free[shop] + filled
            assert now == expected
        assert balance(parts, HEADER) == left


def test_accounts_are_zeroed_into_the_header_every_night(parts: Parts) -> None:
    made = parts.accept(sweep())
    today = day_of_ms(START_MS)
    plan = CreateSchedule(
        name="nightly", sweep_id=made.sweep_id, unit=Unit.DAY, first_day=today + 1, minute=60
    )
    parts.accept(plan)
    for night in range(2):
        for shop in SHOPS:
            money(parts, transfer(1000 * night + 100 + shop, 1, shop, shop))
        parts.clock.pass_ms(DAY_MS)
        while parts.run_timers():
            pass
        assert [balance(parts, shop) for shop in SHOPS] == [0, 0, 0]
    assert balance(parts, HEADER) == 2 * sum(SHOPS)
    story = sweep_story(parts.rows, made.sweep_id)
    assert story is not None
    assert [run.to_header for run in story.runs] == [sum(SHOPS)] * 2


def test_accounts_that_grow_with_debits_are_swept_the_other_way(parts: Parts) -> None:
    # 1001 is a code of the chart that grows with debits.
    accounts(parts, account(31, code=1001), account(32, code=1001))
    money(parts, transfer(40, 31, 1, 90))
    wanted = sweep(header_id=id_bytes(32), account_ids=(id_bytes(31),), target=25)
    made = parts.accept(wanted)
    ran = parts.accept(RunSweep(sweep_id=made.sweep_id))
    assert (balance(parts, 31), balance(parts, 32)) == (25, 65)
    assert (ran.to_header, ran.from_header) == (65, 0)


def test_a_sweep_of_what_is_not_there_is_refused(parts: Parts) -> None:
    assert parts.refuse(sweep(header_id=id_bytes(77))) == "ACCOUNT_NOT_EXIST"
    assert parts.refuse(sweep(account_ids=(id_bytes(HEADER),))) == "INVALID_PARAMETER"
    assert parts.refuse(sweep(account_ids=())) == "INVALID_PARAMETER"
    assert parts.refuse(sweep(book=1_000_156)) == "BOOK_RESERVED"
    assert parts.refuse(sweep(target=-1)) == "INVALID_PARAMETER"
    made = parts.accept(sweep())
    parts.accept(EndSweep(sweep_id=made.sweep_id))
    assert parts.refuse(RunSweep(sweep_id=made.sweep_id)) == "SWEEP_NOT_EXIST"
