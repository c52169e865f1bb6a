"""Sweeps: rows and commands. Ids of accounts are 16 bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "SWEPT_MAX", "CreateSweep", "EndSweep", "RunSweep", "Sweep", "SweepAccount", "SweepDone",
    "SweepMode", "SweepRan", "SweepRun",
]  # fmt: skip

SWEPT_MAX: Final = 1000
"""The most accounts of a sweep."""


class SweepMode(StrEnum):
    """Which way money goes."""

    EXCESS = "excess"
    """What is above the target goes to the header account."""
    LEVEL = "level"
    """That, and what is below it is filled up from the header account."""


class Sweep(Row, frozen=True):
    """Accounts, their target, and the header account. Amounts in minor units."""

    sweep_id: str
    name: str
    book: int
    header_id: bytes
    target: int
    amount_min: int
    mode: SweepMode
    code: int
    active: bool
    created_by: str
    created_ms: int


class SweepAccount(Row, frozen=True):
    """An account of a sweep."""

    sweep_id: str
    account_id: bytes


class SweepRun(Row, frozen=True):
    """What a sweep moved; `refused` accounts were closed or short of room."""

    run_id: str
    sweep_id: str
    reason: str
    accounts: int
    to_header: int
    from_header: int
    refused: int
    at_ms: int


SWEEPS = Table("ledger_sweep", Sweep, ("sweep_id",))
SWEPT = Table("sweep_account", SweepAccount, ("sweep_id", "account_id"))
RUNS = Table("sweep_run", SweepRun, ("run_id",))


class CreateSweep(Command, frozen=True, kw_only=True, tag="sweep.create"):
    """Say what is swept where. `amount_min`: less than that is not worth a transfer."""

    name: str
    book: int
    header_id: bytes
    account_ids: tuple[bytes, ...]
    target: int = 0
    amount_min: int = 1
    mode: SweepMode = SweepMode.EXCESS
    code: int = 1


class RunSweep(Command, frozen=True, kw_only=True, tag="sweep.run"):
    """Sweep now."""

    sweep_id: str
    reason: str = ""


class EndSweep(Command, frozen=True, kw_only=True, tag="sweep.end"):
    """Sweep no more."""

    sweep_id: str


class SweepDone(Reply, frozen=True, kw_only=True):
    """The sweep after a command."""

    sweep_id: str
    active: bool


class SweepRan(Reply, frozen=True, kw_only=True):
    """What was moved, in minor units; `accounts` is how many had something to move."""

    sweep_id: str
    run_id: str
    accounts: int
    to_header: int
    from_header: int
    refused: int
