"""Slots for a bulk call: the dense numbers under which the kernel knows ids, in compiled loops."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.ledger.compiled import compiled
from tallystick.ledger.kernel import ABSENT, FAILED
from tallystick.ledger.records import Records, halves
from tallystick.ledger.tables import IdTable, find, hashed

__all__ = ["AccountSlots", "TransferSlots", "account_slots", "transfer_slots", "value_slots"]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@compiled
def _slot(
    scratch: Any, highs: Any, lows: Any, salt: Any, count: int, high: Any, low: Any
) -> Any:  # fmt: skip
    """The slot of an id; when it is `count`, the id is new and has been given it."""
    if high == np.uint64(0) and low == np.uint64(0):
        return 0
    if high == _ALL and low == _ALL:
        return 1
    mask = np.uint64(scratch.size - 1)
    at = hashed(high, low, salt) & mask
    while scratch[at] != 0:
        slot = scratch[at]
        if lows[slot] == low and highs[slot] == high:
            return slot
        at = (at + np.uint64(1)) & mask
    scratch[at] = count
    highs[count], lows[count] = high, low
    return count


@compiled
def _give(
    scratch: Any, highs: Any, lows: Any, salt: Any, count: int, high: Any, low: Any, out: Any
) -> Any:
    for i in range(high.size):
        slot = _slot(scratch, highs, lows, salt, count, high[i], low[i])
        out[i] = slot
        if slot == count:
            count += 1
    return count


@compiled
def _look_up(
    places: Any, highs: Any, lows: Any, salt: Any, wanted_h: Any, wanted_l: Any, out: Any
) -> None:
    for i in range(wanted_h.size):
        out[i] = find(places, highs, lows, salt, wanted_h[i], wanted_l[i])


class _Slots:
    """Gives slots to ids; 0 and the largest id have 0 and 1."""

    def __init__(self, table: IdTable, most: int) -> None:
        self.salt = table.salt
        self.scratch = np.zeros(1 << (2 * most + 4).bit_length(), np.int32)
        self.highs: U64 = np.empty(most + 2, np.uint64)
        self.lows: U64 = np.empty(most + 2, np.uint64)
        self.count = 2

    def give(self, ids: tuple[U64, U64], more: int = 0) -> I64:
        """The slot of each id; those met for the first time get the next ones.

        Args:
            more: how many ids there are beyond those that were announced.
        """
        out = np.empty(ids[0].size, np.int64)
        if more:
            self.highs, self.lows = (
                np.concatenate((c, np.empty(more, np.uint64))) for c in (self.highs, self.lows)
            )
        self.count = _give(
            self.scratch, self.highs, self.lows, self.salt, self.count, *ids, out
        )  # fmt: skip
        return out

    def numbers(self, table: IdTable) -> I64:
        """By slot the table's number for the id, -1 for none."""
        out = np.full(self.count, -1, np.int64)
        _look_up(
            table.places, table.highs, table.lows, table.salt,
            self.highs[2 : self.count], self.lows[2 : self.count], out[2:],
        )  # fmt: skip
        return out


class TransferSlots(NamedTuple):
    """The call's transfers by slot.

    Args:
        id: the slot of each transfer's id.
        pending_id: the slot of each transfer's pending id.
        row_of: by slot the kernel's row, `ABSENT` or `FAILED`.
        known: the entries that the call refers to, in the order of their rows.
    """

    id: I64
    pending_id: I64
    row_of: I64
    known: I64
    slots: _Slots

    def pending_of(self, known: Records) -> I64:
        """The slots of the known transfers' own pending ids."""
        return self.slots.give(halves(known["pending_id"]), len(known))


def transfer_slots(records: Records, transfers: IdTable, failed: IdTable) -> TransferSlots:
    """Slots for a call's ids and pending ids, given what exists and what is used up."""
    count = len(records)
    slots = _Slots(transfers, 2 * count)
    ids = slots.give(halves(records["id"]))
    pending = halves(records["pending_id"])
    # Most calls settle nothing.
    settles = bool((pending[0] | pending[1]).any())
    pending_ids = slots.give(pending) if settles else np.zeros(count, np.int64)
    entries = slots.numbers(transfers)
    row_of = np.full(slots.count, ABSENT, np.int64)
    there = np.flatnonzero(entries >= 0)
    row_of[there] = np.arange(count, count + there.size)
    if failed.count:
        row_of[slots.numbers(failed) >= 0] = FAILED
    return TransferSlots(ids, pending_ids, row_of, entries[there], slots)


class AccountSlots(NamedTuple):
    """The call's accounts by slot: each transfer's, and by slot the account's number or -1."""

    debit: I64
    credit: I64
    numbers: I64
    highs: U64
    lows: U64


def account_slots(records: Records, known: Records, accounts: IdTable) -> AccountSlots:
    """Slots for the accounts of a call's transfers and of the known ones after them."""
    slots = _Slots(accounts, 2 * (len(records) + len(known)))
    sides = []
    for field in ("debit_account_id", "credit_account_id"):
        given, held = halves(records[field]), halves(known[field])
        pair = [
            np.concatenate((g, h)) if len(known) else g for g, h in zip(given, held, strict=True)
        ]
        sides.append(slots.give((pair[0], pair[1])))
    return AccountSlots(sides[0], sides[1], slots.numbers(accounts), slots.highs, slots.lows)


def value_slots(records: Records, salted: IdTable) -> I64:
    """A number for each different `user_data_128`, 0 for 0."""
    high, low = halves(records["user_data_128"])
    if not (high | low).any():
        return np.zeros(high.size, np.int64)
    return _Slots(salted, high.size).give((high, low))
