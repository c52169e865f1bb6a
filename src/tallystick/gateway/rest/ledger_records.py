"""A bulk call's transfers as the ledger's records, packed column by column."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.gateway.rest.ledger_shapes import NewLedgerTransfer, effective_day, number_of
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import AMOUNT_MAX, ID_MAX
from tallystick.ledger.records import Records, empty_records

__all__ = ["packed_transfers"]

_WIDE: Final = ("id", "debit_account_id", "credit_account_id", "pending_id", "user_data_128")
_PLAIN: Final = {"timeout": "timeout", "ledger": "book", "code": "code", "flags": "flags"}
_USER_DATA_MAX: Final = 2**64 - 1

Given = Sequence[NewLedgerTransfer]


def _column(given: Given, name: str, kind: Any) -> npt.NDArray[Any] | None:
    """A field of each as numbers; None where one is a word or does not fit."""
    try:
        return np.fromiter(map(attrgetter(name), given), kind, len(given))
    except (OverflowError, TypeError, ValueError):
        return None


def _numbers(given: Given, name: str, most: int, root: str) -> list[int]:
    return [number_of(getattr(t, name), most, f"{root}[{at}].{name}") for at, t in enumerate(given)]


def _fill_wide(records: Records, given: Given, name: str, root: str) -> None:
    narrow = _column(given, name, np.uint64)
    if narrow is not None:
        records[name][:, 1] = narrow
        return
    ids = b"".join(map(id_bytes, _numbers(given, name, ID_MAX, root)))
    records[name] = np.frombuffer(ids, ">u8").reshape(-1, 2)


def packed_transfers(root: str, given: Given) -> bytes:
    """The transfers of a call, one record after the other.

    Args:
        root: where in the request they are.

    Raises:
        BadRequest: a number that is larger than its field.
    """
    records = empty_records(len(given))
    for name in _WIDE:
        _fill_wide(records, given, name, root)
    for name, kind, most in (
        ("amount", np.int64, AMOUNT_MAX), ("user_data_64", np.uint64, _USER_DATA_MAX)
    ):  # fmt: skip
        column = _column(given, name, kind)
        records[name] = _numbers(given, name, most, root) if column is None else column
    for name, field in _PLAIN.items():
        records[field] = _column(given, name, np.uint32)
    if any(map(attrgetter("effective_date"), given)):
        records["user_data_32"] = [effective_day(t, f"{root}[{at}]") for at, t in enumerate(given)]
    else:
        records["user_data_32"] = _column(given, "user_data_32", np.uint32)
    return records.tobytes()
