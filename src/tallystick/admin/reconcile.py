"""`tallystick reconcile FILE --bank ID`: a statement into the platform, while no server runs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from tallystick.admin.commands import UsageError
from tallystick.admin.ledger_proofs import reading
from tallystick.admin.offline import carry_out, offline
from tallystick.money.china_time import parse_china_time
from tallystick.payments.banks.day_statement import day_statement, orders_until
from tallystick.payments.banks.directory import BANKS
from tallystick.reconciliation.command_line import reconcile
from tallystick.reconciliation.importing import import_command
from tallystick.reconciliation.matching.rules import read_rules
from tallystick.reconciliation.model import PLATFORM_RULES, StatementImported
from tallystick.reconciliation.statements.mapping import read_mapping
from tallystick.settings import load_settings

__all__ = ["reconcile"]

_DAY_MS = 86_400_000
Json = Annotated[bool, Parameter(name="--json", negative=())]


def _said(done: StatementImported) -> str:
    return (
        f"{done.lines} lines: {done.matched} groups matched, {done.proposed} proposed; "
        f"only at the bank {done.only_at_bank}, only in the ledger {done.only_in_ledger}; "
        f"gaps before it {done.gaps}."
    )


@reconcile.default
def import_file(
    file: Path,
    *,
    bank: str,
    data: Path | None = None,
    config: Path | None = None,
    mapping: Path | None = None,
    rules: Path | None = None,
    as_json: Json = False,
) -> int:
    """Import a bank's statement: match it with the ledger, and open breaks for the rest.

    The server must be stopped; while it runs, REST and the console do the same. The exit code is
    1 when something is proposed or stands alone, or a statement before it is missing.

    Args:
        file: MT940, camt.053, an Alipay bill (zip or CSV), or CSV with --mapping.
        bank: the number of the bank whose statement it is.
        data: the data folder.
        config: a TOML file with the configuration.
        mapping: a TOML file that explains a CSV statement.
        rules: a TOML file with window, tolerances and bounds.
        as_json: answer with one JSON object.
    """
    explained = read_mapping(mapping.read_text("utf-8")) if mapping is not None else None
    chosen = read_rules(rules.read_text("utf-8")) if rules is not None else PLATFORM_RULES
    command = import_command(bank, file.read_bytes(), explained, chosen)
    with offline(load_settings(config, os.environ, data=data)) as platform:
        done: Any = carry_out(platform, command)
    print(msgspec.json.encode(done).decode() if as_json else _said(done))
    return int(bool(done.proposed or done.only_at_bank or done.only_in_ledger or done.gaps))


@reconcile.command(name="sandbox-statement")
def sandbox_statement(
    *,
    bank: str = "1",
    day: str = "",
    currency: str = "CNY",
    data: Path | None = None,
    config: Path | None = None,
    errors: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Print the sandbox bank's statement of a day in MT940; the server may run meanwhile.

    Args:
        bank: the bank's number.
        day: yyyy-mm-dd in China time; today without one.
        currency: of the account.
        data: the data folder.
        config: a TOML file with the configuration.
        errors: with the errors that banks make: lines missing, doubled, less a fee, netted.
    """
    if bank not in BANKS:
        raise UsageError(f"There is no bank {bank}.")
    today = datetime.now(UTC).timestamp() + 8 * 3600
    start_ms = parse_china_time(f"{day or datetime.fromtimestamp(today, UTC).date()} 00:00:00")
    if start_ms is None:
        raise UsageError("A day is written yyyy-mm-dd.")
    with reading(load_settings(config, os.environ, data=data)) as rows:
        orders = orders_until(rows, bank, currency, start_ms + _DAY_MS)
    print(day_statement(orders, bank, currency, start_ms, errors=errors), end="")
