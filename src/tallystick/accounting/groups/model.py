"""Groups of accounts: terms, rows and commands."""

from __future__ import annotations

from typing import Final

import msgspec

from tallystick.decoding import decode_json
from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "GROUP_MEMBERS_MAX", "AccountGroup", "DeleteGroup", "GroupDefinition", "GroupDeleted",
    "GroupRule", "GroupSaved", "SaveGroup",
]  # fmt: skip

GROUP_MEMBERS_MAX: Final = 1000
"""The most accounts, groups and rules that one group names."""


class GroupRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Accounts that all of this is true of; what is left out does not matter.

    Args:
        book: the accounts' book.
        code_from, code_to: their codes, both included.
        metadata_name, metadata_value: what they carry.
    """

    book: int | None = None
    code_from: int | None = None
    code_to: int | None = None
    metadata_name: str = ""
    metadata_value: str = ""


class GroupDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who belongs to a group: accounts by id (32 hex digits), other groups, and rules."""

    accounts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    rules: tuple[GroupRule, ...] = ()


class AccountGroup(Row, frozen=True):
    """A group; `definition` is a `GroupDefinition` as JSON."""

    group_id: str
    name: str
    definition: str
    changed_by: str
    changed_ms: int

    @property
    def members(self) -> GroupDefinition:
        """Who belongs to it."""
        return decode_json(self.definition, GroupDefinition)


GROUPS = Table("account_group", AccountGroup, ("group_id",))


class SaveGroup(Command, frozen=True, kw_only=True, tag="ledger.save_group"):
    """Make a group, or give it another name and other members."""

    group_id: str
    name: str
    members: GroupDefinition


class DeleteGroup(Command, frozen=True, kw_only=True, tag="ledger.delete_group"):
    """Take a group away; its accounts stay what they are."""

    group_id: str


class GroupSaved(Reply, frozen=True, kw_only=True):
    """The group as it is now."""

    group_id: str
    name: str
    members: GroupDefinition


class GroupDeleted(Reply, frozen=True, kw_only=True):
    """The group that is gone."""

    group_id: str
