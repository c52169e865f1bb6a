"""`tallystick ledger group …`: groups of accounts, their balances and statements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, BinaryIO

from cyclopts import App, Parameter

from tallystick.accounting.groups.views import group_document
from tallystick.accounting.made_file import make_file
from tallystick.accounting.statements.document import DayPeriod
from tallystick.accounting.statements.forms import FORMS, file_name, write_statement
from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.ledger_report import moment_after
from tallystick.admin.ledger_statement import FormName, Language, day_asked, deliver, reading
from tallystick.admin.rest_operation import account_text, carry, listed, look

__all__ = ["group"]

group = App(name="group", help="Groups of accounts, with balances and statements.")

Several = Annotated[tuple[str, ...], Parameter(negative=())]
_BALANCE_COLUMNS = ("ledger", "accounts", "debits_posted", "credits_posted", "balance")


def _rule(text: str) -> dict[str, Any]:
    """A rule as people write it: `book=7,codes=1000-1099,metadata=name:value`."""
    rule: dict[str, Any] = {}
    try:
        for part in text.split(","):
            name, _, value = part.partition("=")
            if name == "book":
                rule["ledger"] = int(value)
            elif name == "codes":
                first, _, last = value.partition("-")
                rule |= {"code_from": int(first), "code_to": int(last or first)}
            elif name == "metadata" and ":" in value:
                rule["metadata_name"], _, rule["metadata_value"] = value.partition(":")
            else:
                raise ValueError(name)
    except ValueError as error:
        form = "book=NUMBER, codes=FROM-TO and metadata=NAME:VALUE, with commas between"
        raise UsageError(f"{text!r}: a rule is made of {form}.") from error
    return rule


@group.command
def save(
    group_id: str, name: str, *, account: Several = (),
    member: Annotated[tuple[str, ...], Parameter(name="--group", negative=())] = (),
    rule: Several = (), place: Place = HERE,
) -> None:  # fmt: skip
    """Make a group, or give it another name and other members, while no server runs.

    For example: `tallystick ledger group save wallets Wallets --rule book=7,codes=2001-2099`.

    Args:
        group_id: small letters, digits and -.
        name: what people call it.
        account: an account by its id; may be given several times.
        member: another group; may be given several times.
        rule: book=NUMBER, codes=FROM-TO, metadata=NAME:VALUE with commas between; several times.
    """
    saved = carry(place, "saveLedgerGroup", {"group_id": group_id}, {
        "name": name, "accounts": [account_text(a) for a in account], "groups": list(member),
        "rules": [_rule(text) for text in rule],
    })  # fmt: skip
    place.say(saved, f"Group {group_id} is saved.")


@group.command(name="list")
def list_groups(*, place: Place = HERE) -> None:
    """Every group; a server may run meanwhile."""
    found = look(place, "listLedgerGroups")
    rows = [
        {"group_id": g["group_id"], "name": g["name"], "accounts": len(g["accounts"]),
         "groups": " ".join(g["groups"]), "rules": len(g["rules"])}
        for g in found["items"]
    ]  # fmt: skip
    columns = ("group_id", "name", "accounts", "groups", "rules")
    place.say(found, listed(rows, columns) if rows else "There are none.")


@group.command
def delete(group_id: str, *, place: Place = HERE) -> None:
    """Take a group away, while no server runs; its accounts stay what they are.

    Args:
        group_id: the group.
    """
    done = carry(place, "deleteLedgerGroup", {"group_id": group_id})
    place.say(done, f"Group {group_id} is gone.")


@group.command
def balance(group_id: str, *, as_of: str = "", place: Place = HERE) -> None:
    """What a group has in each book, credits less debits; a server may run meanwhile.

    For example: `tallystick ledger group balance wallets --as-of 2026-11-30 --data data`.

    Args:
        group_id: the group.
        as_of: the last day (yyyy-mm-dd) or second (yyyy-mm-dd hh:mm:ss) that counts; now without.
    """
    query = {"before_ms": moment_after(as_of) if as_of else None}
    found = look(place, "getLedgerGroupBalance", {"group_id": group_id}, query)
    books = found["books"]
    place.say(found, listed(books, _BALANCE_COLUMNS) if books else "It has no accounts.")


@group.command
def statement(
    group_id: str,
    *,
    book: int,
    first: Annotated[str, Parameter(name="--from")],
    last: Annotated[str, Parameter(name="--to")],
    form: Annotated[FormName, Parameter(name="--format")] = "json",
    lang: Language = "en",
    currency: str = "",
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    place: Place = HERE,
) -> None:
    """Write the statement of a group's accounts in a book; a server may run meanwhile.

    Args:
        group_id: the group.
        book: the book.
        first: the first day, yyyy-mm-dd in China time.
        last: the last day.
        form: pdf, csv, camt053, mt940 or json.
        lang: en or zh.
        currency: what a book of your own counts.
        output: a file; standard output without one.
    """
    period = DayPeriod.of(day_asked(first), day_asked(last))
    with reading(place.settings) as rows:

        def write(out: BinaryIO) -> tuple[str, str]:
            document = group_document(rows, group_id, book, period, currency)
            write_statement(document, out, form, lang)
            return file_name(document, form), FORMS[form].media_type

        made = make_file(write)
    deliver(made, output)
