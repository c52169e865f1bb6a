"""Bookkeeping on the operators' pages: each action by its form, what is refused, who may act."""

from __future__ import annotations

import re

import pytest
from tests.console.person import Person, operator
from tests.console.world import World

from tallystick.accounting.model import (
    AccountDraft,
    CreateLedgerAccounts,
    CreateLedgerTransfers,
    TransferDraft,
)
from tallystick.console.bookkeeping.groups import rule_of, rule_text
from tallystick.ledger.chart import EXCHANGE_POSITION
from tallystick.ledger.encoding import id_bytes
from tallystick.parties.passwords import PasswordHasher
from tallystick.partners.model import CreateOperator, Role
from tallystick.pipeline.refusals import Refused

PLACE = "/console/bookkeeping"
ZERO = bytes(16)


def accounts(world: World, book: int, *numbers: int) -> list[str]:
    """Accounts of a book; their ids as pages show them."""
    made = tuple(AccountDraft(id_bytes(n), book, 10, 0, ZERO, 0, 0) for n in numbers)
    world.do(CreateLedgerAccounts(accounts=made))
    return [f"{n:032x}" for n in numbers]


def move(world: World, book: int, number: int, debit: int, credit: int, amount: int) -> str:
    """An entry; its id as pages show it."""
    draft = TransferDraft(
        id_bytes(number), id_bytes(debit), id_bytes(credit), amount, ZERO, ZERO, 0, 0, 0, book, 1, 0
    )
    world.do(CreateLedgerTransfers(transfers=(draft,)))
    return f"{number:032x}"


def named(person: Person, book: int, currency: str = "CNY") -> None:
    """A book with a name, by its form."""
    person.get(PLACE)
    person.send(f"{PLACE}/books", book=str(book), name=f"Book {book}", currency=currency)
    assert person.status == 303, person.text


def second_operator(world: World) -> Person:
    """Another person who may act."""
    password = PasswordHasher.of(world.platform.settings).hash_password("second-one")
    world.do(CreateOperator(operator_id="bk-second", login="bk-second", role=Role.OPERATOR,
                            password_hash=password))  # fmt: skip
    person = Person(world)
    person.get("/console/sign-in")
    person.send("/console/sign-in", login="bk-second", password="second-one")
    return person


def audited(world: World, command: str) -> list[str]:
    """The outcomes of a command that operators asked for."""
    sql = "SELECT outcome FROM audit WHERE command = ? AND caller_id <> 'system' ORDER BY seq"
    return [str(row[0]) for row in world.platform.rows.connection.execute(sql, (command,))]


def test_a_book_is_closed_and_reopened_by_two(world: World) -> None:
    person, other = operator(world), second_operator(world)
    named(person, 610_001)
    accounts(world, 610_001, 610_001_1, 610_001_2)
    move(world, 610_001, 610_001_9, 610_001_1, 610_001_2, 1234)
    book = f"{PLACE}/books/610001"
    person.get(book).send(f"{book}/closes", through="2025-12-31")
    close = person.location.partition("?")[0]
    person.follow()
    assert "SHA-256" in person.page
    assert "The books still say the same" in person.text
    person.send(f"{close}/reopening", reason="An invoice came late.")
    assert person.follow().has_form(f"{close}/approve") is False
    assert person.post(f"{close}/approve", person.hidden(f"{close}/reject")).status == 403
    other.get(close).send(f"{close}/approve")
    assert "Reopened" in other.follow().text
    assert "An invoice came late." in other.text
    assert audited(world, "period.approve_reopening")[-2:] == ["PERIOD_SAME_PERSON", "accepted"]
    person.get(book).send(f"{book}/closes", through="2999-01-01")
    assert person.status >= 400
    assert "2999-01-01" in person.page


def test_an_entry_is_taken_back_and_the_links_lead_both_ways(world: World) -> None:
    person = operator(world)
    named(person, 610_002)
    accounts(world, 610_002, 610_002_1, 610_002_2)
    entry = move(world, 610_002, 610_002_9, 610_002_1, 610_002_2, 1000)
    place = f"/console/entries/{entry}"
    assert place in person.get(f"/console/accounts/{610_002_1:032x}").page
    form = person.get(place).hidden(f"{place}/reversals")
    for _ in range(2):
        assert person.post(f"{place}/reversals",
                           form | {"amount": "2.50", "reason": "Twice."}).status == 303  # fmt: skip
    person.follow()
    assert "7.50" in person.text
    (back,) = set(re.findall(r"/console/entries/([0-9a-f]{32})", person.page)) - {entry}
    reversal = person.get(f"/console/entries/{back}")
    assert place in reversal.page
    assert not reversal.has_form(f"/console/entries/{back}/reversals")
    person.get(place).send(f"{place}/reversals", amount="9", reason="Too much.")
    assert person.status in (409, 422)
    assert "Too much." in person.page


