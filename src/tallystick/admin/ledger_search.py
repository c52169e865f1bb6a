"""`tallystick ledger search` and `metadata`: entries found, and what they carry."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.ledger_report import moment_after, moment_of
from tallystick.admin.rest_operation import account_text, carry, look, say_list
from tallystick.money.china_time import china_time

__all__ = ["metadata", "search"]

_COLUMNS = ("at", "id", "debit", "credit", "amount", "ledger", "code", "reference", "metadata")


def _row(found: dict[str, Any]) -> dict[str, Any]:
    entry = found["transfer"]
    carried = " ".join(f"{name}={value}" for name, value in found["metadata"].items())
    return {
        "at": china_time(entry["posted_ms"]), "id": entry["id"],
        "debit": entry["debit_account_id"], "credit": entry["credit_account_id"],
        "amount": entry["amount"], "ledger": entry["ledger"], "code": entry["code"],
        "reference": entry["user_data_128"], "metadata": carried,
    }  # fmt: skip


def search(
    *,
    reference: str = "",
    account: str = "",
    book: int | None = None,
    code: int | None = None,
    amount_min: str = "",
    amount_max: str = "",
    since: Annotated[str, Parameter(name="--from")] = "",
    until: Annotated[str, Parameter(name="--to")] = "",
    carrying: Annotated[str, Parameter(name="--metadata")] = "",
    limit: int = 20,
    cursor: str = "",
    place: Place = HERE,
) -> int:
    """Find entries, the newest first; a server may run meanwhile.

    The exit code is 1 when nothing is found and nothing is left to look through. For example:
    `tallystick ledger search --book 7 --amount-min 100000 --from 2026-11-01 --data data`.

    Args:
        reference: user_data_128: 32 hexadecimal digits, or a decimal number.
        account: an account that the entry debits or credits.
        book: one book only.
        code: the entry's code.
        amount_min: the least amount, minor units.
        amount_max: the largest amount, minor units.
        since: the first day (yyyy-mm-dd) or second (yyyy-mm-dd hh:mm:ss), China time.
        until: the last day or second.
        carrying: metadata that the entry carries, name:value.
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    page = look(place, "searchLedgerEntries", query={
        "reference": account_text(reference) if reference else "",
        "account_id": account_text(account) if account else "",
        "ledger": book, "code": code, "amount_min": amount_min, "amount_max": amount_max,
        "from_ms": moment_of(since) if since else None,
        "before_ms": moment_after(until) if until else None,
        "metadata": carrying, "limit": limit, "cursor": cursor,
    })  # fmt: skip
    say_list(place, page, _COLUMNS, _row)
    return int(not page["items"] and not page["next_cursor"])


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, is_pair, value = text.partition("=")
        if not is_pair or name in pairs:
            raise UsageError(f"{text!r}: metadata is given as name=value, each name once.")
        pairs[name] = value
    return pairs


def metadata(
    kind: Literal["account", "transfer"], number: str, *pairs: str, place: Place = HERE
) -> None:
    """Show what an account or a transfer carries, or change it while no server runs.

    For example: `tallystick ledger metadata transfer 5 invoice=2026-17 --data data`. An empty
    value takes a name away.

    Args:
        kind: account or transfer.
        number: its id: 32 hexadecimal digits, or a decimal number.
        pairs: what to set, name=value; without any, nothing is changed.
    """
    path = {f"{kind}_id": account_text(number)}
    name = f"Ledger{kind.capitalize()}Metadata"
    if pairs:
        found = carry(place, f"set{name}", path, {"metadata": _pairs(pairs)})
    else:
        found = look(place, f"get{name}", path)
    carried = [f"{name}={value}" for name, value in found["metadata"].items()]
    place.say(found, "\n".join(carried) or "It carries nothing.")
