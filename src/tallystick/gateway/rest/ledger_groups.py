"""Groups of accounts: made and changed, their balances as of a moment, their statements."""

from __future__ import annotations

import asyncio
from typing import Annotated, BinaryIO, Final

import msgspec
from msgspec import Meta

from tallystick.accounting.groups import views
from tallystick.accounting.groups.model import (
    GROUP_MEMBERS_MAX,
    AccountGroup,
    DeleteGroup,
    GroupDefinition,
    GroupDeleted,
    GroupRule,
    GroupSaved,
    SaveGroup,
)
from tallystick.accounting.made_file import MadeFile
from tallystick.accounting.statements.forms import FORMS, file_name, write_statement
from tallystick.gateway.rest import ledger_shapes as shapes
from tallystick.gateway.rest.fields import MS_MAX, Body, Ms, NoFields, Query, Shape
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.statement_files import (
    StatementFileQuery,
    accepted_form,
    made_file,
    media_types,
    period_of,
)
from tallystick.ledger.model import ID_MAX
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["LEDGER_GROUP_OPERATIONS"]

_TAG: Final = "Ledger"
_READ: Final = "ledger:read"
_WRITE: Final = "ledger:write"
_NS_PER_MS: Final = 1_000_000
_SIZE: Final = Meta(max_length=GROUP_MEMBERS_MAX)

GroupId = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z", description="A group's id.", examples=["reserves"]),
]
_GROUP: Final = {"group_id": GroupId}


class GroupRuleBody(Body, frozen=True, kw_only=True):
    """Accounts that all of this is true of; what is left out does not matter."""

    ledger: shapes.Small | None = None
    code_from: shapes.Short | None = None
    code_to: shapes.Short | None = None
    metadata_name: shapes.MetadataName | None = None
    metadata_value: Annotated[str, Meta(min_length=1, max_length=500)] | None = None


class AccountGroupBody(Body, frozen=True, kw_only=True):
    """A group's name, and who belongs to it."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    accounts: Annotated[tuple[shapes.LedgerId, ...], _SIZE] = ()
    groups: Annotated[tuple[GroupId, ...], _SIZE] = ()
    rules: Annotated[tuple[GroupRuleBody, ...], _SIZE] = ()


class GroupRuleShape(Shape, frozen=True, kw_only=True):
    """Accounts that all of this is true of."""

    ledger: int | None
    code_from: int | None
    code_to: int | None
    metadata_name: str | None
    metadata_value: str | None


class AccountGroupShape(Shape, frozen=True, kw_only=True):
    """A group of accounts."""

    group_id: GroupId
    name: str
    accounts: list[shapes.IdText]
    groups: list[GroupId]
    rules: list[GroupRuleShape]


class AccountGroupListShape(Shape, frozen=True, kw_only=True):
    """Every group, in the order of their ids."""

    items: list[AccountGroupShape]


class AccountGroupDeletedShape(Shape, frozen=True, kw_only=True):
    """The group that is gone."""

    group_id: GroupId


class GroupBalanceQuery(Query, frozen=True, kw_only=True):
    """As of when: what is posted from this moment on does not count. Left out: now."""

    before_ms: Ms = MS_MAX


class GroupBookShape(Shape, frozen=True, kw_only=True):
    """What the group's accounts in a book have; `balance` is credits less debits."""

    ledger: int
    accounts: int
    debits_posted: shapes.Units
    credits_posted: shapes.Units
    balance: shapes.SignedUnits


class AccountGroupBalanceShape(Shape, frozen=True, kw_only=True):
    """What a group had just before a moment, by book."""

    group_id: GroupId
    before_ms: Ms
    books: list[GroupBookShape]


class GroupStatementQuery(StatementFileQuery, frozen=True, kw_only=True):
    """The book, the days, both included, and the form."""

    ledger: shapes.Small = 0


def _hex(text: str) -> str:
    number = int(text)
    if number > ID_MAX:
        raise Refused("ACCOUNT_NOT_EXIST")
    return f"{number:032x}"


def save(call: Call, body: AccountGroupBody) -> SaveGroup:
    """The command that makes or changes a group."""
    rules = tuple(
        GroupRule(
            book=rule.ledger, code_from=rule.code_from, code_to=rule.code_to,
            metadata_name=rule.metadata_name or "", metadata_value=rule.metadata_value or "",
        )
        for rule in body.rules
    )  # fmt: skip
    members = GroupDefinition(
        accounts=tuple(_hex(account) for account in body.accounts), groups=body.groups, rules=rules
    )
    return SaveGroup(group_id=call.path["group_id"], name=body.name, members=members)


def _shown(group_id: str, name: str, members: GroupDefinition) -> AccountGroupShape:
    return AccountGroupShape(
        group_id=group_id,
        name=name,
        accounts=[str(int(account, 16)) for account in members.accounts],
        groups=list(members.groups),
        rules=[
            GroupRuleShape(
                ledger=rule.book, code_from=rule.code_from, code_to=rule.code_to,
                metadata_name=rule.metadata_name or None,
                metadata_value=rule.metadata_value or None,
            )
            for rule in members.rules
        ],
    )  # fmt: skip


