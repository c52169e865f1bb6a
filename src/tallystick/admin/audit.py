"""`tallystick audit`: everything worked out again from the journal, beside a running server."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.ledger_proofs import reading
from tallystick.audit.run import Audit
from tallystick.audit.run import audit as audit_all
from tallystick.platform import registry_of_products
from tallystick.store.engine import StoreError
from tallystick.store.schema import migrations, schema_version

__all__ = ["audit", "shown"]

_SAY_EVERY_S = 1.0


class _Teller:
    """Says on stderr how far it is, now and then."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, text: str) -> None:
        if time.monotonic() - self._said >= _SAY_EVERY_S:
            self._said = time.monotonic()
            print(f"audit: {text}", file=sys.stderr, flush=True)  # noqa: T201


def shown(done: Audit) -> str:
    """What an audit found, for a person."""
    looked = (
        f"{done.entries:,} entries in {done.batches:,} batches, {done.accounts:,} accounts, "
        f"{done.heads:,} signed heads"
    )
    if done.clean:
        return f"{looked}: everything is as it follows from the journal."
    lines = [f"{f.code}  {f.where}: {f.sentence}" for f in done.findings]
    for code, count in done.counts.items():
        listed = sum(1 for f in done.findings if f.code == code)
        if count > listed:
            lines.append(f"{code}  and {count - listed:,} more")
    return "\n".join([*lines, f"{looked}: {sum(done.counts.values()):,} findings."])


def audit(
    *, place: Place = HERE, head: Annotated[list[Path] | None, Parameter(negative=())] = None
) -> int:
    """Work every total out again from the journal and hold all that is stored against it.

    The chain of batches, the tree and its signed heads, the rules of entries and of the chart,
    accounts without owners, timers. A server may run meanwhile. The exit code is 1 when
    something is wrong, 2 when the books cannot be read.

    Args:
        head: a signed head that was kept elsewhere; may be given several times.
    """
    notes = [(str(path), path.read_text("utf-8")) for path in head or ()]
    started = time.process_time()
    with reading(place.settings) as rows:
        if schema_version(rows.connection) != len(migrations()):
            raise StoreError("The database has another schema than this version's; start it once.")
        try:
            done = audit_all(rows.connection, registry_of_products(), outside=notes, told=_Teller())
        except sqlite3.Error as error:
            raise UsageError(f"The database cannot be read: {error}.") from error
    found = {
        "clean": done.clean, "entries": done.entries, "batches": done.batches,
        "accounts": done.accounts, "heads": done.heads, "counts": done.counts,
        "findings": [f._asdict() for f in done.findings],
        "cpu_seconds": round(time.process_time() - started, 2),
    }  # fmt: skip
    place.say(found, shown(done))
    return 0 if done.clean else 1
