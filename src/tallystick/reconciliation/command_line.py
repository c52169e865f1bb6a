"""The command line of reconciliation: `tallystick reconcile match BANK_FILE LEDGER_FILE`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
from cyclopts import App, Parameter

from tallystick.money.amount import format_amount
from tallystick.reconciliation.days import day_of
from tallystick.reconciliation.matching.columns import Side
from tallystick.reconciliation.matching.engine import match
from tallystick.reconciliation.matching.outcome import Outcome
from tallystick.reconciliation.matching.rules import RULE_NAMES, Rules, read_rules
from tallystick.reconciliation.sides import bank_side, ledger_side, lines_of
from tallystick.reconciliation.statements.mapping import Mapping, read_mapping
from tallystick.reconciliation.statements.model import BankLine, StatementError
from tallystick.reconciliation.statements.reading import read_statements

__all__ = ["reconcile"]

reconcile = App(name="reconcile", help="The bank's statements beside the ledger.")

_SHOWN_MAX: Final = 20
Json = Annotated[bool, Parameter(name="--json", negative=())]


def _mapping(file: Path | None) -> Mapping | None:
    return read_mapping(file.read_text("utf-8")) if file is not None else None


def _bank_row(line: BankLine) -> dict[str, Any]:
    return {
        "line": line.line, "day": line.day.isoformat(), "currency": line.currency,
        "amount": format_amount(line.amount, line.currency), "reference": line.reference,
        "bank_reference": line.bank_reference, "counterparty": line.counterparty,
    }  # fmt: skip


def _ledger_rows(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {
        row["id"]: {
            "id": row["id"], "day": day_of(row["day"]).isoformat(), "currency": row["currency"],
            "amount": format_amount(row["amount"], row["currency"]),
            "reference": row["reference"], "bank_reference": row["bank_reference"],
            "counterparty": row["counterparty"],
        }
        for row in frame.iter_rows(named=True)
    }  # fmt: skip


def _told(lines: list[BankLine], ledger: pl.DataFrame, outcome: Outcome) -> dict[str, Any]:
    """The whole outcome: matches and proposals with their reasons, and what is left."""
    bank = {f"{at:010d}": _bank_row(line) for at, line in enumerate(lines, 1)}
    entries = _ledger_rows(ledger)
    groups = [
        {
            "status": "matched" if group.matched else "proposed",
            "rule": RULE_NAMES[group.rule].code,
            "reason": group.reason,
            "difference_minor_units": group.difference,
            "tolerance": group.tolerance,
            "others_that_fit": group.choices,
            "bank": [bank[i] for i in group.bank],
            "ledger": [entries[i] for i in group.ledger],
        }
        for group in outcome.groups()
    ]
    left = outcome.unmatched
    return {
        "counts": {
            **outcome.counts(),
            "bank_lines": len(bank), "ledger_entries": len(entries),
            "only_at_bank": len(left[0]), "only_in_ledger": len(left[1]),
            "not_searched_to_the_end": outcome.unsearched,
        },
        "groups": groups,
        "only_at_bank": [bank[i] for i in left[0]],
        "only_in_ledger": [entries[i] for i in left[1]],
    }  # fmt: skip


def _row_text(row: dict[str, Any]) -> str:
    where = f"line {row['line']}" if "line" in row else f"entry {row['id']}"
    about = " ".join(row[k] for k in ("reference", "bank_reference", "counterparty") if row[k])
    return f"    {where}: {row['day']} {row['amount']} {row['currency']} {about}".rstrip()


def _text(told: dict[str, Any]) -> str:
    """The outcome for people: counts by rule, then what a person has to look at."""
    counts = told["counts"]
    lines = [f"{counts['bank_lines']} bank lines, {counts['ledger_entries']} ledger entries."]
    for status in ("matched", "proposed"):
        lines += [f"{status:<9} {rule:<20} {n:>9}" for rule, n in counts[status].items()]
    proposed = [group for group in told["groups"] if group["status"] == "proposed"]
    for group in proposed[:_SHOWN_MAX]:
        lines.append(f"Proposed ({group['rule']}): {group['reason']}")
        lines += [_row_text(row) for row in (*group["bank"], *group["ledger"])]
    for name, title in (("only_at_bank", "Only at the bank"),
                        ("only_in_ledger", "Only in the ledger")):  # fmt: skip
        lines.append(f"{title}: {len(told[name])}")
        lines += [_row_text(row) for row in told[name][:_SHOWN_MAX]]
    if max(len(proposed), len(told["only_at_bank"]), len(told["only_in_ledger"])) > _SHOWN_MAX:
        lines.append(f"Of each kind {_SHOWN_MAX} are shown; --json gives all.")
    return "\n".join(lines)


@reconcile.command(name="match")
def match_files(
    bank_file: Path,
    ledger_file: Path,
    *,
    mapping: Path | None = None,
    ledger_mapping: Path | None = None,
    rules: Path | None = None,
    as_json: Json = False,
) -> int:
    """Match a bank statement with a file of ledger entries; nothing is kept or booked.

    The exit code is 1 when something is proposed or left over.

    Args:
        bank_file: MT940, camt.053, an Alipay bill (zip or CSV), or CSV with --mapping.
        ledger_file: CSV with the columns day, amount, currency, and where there are such id,
            reference, bank_reference, counterparty; or as --ledger-mapping says.
        mapping: a TOML file that explains a CSV statement.
        ledger_mapping: the same for the ledger's file.
        rules: a TOML file with window, tolerances and bounds.
        as_json: answer with one JSON object.
    """
    lines = lines_of(read_statements(bank_file.read_bytes(), _mapping(mapping)))
    ledger = ledger_side(ledger_file.read_bytes(), _mapping(ledger_mapping))
    chosen = read_rules(rules.read_text("utf-8")) if rules is not None else Rules()
    try:
        outcome = match(bank_side(lines), ledger, chosen)
    except ValueError as error:
        raise StatementError(0, f"These cannot be matched: {error}.") from error
    told = _told(lines, Side(ledger).frame, outcome)
    print(json.dumps(told, ensure_ascii=False) if as_json else _text(told))
    proposed = any(group["status"] == "proposed" for group in told["groups"])
    return int(proposed or bool(told["only_at_bank"] or told["only_in_ledger"]))
