"""The marketplace's clients and its receiver believe only what the platform signed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qsl

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tallystick.partners.notify_form import form_body, signed_fields
from tallystick.partners.rsa2 import sign, verify
from tallystick.sandbox.answers import Answer, NoAnswerError, WrongAnswerError
from tallystick.sandbox.receiver import Receiver
from tallystick.sandbox.rest_client import RestClient
from tallystick.sandbox.signed_client import GatewayClient

APP_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PLATFORM_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FORM = {"notify_id": "n1", "trade_no": "2026", "trade_status": "TRADE_SUCCESS", "subject": "茶"}

Handler = Callable[[httpx2.Request], httpx2.Response]


def signed(content: bytes, name: str = "alipay_trade_query_response") -> httpx2.Response:
    """An answer as the platform gives it."""
    body = b'{"%b":%b,"sign":"%b"}' % (
        name.encode(), content, sign(content, PLATFORM_KEY).encode(),
    )  # fmt: skip
    return httpx2.Response(200, content=body)


def asked(handler: Handler) -> Answer:
    """What a gateway client makes of an answer."""

    async def ask() -> Answer:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as http:
            client = GatewayClient(
                http, "http://shop.test/gateway.do", "app", APP_KEY, PLATFORM_KEY.public_key()
            )
            try:
                request = await client.sign("alipay.trade.query", {"out_trade_no": "茶&=1"})
                return await client.send(request)
            finally:
                client.close()

    return asyncio.run(ask())


def test_a_request_is_signed_over_all_its_parameters() -> None:
    seen: dict[str, str] = {}

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.update(parse_qsl(request.content.decode()))
        return signed(b'{"code":"10000","trade_status":"WAIT_BUYER_PAY"}')

    answer = asked(handler)
    assert answer.accepted
    signature = seen.pop("sign")
    text = "&".join(f"{name}={value}" for name, value in sorted(seen.items()))
    assert verify(text.encode(), signature, APP_KEY.public_key())
    assert seen["biz_content"] == '{"out_trade_no":"茶&=1"}'


def test_a_refusal_is_an_answer_with_its_code() -> None:
    refused = asked(lambda _: signed(b'{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}'))
    assert (refused.accepted, refused.code) == (False, "ACQ.TRADE_NOT_EXIST")


def forged(request: httpx2.Request) -> httpx2.Response:
    good = signed(b'{"code":"10000","total_amount":"1.00"}')
    return httpx2.Response(200, content=good.content.replace(b"1.00", b"9.00"))


@pytest.mark.parametrize(
    "handler",
    [
        forged,
        lambda _: httpx2.Response(200, content=b"<html>"),
        lambda _: signed(b'{"code":"10000"}', "alipay_trade_pay_response"),
    ],
)
def test_an_answer_that_is_not_the_platforms_is_not_believed(handler: Handler) -> None:
    with pytest.raises(WrongAnswerError):
        asked(handler)


def no_connection(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadError("gone")


@pytest.mark.parametrize("handler", [no_connection, lambda _: httpx2.Response(502)])
def test_a_lost_answer_is_no_answer(handler: Handler) -> None:
    with pytest.raises(NoAnswerError):
        asked(handler)


def test_a_list_is_read_to_its_end() -> None:
    pages = {"": ({"n": 1}, "next"), "next": ({"n": 2}, None)}

    def handler(request: httpx2.Request) -> httpx2.Response:
        item, cursor = pages[request.url.params["cursor"]]
        return httpx2.Response(200, json={"items": [item], "next_cursor": cursor})

    async def read() -> list[int]:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as http:
            client = RestClient(http, "http://shop.test", "tsk_x")
            return [item["n"] async for item in client.items("/v1/trades")]

    assert asyncio.run(read()) == [1, 2]


def test_notifications_are_counted_once_each_and_only_with_the_platforms_signature() -> None:
    receiver = Receiver(PLATFORM_KEY.public_key())
    body = form_body(signed_fields(FORM, PLATFORM_KEY))
    assert receiver.take(body)
    assert receiver.take(body)
    assert receiver.compare({"2026": 1}) == []
    assert receiver.compare({"2026": 2}) != []
    assert receiver.compare({"2026": 1, "2027": 1}) != []
    assert receiver.states() == {"TRADE_SUCCESS": 1}
    assert not receiver.take(form_body(signed_fields(FORM, APP_KEY)))
    assert receiver.compare({"2026": 1}) != []


def test_a_receiver_listens_and_answers_success() -> None:
    async def notified() -> str:
        receiver = Receiver(PLATFORM_KEY.public_key())
        await receiver.start()
        try:
            async with httpx2.AsyncClient(trust_env=False) as http:
                body = form_body(signed_fields(FORM, PLATFORM_KEY))
                return (await http.post(receiver.url, content=body)).text
        finally:
            await receiver.close()

    assert asyncio.run(notified()) == "success"
