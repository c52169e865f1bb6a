"""A key does what its scopes say and no more; one that is bound to an app is that app."""

from __future__ import annotations

import pytest
from tests.gateway.rest.rest_client import BUYER, COURIER, TEA, Rest, new_number, new_public_key
from tests.server_process import ServerProcess

from tallystick.gateway.rest.api import OPERATIONS
from tallystick.gateway.rest.identity import SCOPE_MEANINGS
from tallystick.gateway.rest.operation import Operation
from tallystick.partners.api_keys import SCOPES

APP = "2026000000000001"
WITH_KEY = [o for o in OPERATIONS if o.needs_key]
EXAMPLES = {
    "entry_id": "2026112412345678901234567890", "dispute_id": "2026112412345678901234567890",
    "bits": "0", "prefix": "0",
    "trade_no": "2026112412345678901234567890", "hold_id": "2026112412345678901234567890",
    "order_id": "2026112412345678901234567890", "party_id": BUYER, "app_id": APP,
    "key_id": "sandbox", "notify_id": "n1", "account_id": "1", "transfer_id": "1",
    "loan_id": "2026112412345678901234567890", "decision_id": "2026112412345678901234567890",
    "borrower_id": BUYER, "product_id": "cash",
    "group_id": "2026112412345678901234567890",
    "break_id": "2026112412345678901234567890-00001",
    "receivable_id": "2026112412345678901234567890", "merchant_id": BUYER,
    "source": "ecb", "base": "USD", "quoted": "CNY",
    "challenge_id": "3f9a0c5b7d1e4a6f8b2c9d0e1f3a5b7c",
    "alert_id": "2026112412345678901234567890", "level": "warning",
    "ledger": "7", "close_id": "2026112412345678901234567890",
    "schedule_id": "2026112412345678901234567890", "sweep_id": "2026112412345678901234567890",
    "monitor_id": "2026112412345678901234567890", "endpoint_id": "2026112412345678901234567890",
    "message_id": "msg_20", "desk_id": "desk",
    "quote_id": "2026112412345678901234567890",
    "exchange_id": "2026112412345678901234567890",
    "name": "many_cards", "version": "1", "seq": "1",
    "offer_id": "2026112412345678901234567890", "hardship_id": "2026112412345678901234567890",
    "consent_id": "2026112412345678901234567890",
    "application_id": "2026112412345678901234567890",
    "review_id": "2026112412345678901234567890", "case_id": "2026112412345678901234567890",
}  # fmt: skip


@pytest.fixture(scope="module")
def market(rest: Rest) -> Rest:
    """A key with every scope, bound to the sandbox's app."""
    mine = [s for s in SCOPES if s != "notifications:read"]
    return rest.with_key(*sorted(mine), app_id=APP)


@pytest.fixture(scope="module")
def lacking(rest: Rest) -> dict[str, Rest]:
    """For each scope a key that has all the others."""
    held = SCOPES - {"notifications:read"}

    def without(scope: str) -> Rest:
        noun, _, verb = scope.partition(":")
        gives_it = {scope, f"{noun}:write"} if verb == "read" else {scope}
        return rest.with_key(*sorted(held - gives_it))

    return {scope: without(scope) for scope in SCOPES}


def address(operation: Operation) -> str:
    return operation.path.format(**{name: EXAMPLES[name] for name in operation.parameters})


def ask(rest: Rest, operation: Operation) -> str:
    if operation.method == "GET":
        return rest.look(address(operation)).code
    return rest.post(address(operation), operation.example).code


@pytest.mark.parametrize("operation", WITH_KEY, ids=lambda o: o.name)
def test_an_operation_needs_its_scope(lacking: dict[str, Rest], operation: Operation) -> None:
    assert ask(lacking[operation.scope], operation) == "NOT_PERMITTED"


@pytest.mark.parametrize("operation", [o for o in WITH_KEY if not o.for_apps], ids=lambda o: o.name)
def test_what_is_not_for_apps_is_refused_to_them(market: Rest, operation: Operation) -> None:
    assert ask(market, operation) == "NOT_PERMITTED"


def test_every_scope_is_explained_and_used() -> None:
    assert set(SCOPE_MEANINGS) == SCOPES
    assert {o.scope for o in WITH_KEY} == SCOPES


