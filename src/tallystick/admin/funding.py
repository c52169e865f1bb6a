"""`tallystick credit simulate CHANGES`: past applications under changed funding programmes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter

from tallystick.admin.commands import UsageError
from tallystick.credit.joint.decide import require_terms
from tallystick.credit.joint.simulate import Changes, Simulated, compare
from tallystick.decoding import decode_json
from tallystick.money.amount import format_amount
from tallystick.settings import load_settings
from tallystick.store.engine import database_of
from tallystick.store.rows import ReadSession

__all__ = ["simulate_funding"]

_DAY_MS: Final = 86_400_000
_DAYS_MAX: Final = 366


def _changes(file: Path) -> Changes:
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        changes = decode_json(data, Changes)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file}: {error}.") from error
    for terms in changes.terms.values():
        require_terms(terms)
    return changes


def _text(found: Simulated) -> list[str]:
    declined = ", ".join(f"{rule} {n}" for rule, n in sorted(found.declined.items())) or "none"
    lines = [
        f"{found.funded} of {found.applications} funded, {format_amount(found.granted, 'CNY')} of "
        f"{format_amount(found.asked, 'CNY')} granted, cost {found.cost:f} a year; "
        f"declined by rule: {declined}.",
    ]
    lines += [
        f"  {use.programme_id:<20} {use.loans:>6} loans {format_amount(use.amount, 'CNY'):>16}"
        f"  {use.total_ppm // 10_000}.{use.total_ppm % 10_000:04d} % of its quota"
        for use in found.use
    ]
    return lines


def simulate_funding(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    *,
    data: Path | None = None,
    config: Path | None = None,
    days: int = 30,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Route the applications of the last days anew, under changed programmes; nothing is kept.

    A server may run meanwhile.

    Args:
        file: one JSON object: `terms` by programme, and `closed`, a list of programmes; `-`
            reads standard input. Amounts are minor units.
        data: the data folder.
        config: a TOML file with the configuration.
        days: how far back.
        as_json: answer with one JSON object.
    """
    if not 1 <= days <= _DAYS_MAX:
        raise UsageError(f"--days: 1 to {_DAYS_MAX}.")
    changes = _changes(file)
    settings = load_settings(config, os.environ, data=data)
    connection = database_of(settings.database, settings.data).connect(readonly=True)
    until = time.time_ns() // 1_000_000 + 1
    try:
        found = compare(ReadSession(connection), until - days * _DAY_MS, until, changes)
    finally:
        connection.close()
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for name in ("now", "changed"):
        print("\n".join([f"{name}:", *_text(found[name])]))
