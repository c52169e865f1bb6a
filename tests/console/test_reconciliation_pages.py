"""The reconciliation pages: both sides, decisions, breaks by age, in both languages."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest
from tests.console.person import Person, operator
from tests.console.world import ALICE, World

from tallystick.console.display import iso_day
from tallystick.payments.bills import bill_zip
from tallystick.payments.wallet.model import BankAnswered, BankOrderDone, StartTopUp
from tallystick.reconciliation.importing import import_command
from tallystick.reconciliation.model import (
    ImportStatement,
    LineDraft,
    StatementDraft,
    StatementImported,
)
from tallystick.reconciliation.statements.mapping import Columns, Mapping
from tallystick.sandbox.seed import APP_ID
from tallystick.store.ledger_rows import SqlLedgerReader

PLACE = "/console/reconciliation"
_MAPPING = Mapping(
    columns=Columns(day="day", amount="amount", reference="reference"), currency="CNY"
)


def imported(world: World, *lines: tuple[str, str, str], bank: str = "3") -> StatementImported:
    """What importing some lines (day, amount, reference) brings; no file is the same twice."""
    text = "day,amount,reference\n" + "".join(f"{','.join(line)}\n" for line in lines)
    command: ImportStatement = import_command(bank, text.encode(), _MAPPING)
    reply = world.do(command)
    assert isinstance(reply, StatementImported)
    return reply


def break_of(person: Person, reference: str) -> str:
    """The address of the break with a reference."""
    found = re.findall(
        rf'href="({PLACE}/breaks/[0-9a-f-]+)"(?:(?!href=).)*{reference}', person.page, re.S
    )
    assert found, person.text
    return str(found[0])


def test_a_break_is_assigned_written_about_and_booked(world: World) -> None:
    reference = f"R{secrets.token_hex(6)}"
    imported(world, ("2026-01-05", "12.30", reference))
    person = operator(world)
    person.get(f"{PLACE}?bank=3")
    assert "Open breaks by age" in person.text
    place = break_of(person, reference)
    person.get(place).send(f"{place}/assign", assignee="li.wei")
    assert "li.wei" in person.follow().text
    person.send(f"{place}/notes", text="Asked the bank.")
    assert "Asked the bank." in person.follow().text
    person.send(f"{place}/resolve", account="2901", note="")
    page = person.follow()
    assert "It is booked." in page.text
    assert "2901 Suspense" in page.text
    assert not page.has_form(f"{place}/resolve")
    assert reference in person.get(f"{PLACE}?bank=3").text  # Among the matches now.


def ordered(world: World, amount: int) -> str:
    """A top-up that bank 7 has accepted; gives its number."""
    done = world.do(StartTopUp(party_id=ALICE.party_id, amount=amount, bank_id="7"))
    assert isinstance(done, BankOrderDone)
    world.do(BankAnswered(order_id=done.order_id, accepted=True, bank_reference=done.order_id))
    return done.order_id


@pytest.mark.parametrize(
    ("decision", "said"),
    [("accept", "The proposal is accepted."), ("reject", "The proposal is rejected;")],
)
def test_a_proposal_shows_both_sides_and_is_decided(world: World, decision: str, said: str) -> None:
    order_id = ordered(world, 50_000)
    today = iso_day(world.platform.clock_ms())
    assert imported(world, (today, "470.00", order_id), bank="7").proposed == 1
    person = operator(world).get(f"{PLACE}?bank=7")
    (action,) = re.findall(rf'action="({PLACE}/proposals/[0-9]+/{decision})"', person.page)
    row = next(r for r in re.findall(r"<tr>.*?</tr>", person.page, re.S) if order_id in r)
    assert "470.00" in row
    assert "500.00" in row
    assert "The reference agrees, the amount does not." in row
    person.send(action, account="5001")
    assert said in person.follow().text
    assert not person.has_form(action)


def test_a_viewer_looks_and_decides_nothing(world: World) -> None:
    reference = f"R{secrets.token_hex(6)}"
    imported(world, ("2026-01-06", "7.70", reference), bank="5")
    person = operator(world, "viewer")
    place = break_of(person.get(f"{PLACE}?bank=5"), reference)
    person.get(place)
    assert not person.has_form(f"{place}/resolve")
    hidden = person.hidden("/console/sign-out")
    assert person.post(f"{place}/resolve", hidden | {"account": "2901"}).status == 403


def test_the_page_is_there_in_chinese(world: World) -> None:
    person = operator(world)
    assert "银行对账" in person.get(f"{PLACE}?lang=zh").text


def test_what_is_no_break_is_not_found(world: World) -> None:
    assert operator(world).get(f"{PLACE}/breaks/nothing").status == 404


STATEMENTS = Path(__file__).parent.parent / "data" / "statements"


def uploaded(person: Person, bank: str, **files: bytes) -> Person:
    """Send the form that imports a statement, with files in it."""
    action = f"{PLACE}/statements"
    fields = person.get(PLACE).hidden(action) | {"bank": bank}
    person.client.cookies.clear()
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    parts = {name: (f"{name}.dat", data) for name, data in files.items()}
    person.answer = person.client.post(
        action, data=fields, files=parts, headers={"cookie": cookies}
    )
    return person


def files_of(world: World, form: str) -> dict[str, bytes]:
    """A good file of a form; CSV with its mapping."""
    if form == "alipay":
        ledger = SqlLedgerReader(world.platform.rows.connection)
        day = iso_day(world.platform.clock_ms())
        return {"file": bill_zip(world.platform.rows, ledger, APP_ID, "trade", day)}
    if form == "csv":
        mapping = (STATEMENTS / "bank.toml").read_bytes()
        return {"file": (STATEMENTS / "bank.csv").read_bytes(), "mapping": mapping}
    return {"file": (STATEMENTS / form).read_bytes()}


@pytest.mark.parametrize("form", ["rabobank_iban.sta", "camt053.xml", "csv", "alipay"])
def test_a_statement_of_every_form_is_imported_by_its_page(world: World, form: str) -> None:
    person = operator(world)
    files = files_of(world, form)
    page = uploaded(person, "4", **files).follow()
    assert "The statement is imported." in page.text
    assert "was imported before" in uploaded(person, "4", **files).text


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"file": (STATEMENTS / "sns.sta").read_bytes().replace(b":61:", b":61:x", 1)},
            "Line 5: :61:",
        ),
        ({"file": b"day;amount\n1;2\n"}, "a CSV file needs a mapping"),
        ({"file": b"a;b\n", "mapping": b"= no"}, "The mapping is not TOML"),
        ({"file": b""}, "Choose a bank and a file."),
    ],
)
def test_a_file_that_is_refused_is_named_by_line_and_reason(
    world: World, files: dict[str, bytes], said: str
) -> None:
    person = uploaded(operator(world), "4", **files)
    assert person.status == 422
    assert said in person.text


def test_a_line_that_is_refused_is_shown_and_said_in_chinese(world: World) -> None:
    person = operator(world)
    person.get(f"{PLACE}?lang=zh")
    wrong = b"day,amount\n2026-01-05,1.00\n2026-01-06,<b>many</b>\n"
    mapping = b'currency = "CNY"\n[columns]\nday = "day"\namount = "amount"\n'
    uploaded(person, "4", file=wrong, mapping=mapping)
    assert "第 3 行：" in person.text
    assert "2026-01-06,&lt;b&gt;many&lt;/b&gt;" in person.page


def test_a_viewer_imports_nothing(world: World) -> None:
    person = operator(world, "viewer").get(PLACE)
    assert not person.has_form(f"{PLACE}/statements")


def test_a_gap_between_statements_is_explained_on_its_page(world: World) -> None:
    drafts = [
        StatementDraft(
            account="GAP", number=str(at), currency="CNY", has_balances=True, opening=opening,
            closing=opening, lines=(LineDraft(20_000 + at, 0, f"G{at}", "", "", ""),),
        )
        for at, opening in ((1, 500), (2, 812))
    ]  # fmt: skip
    done = world.do(ImportStatement(bank_id="6", file_digest=b"g" * 16, statements=tuple(drafts)))
    assert isinstance(done, StatementImported)
    place = f"{PLACE}/breaks/{done.statement_ids[1]}-00000"
    person = operator(world).get(place)
    assert "gap between statements" in person.text
    assert "3.12" in person.text
    person.send(f"{place}/resolve", note="Two accounts were merged.")
    page = person.follow()
    assert "Two accounts were merged." in page.text
    assert not page.has_form(f"{place}/resolve")
