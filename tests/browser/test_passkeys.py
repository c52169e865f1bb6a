"""Passkeys in Chromium, with its virtual authenticator: made, used, and not used twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.gateway.rest.rest_client import BUYER, Rest
from tests.server_process import ServerProcess

from tallystick.risk.person.passkeys import site_of

ALICE, PASSWORD, PIN = "alice@sandbox.test", "sandbox-1", "123456"


@pytest.fixture(scope="module")
def watched_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own with a rule that challenges one amount."""
    server = ServerProcess(Path(tmp_path_factory.mktemp("passkeys")) / "data").start()
    rest = Rest.of(server)
    rule = {"name": "odd", "when": "kind == 'payment' && amount == 4243", "action": "challenge"}
    rest.done("/v1/risk/rules", rule)
    rest.done("/v1/risk/rules/odd/1/publish")
    rest.hang_up()
    yield server
    server.stop()


@pytest.fixture
def page(chromium: Browser, watched_server: ServerProcess) -> Iterator[Page]:
    """A browser at the server's name, with an authenticator that says yes."""
    context = chromium.new_context(locale="en-GB")
    found = context.new_page()
    session = context.new_cdp_session(found)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
               "hasUserVerification": True, "isUserVerified": True,
               "automaticPresenceSimulation": True}  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield found
    context.close()


def named(server: ServerProcess) -> str:
    return server.base_url.replace("127.0.0.1", "localhost")


def sign_in(page: Page, base: str) -> None:
    page.goto(f"{base}/wallet/sign-in?next=/wallet/security")
    page.get_by_label("Login").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your account's level")).to_be_visible()


def test_a_passkey_is_made_and_lets_a_challenged_payment_pass(
    page: Page, watched_server: ServerProcess
) -> None:
    base = named(watched_server)
    rest = Rest.of(watched_server)
    sign_in(page, base)
    form = page.locator("form[data-passkey=make]")
    form.locator("input[name=label]").fill("My laptop")
    form.locator("input[name=payment_password]").fill("654321")
    form.get_by_role("button").click()
    expect(form.locator(".passkey-said")).to_have_text("The payment password is wrong.")
    form.locator("input[name=payment_password]").fill(PIN)
    form.get_by_role("button").click()
    expect(page.get_by_text("My laptop")).to_be_visible()
    person = rest.get(f"/v1/parties/{BUYER}/person")
    assert [f["kind"] for f in person["factors"]] == ["passkey"]

    trade_no = rest.new_trade("42.43")["trade_no"]
    page.goto(f"{base}/cashier/{trade_no}")
    page.get_by_label("Payment password").fill(PIN)
    page.get_by_role("button", name="Pay").click()
    expect(page).to_have_url(re.compile("/verify/"))
    sent: list[Any] = []
    page.on("request", lambda r: sent.append(r) if r.url.endswith("/passkey") else None)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile(f"/cashier/{trade_no}"))
    page.get_by_label("Payment password").fill(PIN)
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    assert rest.get(f"/v1/trades/{trade_no}")["status"] == "held"

    # The very same signature, sent again, and for another challenge.
    first = sent[-1]
    again = page.request.post(first.url, data=first.post_data, headers={
        "content-type": "application/x-www-form-urlencoded", "origin": base})  # fmt: skip
    assert again.status == 409
    asked = rest.done(f"/v1/parties/{BUYER}/challenges")
    page.goto(asked["url"].replace("127.0.0.1", "localhost"))
    path = asked["url"].rpartition("/verify/")[2]
    other = page.request.post(f"{base}/verify/{path}/passkey", data=first.post_data, headers={
        "content-type": "application/x-www-form-urlencoded", "origin": base})  # fmt: skip
    assert other.status == 422
    assert other.json()["code"] == "PASSKEY_INVALID"
    assert rest.get(f"/v1/challenges/{path}")["status"] == "open"
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("Thank you, it is you.")).to_be_visible()
    assert rest.get(f"/v1/challenges/{path}")["status"] == "passed"
    rest.hang_up()


def test_another_site_cannot_use_the_passkeys_answer() -> None:
    assert site_of("http://127.0.0.1:8800", "127.0.0.1:8800") is None
    assert site_of("http://127.0.0.1:8800", "evil.example") is None
    named = site_of("http://127.0.0.1:8800", "localhost:8800")
    assert named is not None
    assert named.host == "localhost"
    public = site_of("https://pay.example", "localhost:8800")
    assert public is not None
    assert public.host == "pay.example"
    _, state = public.begin_making("2088000000000101", "alice", [])
    assert public.finish_making(state, {"id": "x"}) is None
    assert public.finish_proving(state, [], {}) is None
