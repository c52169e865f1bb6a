"""Proving oneself on the pages: binding, step-up in the cashier and wallet, levels, recovery."""

from __future__ import annotations

import base64
import json
import re
from html import unescape
from typing import Any

import pytest
from tests.console.person import Person, signed_in
from tests.console.world import World

from tallystick.payments.trades.model import TradeStatus
from tallystick.risk.decision.model import PublishRule, SaveRule
from tallystick.risk.decision.rules import Rule
from tallystick.risk.person.model import SetLevelLimit
from tallystick.risk.person.totp import STEP_S, code_at

PIN = "123456"
ODD = 42_42
"""An amount that risk wants a proof for."""
PNG = b"\x89PNG\r\n\x1a\n"


def national_id(first_17: str) -> str:
    """With its check character (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(d) * w for d, w in zip(first_17, weights, strict=True))
    return first_17 + "10X98765432"[total % 11]


MINE = national_id("11010119900307783")
BARES = national_id("11010119900307784")


@pytest.fixture(scope="module")
def watched(world: World) -> World:
    """The world with a rule that challenges one amount."""
    for kind in ("payment", "transfer"):
        when = f"kind == '{kind}' && amount == {ODD}"
        rule = Rule(name=f"odd_{kind}", when=when, action="challenge")
        number = world.do(SaveRule(rule=rule)).number  # type: ignore[attr-defined]
        world.do(PublishRule(name=rule.name, version=number))
    return world


def code_of(world: World, secret: bytes, later: int = 0) -> str:
    return code_at(secret, world.platform.clock_ms() // 1000 // STEP_S + later)


def with_generator(world: World, person: Person) -> bytes:
    """Bind a generator; gives its secret."""
    person.get("/wallet/security").send("/wallet/security/generator", payment_password=PIN)
    place = person.location
    person.follow()
    typed = re.search(r"<code>([A-Z2-7 ]+)</code>", person.page)
    assert typed
    secret = base64.b32decode(typed[1].replace(" ", ""))
    person.send(place, code=code_of(world, secret, -1))
    assert person.location == "/wallet/security?done=factor_added", person.text
    return secret


def messages(world: World, phone: str) -> list[str]:
    lines = (world.platform.settings.data / "sandbox-messages.jsonl").read_text().splitlines()
    return [m["text"] for m in map(json.loads, lines) if m["to"] == phone]


def test_a_payment_that_risk_challenges_goes_on_after_a_proof(watched: World) -> None:
    who = watched.buyer("stepper")
    person = signed_in(watched, who.login)
    secret = with_generator(watched, person)
    trade_no = watched.order(ODD)
    pay = f"/cashier/{trade_no}/pay"
    person.get(f"/cashier/{trade_no}").send(pay, payment_password=PIN)
    verify, _, query = person.location.partition("?")
    assert re.fullmatch(r"/verify/[0-9a-f]{32}", verify)
    assert query == f"next=%2Fcashier%2F{trade_no}"
    person.follow()
    assert "Prove that it is you" in person.text
    wrong = person.send(f"{verify}/code", code="000000")
    assert wrong.status == 401
    assert "Tries left: 4" in wrong.text
    person.send(f"{verify}/code", code=code_of(watched, secret))
    assert person.location == f"/cashier/{trade_no}?done=proved"
    person.follow().send(pay, payment_password=PIN)
    assert person.location == f"/cashier/{trade_no}?paid=now"
    assert watched.status(trade_no) is TradeStatus.HELD


def test_without_a_way_to_prove_oneself_the_wallet_says_how_to_get_one(watched: World) -> None:
    person = signed_in(watched, watched.buyer("bare").login)
    trade_no = watched.order(ODD)
    person.get(f"/cashier/{trade_no}").send(f"/cashier/{trade_no}/pay", payment_password=PIN)
    assert person.location == "/wallet/security?done=factor_wanted"
    assert "Bind a way to prove yourself first" in person.follow().text
    assert watched.status(trade_no) is TradeStatus.WAIT_BUYER_PAY
    # What is bound because risk has asked does not answer it that day; with the face it does.
    secret = with_generator(watched, person)
    person.get(f"/cashier/{trade_no}").send(f"/cashier/{trade_no}/pay", payment_password=PIN)
    assert person.location == "/wallet/security?done=factor_wanted"
    assert "done=document_checked" in document(person, BARES, PNG).location
    person.get(f"/cashier/{trade_no}").send(f"/cashier/{trade_no}/pay", payment_password=PIN)
    verify = person.location.partition("?")[0]
    person.follow().send(f"{verify}/code", code=code_of(watched, secret))
    person.follow().send(f"/cashier/{trade_no}/pay", payment_password=PIN)
    assert watched.status(trade_no) is TradeStatus.HELD


def test_a_transfer_is_challenged_and_a_code_by_message_proves(watched: World) -> None:
    who = watched.buyer("phoner")
    person = signed_in(watched, who.login).get("/wallet/security")
    phone = f"+86139{who.party_id[-8:]}"
    person.send("/wallet/security/phone", phone=phone[3:], payment_password=PIN)
    place = person.location
    person.follow()
    assert phone not in person.page
    code = messages(watched, phone)[-1][:6]
    assert person.send(place, code="999999" if code != "999999" else "111111").status == 401
    person.send(place, code=code)
    assert person.location == "/wallet/security?done=factor_added"
    form = {"payee": "bob@sandbox.test", "amount": "42.42", "payment_password": PIN}
    person.get("/wallet/transfer").send("/wallet/transfer", **form)
    verify = person.location.partition("?")[0]
    person.follow().send(f"{verify}/send")
    assert person.status == 200
    sent = messages(watched, phone)[-1][:6]
    fields = dict(re.findall(r'name="(factor|next|csrf|sent_to)" value="([^"]*)"', person.page))
    person.post(f"{verify}/code", fields | {"code": sent})
    assert person.location == "/wallet/transfer?done=proved"
    person.follow().send("/wallet/transfer", **form)
    assert person.location == "/wallet?done=transferred"
    assert person.post(f"{verify}/code", fields | {"code": sent}).status == 409


def test_a_new_sim_proves_nothing(watched: World) -> None:
    person = signed_in(watched, watched.buyer("swapped").login).get("/wallet/security")
    person.send("/wallet/security/phone", phone="13912340000", payment_password=PIN)
    assert person.status == 409
    assert "SIM card" in person.text


def test_nobody_sees_or_answers_anothers_challenge(watched: World) -> None:
    person = signed_in(watched, watched.buyer("owner").login)
    with_generator(watched, person)
    trade_no = watched.order(ODD)
    person.get(f"/cashier/{trade_no}").send(f"/cashier/{trade_no}/pay", payment_password=PIN)
    verify = person.location.partition("?")[0]
    other = signed_in(watched, watched.buyer("other").login)
    assert other.get(verify).status == 404
    assert Person(watched).get(verify).location.startswith("/wallet/sign-in?next=%2Fverify%2F")
    assert person.get("/verify/" + "0" * 32).status == 404


def test_a_document_and_a_face_raise_the_level_and_limits_hold(watched: World) -> None:
    watched.do(SetLevelLimit(level=1, currency="CNY", single=5_000, day=6_000))
    try:
        _limits_hold(watched)
    finally:
        watched.do(SetLevelLimit(level=1, currency="CNY"))


def _limits_hold(watched: World) -> None:
    who = watched.buyer("levelled")
    person = signed_in(watched, who.login)
    secret = with_generator(watched, person)

    def transfer(amount: str) -> Person:
        form = {"payee": "bob@sandbox.test", "amount": amount, "payment_password": PIN}
        return person.get("/wallet/transfer").send("/wallet/transfer", **form)

    assert "does not allow so much" in transfer("50.01").text
    assert transfer("40.00").location == "/wallet?done=transferred"
    assert transfer("20.01").status == 422
    assert transfer("20.00").location == "/wallet?done=transferred"
    for number, said in (
        ("110101199003070001", "cannot be the number"),
        (national_id("11010119900307000"), "does not belong"),
    ):
        refused = document(person, number, PNG)
        assert said in refused.text, refused.text
    assert "does not show the person" in document(person, MINE, b"GIF89a").text
    assert "done=document_checked" in document(person, MINE, PNG).location
    assert "Face checked" in person.follow().text
    assert transfer("900.00").location == "/wallet?done=transferred"
    assert secret


def document(person: Person, number: str, photo: bytes) -> Person:
    """Send the form with a file, as a browser does."""
    person.get("/wallet/security")
    fields = person.hidden("/wallet/security/document") | {
        "number": number, "payment_password": PIN,
    }  # fmt: skip
    return upload(person, "/wallet/security/document", fields, photo)


def upload(person: Person, path: str, fields: dict[str, str], photo: bytes) -> Person:
    person.client.cookies.clear()
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    files: Any = {"photo": ("me.png", photo, "image/png")}
    person.answer = person.client.post(path, data=fields, files=files, headers={"cookie": cookies})
    return person


def test_recovery_needs_password_document_and_face_and_can_be_stopped(watched: World) -> None:
    who = watched.buyer("loser")
    person = signed_in(watched, who.login)
    with_generator(watched, person)
    number = national_id("44030819990101312")
    assert "done=document_checked" in document(person, number, PNG).location, person.text
    stranger = Person(watched).get("/recover")
    fields = stranger.hidden("/recover") | {"login": who.login, "number": number}
    wrong = upload(stranger, "/recover", fields | {"password": "sandbox-2"}, PNG)
    assert wrong.status == 401
    fields |= {"password": "sandbox-1"}
    assert upload(stranger, "/recover", fields, PNG + b"another person").status == 422
    assert upload(stranger, "/recover", fields | {"number": MINE}, PNG).status == 422
    assert "Your request is in" in upload(stranger, "/recover", fields, PNG).text
    person.get("/wallet/security")
    assert "take your ways to prove yourself away" in unescape(person.text)
    person.send("/wallet/security/keep")
    assert person.location == "/wallet/security?done=recovery_cancelled"
    assert "take your ways" not in person.follow().text


def test_removing_a_way_takes_a_proof_first(watched: World) -> None:
    person = signed_in(watched, watched.buyer("remover").login)
    secret = with_generator(watched, person)
    person.get("/wallet/security").send("/wallet/security/remove", payment_password=PIN)
    verify = person.location.partition("?")[0]
    assert verify.startswith("/verify/")
    person.follow().send(f"{verify}/code", code=code_of(watched, secret))
    person.follow().send("/wallet/security/remove", payment_password=PIN)
    assert person.location == "/wallet/security?done=factor_removed"
    assert "None yet." in person.follow().text


def test_a_challenged_sign_in_takes_a_proof_in_the_browser_that_knew_the_password(
    watched: World,
) -> None:
    who = watched.buyer("traveller")
    secret = with_generator(watched, signed_in(watched, who.login))
    when = f"kind == 'sign_in' && party == '{who.party_id}'"
    rule = Rule(name="traveller", when=when, action="challenge")
    version = watched.do(SaveRule(rule=rule)).number  # type: ignore[attr-defined]
    watched.do(PublishRule(name="traveller", version=version))
    person = Person(watched).get("/wallet/sign-in")
    person.send("/wallet/sign-in", login=who.login, password="wrong-1")
    assert person.status == 401
    person.send("/wallet/sign-in", login=who.login, password="sandbox-1")
    verify = person.location.partition("?")[0]
    assert verify.startswith("/verify/")
    assert Person(watched).get(verify).location.startswith("/wallet/sign-in")
    person.follow().send(f"{verify}/code", code=code_of(watched, secret))
    assert person.location == "/wallet/sign-in?next=%2Fwallet&done=proved"
    person.follow().send("/wallet/sign-in", login=who.login, password="sandbox-1")
    assert person.location == "/wallet"
    assert person.follow().status == 200