def test_a_schedule_is_made_paused_resumed_and_ended(world: World) -> None:
    person = operator(world)
    named(person, 610_003)
    accounts(world, 610_003, 610_003_1, 610_003_2)
    place = f"{PLACE}/schedules"
    fields = {
        "name": "Rent", "book": "610003", "debit": "6100031", "credit": f"{610_003_2:032x}",
        "amount": "1200", "unit": "month", "every": "1", "first_day": "2090-01-31", "at": "09:30",
        "business_days": "following", "on_refusal": "stop", "retry": "60 1440",
    }  # fmt: skip
    person.get(place).send(place, **fields | {"amount": "x"})
    assert person.status == 422
    assert 'value="Rent"' in person.page
    person.send(place, **fields)
    one = person.location.partition("?")[0]
    assert "1,200.00" in person.follow().text
    assert "3600 86400" in person.text
    for act, said in (("pause", "Paused"), ("resume", "Active"), ("end", "Ended")):
        person.send(f"{one}/{act}", **({"missed": "skip"} if act == "resume" else {}))
        assert said in person.follow().text
    assert person.post(f"{one}/explode", person.hidden("/console/sign-out")).status == 404
    assert audited(world, "schedule.end")[-1] == "accepted"


def test_a_sweep_runs_when_it_is_asked_for(world: World) -> None:
    person = operator(world)
    named(person, 610_004)
    accounts(world, 610_004, 610_004_1, 610_004_2, 610_004_3)
    move(world, 610_004, 610_004_9, 610_004_3, 610_004_1, 5000)
    place = f"{PLACE}/sweeps"
    person.get(place).send(place, name="Shops", book="610004", header="6100042",
                           accounts="6100041", mode="excess", target="10", code="1")  # fmt: skip
    one = person.location.partition("?")[0]
    person.follow().send(f"{one}/run")
    assert "40.00" in person.follow().text
    person.send(f"{one}/end")
    assert not person.follow().has_form(f"{one}/run")
    assert "Shops" in person.get(place).text


def test_a_monitor_shows_its_crossings(world: World) -> None:
    person = operator(world)
    named(person, 610_005)
    accounts(world, 610_005, 610_005_1, 610_005_2)
    place = f"{PLACE}/monitors"
    person.get(place).send(place, name="Float", account="6100051", measure="balance",
                           direction="above", threshold="-1", hysteresis="0")  # fmt: skip
    assert "Crossed" in person.follow().text, person.text
    person.get(place).send(place, name="High", account="6100051", measure="balance",
                           direction="above", threshold="10")  # fmt: skip
    one = person.location.partition("?")[0]
    move(world, 610_005, 610_005_9, 610_005_2, 610_005_1, 2000)
    assert re.search(r"Crossed .*20\.00", person.get(one).text)
    person.send(f"{one}/end")
    assert "Ended" in person.follow().text
    person.get(place).send(place, name="Both", account="6100051", book="610005", code="10",
                           measure="balance", direction="above", threshold="1")  # fmt: skip
    assert person.status == 422


def test_an_exchange_is_quoted_taken_and_charted(world: World) -> None:
    person = operator(world)
    named(person, 610_006)
    named(person, 610_007, "USD")
    accounts(world, 610_006, 610_006_1)
    accounts(world, 610_007, 610_007_1)
    place = f"{PLACE}/exchange"
    person.get(place).send(f"{place}/rates", base="usd", quote="cny", rate="7.1", source="pages")
    person.follow().send(f"{place}/desks", desk_id="pages", book="610006", source="pages",
                         stale_after="60", spread="0", quote_valid="600",
                         rounding="HALF_EVEN")  # fmt: skip
    desk = person.location.partition("?")[0]
    for rate, sold, bought in (("", "610007", "610006"), ("7.3", "610006", "610007")):
        if rate:
            person.get(place).send(f"{place}/rates", base="USD", quote="CNY", rate=rate,
                                   source="pages")  # fmt: skip
        person.get(desk).send(f"{desk}/quotes", sell_book=sold, buy_book=bought, sell_amount="73")
        quote = person.location.partition("?")[0]
        ends = {"610007": f"{610_007_1}", "610006": f"{610_006_1}"}
        person.follow().send(f"{quote}/execute", **{"from": ends[sold], "to": ends[bought]})
        assert "It was taken" in person.follow().text
    shown = person.get(desk)
    assert EXCHANGE_POSITION.name not in shown.text
    assert '<svg class="chart"' in shown.page
    assert "+¥2.00" in shown.text.replace(" ", "")
    history = person.get(f"{place}/rates?base=USD&quote=CNY&source=pages").text
    assert "7.3" in history
    assert "7.1" in history
    person.get(place).send(f"{place}/rates", base="USD", quote="USD", rate="1", source="pages")
    assert person.status == 422


