"""What can be seen of metadata."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.accounting.metadata.model import MetadataKind
from tallystick.ledger.encoding import id_bytes
from tallystick.store.connection import Connection

__all__ = ["accounts_carrying", "metadata_of"]

_CHUNK = 400


def metadata_of(
    connection: Connection, kind: MetadataKind, ids: Sequence[int]
) -> dict[int, dict[str, str]]:
    """What each of these accounts or transfers carries, names in order."""
    found: dict[int, dict[str, str]] = {}
    for start in range(0, len(ids), _CHUNK):
        part = [id_bytes(i) for i in ids[start : start + _CHUNK]]
        sql = (
            "SELECT object_id, name, value FROM ledger_metadata "  # noqa: S608
            f"WHERE kind = ? AND object_id IN ({', '.join('?' * len(part))}) ORDER BY name"
        )
        for object_id, name, value in connection.execute(sql, (kind.value, *part)):
            found.setdefault(int.from_bytes(object_id, "big"), {})[name] = value
    return found


def accounts_carrying(connection: Connection, name: str, value: str, limit: int) -> list[int]:
    """The accounts that carry a value, in the order of their ids."""
    sql = (
        "SELECT object_id FROM ledger_metadata WHERE kind = ? AND name = ? AND value = ? "
        "ORDER BY object_id LIMIT ?"
    )
    found = connection.execute(sql, (MetadataKind.ACCOUNT.value, name, value, limit))
    return [int.from_bytes(r[0], "big") for r in found]
