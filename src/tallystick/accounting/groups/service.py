"""Groups at work: load all groups, decide, record."""

from __future__ import annotations

from tallystick.accounting.groups import decide
from tallystick.accounting.groups.model import (
    AccountGroup,
    DeleteGroup,
    GroupDeleted,
    GroupSaved,
    SaveGroup,
)
from tallystick.accounting.posting import who
from tallystick.ledger.encoding import ids_from
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import record
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register"]


def _groups(uow: UnitOfWork) -> dict[str, AccountGroup]:
    return {group.group_id: group for group in uow.select(AccountGroup)}


def save_group(command: SaveGroup, context: Context) -> Reply:
    """Make a group, or change it."""
    uow = context.uow
    decision = decide.save_group(_groups(uow), command, who(context), context.now_ms)
    ids = ids_from(bytes.fromhex("".join(command.members.accounts)))
    uow.books.load(ids)
    for account_id in ids:
        if uow.books.account(account_id) is None:
            raise Refused("ACCOUNT_NOT_EXIST", f"There is no account {account_id:032x}.")
    return record(context, decision)


def delete_group(command: DeleteGroup, context: Context) -> Reply:
    """Take a group away."""
    context.uow.delete(decide.delete_group(_groups(context.uow), command))
    return GroupDeleted(group_id=command.group_id)


def register(registry: Registry) -> None:
    """Declare the commands."""
    registry.add(SaveGroup, save_group, reply=GroupSaved, scope="ledger:write")
    registry.add(DeleteGroup, delete_group, reply=GroupDeleted, scope="ledger:write")
