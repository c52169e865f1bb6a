"""What operators do: each action, its refusals, the viewer who may not, and the audit trail."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.console.person import Person, operator
from tests.console.world import ALICE, TEA, World, serving

from tallystick.partners.model import (
    ApiKey,
    App,
    AppKey,
    GatewayKey,
    KeyStatus,
    Notification,
    NotificationStatus,
)
from tallystick.payments.trades.model import OpenDispute, TradeStatus
from tallystick.sandbox.seed import APP_ID

APP_PAGE = f"/console/apps/{APP_ID}"


def new_public_key(bits: int = 2048) -> str:
    """A public key in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def disputed(world: World, amount: int) -> str:
    """A fresh trade in dispute."""
    trade_no = world.paid(amount)
    world.do(OpenDispute(app_id=APP_ID, trade_no=trade_no, reason="Broken"))
    return trade_no


def audit(world: World, subject: str) -> list[tuple[str, str]]:
    """Command and outcome of the trail's lines about something, oldest first."""
    sql = "SELECT command, outcome FROM audit WHERE subject = ? ORDER BY seq"
    return [(c, o) for c, o in world.platform.rows.connection.execute(sql, (subject,))]


class Deed(NamedTuple):
    """An action of the console."""

    page: str
    action: str
    fields: dict[str, str]


def deeds(world: World) -> list[Deed]:
    """One of every action."""
    unpaid, held, in_dispute = world.order(100), world.paid(200), disputed(world, 300)
    notified = world.platform.rows.query(Notification, "LIMIT 1")[0].notify_id
    trade, note = "/console/trades/", f"/console/notifications/{notified}"
    key = {"public_key": new_public_key()}
    return [
        Deed(trade + unpaid, f"{trade}{unpaid}/close", {}),
        Deed(trade + held, f"{trade}{held}/refund", {"amount": "1", "reason": "x"}),
        Deed(trade + in_dispute, f"{trade}{in_dispute}/resolve",
             {"to_buyer": "3.00", "to_seller": "0.00"}),
        Deed(trade + in_dispute, f"{trade}{in_dispute}/resolve", {"to_buyer": "nonsense"}),
        Deed(APP_PAGE, f"{APP_PAGE}/keys", {"public_key": "nonsense"}),
        Deed(note, f"{note}/resend", {}),
        Deed(APP_PAGE, f"{APP_PAGE}/settings", {"name": "Taken over"}),
        Deed(APP_PAGE, f"{APP_PAGE}/status", {"status": "retired"}),
        Deed(APP_PAGE, f"{APP_PAGE}/keys", key),
        Deed(APP_PAGE, f"{APP_PAGE}/keys/app-key-1/retire", {}),
        Deed(APP_PAGE, f"{APP_PAGE}/aes-key", {"change": "new"}),
        Deed("/console/keys", "/console/keys", {"name": "Mine", "scope:ledger:read": "yes"}),
        Deed("/console/keys", "/console/keys/sandbox/revoke", {}),
        Deed("/console/keys", "/console/gateway-keys", {}),
    ]  # fmt: skip


TABLES = ("trade", "trade_event", "refund", "app", "app_key", "api_key", "gateway_key",
          "ledger_transfer", "notification")  # fmt: skip