def _saved(done: GroupSaved) -> AccountGroupShape:
    return _shown(done.group_id, done.name, done.members)


def delete(call: Call, body: NoFields) -> DeleteGroup:
    """The command that takes a group away."""
    return DeleteGroup(group_id=call.path["group_id"])


def _deleted(done: GroupDeleted) -> AccountGroupDeletedShape:
    return AccountGroupDeletedShape(group_id=done.group_id)


def list_groups(call: Call, query: Query) -> AccountGroupListShape:
    """Every group."""
    found = call.platform.rows.select(AccountGroup)
    return AccountGroupListShape(items=[_shown(g.group_id, g.name, g.members) for g in found])


def get_group(call: Call, query: Query) -> AccountGroupShape:
    """One group."""
    found = views.known_group(call.platform.rows, call.path["group_id"])
    return _shown(found.group_id, found.name, found.members)


async def get_balance(call: Call, query: GroupBalanceQuery) -> AccountGroupBalanceShape:
    """What a group had just before a moment."""
    group_id = call.path["group_id"]

    def run() -> list[views.GroupBalance]:
        with call.platform.reader() as rows:
            return views.group_balances(rows, group_id, query.before_ms * _NS_PER_MS)

    books = [
        GroupBookShape(
            ledger=b.book, accounts=b.accounts, debits_posted=str(b.debits),
            credits_posted=str(b.credits), balance=str(b.balance),
        )
        for b in await asyncio.to_thread(run)
    ]  # fmt: skip
    return AccountGroupBalanceShape(group_id=group_id, before_ms=query.before_ms, books=books)


async def get_statement(call: Call, query: GroupStatementQuery) -> MadeFile:
    """The statement of a group's accounts in a book, as a file."""
    period = period_of(call, query.first_day, query.last_day)
    group_id = call.path["group_id"]

    form = query.format or accepted_form(call.accept)

    def write(rows: ReadSession, out: BinaryIO) -> tuple[str, str]:
        document = views.group_document(rows, group_id, query.ledger, period, query.currency)
        write_statement(document, out, form, query.lang)
        return file_name(document, form), FORMS[form].media_type

    return await made_file(call, write)


_PATH: Final = "/v1/ledger/groups/{group_id}"
_MISSING: Final = ("ACCOUNT_GROUP_NOT_EXIST",)
_EXAMPLE: Final = msgspec.to_builtins(
    {"name": "Reserves", "rules": [{"ledger": 1, "code_from": 1000, "code_to": 1099}]}
)

LEDGER_GROUP_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/ledger/groups", "listLedgerGroups", tag=_TAG, scope=_READ, for_apps=False,
        summary="List groups of accounts", query=Query, find=list_groups,
        answer=AccountGroupListShape,
    ),
    change(
        _PATH, "saveLedgerGroup", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Make or change a group of accounts",
        description="Accounts by id, other groups, and rules; the whole definition is replaced.",
        parameters=_GROUP, body=AccountGroupBody, command=save, show=_saved,
        answer=AccountGroupShape,
        refusals=(
            "INVALID_PARAMETER", "ACCOUNT_NOT_EXIST", "ACCOUNT_GROUP_NOT_EXIST",
            "ACCOUNT_GROUP_CYCLE",
        ),
        example=_EXAMPLE,
    ),
    look(
        _PATH, "getLedgerGroup", tag=_TAG, scope=_READ, for_apps=False,
        summary="See a group of accounts", parameters=_GROUP, query=Query, find=get_group,
        answer=AccountGroupShape, refusals=_MISSING,
    ),
    change(
        f"{_PATH}/delete", "deleteLedgerGroup", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Take a group of accounts away", parameters=_GROUP, command=delete, show=_deleted,
        answer=AccountGroupDeletedShape, refusals=(*_MISSING, "ACCOUNT_GROUP_IN_USE"),
    ),
    look(
        f"{_PATH}/balance", "getLedgerGroupBalance", tag=_TAG, scope=_READ, for_apps=False,
        summary="See a group's balances as of a moment", parameters=_GROUP,
        query=GroupBalanceQuery, find=get_balance, answer=AccountGroupBalanceShape,
        refusals=(*_MISSING, "ACCOUNT_GROUP_TOO_LARGE"),
    ),
    look(
        f"{_PATH}/statement-file", "getLedgerGroupStatementFile", tag=_TAG, scope=_READ,
        for_apps=False, summary="Have a group's statement as a file",
        description="Of its accounts in one book; what moves between them makes no line. Balances "
        "are on the credit side.",
        parameters=_GROUP, query=GroupStatementQuery, find=get_statement, answer=None,
        media_types=media_types(),
        refusals=(
            *_MISSING, "ACCOUNT_GROUP_TOO_LARGE", "ACCOUNT_NOT_EXIST", "INVALID_PARAMETER",
            "STATEMENT_FORM_TOO_NARROW", "STATEMENT_TOO_LONG",
        ),
    ),
)  # fmt: skip
