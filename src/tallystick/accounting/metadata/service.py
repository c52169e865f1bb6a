"""Metadata at work: look whether the account or transfer exists, decide, record."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.accounting.metadata import decide
from tallystick.accounting.metadata.model import (
    MetadataKind,
    MetadataRow,
    MetadataSet,
    SetMetadata,
)
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register", "write_metadata"]

_ID_BYTES = 16


def _position(uow: UnitOfWork, kind: MetadataKind, object_id: bytes) -> int:
    """A transfer's timestamp, 0 for an account.

    Raises:
        Refused: ACCOUNT_NOT_EXIST, TRANSFER_NOT_EXIST.
    """
    number = int.from_bytes(object_id, "big") if len(object_id) == _ID_BYTES else 0
    if kind is MetadataKind.ACCOUNT:
        if not number or uow.books.account(number) is None:
            raise Refused("ACCOUNT_NOT_EXIST")
        return 0
    found = uow.books.transfer(number) if number else None
    if found is None:
        raise Refused("TRANSFER_NOT_EXIST")
    return found.timestamp


def write_metadata(
    uow: UnitOfWork, kind: MetadataKind, object_id: bytes, values: Mapping[str, str]
) -> dict[str, str]:
    """Set names of an account or transfer; all that it carries then.

    Raises:
        Refused: ACCOUNT_NOT_EXIST, TRANSFER_NOT_EXIST, INVALID_PARAMETER.
    """
    position = _position(uow, kind, object_id)
    known = uow.select(MetadataRow, object_id=object_id, kind=kind)
    change = decide.changed(kind, object_id, position, known, values)
    for row in change.put:
        uow.put(row)
    for row in change.deleted:
        uow.delete(row)
    return change.metadata


def set_metadata(command: SetMetadata, context: Context) -> Reply:
    """Set names of an account or transfer."""
    kind, object_id = command.kind, command.object_id
    carried = write_metadata(context.uow, kind, object_id, command.values)
    return MetadataSet(kind=kind, object_id=object_id, metadata=carried)


def register(registry: Registry) -> None:
    """Declare the command."""
    registry.add(SetMetadata, set_metadata, reply=MetadataSet, scope="ledger:write")
