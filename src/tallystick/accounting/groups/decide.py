"""What becomes of a group: pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from tallystick.accounting.groups.model import (
    GROUP_MEMBERS_MAX,
    AccountGroup,
    DeleteGroup,
    GroupDefinition,
    GroupRule,
    GroupSaved,
    SaveGroup,
)
from tallystick.pipeline.decisions import Decision
from tallystick.pipeline.refusals import Refused

__all__ = ["delete_group", "save_group"]

_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_ACCOUNT: Final = re.compile(r"[0-9a-f]{32}")
_NAME_MAX: Final = 100
_CODE_MAX: Final = 2**16 - 1
_BOOK_MAX: Final = 2**32 - 1


def _require_rule(rule: GroupRule) -> None:
    first = 0 if rule.code_from is None else rule.code_from
    last = _CODE_MAX if rule.code_to is None else rule.code_to
    if not 0 <= first <= last <= _CODE_MAX or not 0 <= (rule.book or 0) <= _BOOK_MAX:
        raise Refused("INVALID_PARAMETER", "A rule's book or codes are out of range.")
    if bool(rule.metadata_name) is not bool(rule.metadata_value):
        raise Refused("INVALID_PARAMETER", "A rule names metadata with its value.")
    if rule == GroupRule():
        raise Refused("INVALID_PARAMETER", "A rule says nothing.")


def _require_form(command: SaveGroup) -> None:
    members = command.members
    if _ID.fullmatch(command.group_id) is None:
        raise Refused("INVALID_PARAMETER", "A group's id is 1 to 32 of a-z, 0-9 and -.")
    if not (1 <= len(command.name) <= _NAME_MAX and command.name.isprintable()):
        raise Refused("INVALID_PARAMETER", f"A group has a name of up to {_NAME_MAX} characters.")
    count = len(members.accounts) + len(members.groups) + len(members.rules)
    if not 1 <= count <= GROUP_MEMBERS_MAX:
        raise Refused("INVALID_PARAMETER", f"A group names 1 to {GROUP_MEMBERS_MAX} members.")
    if not all(_ACCOUNT.fullmatch(account) for account in members.accounts):
        raise Refused("INVALID_PARAMETER", "An account is named by 32 hexadecimal digits.")
    for rule in members.rules:
        _require_rule(rule)


def _contains(groups: Mapping[str, AccountGroup], within: str, wanted: str) -> bool:
    """Whether a group is another, or contains it at any depth."""
    seen, waiting = set(), [within]
    while waiting:
        at = waiting.pop()
        if at == wanted:
            return True
        if at in groups and at not in seen:
            seen.add(at)
            waiting += groups[at].members.groups
    return False


def save_group(
    groups: Mapping[str, AccountGroup], command: SaveGroup, by: str, now_ms: int
) -> Decision:
    """Make a group, or change it.

    Raises:
        Refused: INVALID_PARAMETER, ACCOUNT_GROUP_NOT_EXIST for a member, ACCOUNT_GROUP_CYCLE.
    """
    _require_form(command)
    for member in command.members.groups:
        if member == command.group_id:
            raise Refused("ACCOUNT_GROUP_CYCLE")
        if member not in groups:
            raise Refused("ACCOUNT_GROUP_NOT_EXIST", f"There is no group {member[:40]!r}.")
        if _contains(groups, member, command.group_id):
            raise Refused("ACCOUNT_GROUP_CYCLE", f"{member} contains {command.group_id}.")
    members = GroupDefinition(
        accounts=tuple(dict.fromkeys(command.members.accounts)),
        groups=tuple(dict.fromkeys(command.members.groups)),
        rules=command.members.rules,
    )
    definition = msgspec.json.encode(members).decode()
    row = AccountGroup(command.group_id, command.name, definition, by, now_ms)
    reply = GroupSaved(group_id=row.group_id, name=row.name, members=members)
    return Decision(reply, rows=(row,))


def delete_group(groups: Mapping[str, AccountGroup], command: DeleteGroup) -> AccountGroup:
    """The group that is taken away.

    Raises:
        Refused: ACCOUNT_GROUP_NOT_EXIST, or ACCOUNT_GROUP_IN_USE while another contains it.
    """
    if command.group_id not in groups:
        raise Refused("ACCOUNT_GROUP_NOT_EXIST")
    for group in groups.values():
        if command.group_id in group.members.groups:
            raise Refused("ACCOUNT_GROUP_IN_USE", f"{group.group_id} contains it.")
    return groups[command.group_id]
