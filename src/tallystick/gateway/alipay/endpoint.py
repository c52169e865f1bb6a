"""The gateway's doors: `/gateway.do` (v2) and `/v3/…`, as plain ASGI for speed.

From bytes to a verified call, through the method, to signed bytes. Signing takes most of the
time of a request, so it runs on worker threads (it gives the interpreter free meanwhile).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import quote

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tallystick.gateway.alipay import aes, v3
from tallystick.gateway.alipay.answer_v2 import (
    CONTENT_TYPE,
    encode_answer,
    fault_content,
    response_key,
)
from tallystick.gateway.alipay.calls import Call, Failed, Method
from tallystick.gateway.alipay.faults import Fault, Rejected, fault, fault_of
from tallystick.gateway.alipay.methods_fund import FUND_METHODS
from tallystick.gateway.alipay.methods_trade import TRADE_METHODS
from tallystick.gateway.alipay.request_v2 import AlipayRequest, decode_v2, verify_v2
from tallystick.gateway.alipay.schemas import decode_content, decode_query
from tallystick.gateway.alipay.timestamps import is_present
from tallystick.partners.keyring import AppKeys
from tallystick.partners.nonces import UseNonce
from tallystick.pipeline.commands import SYSTEM
from tallystick.pipeline.refusals import Refusal
from tallystick.platform import Platform

__all__ = ["METHODS", "PAGE_METHODS", "AlipayGateway"]

log = structlog.get_logger("tallystick.gateway")

METHODS: Final[dict[str, Method]] = {**TRADE_METHODS, **FUND_METHODS}
PAGE_METHODS: Final = frozenset({"alipay.trade.page.pay", "alipay.trade.wap.pay"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _TooLarge(Exception):  # noqa: N818
    """The body is larger than configured."""


class AlipayGateway:
    """Both protocol versions on one platform.

    Args:
        error_page: renders a fault for a browser: (fault, accept-language) → HTML.
    """

    def __init__(
        self, platform: Platform, error_page: Callable[[Fault, str], bytes] | None = None
    ) -> None:
        self._platform = platform
        self._error_page = error_page
        self._signers = ThreadPoolExecutor(2, thread_name_prefix="signer")
        self._window_ms = platform.settings.timestamp_window_s * 1000

    def close(self) -> None:
        """Let the signing threads go."""
        self._signers.shutdown()

    # Shared by both versions.

    async def _body(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            while message.get("more_body"):
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > self._platform.settings.body_max_bytes:
                    raise _TooLarge
            body = b"".join(parts)
        if len(body) > self._platform.settings.body_max_bytes:
            raise _TooLarge
        return body

    async def _run(self, call: Call, method: str) -> dict[str, Any] | Fault:
        try:
            return await METHODS[method](call)
        except Failed as failed:
            return failed.fault
        except Exception:
            log.exception("method_failed", method=method, app_id=call.app_id)
            return fault_of(Refusal("INTERNAL_ERROR"))

    def _is_present(self, timestamp_ms: int) -> bool:
        settings = self._platform.settings
        return is_present(
            timestamp_ms,
            self._platform.clock_ms(),
            window_ms=self._window_ms,
            utc_offsets_min=settings.timestamp_utc_offsets_min,
        )

    # Version 2.

    async def serve_v2(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`/gateway.do`."""
        headers = dict(scope["headers"])
        try:
            body = await self._body(receive)
        except _TooLarge:
            await self._answer_v2(send, Rejected(fault_of(Refusal("TOO_LARGE"))), None)
            return
        request = decode_v2(
            scope["method"],
            scope["query_string"],
            body,
            headers.get(b"content-type", b"").decode("latin-1"),
        )
        if isinstance(request, Rejected):
            await self._answer_v2(send, request, headers)
            return
        keys, refused = self._verified_v2(request)
        if refused is not None or keys is None:
            wrong = refused or fault("isv.missing-app-id")
            rejected = Rejected(wrong, request.app_id, request.method, request.charset)
            await self._answer_v2(send, rejected, headers)
            return
        await self._answer_call_v2(send, request, keys, headers)

    def _verified_v2(self, request: AlipayRequest) -> tuple[AppKeys | None, Fault | None]:
        keys = self._platform.keyring.app(request.app_id)
        if keys is None:
            return None, fault_of(Refusal("APP_NOT_EXIST"))
        wrong: Fault | None = fault("isv.invalid-signature")
        for public_key in keys.public_keys:
            wrong = verify_v2(request, public_key)
            if wrong is None:
                break
        if wrong is None and not keys.active:
            wrong = fault_of(Refusal("APP_DISABLED"))
        if wrong is None and not self._is_present(request.timestamp_ms):
            wrong = fault("isv.invalid-timestamp")
        if wrong is None and request.method not in METHODS:
            wrong = fault("isv.invalid-method")
        return keys, wrong

    async def _answer_call_v2(
        self, send: Send, request: AlipayRequest, keys: AppKeys, headers: dict[bytes, bytes]
    ) -> None:
        content = self._content_v2(request, keys)
        result: dict[str, Any] | Fault
        if isinstance(content, Fault):
            result = content
        else:
            call = Call(
                self._platform,
                request.app_id,
                content,
                request.sign,
                request.notify_url,
                request.return_url,
            )
            result = await self._run(call, request.method)
        if isinstance(result, Fault):
            rejected = Rejected(result, request.app_id, request.method, request.charset)
            await self._answer_v2(send, rejected, headers)
            return
        if request.method in PAGE_METHODS:
            base = self._platform.settings.public_base
            await _redirect(send, f"{base}/cashier/{quote(result['trade_no'])}")
            return
        aes_key = keys.aes_key if request.encrypt_type else None
        body = await self._sign(
            response_key(request.method), result, keys.signing_key, request.charset, aes_key
        )
        await _send(send, 200, body, CONTENT_TYPE)

    def _content_v2(self, request: AlipayRequest, keys: AppKeys) -> msgspec.Struct | Fault:
        text: str | bytes = request.biz_content
        if request.encrypt_type:
            if not keys.aes_key:
                return fault("isv.decryption-error-not-valid-encrypt-key")
            opened = aes.decrypt(request.biz_content, keys.aes_key)
            if isinstance(opened, Fault):
                return opened
            try:
                text = opened.decode(request.charset)
            except UnicodeDecodeError:
                return fault("isv.invalid-charset")
        if not text and request.fields:
            return decode_query(request.method, request.fields)
        return decode_content(request.method, text)

    async def _sign(
        self,
        key: str,
        content: object,
        signing_key: RSAPrivateKey,
        charset: str,
        aes_key: bytes | None,
    ) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._signers,
            lambda: encode_answer(key, content, signing_key, charset=charset, aes_key=aes_key),
        )

    async def _answer_v2(
        self, send: Send, rejected: Rejected, headers: dict[bytes, bytes] | None
    ) -> None:
        """A fault: a page for a browser on its way to the cashier, else a signed answer."""
        headers = headers or {}
        if (
            self._error_page is not None
            and rejected.method in PAGE_METHODS
            and b"text/html" in headers.get(b"accept", b"")
        ):
            language = headers.get(b"accept-language", b"").decode("latin-1")
            page = self._error_page(rejected.fault, language)
            await _send(send, 400, page, "text/html; charset=utf-8")
            return
        keys = self._platform.keyring.app(rejected.app_id) if rejected.app_id else None
        content = fault_content(rejected.fault)
        key = response_key(rejected.method)
        if keys is None:
            # Nobody's request: there is no key that the caller would know us by.
            body = b'{"%b":%b}' % (key.encode(), msgspec.json.encode(content))
        else:
            body = await self._sign(key, content, keys.signing_key, rejected.charset, None)
        await _send(send, 200, body, CONTENT_TYPE)

    # Version 3.

    async def serve_v3(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`/v3/…`."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        try:
            body = await self._body(receive)
        except _TooLarge:
            await self._answer_v3(send, fault_of(Refusal("TOO_LARGE")), None, status=413)
            return
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target = f"{target}?{scope['query_string'].decode('latin-1')}"
        request = v3.decode_v3(scope["method"], target, headers, body)
        if isinstance(request, Rejected):
            await self._answer_v3(send, request.fault, self._platform.keyring.app(request.app_id))
            return
        keys = self._platform.keyring.app(request.app_id)
        result = await self._answer_call_v3(request, keys)
        await self._answer_v3(send, result, keys, encrypted=request.encrypted)

    async def _answer_call_v3(
        self, request: v3.V3Request, keys: AppKeys | None
    ) -> dict[str, Any] | Fault:
        if keys is None:
            return fault_of(Refusal("APP_NOT_EXIST"))
        wrong: Fault | None = fault("isv.invalid-signature")
        for public_key in keys.public_keys:
            wrong = v3.verify_v3(request, public_key)
            if wrong is None:
                break
        if wrong is not None:
            return wrong
        if not keys.active:
            return fault_of(Refusal("APP_DISABLED"))
        drift_ms = abs(request.timestamp_ms - self._platform.clock_ms())
        if drift_ms > self._window_ms:
            return fault("isv.invalid-timestamp")
        if request.method not in METHODS or request.method in PAGE_METHODS:
            return fault("isv.invalid-method")
        content = self._content_v3(request, keys)
        if isinstance(content, Fault):
            return content
        if refused := await self._use_nonce(request):
            return refused
        request_id = hashlib.sha256(request.signed_text).hexdigest()
        call = Call(self._platform, request.app_id, content, request_id)
        return await self._run(call, request.method)

    def _content_v3(self, request: v3.V3Request, keys: AppKeys) -> msgspec.Struct | Fault:
        body = request.body
        if request.encrypted and body:
            if not keys.aes_key:
                return fault("isv.decryption-error-not-valid-encrypt-key")
            opened = v3.open_body(request, keys.aes_key)
            if isinstance(opened, Fault):
                return opened
            body = opened
        if not body and request.query:
            return decode_query(request.method, request.query)
        return decode_content(request.method, body)

    async def _use_nonce(self, request: v3.V3Request) -> Fault | None:
        """A nonce counts once: a request that was recorded on the way is not taken again."""
        index = hashlib.sha256(f"{request.app_id}\0{request.nonce}".encode()).digest()[:16]
        answer = await self._platform.submit(
            SYSTEM,
            UseNonce(nonce_index=index, expires_ms=request.timestamp_ms + 2 * self._window_ms),
        )
        return None if answer.refusal is None else fault_of(answer.refusal)

    async def _answer_v3(
        self,
        send: Send,
        result: dict[str, Any] | Fault,
        keys: AppKeys | None,
        *,
        encrypted: bool = False,
        status: int = 0,
    ) -> None:
        if isinstance(result, Fault):
            status = status or result.v3_status
            body = v3.error_body(result)
        else:
            status = 200
            fields = {k: value for k, value in result.items() if k not in ("code", "msg")}
            body = msgspec.json.encode(fields)
            if encrypted and keys is not None and keys.aes_key:
                body = v3.seal_body(body, keys.aes_key)
        now_ms = self._platform.clock_ms()
        trace_id = hashlib.blake2b(body + str(now_ms).encode(), digest_size=16).hexdigest()
        extra: dict[str, str] = {"alipay-trace-id": trace_id}
        if keys is not None:
            signing_key = keys.signing_key
            loop = asyncio.get_running_loop()
            extra = await loop.run_in_executor(
                self._signers,
                lambda: v3.answer_headers(
                    body, signing_key, now_ms=now_ms, nonce=trace_id, trace_id=trace_id
                ),
            )
        await _send(send, status, body, "application/json;charset=utf-8", extra)


async def _send(
    send: Send, status: int, body: bytes, content_type: str, extra: dict[str, str] | None = None
) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *((k.encode(), value.encode()) for k, value in (extra or {}).items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _redirect(send: Send, location: str) -> None:
    headers = [(b"location", location.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
