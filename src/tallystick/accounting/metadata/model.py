"""Metadata of accounts and transfers: terms, rows and the command."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = ["METADATA_MAX", "MetadataKind", "MetadataRow", "MetadataSet", "SetMetadata"]

METADATA_MAX: Final = 32
"""The most names that one account or transfer carries."""


class MetadataKind(StrEnum):
    """What metadata is about."""

    ACCOUNT = "account"
    TRANSFER = "transfer"


class MetadataRow(Row, frozen=True):
    """One name with its value. `position` is the transfer's timestamp, 0 for an account."""

    object_id: bytes
    kind: MetadataKind
    name: str
    value: str
    position: int


METADATA = Table("ledger_metadata", MetadataRow, ("object_id", "kind", "name"))


class SetMetadata(Command, frozen=True, kw_only=True, tag="ledger.set_metadata"):
    """Set names of an account or transfer; an empty value takes a name away."""

    kind: MetadataKind
    object_id: bytes
    values: dict[str, str]


class MetadataSet(Reply, frozen=True, kw_only=True):
    """All metadata that the account or transfer carries now."""

    kind: MetadataKind
    object_id: bytes
    metadata: dict[str, str]