def test_a_group_is_made_changed_and_deleted(world: World) -> None:
    person = operator(world)
    (account,) = accounts(world, 610_008, 610_008_1)
    fields = {"name": "North", "accounts": account, "groups": "", "rules": "book=610008 code=10-20"}
    person.get("/console/groups").send("/console/groups", group_id="bk-north", **fields)
    assert account in person.follow().page
    person.get("/console/groups").send("/console/groups", group_id="bk-north", **fields)
    assert person.status == 422
    one = "/console/groups/bk-north"
    person.get(one).send(one, **fields | {"name": "South", "rules": "code=x"})
    assert person.status == 422
    person.send(one, **fields | {"name": "South"})
    assert "South" in person.follow().text
    person.send(f"{one}/delete")
    assert person.follow().get(one).status == 404


def test_a_webhook_endpoint_shows_its_secret_once_and_its_deliveries(world: World) -> None:
    person = operator(world)
    place = f"{PLACE}/webhooks"
    person.get(place).send(place, url="ftp://example.com", algorithm="hmac",
                           **{"topic:sweep.": "yes"})  # fmt: skip
    assert person.status == 422
    person.send(place, url="https://example.com/pages", algorithm="hmac",
                **{"topic:period.": "yes"})  # fmt: skip
    assert person.status == 200
    assert "whsec_" in person.page
    assert "whsec_" not in person.get(place).page
    named(person, 610_009)
    accounts(world, 610_009, 610_009_1)
    book = f"{PLACE}/books/610009"
    person.get(book).send(f"{book}/closes", through="2020-01-01")
    assert person.status == 303, person.text
    message = re.search(rf"{PLACE}/webhook-messages/[A-Za-z0-9_-]+", person.get(place).page)
    assert message is not None
    assert "period.closed" in person.get(message[0]).text
    (end,) = re.findall(rf'action="({place}/[0-9]+/end)"', person.get(place).page)
    person.send(end)
    assert end not in person.follow().page


@pytest.mark.parametrize(
    ("page", "action"),
    [
        ("", "/books"), ("/schedules", "/schedules"), ("/sweeps", "/sweeps"),
        ("/monitors", "/monitors"), ("/exchange", "/exchange/rates"), ("/webhooks", "/webhooks"),
    ],
)  # fmt: skip
def test_a_viewer_looks_and_cannot_act(world: World, page: str, action: str) -> None:
    viewer = operator(world, "viewer")
    assert viewer.get(f"{PLACE}{page}").status == 200
    assert f'method="post" action="{PLACE}' not in viewer.page
    forged = viewer.hidden("/console/sign-out") | {
        "name": "x",
        "book": "610010",
        "url": "https://e.x",
    }
    assert viewer.post(f"{PLACE}{action}", forged).status in (403, 422)
    assert viewer.post(f"{PLACE}{action}", {"name": "x"}).status == 403


def test_a_viewers_command_is_refused_and_written_down(world: World) -> None:
    viewer = operator(world, "viewer")
    viewer.get(PLACE)
    form = viewer.hidden("/console/sign-out") | {"book": "610011", "name": "Mine"}
    assert viewer.post(f"{PLACE}/books", form).status == 403
    assert audited(world, "ledger.name_book")[-1] != "accepted"


@pytest.mark.parametrize(
    "place",
    [
        f"{PLACE}/books/7777", f"{PLACE}/closes/1", f"{PLACE}/schedules/1", f"{PLACE}/sweeps/1",
        f"{PLACE}/monitors/1", f"{PLACE}/exchange/desks/none", f"{PLACE}/exchange/quotes/1",
        f"{PLACE}/webhook-messages/none", f"/console/entries/{'0' * 32}", "/console/entries/x",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(world: World, place: str) -> None:
    assert operator(world).get(place).status == 404


@pytest.mark.parametrize("line", ["book=7", "code=10-20", "book=7 code=5-5 metadata=region:a b=c"])
def test_a_rule_is_read_as_it_is_written(line: str) -> None:
    assert rule_text(rule_of(line)) == line


@pytest.mark.parametrize("line", ["x", "code=a", "metadata=", "metadata=A:b", "book=-1"])
def test_what_says_no_rule_is_refused(line: str) -> None:
    with pytest.raises(Refused):
        rule_of(line)
