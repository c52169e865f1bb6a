"""`tallystick risk model export`: the recorded decisions with their labels, as a file of events."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tallystick.admin.commands import HERE, Place
from tallystick.risk.decision.files import write_events
from tallystick.risk.decision.recorded import recorded_frame
from tallystick.risk.decision.views import features_of, rule_set_in_force
from tallystick.store.engine import StoreError, database_of
from tallystick.store.rows import ReadSession

__all__ = ["export_command"]


def export_command(
    out: Path, *, rules: Path | None = None, events_max: int = 1_000_000, place: Place = HERE
) -> int:
    """Write the newest recorded decisions, for `risk model train` and `risk backtest`.

    What has no label is written, too: windows count it. A server may run meanwhile.

    Args:
        out: .csv, .parquet or .jsonl.
        rules: where to write the rule set in force with its features, as JSON.
        events_max: so many at most.
    """
    settings = place.settings
    database = database_of(settings.database, settings.data)
    if database.is_new():
        raise StoreError(f"{settings.data}: there are no books here")
    connection = database.connect(readonly=True)
    try:
        rows = ReadSession(connection)
        frame = recorded_frame(rows, events_max)
        in_force = msgspec.structs.replace(rule_set_in_force(rows), features=features_of(rows))
    finally:
        connection.close()
    write_events(frame, out)
    if rules is not None:
        rules.write_bytes(msgspec.json.format(msgspec.json.encode(in_force)))
    labelled = frame.height - frame["fraud"].null_count()
    place.say(
        {"events": frame.height, "labelled": labelled, "out": str(out)},
        f"{frame.height:,} decisions, {labelled:,} of them labelled, are in {out}.",
    )
    return 0
