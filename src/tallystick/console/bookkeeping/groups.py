"""Groups of accounts for operators: what they have, their statements, making and changing them."""

from __future__ import annotations

import re
from typing import Any, BinaryIO, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from tallystick.accounting.groups.model import (
    AccountGroup,
    DeleteGroup,
    GroupDefinition,
    GroupRule,
    SaveGroup,
)
from tallystick.accounting.groups.views import (
    GroupBalance,
    accounts_of_group,
    group_balances,
    group_document,
    known_group,
)
from tallystick.accounting.statements.document import DayPeriod
from tallystick.accounting.statements.forms import (
    FORMS,
    file_name,
    offered_language,
    write_statement,
)
from tallystick.accounting.statements.words import kind_of_account
from tallystick.console.bookkeeping.fields import accounts_of, whole_of
from tallystick.console.bookkeeping.frame import (
    Said,
    carry_out,
    currency_of,
    in_thread,
    title_of_book,
)
from tallystick.console.frontend import Front, Frontend
from tallystick.console.ledger_files import asked_day, made_file, month_until, sent, today
from tallystick.console.operators import operators_page
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.texts import Language
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.ledger.model import Account
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["GROUP_PAGES", "rule_of", "rule_text"]

_GROUPS: Final = "/console/groups"
_SHOWN_ACCOUNTS: Final = 100
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_METADATA: Final = re.compile(r"([a-z][a-z0-9_-]{1,63}):(.{1,500})")
_CODES: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_CODE_MAX: Final = 65_535


class GroupView(NamedTuple):
    """A group with what it has, by book."""

    group: AccountGroup
    books: list[tuple[str, str, GroupBalance]]


def rule_text(rule: GroupRule) -> str:
    """A rule as a form shows it: `book=7 code=2001-2099 metadata=region:north`."""
    words = []
    if rule.book is not None:
        words.append(f"book={rule.book}")
    if rule.code_from is not None or rule.code_to is not None:
        last = _CODE_MAX if rule.code_to is None else rule.code_to
        words.append(f"code={rule.code_from or 0}-{last}")
    if rule.metadata_name:
        words.append(f"metadata={rule.metadata_name}:{rule.metadata_value}")
    return " ".join(words)


def rule_of(line: str) -> GroupRule:
    """The rule that a line of a form says.

    Raises:
        Refused: INVALID_PARAMETER, for a line that says none.
    """
    # Metadata stands last, since its value may have spaces.
    first, _, metadata = line.partition("metadata=")
    said: dict[str, Any] = {}
    for word in first.split():
        name, _, value = word.partition("=")
        codes = _CODES.fullmatch(value)
        if name == "book":
            said["book"] = whole_of({"book": value}, "book")
        elif name == "code" and codes:
            low, high = int(codes[1]), int(codes[2] or codes[1])
            said |= {"code_from": min(low, _CODE_MAX), "code_to": min(high, _CODE_MAX)}
        else:
            raise Refused("INVALID_PARAMETER", f"{line[:80]!r} is no rule.")
    found = _METADATA.fullmatch(metadata.strip()) if metadata else None
    if found:
        said |= {"metadata_name": found[1], "metadata_value": found[2]}
    if not said or (metadata and not found):
        raise Refused("INVALID_PARAMETER", f"{line[:80]!r} is no rule.")
    return GroupRule(**said)


def _members(form: Form) -> GroupDefinition:
    lines = [line.strip() for line in form.get("rules", "").splitlines() if line.strip()]
    return GroupDefinition(
        accounts=tuple(account.hex() for account in accounts_of(form, "accounts")),
        groups=tuple(form.get("groups", "").replace(",", " ").split()),
        rules=tuple(rule_of(line) for line in lines),
    )


def _balances(
    rows: ReadSession, group_id: str, language: Language
) -> list[tuple[str, str, GroupBalance]]:
    found = group_balances(rows, group_id, 2**63 - 1)
    return [(title_of_book(rows, b.book, language), currency_of(rows, b.book), b) for b in found]


async def _all(front: Frontend, visitor: Visitor, said: Said) -> Response[str]:
    need_operator(visitor)
    language = visitor.language

    def read(rows: ReadSession) -> list[GroupView]:
        return [
            GroupView(group, _balances(rows, group.group_id, language))
            for group in rows.select(AccountGroup)
        ]

    found = await in_thread(front, read)
    return operators_page(
        front, visitor, "groups", "groups", refusal=said.refusal, typed=said.typed, groups=found,
        members=None,
    )  # fmt: skip


