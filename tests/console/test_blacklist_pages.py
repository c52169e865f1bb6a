"""The blacklist's pages: opened, somebody listed, disputed by the person, decided."""

from __future__ import annotations

import re

import pytest
from tests.console.person import operator, signed_in
from tests.console.world import ALICE, World

from tallystick.parties.model import PartyKind, RegisterParty
from tallystick.parties.passwords import PasswordHasher
from tallystick.parties.views import login_index, seal_login, seal_name
from tallystick.risk.blacklist.model import TAG_BYTES

PLACE = "/console/blacklist"
MINE = "/wallet/said-of-me"


PHONE = "13900139077"


def registered(world: World) -> None:
    """A person whose login is a phone number."""
    sealer = world.platform.sealer
    word = PasswordHasher.of(world.platform.settings).hash_password("sandbox-1")
    world.do(
        RegisterParty(
            party_id="2088000000009077", kind=PartyKind.PERSON, login_hash=word, payment_hash=word,
            login_index=login_index(sealer, PHONE), login_sealed=seal_login(sealer, PHONE),
            name_sealed=seal_name(sealer, "Zhao Liu"),
        )
    )  # fmt: skip


def opened(world: World) -> None:
    """The list is open, whoever opened it."""
    person = operator(world)
    person.get(PLACE)
    if person.has_form(f"{PLACE}/open"):
        person.send(f"{PLACE}/open", origin="list.example")
        assert "The list is open." in person.follow().text


def known_by_nine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has eight more identifiers, of which nothing is said."""
    keeping = world.platform.blacklist
    others = [bytes([number]) * TAG_BYTES for number in range(8)]
    own = keeping.tags_of
    monkeypatch.setattr(keeping, "tags_of", lambda rows, who: [*others, *own(rows, who)])


def test_somebody_is_listed_reads_it_disputes_it_and_it_is_decided(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(world)
    known_by_nine(world, monkeypatch)
    registered(world)
    keeper = operator(world)
    keeper.get(PLACE)
    listing = {
        "kind": "phone", "identifier": PHONE, "reason": "mule_account", "severity": "2",
        "evidence": "case 7", "days": "30",
    }  # fmt: skip
    keeper.send(f"{PLACE}/entries", **listing)
    assert "The entry is published." in keeper.follow().text
    person = signed_in(world, PHONE)
    person.get(MINE)
    person.send(MINE)
    assert "Account lent or sold for fraud" in person.text
    (action,) = re.findall(rf'action="({MINE}/[0-9]+)"', person.page)
    person.send(action, ground="not_me")
    assert "counts as a notice only" in person.text
    keeper.get(PLACE)
    (action,) = re.findall(rf'action="({PLACE}/disputes/[0-9]+)"', keeper.page)
    keeper.send(action, decision="uphold", note="Papers seen.")
    assert "The dispute is decided." in keeper.follow().text
    person.get(MINE)
    person.send(MINE)
    assert "Nothing is said of you." in person.text


def test_what_cannot_be_listed_is_said_by_name(world: World) -> None:
    opened(world)
    keeper = operator(world)
    keeper.get(PLACE)
    keeper.send(
        f"{PLACE}/entries", kind="national_id", identifier="110105194912310021",
        reason="mule_account", severity="2", evidence="case 8", days="30",
    )  # fmt: skip
    assert "This cannot be an identifier of its kind." in keeper.text
    assert "110105194912310021" not in keeper.page


def test_nobody_disputes_what_is_said_of_others(world: World) -> None:
    opened(world)
    person = signed_in(world, ALICE.login)
    person.get(MINE)
    hidden = person.hidden(MINE)
    person.send(MINE)
    person.post(f"{MINE}/2026112412345678901234567890", hidden | {"ground": "not_me"})
    assert person.status == 404


def test_the_page_is_read_in_chinese(world: World) -> None:
    opened(world)
    keeper = operator(world)
    keeper.get(f"{PLACE}?lang=zh")
    assert "共享黑名单" in keeper.text
    assert "签名日志头" in keeper.text
