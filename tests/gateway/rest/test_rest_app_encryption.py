"""An app's AES key: given over REST, used by the gateway."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.gateway.alipay.shop import Shop, public_key
from tests.gateway.rest.rest_client import MARKET, Rest, new_number
from tests.server_process import ServerProcess

from tallystick.gateway.alipay import aes


def test_an_apps_aes_key_opens_its_content_from_the_next_request_on(
    rest: Rest, running_server: ServerProcess
) -> None:
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signs = rest.get("/v1/gateway-keys")["items"][0]
    der = signing.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = {"name": "Sealed", "merchant_id": MARKET, "gateway_key_id": signs["key_id"],
            "public_key": base64.b64encode(der).decode()}  # fmt: skip
    app_id = rest.done("/v1/apps", body)["app_id"]
    shop = Shop(running_server, app_id, signing, public_key(signs["public_key"]))
    order = {"out_trade_no": new_number(), "total_amount": "1.00", "subject": "Tea"}
    key = bytes(range(32))

    def answered() -> Any:
        content = aes.encrypt(json.dumps(order).encode(), key)
        sent = shop.parameters("alipay.trade.create", content, encrypt_type="AES")
        return shop.send(shop.sign(sent)).json["alipay_trade_create_response"]

    assert answered()["sub_code"] == "isv.decryption-error-not-valid-encrypt-key"
    settings, once = f"/v1/apps/{app_id}/settings", new_number()
    for no_key in ("AAAA", "A" * 43 + "?"):
        assert rest.refused(settings, {"aes_key": no_key}) == "MALFORMED_REQUEST"
    change = {"aes_key": base64.b64encode(key).decode()}
    assert not rest.post(settings, change, key=once).replayed
    assert rest.post(settings, change, key=once).replayed
    opened = aes.decrypt(answered(), key)
    assert isinstance(opened, bytes)
    assert json.loads(opened)["code"] == "10000"
    assert rest.get(f"/v1/apps/{app_id}")["encrypts"] is True
    rest.done(settings, {"aes_key": ""})
    assert rest.get(f"/v1/apps/{app_id}")["encrypts"] is False
    shop.hang_up()
