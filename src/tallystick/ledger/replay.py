"""Playing written histories on fresh ledgers, so that anyone can compare ledgers.

A history is one JSON object: `name`, `accounts` (created in one call) and `batches` (calls of
transfers). What it says of answers (`account_results`, `results`, `balances`) is not looked at.
The word `"max"` stands for the largest id or amount. A history carries no clock, so no time
passes in it and no hold times out.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tallystick.ledger.memory import memory_books
from tallystick.ledger.model import AMOUNT_MAX, ID_MAX, Account, Transfer
from tallystick.ledger.ranges import check_account, check_transfer

__all__ = ["ReplayError", "replay_file", "replay_lines"]

_GZIP_MAGIC = b"\x1f\x8b"
_NOW_NS = 1
_ACCOUNT_FIELDS = frozenset(
    {"id", "ledger", "code", "flags", "user_data_128", "user_data_64", "user_data_32"}
)
_TRANSFER_FIELDS = _ACCOUNT_FIELDS | {
    "debit_account_id",
    "credit_account_id",
    "amount",
    "pending_id",
    "timeout",
}
_MAX = {
    "id": ID_MAX,
    "debit_account_id": ID_MAX,
    "credit_account_id": ID_MAX,
    "pending_id": ID_MAX,
    "amount": AMOUNT_MAX,
}
_HISTORY_FIELDS = frozenset(
    {"name", "accounts", "account_results", "batches", "results", "balances"}
)
_TOTALS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


class ReplayError(ValueError):
    """A line that is no history.

    Args:
        line: its number, from 1.
        field: where in it, as `batches[1][0].amount`; empty for the whole line.
        problem: what is wrong there.
    """

    def __init__(self, line: int, field: str, problem: str) -> None:
        where = f"line {line}, {field}" if field else f"line {line}"
        super().__init__(f"{where}: {problem}")
        self.line = line
        self.field = field


class _FieldError(ValueError):
    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def _list(value: object, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise _FieldError(field, "must be a list")
    return value


def _object(value: object, field: str, allowed: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _FieldError(field, "must be an object")
    for name in value:
        if name not in allowed:
            raise _FieldError(f"{field}.{name}" if field else name, "is not a known field")
    return value


def _numbers(value: object, field: str, allowed: frozenset[str]) -> dict[str, int]:
    """The record's fields as numbers, under the names that the model has for them."""
    numbers: dict[str, int] = {"id": 0}
    for name, given in _object(value, field, allowed).items():
        number = _MAX[name] if given == "max" and name in _MAX else given
        # A JSON true is a Python int as well, so the type is asked exactly.
        if type(number) is not int:
            raise _FieldError(f"{field}.{name}", "must be a whole number")
        numbers["book" if name == "ledger" else name] = number
    return numbers


def _checked(check: Callable[[Any], None], record: Account | Transfer, field: str) -> None:
    try:
        check(record)
    except ValueError as error:
        raise _FieldError(field, str(error)) from error


def _account(value: object, field: str) -> Account:
    account = Account(**{"book": 0, "code": 0} | _numbers(value, field, _ACCOUNT_FIELDS))
    _checked(check_account, account, field)
    return account


def _transfer(value: object, field: str) -> Transfer:
    transfer = Transfer(**_numbers(value, field, _TRANSFER_FIELDS))
    _checked(check_transfer, transfer, field)
    return transfer


def _played(history: dict[str, Any]) -> dict[str, Any]:
    """One history's answers; every field is checked before the first call."""
    name = history.get("name")
    if not isinstance(name, str):
        raise _FieldError("name", "must be a text")
    accounts = [
        _account(value, f"accounts[{i}]")
        for i, value in enumerate(_list(history.get("accounts"), "accounts"))
    ]
    batches = [
        [
            _transfer(value, f"batches[{b}][{i}]")
            for i, value in enumerate(_list(batch, f"batches[{b}]"))
        ]
        for b, batch in enumerate(_list(history.get("batches"), "batches"))
    ]
    books = memory_books()
    account_results = books.create_accounts(accounts, _NOW_NS)
    results = [books.create_transfers(batch, _NOW_NS) for batch in batches]
    existing = [books.account(i) for i in dict.fromkeys(a.id for a in accounts)]
    return {
        "name": name,
        "account_results": [r.value for r in account_results],
        "results": [[r.value for r in batch] for batch in results],
        "balances": [
            {"id": a.id, **{t: getattr(a, t) for t in _TOTALS}, "closed": a.closed}
            for a in existing
            if a is not None
        ],
    }


def replay_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Play histories, one JSON object a line, each on a fresh ledger; empty lines hold none.

    Yields:
        `name`, `account_results`, `results` and `balances`, in the shape of the history.

    Raises:
        ReplayError: at the first line that is no history; those before it are played.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            answers = _played(_object(json.loads(line), "", _HISTORY_FIELDS))
        except _FieldError as error:
            raise ReplayError(number, error.field, str(error)) from error
        except (ValueError, RecursionError) as error:
            raise ReplayError(number, "", f"is not JSON ({error})") from error
        yield answers


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as plain:
        packed = plain.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        plain.seek(0)
        number = 0
        try:
            with gzip.GzipFile(fileobj=plain) if packed else nullcontext(plain) as lines:
                for line in lines:
                    number += 1
                    yield line
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ReplayError(
                number + 1, "", f"the compressed file is damaged ({error})"
            ) from error


def replay_file(path: str | Path) -> Iterator[dict[str, Any]]:
    """Play the histories of a file, plain or gzip, line by line (see `replay_lines`).

    Raises:
        OSError: the file cannot be read.
        ReplayError: a line is no history, or the compressed file is damaged.
    """
    return replay_lines(_lines(Path(path)))