def everything(world: World) -> dict[str, list[str]]:
    """All rows that actions could change."""
    connection = world.platform.rows.connection
    found = {t: connection.execute(f"SELECT * FROM {t}").fetchall() for t in TABLES}
    return {t: sorted(map(repr, rows)) for t, rows in found.items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world of its own: nothing that other tests began (joint loans, bank orders) goes on here.

    The other tests' institutions would be settled with while this one compares tables.
    """
    with serving(tmp_path_factory.mktemp("actions") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def noisy(world: World) -> World:
    """The world with a trade that a shop was to be told of, at an address that is not allowed."""
    world.paid(100, notify_url="http://127.0.0.1:9/notify")
    deadline = time.monotonic() + 120
    while world.platform.rows.query(Notification, "LIMIT 1")[0].status != "given_up":
        assert time.monotonic() < deadline, "the notification is not given up"
        time.sleep(0.02)
    return world


def test_a_viewer_is_shown_no_action_and_refused_each_and_that_is_written_down(
    noisy: World,
) -> None:
    world, viewer = noisy, operator(noisy, "viewer")
    todo = deeds(world)
    before = everything(world)
    csrf = viewer.get("/console").hidden("/console/sign-out")["csrf"]
    for deed in todo:
        viewer.get(deed.page)
        assert viewer.status == 200
        assert not viewer.has_form(deed.action), deed
        forms = set(re.findall(r'<form[^>]*method="post" action="([^"]+)"', viewer.page))
        assert forms == {"/console/sign-out"}
    lines = world.platform.rows.connection.execute("SELECT COUNT(*) FROM audit").fetchone()[0]
    for deed in todo:
        viewer.post(deed.action, {"csrf": csrf, "form_id": "f" * 32} | deed.fields)
        assert viewer.status == 403, deed
        assert "NOT_PERMITTED" in viewer.page or "not allowed" in viewer.text, deed
    assert everything(world) == before
    written = world.platform.rows.connection.execute(
        "SELECT caller_id, outcome FROM audit ORDER BY seq LIMIT 10000 OFFSET ?", (lines,)
    ).fetchall()
    assert written == [("sandbox-viewer", "NOT_PERMITTED")] * len(todo)


def test_an_operator_is_shown_each_action(noisy: World) -> None:
    boss = operator(noisy)
    for deed in deeds(noisy):
        assert boss.get(deed.page).has_form(deed.action), deed


def test_a_dispute_is_resolved_with_a_part_for_each_side(world: World) -> None:
    trade_no = disputed(world, 10_000)
    page = f"/console/trades/{trade_no}"
    buyer, seller = world.balance(ALICE.party_id), world.balance(TEA.party_id)
    boss = operator(world).get(page)
    for to_buyer, to_seller in (("60.00", "50.00"), ("0", "0"), ("100.01", "0")):
        boss.get(page).send(f"{page}/resolve", to_buyer=to_buyer, to_seller=to_seller)
        assert boss.status == 422
        assert "together must be what is held" in boss.text
        # What was written is still there to be put right.
        assert f'value="{to_buyer}"' in boss.page
    for wrong in ("x", "-1", "1.234", ""):
        boss.get(page).send(f"{page}/resolve", to_buyer=wrong, to_seller="0")
        assert boss.status == 422
        assert "not a valid amount" in boss.text
    assert world.status(trade_no) is TradeStatus.DISPUTED
    boss.get(page).send(f"{page}/resolve", to_buyer="40.00", to_seller="60.00")
    assert boss.location == f"{page}?done=resolved"
    assert "The dispute is resolved." in boss.follow().text
    assert not boss.has_form(f"{page}/resolve")
    assert world.balance(ALICE.party_id) == buyer + 4_000
    assert seller < world.balance(TEA.party_id) <= seller + 6_000
    trail = audit(world, f"trade_no={trade_no}")
    assert trail == [("trade.resolve", "DISPUTE_SUM_WRONG")] * 3 + [("trade.resolve", "accepted")]
    assert "Resolve a dispute" in boss.get("/console/audit").text


def test_a_form_that_is_sent_twice_acts_once(world: World) -> None:
    trade_no = world.paid(5_000)
    page, before = f"/console/trades/{trade_no}", world.balance(ALICE.party_id)
    boss = operator(world).get(page)
    form = boss.hidden(f"{page}/refund") | {"amount": "10.00", "reason": "Late"}
    for _ in range(3):
        boss.post(f"{page}/refund", form)
        assert boss.location == f"{page}?done=refunded"
    assert world.balance(ALICE.party_id) == before + 1_000


def test_refunds_and_closing_are_refused_with_a_reason(world: World) -> None:
    trade_no, unpaid = world.paid(5_000), world.order(100)
    page, other = f"/console/trades/{trade_no}", f"/console/trades/{unpaid}"
    boss = operator(world).get(page).send(f"{page}/refund", amount="50.01", reason="")
    assert boss.status == 422
    assert "would exceed" in boss.text
    form = boss.get(other).hidden(f"{other}/close")
    boss.post(f"{other}/close", form)
    assert boss.location == f"{other}?done=closed"
    assert world.status(unpaid) is TradeStatus.CLOSED
    boss.post(f"{page}/close", form | {"form_id": "another"})
    assert boss.status == 409
    assert world.status(trade_no) is TradeStatus.HELD


def test_a_notification_is_sent_again_under_the_same_id(noisy: World) -> None:
    world = noisy
    row = world.platform.rows.query(Notification, "LIMIT 1")[0]
    page = f"/console/notifications/{row.notify_id}"
    boss = operator(world).get(page)
    boss.send(f"{page}/resend")
    assert boss.location == f"{page}?done=resent"
    again = world.platform.rows.get(Notification, row.notify_id)
    assert again is not None
    assert again.status in (NotificationStatus.DUE, NotificationStatus.WAITING,
                            NotificationStatus.GIVEN_UP)  # fmt: skip
    assert ("notification.resend", "accepted") in audit(world, f"notify_id={row.notify_id}")


def test_keys_of_an_app_are_added_and_retired_but_never_the_last(world: World) -> None:
    boss = operator(world).get(APP_PAGE)
    for wrong in ("nonsense", new_public_key(1024), base64.b64encode(b"x" * 300).decode(), ""):
        boss.get(APP_PAGE).send(f"{APP_PAGE}/keys", public_key=wrong)
        assert boss.status == 422
        assert "not an RSA public key of at least 2048 bits" in boss.text
    boss.get(APP_PAGE).send(f"{APP_PAGE}/keys", public_key=new_public_key())
    assert boss.location == f"{APP_PAGE}?done=key_added"
    added = {k.key_id for k in world.platform.rows.select(AppKey, app_id=APP_ID)
             if k.status is KeyStatus.ACTIVE}  # fmt: skip
    for key_id in sorted(added - {"app-key-1"}):
        boss.get(APP_PAGE).send(f"{APP_PAGE}/keys/{key_id}/retire")
        assert boss.location == f"{APP_PAGE}?done=key_retired"
    boss.get(APP_PAGE).send(f"{APP_PAGE}/keys/app-key-1/retire")
    assert boss.status == 409
    assert "The last active key cannot be retired" in boss.text
    boss.post(f"{APP_PAGE}/keys/nothing/retire", boss.hidden("/console/sign-out"))
    assert boss.status == 404


def test_an_apps_settings_are_changed_and_wrong_ones_refused(world: World) -> None:
    boss = operator(world).get(APP_PAGE)
    for field, wrong in (("notify_url", "ftp://x"), ("fee_rate", "1.5"), ("fee_rate", "nonsense"),
                         ("settlement", "later"), ("gateway_key_id", "nothing")):  # fmt: skip
        boss.get(APP_PAGE).send(f"{APP_PAGE}/settings", **{field: wrong})
        assert boss.status in (404, 422), (field, wrong)
    boss.get(APP_PAGE).send(f"{APP_PAGE}/settings", notify_url="https://shop.test/told")
    assert boss.location == f"{APP_PAGE}?done=saved"
    app = world.platform.rows.get(App, APP_ID)
    assert app is not None
    assert app.notify_url == "https://shop.test/told"
    assert app.fee_rate == "0.006"
    boss.get(APP_PAGE).send(f"{APP_PAGE}/settings", notify_url="")


def test_an_apps_aes_key_is_made_shown_once_and_taken_away(world: World) -> None:
    boss, shown = operator(world), []
    for _ in range(2):
        boss.get(APP_PAGE).send(f"{APP_PAGE}/aes-key", change="new")
        assert boss.status == 200
        match = re.search(r'<p class="secret" id="secret">([^<]+)</p>', boss.page)
        assert match is not None
        shown.append(base64.b64decode(match[1]))
        keys = world.platform.keyring.app(APP_ID)
        assert keys is not None
        assert keys.aes_key == shown[-1]
        assert match[1] not in boss.get(APP_PAGE).page
    assert len(set(shown)) == 2
    boss.send(f"{APP_PAGE}/aes-key", change="remove")
    assert boss.location == f"{APP_PAGE}?done=saved"
    keys = world.platform.keyring.app(APP_ID)
    assert keys is not None
    assert keys.aes_key == b""


def test_an_app_is_disabled_and_enabled_again(world: World) -> None:
    boss = operator(world)
    for status in (KeyStatus.RETIRED, KeyStatus.ACTIVE):
        boss.get(APP_PAGE).send(f"{APP_PAGE}/status")
        assert boss.location == f"{APP_PAGE}?done=saved"
        app = world.platform.rows.get(App, APP_ID)
        assert app is not None
        assert app.status is status


def test_an_api_key_is_shown_once_and_stored_as_a_digest(world: World) -> None:
    boss = operator(world).get("/console/keys")
    fields = {"name": "Reports", "scope:ledger:read": "yes", "scope:payments:read": "yes"}
    boss.send("/console/keys", **fields)
    assert boss.status == 200
    match = re.search(r'<p class="secret" id="secret">([^<]+)</p>', boss.page)
    assert match is not None
    secret = match[1]
    key = next(k for k in world.platform.rows.query(ApiKey, "") if k.name == "Reports")
    assert set(key.scopes.split()) == {"ledger:read", "payments:read"}
    assert secret.encode() not in key.secret_hash
    assert secret not in boss.get("/console/keys").page
    boss.send(f"/console/keys/{key.key_id}/revoke")
    assert boss.location == "/console/keys?done=key_revoked"
    again = world.platform.rows.get(ApiKey, key.key_id)
    assert again is not None
    assert again.status is KeyStatus.RETIRED
    assert not boss.follow().has_form(f"/console/keys/{key.key_id}/revoke")


def test_the_signing_key_is_rotated_without_a_break(world: World) -> None:
    boss = operator(world).get("/console/keys")
    known = {k.key_id for k in world.platform.rows.query(GatewayKey, "")}
    boss.send("/console/gateway-keys")
    assert boss.location == "/console/keys?done=key_made"
    made = {k.key_id for k in world.platform.rows.query(GatewayKey, "")} - known
    assert len(made) == 1
    for key_id in (made.pop(), "gateway-1"):
        boss.get(APP_PAGE).send(f"{APP_PAGE}/settings", gateway_key_id=key_id)
        assert boss.location == f"{APP_PAGE}?done=saved"
        signing = world.platform.keyring.app(APP_ID)
        assert signing is not None


def test_signing_in_and_out_and_wrong_passwords_are_in_the_trail(world: World) -> None:
    login, password = world.operator("trailed")
    person = Person(world).get("/console/sign-in")
    person.send("/console/sign-in", login=login, password="wrong")
    person.send("/console/sign-in", login=login, password=password)
    person.follow().send("/console/sign-out")
    sql = "SELECT command, outcome FROM audit WHERE caller_id = ? ORDER BY seq"
    assert world.platform.rows.connection.execute(sql, (login,)).fetchall() == [
        ("operator.password_try", "accepted"),
        ("session.open", "accepted"),
        ("session.close", "accepted"),
    ]
    said = operator(world).get(f"/console/audit?operator={login}").text
    assert "Gave a wrong password" in said
    assert "Signed out" in said
