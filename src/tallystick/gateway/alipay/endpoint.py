"""The gateway's doors: `/gateway.do` (v2) and `/v3/…`, as plain ASGI for speed.

From bytes to a verified call, through the method, to signed bytes.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tallystick.gateway.alipay import aes, v3
from tallystick.gateway.alipay.answer_v2 import (
    CONTENT_TYPE,
    answer_text,
    fault_content,
    response_key,
    signed_answer,
)
from tallystick.gateway.alipay.asgi import (
    BodyLateError,
    BodyTooLargeError,
    CallerGoneError,
    Receive,
    Response,
    Scope,
    Send,
    read_body,
)
from tallystick.gateway.alipay.bill_door import BillDoor
from tallystick.gateway.alipay.calls import Call, Failed, Method
from tallystick.gateway.alipay.faults import Fault, Rejected, fault, fault_of
from tallystick.gateway.alipay.methods_fund import FUND_METHODS
from tallystick.gateway.alipay.methods_trade import TRADE_METHODS
from tallystick.gateway.alipay.methods_zhima import ZHIMA_METHODS
from tallystick.gateway.alipay.request_v2 import AlipayRequest, decode_v2, verify_v2
from tallystick.gateway.alipay.schemas import decode_content, decode_query
from tallystick.gateway.alipay.timestamps import accepted_offsets_min, moment_of
from tallystick.partners.keyring import AppKeys
from tallystick.partners.nonces import UseNonce
from tallystick.partners.signer import Signer
from tallystick.pipeline.commands import SYSTEM
from tallystick.pipeline.refusals import Refusal, Refused, refusal_of
from tallystick.platform import Platform

__all__ = ["METHODS", "PAGE_METHODS", "AlipayGateway"]

log = structlog.get_logger("tallystick.gateway")

METHODS: Final[dict[str, Method]] = {**TRADE_METHODS, **FUND_METHODS, **ZHIMA_METHODS}
PAGE_METHODS: Final = frozenset({"alipay.trade.page.pay", "alipay.trade.wap.pay"})

_V3_CONTENT_TYPE: Final = "application/json;charset=utf-8"
_TOO_LARGE: Final = Rejected(fault_of(Refusal("TOO_LARGE")))
_INTERNAL: Final = Rejected(fault_of(Refusal("INTERNAL_ERROR")))
_LATE: Final = Response(408, headers=(("connection", "close"),))

ErrorPage = Callable[[Fault, str], bytes]


class AlipayGateway:
    """Both protocol versions on one platform.

    Args:
        error_page: renders a fault for a browser: (fault, accept-language) → HTML.
    """

    def __init__(self, platform: Platform, error_page: ErrorPage | None = None) -> None:
        self._platform = platform
        self._error_page = error_page
        self._bills = BillDoor(platform)
        self._signer = Signer()
        self._window_ms = platform.settings.timestamp_window_s * 1000
        self._body_bytes_max = platform.settings.body_max_bytes

    async def close(self) -> None:
        """Let the signing process go."""
        await self._signer.close()

    async def serve_v2(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`/gateway.do`."""
        headers = dict(scope["headers"])
        try:
            response = await self._respond_v2(scope, receive, headers)
        except CallerGoneError:
            return
        except BodyLateError:
            response = _LATE
        except BodyTooLargeError:
            response = await self._refuse_v2(_TOO_LARGE, headers)
        except Exception:
            log.exception("gateway_failed")
            response = await self._refuse_v2(_INTERNAL, headers)
        await response.send(send)

    async def serve_v3(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`/v3/…`."""
        try:
            response = await self._respond_v3(scope, receive)
        except CallerGoneError:
            return
        except BodyLateError:
            response = _LATE
        except BodyTooLargeError:
            response = await self._answer_v3(_TOO_LARGE.fault, None, status=413)
        except Exception:
            log.exception("gateway_failed")
            response = await self._answer_v3(_INTERNAL.fault, None)
        await response.send(send)

    async def serve_bill(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`payments.bills.BILL_PATH`: what a bill's link leads to."""
        await self._bills.serve(scope, receive, send)

    # Shared by both versions.

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if len(scope["query_string"]) > self._body_bytes_max:
            raise BodyTooLargeError
        return await read_body(receive, self._body_bytes_max)

    async def _run(self, call: Call, method: str) -> dict[str, Any] | Fault:
        try:
            return await METHODS[method](call)
        except Failed as failed:
            return failed.fault
        except Refused as refused:
            return fault_of(refused.refusal)
        except sqlite3.DataError as error:
            return fault_of(refusal_of(error))
        except Exception:
            log.exception("method_failed", method=method, app_id=call.app_id)
            return _INTERNAL.fault

    def _count(self, method: str, result: str) -> None:
        """Names that are not ours are counted together, so that nobody fills the metrics."""
        self._platform.metrics.gateway_request(method if method in METHODS else "unknown", result)

    def _signing_key(self, keys: AppKeys | None) -> RSAPrivateKey | None:
        """The app's; for a caller that is nobody the newest, because clients want a signature."""
        return keys.signing_key if keys else self._platform.keyring.newest_signing_key()

    # Version 2.

    async def _respond_v2(
        self, scope: Scope, receive: Receive, headers: dict[bytes, bytes]
    ) -> Response:
        if scope["method"] not in ("GET", "POST"):
            wrong = fault("isv.invalid-method", "GET or POST is expected")
            refused = await self._refuse_v2(Rejected(wrong), headers)
            return refused._replace(status=405, headers=(("allow", "GET, POST"),))
        body = await self._body(scope, receive)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        request = decode_v2(scope["method"], scope["query_string"], body, content_type)
        if isinstance(request, Rejected):
            return await self._refuse_v2(request, headers)
        keys = self._platform.keyring.app(request.app_id)
        result = await self._result_v2(request, keys)
        if keys is None or isinstance(result, Fault):
            wrong = result if isinstance(result, Fault) else _INTERNAL.fault
            rejected = Rejected(wrong, request.app_id, request.method, request.charset)
            return await self._refuse_v2(rejected, headers)
        self._count(request.method, "success")
        if request.method in PAGE_METHODS:
            base = self._platform.settings.public_base
            location = f"{base}/cashier/{quote(result['trade_no'])}"
            return Response(302, headers=(("location", location),))
        text = answer_text(
            result,
            charset=request.charset,
            aes_key=keys.aes_key if request.encrypt_type else None,
        )
        signature = await self._signer.sign(text, keys.signing_key)
        body = signed_answer(response_key(request.method), text, signature)
        return Response(200, body, CONTENT_TYPE)

    async def _result_v2(
        self, request: AlipayRequest, keys: AppKeys | None
    ) -> dict[str, Any] | Fault:
        if keys is None:
            return fault_of(Refusal("APP_NOT_EXIST"))
        if all(verify_v2(request, key) for key in keys.public_keys):
            return fault("isv.invalid-signature")
        if not keys.active:
            return fault_of(Refusal("APP_DISABLED"))
        now_ms = self._platform.clock_ms()
        configured = self._platform.settings.timestamp_utc_offsets_min
        asked_ms = moment_of(
            request.timestamp_ms,
            now_ms,
            window_ms=self._window_ms,
            utc_offsets_min=accepted_offsets_min(configured, now_ms),
        )
        if asked_ms is None:
            return fault("isv.invalid-timestamp")
        if request.method not in METHODS:
            return fault("isv.invalid-method")
        content = self._content_v2(request, keys)
        if isinstance(content, Fault):
            return content
        call = Call(
            self._platform,
            request.app_id,
            content,
            request.sign,
            asked_ms,
            request.notify_url,
            request.return_url,
            request.fields.get("auth_token", ""),
        )
        return await self._run(call, request.method)

    def _content_v2(self, request: AlipayRequest, keys: AppKeys) -> msgspec.Struct | Fault:
        text: str | bytes = request.biz_content
        if request.encrypt_type and text:
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

    async def _refuse_v2(self, rejected: Rejected, headers: dict[bytes, bytes]) -> Response:
        """A fault: a page for a browser on its way to the cashier, else a signed answer."""
        self._count(rejected.method, rejected.fault.sub_code)
        log.info(
            "gateway_refused",
            app_id=rejected.app_id[:64],
            method=rejected.method[:64],
            sub_code=rejected.fault.sub_code,
        )
        if (
            self._error_page is not None
            and rejected.method in PAGE_METHODS
            and b"text/html" in headers.get(b"accept", b"")
        ):
            language = headers.get(b"accept-language", b"").decode("latin-1")
            page = self._error_page(rejected.fault, language)
            return Response(400, page, "text/html; charset=utf-8")
        keys = self._platform.keyring.app(rejected.app_id) if rejected.app_id else None
        content = fault_content(rejected.fault)
        key = response_key(rejected.method)
        signing_key = self._signing_key(keys)
        if signing_key is None:
            body = b'{"%b":%b}' % (key.encode(), msgspec.json.encode(content))
            return Response(200, body, CONTENT_TYPE)
        text = answer_text(content, charset=rejected.charset)
        signature = await self._signer.sign(text, signing_key)
        return Response(200, signed_answer(key, text, signature), CONTENT_TYPE)

    # Version 3.

    async def _respond_v3(self, scope: Scope, receive: Receive) -> Response:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        body = await self._body(scope, receive)
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target = f"{target}?{scope['query_string'].decode('latin-1')}"
        request = v3.decode_v3(scope["method"], target, headers, body)
        keys = self._platform.keyring.app(request.app_id) if request.app_id else None
        if isinstance(request, Rejected):
            self._count("", request.fault.sub_code)
            return await self._answer_v3(request.fault, keys)
        result = await self._result_v3(request, keys)
        self._count(request.method, result.sub_code if isinstance(result, Fault) else "success")
        return await self._answer_v3(result, keys, encrypted=request.encrypted)

    async def _result_v3(
        self, request: v3.V3Request, keys: AppKeys | None
    ) -> dict[str, Any] | Fault:
        if keys is None:
            return fault_of(Refusal("APP_NOT_EXIST"))
        if all(v3.verify_v3(request, key) for key in keys.public_keys):
            return fault("isv.invalid-signature")
        if not keys.active:
            return fault_of(Refusal("APP_DISABLED"))
        if abs(request.timestamp_ms - self._platform.clock_ms()) > self._window_ms:
            return fault("isv.invalid-timestamp")
        if request.method not in METHODS or request.method in PAGE_METHODS:
            return fault("isv.invalid-method")
        content = self._content_v3(request, keys)
        if isinstance(content, Fault):
            return content
        if refused := await self._use_nonce(request):
            return refused
        request_id = hashlib.sha256(request.signed_text).hexdigest()
        call = Call(self._platform, request.app_id, content, request_id, request.timestamp_ms)
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
        command = UseNonce(nonce_index=index, expires_ms=request.timestamp_ms + 2 * self._window_ms)
        answer = await self._platform.submit(SYSTEM, command)
        return None if answer.refusal is None else fault_of(answer.refusal)

    async def _answer_v3(
        self,
        result: dict[str, Any] | Fault,
        keys: AppKeys | None,
        *,
        encrypted: bool = False,
        status: int = 0,
    ) -> Response:
        if isinstance(result, Fault):
            log.info("gateway_refused", sub_code=result.sub_code)
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
        signing_key = self._signing_key(keys)
        if signing_key is None:
            headers = {"alipay-trace-id": trace_id}
        else:
            text = v3.answer_text(body, now_ms=now_ms, nonce=trace_id)
            signature = await self._signer.sign(text, signing_key)
            headers = v3.answer_headers(signature, now_ms=now_ms, nonce=trace_id, trace_id=trace_id)
        return Response(status, body, _V3_CONTENT_TYPE, tuple(headers.items()))
