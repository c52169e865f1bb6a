"""Sessions, forms and headers: who is signed in, for how long, and whose forms are taken."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from litestar.testing import TestClient
from tests.console.person import Person, operator, signed_in
from tests.console.world import ALICE, World, world_app

from tallystick.partners.model import KeyStatus, Operator, SetOperatorStatus, WebSession
from tallystick.sandbox.seed import read_credentials

SESSIONS = {"wallet": "tallystick_party", "console": "tallystick_operator"}


def visitor(world: World, area: str) -> Person:
    """Somebody signed in to an area."""
    return signed_in(world, ALICE.login) if area == "wallet" else operator(world)


@pytest.mark.parametrize("area", SESSIONS)
def test_a_session_is_a_cookie_that_scripts_and_other_sites_cannot_use(
    world: World, area: str
) -> None:
    person = visitor(world, area)
    cookie = SimpleCookie("\n".join(person.set_cookies))[SESSIONS[area]]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "lax"
    assert cookie["path"] == ("/" if area == "wallet" else "/console")
    # Kept until the browser is closed; the server's own limit comes first.
    assert not cookie["max-age"]
    assert len(cookie.value) >= 43


def test_cookies_are_for_https_alone_where_the_address_is(tmp_path: Path) -> None:
    platform, app = world_app(tmp_path / "data", public_url="https://pay.example")
    with TestClient(app, base_url="https://pay.example") as client:
        answer = client.get("/wallet/sign-in")
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert read_credentials(platform.settings.data)["operators"]


@pytest.mark.parametrize("area", SESSIONS)
def test_signing_in_makes_a_new_session_and_ends_the_old(world: World, area: str) -> None:
    person = visitor(world, area)
    first = person.cookies[SESSIONS[area]]
    again = Person(world)
    again.cookies = dict(person.cookies)
    sign_out = f"/{area}/sign-out"
    csrf = again.get(f"/{area}").hidden(sign_out)["csrf"]
    login, password = ALICE.login, "sandbox-1"
    if area == "console":
        login, password = "operator", world.operators["operator"]
    again.post(f"/{area}/sign-in", {"csrf": csrf, "login": login, "password": password})
    assert again.status == 303
    assert again.cookies[SESSIONS[area]] != first
    assert person.get(f"/{area}").status == 303
    assert again.get(f"/{area}").status == 200


@pytest.mark.parametrize("area", SESSIONS)
def test_signing_out_ends_the_session_on_the_server_too(world: World, area: str) -> None:
    person = visitor(world, area)
    kept = dict(person.cookies)
    person.get(f"/{area}").send(f"/{area}/sign-out")
    assert SESSIONS[area] not in person.cookies
    assert "You are signed out." in person.follow().text
    thief = Person(world)
    thief.cookies = kept
    assert thief.get(f"/{area}").location.startswith(f"/{area}/sign-in")


@pytest.mark.parametrize("area", SESSIONS)
def test_a_session_ends_by_itself(world: World, area: str, monkeypatch: pytest.MonkeyPatch) -> None:
    person = visitor(world, area)
    settings = world.platform.settings
    hours = settings.wallet_session_hours if area == "wallet" else settings.operator_session_hours
    now_ms = world.platform.clock_ms()
    almost, over = now_ms + hours * 3_600_000 - 60_000, now_ms + hours * 3_600_000 + 1
    monkeypatch.setattr(world.platform, "clock_ms", lambda: almost)
    assert person.get(f"/{area}").status == 200
    monkeypatch.setattr(world.platform, "clock_ms", lambda: over)
    assert person.get(f"/{area}").status == 303


def test_sessions_are_stored_as_digests(world: World) -> None:
    token = signed_in(world, ALICE.login).cookies["tallystick_party"]
    stored = world.platform.rows.query(WebSession, "")
    assert stored
    assert all(token.encode() not in row.session_index for row in stored)
    assert all(len(row.session_index) == 16 for row in stored)


def test_a_session_of_the_wallet_opens_nothing_of_the_console(world: World) -> None:
    person = signed_in(world, ALICE.login)
    person.cookies["tallystick_operator"] = person.cookies["tallystick_party"]
    assert person.get("/console").location.startswith("/console/sign-in")
    boss = operator(world)
    boss.cookies["tallystick_party"] = boss.cookies["tallystick_operator"]
    assert boss.get("/wallet").location.startswith("/wallet/sign-in")


def test_an_operator_who_is_retired_is_out_at_once(world: World) -> None:
    person = operator(world, "viewer")
    who = world.platform.rows.find(Operator, login="viewer")
    assert who is not None
    try:
        world.do(SetOperatorStatus(operator_id=who.operator_id, status=KeyStatus.RETIRED))
        assert person.get("/console").status == 303
        person.follow()
        person.send("/console/sign-in", login="viewer", password=world.operators["viewer"])
        assert person.status == 401
    finally:
        world.do(SetOperatorStatus(operator_id=who.operator_id, status=KeyStatus.ACTIVE))


@pytest.mark.parametrize("area", SESSIONS)
@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": "of another"}, {}),
        ({"csrf": "right"}, {"origin": "https://evil.example"}),
        ({"csrf": "right"}, {"origin": "null"}),
        ({"csrf": "right"}, {"sec-fetch-site": "cross-site"}),
    ],
)
def test_a_form_that_is_not_ours_is_refused(
    world: World, area: str, form: dict[str, str], headers: dict[str, str]
) -> None:
    person, sign_out = visitor(world, area), f"/{area}/sign-out"
    other = visitor(world, area).get(f"/{area}").hidden(sign_out)["csrf"]
    right = person.get(f"/{area}").hidden(sign_out)["csrf"]
    given = {"right": right, "of another": other}
    filled = {name: given.get(value, value) for name, value in form.items()}
    person.headers = headers
    person.post(sign_out, filled)
    assert person.status == 403
    assert "FORM_NOT_OURS" in person.text
    person.headers = {}
    assert person.get(f"/{area}").status == 200


def test_a_token_from_before_signing_in_is_worth_nothing_after(world: World) -> None:
    person = Person(world).get("/wallet/sign-in")
    before = person.hidden("/wallet/sign-in")["csrf"]
    person.send("/wallet/sign-in", login=ALICE.login, password="sandbox-1")
    person.post("/wallet/sign-out", {"csrf": before})
    assert person.status == 403


@pytest.mark.parametrize(
    "path", ["/wallet/sign-in", "/console/sign-in", "/cashier/1", "/wallet", "/console",
             "/pay/x/qr", "/console/live.json"],
)  # fmt: skip
def test_every_answer_carries_the_headers_that_keep_it_safe(world: World, path: str) -> None:
    headers = Person(world).get(path).answer.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/wallet/sign-in", "/credit/quote"])
def test_a_page_says_its_charset_once(world: World, path: str) -> None:
    headers = Person(world).get(path).answer.headers
    assert headers["content-type"] == "text/html; charset=utf-8"


def test_a_page_that_leads_elsewhere_has_no_body(world: World) -> None:
    answer = Person(world).get("/console").answer
    assert (answer.status_code, answer.content) == (303, b"")


def test_pages_have_nothing_inline(world: World) -> None:
    boss = operator(world)
    for path in ("/console", "/console/keys", "/console/trades"):
        page = boss.get(path).page
        assert "<style" not in page
        assert " style=" not in page
        assert page.count("<script") == page.count('<script src="/assets/')
        assert " onclick" not in page


def test_a_wrong_way_on_after_signing_in_leads_home(world: World) -> None:
    person = Person(world).get("/wallet/sign-in?next=https://evil.example/")
    assert person.hidden("/wallet/sign-in")["next"] == "/wallet"
    form = person.hidden("/wallet/sign-in") | {"next": "//evil.example"}
    person.post("/wallet/sign-in", form | {"login": ALICE.login, "password": "sandbox-1"})
    assert person.location == "/wallet"


def test_a_form_that_is_too_large_is_refused(world: World) -> None:
    person = signed_in(world, ALICE.login).get("/wallet")
    csrf = person.hidden("/wallet/sign-out")["csrf"]
    person.post("/wallet/sign-out", {"csrf": csrf, "next": "x" * 70_000})
    assert person.status == 413
    assert person.get("/wallet").status == 200


@pytest.mark.parametrize("path", ["/wallet/nowhere", "/console/nowhere", "/cashier", "/pay"])
def test_an_address_that_leads_nowhere_says_so(world: World, path: str) -> None:
    person = Person(world).get(path)
    assert person.status == 404
    assert "NOT_FOUND" in person.text


def test_the_language_is_chosen_once_and_kept(world: World) -> None:
    person = Person(world).get("/wallet/sign-in?lang=zh")
    assert '<html lang="zh-CN">' in person.page
    assert "登录" in person.text
    assert '<html lang="zh-CN">' in person.get("/console/sign-in").page
    assert '<html lang="en">' in person.get("/console/sign-in?lang=en").page


def test_a_page_that_answers_a_form_is_at_the_address_of_the_form(world: World) -> None:
    person = signed_in(world, ALICE.login).get("/wallet/transfer")
    person.headers = {"referer": "http://pay.test/wallet/transfer"}
    person.send("/wallet/transfer", payee="nobody", amount="1", payment_password="123456")
    assert person.status == 422
    assert 'data-address="/wallet/transfer"' in person.page
    assert 'href="/wallet/transfer?lang=zh"' in person.page
    person.headers = {"referer": "https://evil.example/steal"}
    person.send("/wallet/transfer", payee="nobody", amount="1", payment_password="123456")
    assert "evil" not in person.page
    assert "data-address" not in person.get("/wallet/transfer").page


def test_static_files_are_kept_by_browsers_under_their_own_version_only(world: World) -> None:
    page = Person(world).get("/wallet/sign-in").page
    address = page.split('<link rel="stylesheet" href="')[1].split('"')[0]
    person = Person(world).get(address)
    assert person.status == 200
    assert "immutable" in person.answer.headers["cache-control"]
    old = person.get("/assets/000000000000/base.css")
    assert old.answer.headers["cache-control"] == "no-cache"
    for name in ("nothing.css", "..%2f..%2frouting.py", "%2e%2e"):
        assert Person(world).get(f"/assets/0/{name}").status == 404


def test_five_wrong_passwords_lock_an_operator_and_say_until_when(world: World) -> None:
    who, password = world.operator("guessed")
    person = Person(world).get("/console/sign-in")
    for left in (4, 3, 2, 1):
        person.send("/console/sign-in", login=who, password="wrong")
        assert person.status == 401
        assert f"Tries left: {left}" in person.text
        assert "wrong" not in person.hidden("/console/sign-in").values()
    person.send("/console/sign-in", login=who, password="wrong")
    assert person.status == 423
    assert "Try again after" in person.text
    person.send("/console/sign-in", login=who, password=password)
    assert person.status == 423
    person.send("/console/sign-in", login="nobody", password="wrong")
    assert person.status == 401
    assert "Tries left" not in person.text
