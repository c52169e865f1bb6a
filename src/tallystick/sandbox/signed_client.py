"""A partner's side of the gateway: signs requests, verifies answers, keeps connections open.

Signing takes most of a client's time, so it runs on threads (it gives the interpreter free).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import httpx2
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tallystick.decoding import decode_json
from tallystick.partners import rsa2
from tallystick.sandbox.answers import Answer, NoAnswerError, WrongAnswerError

__all__ = ["GatewayClient", "SignedRequest"]

_CHINA: Final = timedelta(hours=8)
_FORM: Final = "application/x-www-form-urlencoded;charset=utf-8"
_SIGNERS: Final = 2
_NO_HEADERS: Final[Mapping[str, str]] = {}
_SUCCESS: Final = "10000"


class SignedRequest(NamedTuple):
    """A request as it goes over the wire: sent again, the same bytes are the same request."""

    method: str
    body: bytes


class GatewayClient:
    """Calls `/gateway.do` as one app.

    Args:
        http: what carries the requests; the caller closes it.
        url: the address of `/gateway.do`.
        key: signs requests; `platform_key` verifies answers.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        url: str,
        app_id: str,
        key: RSAPrivateKey,
        platform_key: RSAPublicKey,
    ) -> None:
        self._http = http
        self._url = url
        self._app_id = app_id
        self._key = key
        self._platform_key = platform_key
        self._signers = ThreadPoolExecutor(_SIGNERS, thread_name_prefix="client-signer")

    def close(self) -> None:
        """Let the signing threads go."""
        self._signers.shutdown(wait=False, cancel_futures=True)

    async def sign(
        self, method: str, content: Mapping[str, object], **common: str
    ) -> SignedRequest:
        """A signed request of a method, stamped now; `common` are further common parameters."""
        parameters = {
            "app_id": self._app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": f"{datetime.now(UTC) + _CHINA:%Y-%m-%d %H:%M:%S}",
            "version": "1.0",
            "biz_content": msgspec.json.encode(content).decode(),
        } | common
        text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters)).encode()
        loop = asyncio.get_running_loop()
        sign = await loop.run_in_executor(self._signers, rsa2.sign, text, self._key)
        return SignedRequest(method, urlencode(parameters | {"sign": sign}).encode())

    async def send(self, request: SignedRequest, more: Mapping[str, str] = _NO_HEADERS) -> Answer:
        """One try.

        Args:
            more: further headers.

        Raises:
            NoAnswerError: the connection ended or took too long; it may have been done or not.
            WrongAnswerError: what came back is not the platform's answer to this request.
        """
        try:
            reply = await self._http.post(
                self._url, content=request.body, headers={"content-type": _FORM, **more}
            )
        except httpx2.TransportError as error:
            raise NoAnswerError(type(error).__name__) from error
        if reply.status_code == 302:
            return Answer(True, "", {"location": reply.headers.get("location", "")})
        if reply.status_code != 200:
            raise NoAnswerError(f"HTTP {reply.status_code}")
        return self._read(request, reply.content)

    def _read(self, request: SignedRequest, body: bytes) -> Answer:
        """The answer, if its signature is the platform's and it is for this method."""
        head, _, rest = body.partition(b":")
        signed, _, tail = rest.rpartition(b',"sign":"')
        name = head.decode("utf-8", "replace").strip('{"')
        if not rsa2.verify(signed, tail[:-2].decode("ascii", "replace"), self._platform_key):
            raise WrongAnswerError(f"{request.method}: the signature of the answer is not valid")
        if name != f"{request.method.replace('.', '_')}_response":
            raise WrongAnswerError(f"{request.method}: answered with {name}")
        content: dict[str, Any] = decode_json(signed)
        accepted = content.get("code") == _SUCCESS
        return Answer(accepted, "" if accepted else str(content.get("sub_code", "?")), content)