@get(_GROUPS)
async def show_groups(front: Front, visitor: Asking) -> Response[str]:
    """Every group with its balances, and a form for one more."""
    return await _all(front, visitor, Said())


async def _one(group_id: str, front: Frontend, visitor: Visitor, said: Said) -> Response[str]:
    need_operator(visitor)
    language = visitor.language

    def read(rows: ReadSession) -> tuple[GroupView, list[Account]]:
        group = known_group(rows, group_id)
        accounts = accounts_of_group(rows, group)
        return GroupView(group, _balances(rows, group_id, language)), accounts

    found, accounts = await in_thread(front, read)
    shown = [
        (f"{a.id:032x}", kind_of_account(a.code, a.book, language.value), a)
        for a in accounts[:_SHOWN_ACCOUNTS]
    ]
    members = found.group.members
    return operators_page(
        front, visitor, "group", "groups", refusal=said.refusal, typed=said.typed, group=found,
        accounts=shown, count=len(accounts), days=month_until(today(front)), forms=tuple(FORMS),
        members={
            "name": found.group.name, "accounts": "\n".join(members.accounts),
            "groups": " ".join(members.groups),
            "rules": "\n".join(rule_text(rule) for rule in members.rules),
        },
    )  # fmt: skip


@get(f"{_GROUPS}/{{group_id:str}}")
async def show_group(group_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One group: its balances, its accounts, its statement as a file."""
    return await _one(group_id, front, visitor, Said())


def _save(group_id: str, form: Form) -> SaveGroup:
    if not _NAME.fullmatch(group_id):
        raise Refused("INVALID_PARAMETER", "group_id: small letters, digits, _ and -.")
    return SaveGroup(group_id=group_id, name=form.get("name", ""), members=_members(form))


@post(_GROUPS)
async def make_group(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Make a group; one that is there already is not changed from here."""
    form = await read_form(request)
    group_id = form.get("group_id", "")

    def made() -> SaveGroup:
        if front.platform.rows.get(AccountGroup, group_id) is not None:
            raise Refused("INVALID_PARAMETER", f"There is a group {group_id[:64]!r}.")
        return _save(group_id, form)

    return await carry_out(
        front, visitor, form, made, "group_saved", to=f"{_GROUPS}/{group_id}",
        again=lambda said: _all(front, visitor, said),
    )  # fmt: skip


@post(f"{_GROUPS}/{{group_id:str}}")
async def change_group(
    group_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Give a group another name and other members."""
    form = await read_form(request)
    known_group(front.platform.rows, group_id)
    return await carry_out(
        front, visitor, form, lambda: _save(group_id, form), "group_saved",
        to=f"{_GROUPS}/{group_id}", again=lambda said: _one(group_id, front, visitor, said),
    )  # fmt: skip


@post(f"{_GROUPS}/{{group_id:str}}/delete")
async def delete_group(
    group_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Take a group away; its accounts stay what they are."""
    form = await read_form(request)
    return await carry_out(
        front, visitor, form, lambda: DeleteGroup(group_id=group_id), "group_deleted", to=_GROUPS,
        again=lambda said: _one(group_id, front, visitor, said),
    )  # fmt: skip


@get(f"{_GROUPS}/{{group_id:str}}/statement")
async def download_group_statement(
    group_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Stream:
    """The statement of a group's accounts in one book."""
    need_operator(visitor)
    query = request.query_params
    form = query.get("form", "pdf")
    if form not in FORMS:
        raise Refused("INVALID_PARAMETER", f"There is no form {form[:20]!r}.")
    book = whole_of(dict(query), "book", 0)
    last = asked_day(query.get("last", ""), today(front))
    period = DayPeriod.of(asked_day(query.get("first", ""), last), last)
    language = visitor.language.value

    def write(rows: ReadSession, out: BinaryIO) -> tuple[str, str]:
        document = group_document(rows, group_id, book, period)
        write_statement(document, out, form, offered_language(form, language))
        return file_name(document, form), FORMS[form].media_type

    return sent(await made_file(front, write))


GROUP_PAGES: Final = (
    show_groups, make_group, show_group, change_group, delete_group, download_group_statement,
)  # fmt: skip
