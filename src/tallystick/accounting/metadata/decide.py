"""What becomes of metadata: pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tallystick.accounting.metadata.model import METADATA_MAX, MetadataKind, MetadataRow
from tallystick.pipeline.refusals import Refused

__all__ = ["RESERVED_NAMES", "MetadataChange", "changed", "require_metadata"]

RESERVED_NAMES: Final = frozenset(
    {"id", "book", "code", "flags", "user-data-128", "user-data-64", "user-data-32", "account-id"}
)
"""Names of the ledger's own fields where books are written as text."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{1,63}")
_VALUE_MAX: Final = 500


class MetadataChange(NamedTuple):
    """Rows to write and rows to delete, and what is carried then."""

    put: tuple[MetadataRow, ...]
    deleted: tuple[MetadataRow, ...]
    metadata: dict[str, str]


def require_metadata(values: Mapping[str, str]) -> None:
    """See that names and values have their form.

    Raises:
        Refused: INVALID_PARAMETER, saying what is wrong.
    """
    for name, value in values.items():
        if _NAME.fullmatch(name) is None or name in RESERVED_NAMES:
            raise Refused("INVALID_PARAMETER", f"{name[:70]!r} is not a name for metadata.")
        if len(value) > _VALUE_MAX or not value.isprintable() or value != value.strip():
            raise Refused(
                "INVALID_PARAMETER",
                f"The value of {name} must be up to {_VALUE_MAX} printable characters.",
            )


def changed(
    kind: MetadataKind,
    object_id: bytes,
    position: int,
    known: Sequence[MetadataRow],
    values: Mapping[str, str],
) -> MetadataChange:
    """Set names to values; an empty value takes a name away.

    Raises:
        Refused: INVALID_PARAMETER, for a wrong form or too many names.
    """
    require_metadata(values)
    carried = {row.name: row.value for row in known} | dict(values)
    carried = {name: value for name, value in sorted(carried.items()) if value}
    if len(carried) > METADATA_MAX:
        raise Refused("INVALID_PARAMETER", f"At most {METADATA_MAX} names are carried.")
    put = tuple(
        MetadataRow(object_id, kind, name, value, position)
        for name, value in values.items()
        if value
    )
    deleted = tuple(row for row in known if values.get(row.name) == "")
    return MetadataChange(put, deleted, carried)
