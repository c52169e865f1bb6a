"""What stands behind accounts: the chart, owners, open trades."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.audit.findings import Findings
from tallystick.audit.journal import JournalAudit
from tallystick.ledger.chart import (
    CHART,
    PLATFORM_BOOK_MIN,
    PLATFORM_ENTITY,
    TRADE_ESCROW,
    account_id,
    book_currency,
    book_id,
)
from tallystick.ledger.model import AccountFlags
from tallystick.payments.banks.directory import BANKS
from tallystick.payments.trades.model import TradeStatus
from tallystick.store.connection import Connection

__all__ = ["audit_chart", "audit_escrow"]

_KEPT: Final = int(AccountFlags.CLOSED | AccountFlags.HISTORY)
_OWNERS: Final = {
    "party": "SELECT party_id FROM party", "trade": "SELECT trade_no FROM trade",
    "loan": "SELECT loan_id FROM loan",
}  # fmt: skip
_OPEN: Final = tuple(s.value for s in (TradeStatus.HELD, TradeStatus.SHIPPED, TradeStatus.DISPUTED))


def _number(pair: Any) -> int:
    return int(pair[0]) << 64 | int(pair[1])


# The chart.


def audit_chart(connection: Connection, journal: JournalAudit, findings: Findings) -> None:
    """The platform's accounts: in the chart, with its flags and their ids, and somebody's."""
    openings = journal.openings
    owners: dict[str, set[int]] = {
        kind: {int(row[0]) for row in connection.execute(sql) if str(row[0]).isdigit()}
        for kind, sql in _OWNERS.items()
    }
    owners["bank"], owners["platform"] = set(map(int, BANKS)), {0}
    for number in np.flatnonzero(openings["book"] >= PLATFORM_BOOK_MIN).tolist():
        _look_at_account(openings[number], owners, findings)


def _look_at_account(opening: Any, owners: dict[str, set[int]], findings: Findings) -> None:
    ident, owner = _number(opening["id"]), _number(opening["user_data_128"])
    book, where = int(opening["book"]), f"account {ident}"
    entry = CHART.get(int(opening["code"]))
    if entry is None:
        findings.add("chart_rule", where, f"Code {int(opening['code'])} is not in the chart.")
        return
    try:
        book_currency(book)
    except (ValueError, LookupError):
        findings.add("chart_rule", where, f"Book {book} is of no currency.")
    if int(opening["flags"]) & ~_KEPT != int(entry.flags) & ~_KEPT:
        findings.add("chart_rule", where, "Its limits are not those of the chart.")
    if ident != account_id(book, entry, str(owner)):
        findings.add("chart_rule", where, "Its id is not that of its book, code and owner.")
    if entry.owner in owners and owner not in owners[entry.owner]:
        findings.add("account_orphan", where, f"There is no {entry.owner} {owner}.")


# Escrow.


def _expected(connection: Connection) -> dict[int, tuple[str, int]]:
    """By escrow account: the open trade, and what it holds in minor units."""
    marks = ", ".join("?" * len(_OPEN))
    rows = connection.execute(
        "SELECT t.trade_no, t.currency, t.amount - COALESCE((SELECT SUM(r.amount) "  # noqa: S608
        "FROM refund r WHERE r.trade_no = t.trade_no), 0) FROM trade t "
        f"WHERE t.status IN ({marks})",
        _OPEN,
    )
    return {
        account_id(book_id(PLATFORM_ENTITY, currency), TRADE_ESCROW, trade_no): (
            str(trade_no), int(amount),
        )
        for trade_no, currency, amount in rows
    }  # fmt: skip


def audit_escrow(connection: Connection, journal: JournalAudit, findings: Findings) -> None:
    """Each open trade's escrow account holds what the trade does, and no others hold anything."""
    expected = _expected(connection)
    openings, a = journal.openings, journal.index.accounts
    is_escrow = (openings["code"] == TRADE_ESCROW.code) & (openings["book"] >= PLATFORM_BOOK_MIN)
    for number in np.flatnonzero(is_escrow).tolist():
        ident = _number(openings["id"][number])
        trade_no, amount = expected.pop(ident, ("", 0))
        held = int(a.credits_posted[number] - a.debits_posted[number])
        if held != amount:
            findings.add(
                "escrow_differs", f"account {ident}",
                f"It has {held}, and its {'trade ' + trade_no if trade_no else 'trade is not open'}"
                f"{f' holds {amount}' if trade_no else ''}.",
            )  # fmt: skip
    for trade_no, _ in expected.values():
        findings.add("trade_without_account", f"trade {trade_no}")