def test_who_may_write_may_look(rest: Rest) -> None:
    writer = rest.with_key("payments:write")
    assert writer.look("/v1/trades").status == 200
    assert writer.look("/v1/parties").code == "NOT_PERMITTED"


def test_a_key_gives_no_scope_that_it_has_not(rest: Rest) -> None:
    small = rest.with_key("apps:write", "payments:read")
    assert small.refused("/v1/api-keys", {"name": "x", "scopes": ["wallet:write"]}) == (
        "NOT_PERMITTED")  # fmt: skip
    assert small.refused("/v1/api-keys", {"name": "x", "scopes": ["everything"]}) in (
        "NOT_PERMITTED", "INVALID_PARAMETER")  # fmt: skip
    assert small.post("/v1/api-keys", {"name": "x", "scopes": ["payments:read"]}).status == 201


@pytest.fixture(scope="module")
def others(rest: Rest) -> Rest:
    """A key of another app."""
    signs = rest.get("/v1/gateway-keys")["items"][0]["key_id"]
    body = {"name": "Others", "merchant_id": COURIER, "public_key": new_public_key(),
            "gateway_key_id": signs}  # fmt: skip
    app_id = rest.done("/v1/apps", body)["app_id"]
    return rest.with_key("payments:write", "wallet:write", "apps:write", app_id=app_id)


def test_an_apps_key_sees_and_changes_its_own_trades_only(
    rest: Rest, market: Rest, others: Rest
) -> None:
    order = {"out_trade_no": new_number(), "amount": "1.00", "subject": "x", "seller_id": TEA}
    trade = market.done("/v1/trades", order)
    at = f"/v1/trades/{trade['trade_no']}"
    assert market.get(at)["app_id"] == APP
    assert others.look(at).code == "TRADE_NOT_EXIST"
    assert others.refused(f"{at}/close") == "TRADE_NOT_EXIST"
    assert others.refused("/v1/trades", order | {"app_id": APP}) == "NOT_PERMITTED"
    assert others.look("/v1/trades", app_id=APP).code == "NOT_PERMITTED"
    assert trade["trade_no"] not in [t["trade_no"] for t in others.walk("/v1/trades")]
    assert rest.get(at)["status"] == "wait_buyer_pay"


def test_an_apps_key_moves_no_strangers_money(rest: Rest, others: Rest) -> None:
    before = rest.get(f"/v1/wallets/{BUYER}")
    body = {"payer_id": BUYER, "payee_id": COURIER, "amount": "1.00", "out_biz_no": new_number()}
    app_id = others.get("/v1/apps")["items"][0]["app_id"]
    assert others.refused("/v1/transfers", body) == "NOT_PERMITTED"
    assert others.refused("/v1/transfers", body | {"app_id": app_id}) == "NOT_PERMITTED"
    assert others.refused("/v1/transfers", body | {"app_id": APP}) == "NOT_PERMITTED"
    for way in ("top-ups", "withdrawals"):
        order = {"amount": "1.00", "bank_id": "1"}
        assert others.refused(f"/v1/wallets/{BUYER}/{way}", order) == "NOT_PERMITTED"
    assert others.look(f"/v1/wallets/{BUYER}").code == "NOT_PERMITTED"
    assert rest.get(f"/v1/wallets/{BUYER}") == before


def test_an_apps_key_manages_its_own_keys_only(market: Rest, others: Rest) -> None:
    assert [a["app_id"] for a in market.walk("/v1/apps")] == [APP]
    assert others.look(f"/v1/apps/{APP}").code == "APP_NOT_EXIST"
    assert others.refused(f"/v1/apps/{APP}/keys/app-key-1/retire") == "APP_NOT_EXIST"
    assert {k["app_id"] for k in market.walk("/v1/api-keys")} == {APP}
    assert others.refused("/v1/api-keys/sandbox/revoke") in ("KEY_NOT_EXIST", "NOT_PERMITTED")


def test_a_key_is_not_found_in_the_store(running_server: ServerProcess, rest: Rest) -> None:
    issued = rest.done("/v1/api-keys", {"name": "hashed", "scopes": ["payments:read"]})
    secret = issued["api_key"].rpartition("_")[2].encode()
    files = [f for f in running_server.data.iterdir() if f.is_file()]
    assert files
    assert not [f.name for f in files if secret in f.read_bytes()]
