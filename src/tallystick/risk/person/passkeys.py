"""Passkeys: WebAuthn ceremonies, with Yubico's `fido2` for everything that is checked.

A passkey is bound to the site's name. An address of digits is no name to browsers, so a server
that is reached as 127.0.0.1 offers passkeys under `localhost` only.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
)

__all__ = ["MadePasskey", "Site", "UsedPasskey", "site_of"]

_NAME: Final = "Tallystick"
_DISCOURAGED: Final = "discouraged"
_PREFERRED: Final = "preferred"


class MadePasskey(NamedTuple):
    """A new credential as it is stored, the digest that finds it, and its signature count."""

    credential: bytes
    credential_index: bytes
    counter: int


class UsedPasskey(NamedTuple):
    """Which credential signed, by its digest, and its signature count."""

    credential_index: bytes
    counter: int


def _index(credential_id: bytes) -> bytes:
    return hashlib.sha256(credential_id).digest()[:16]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class Site:
    """The ceremonies of one site name and the one origin that may ask.

    Args:
        host: the site's name, as in the address (WebAuthn's RP id).
        origin: scheme, name and port of the pages.
    """

    def __init__(self, host: str, origin: str) -> None:
        self.host = host
        self._server = Fido2Server(
            PublicKeyCredentialRpEntity(name=_NAME, id=host),
            verify_origin=lambda asked: asked == origin,
        )

    def begin_making(
        self, party_id: str, name: str, known: Sequence[bytes]
    ) -> tuple[dict[str, Any], bytes]:
        """What the browser is asked for, as JSON, and the state that the answer needs.

        Args:
            known: credentials that the person has; the same device is not taken twice.
        """
        user = PublicKeyCredentialUserEntity(name=name, id=party_id.encode(), display_name=name)
        options, state = self._server.register_begin(
            user, [AttestedCredentialData(each) for each in known],
            resident_key_requirement=_DISCOURAGED, user_verification=_PREFERRED,  # type: ignore[arg-type]
        )  # fmt: skip
        return dict(options), json.dumps(state).encode()

    def finish_making(self, state: bytes, answer: Mapping[str, Any]) -> MadePasskey | None:
        """The new credential; None when the browser's answer is not one to this question."""
        try:
            made = self._server.register_complete(json.loads(state), answer)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None
        data = made.credential_data
        assert data is not None
        return MadePasskey(bytes(data), _index(data.credential_id), made.counter)

    def begin_proving(self, known: Sequence[bytes]) -> tuple[dict[str, Any], bytes]:
        """What the browser is asked for, as JSON, and the state that the answer needs."""
        options, state = self._server.authenticate_begin(
            [AttestedCredentialData(each) for each in known],
            user_verification=_PREFERRED,  # type: ignore[arg-type]
        )
        return dict(options), json.dumps(state).encode()

    def finish_proving(
        self, state: bytes, known: Sequence[bytes], answer: Mapping[str, Any]
    ) -> UsedPasskey | None:
        """Which credential signed this question; None when none did."""
        try:
            used = self._server.authenticate_complete(
                json.loads(state), [AttestedCredentialData(each) for each in known], answer
            )
            data = AuthenticationResponse.from_dict(answer).response.authenticator_data
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None
        return UsedPasskey(_index(used.credential_id), data.counter)


def site_of(public_base: str, asked_host: str) -> Site | None:
    """The site's ceremonies; None where its address is no name.

    Args:
        public_base: the configured address of the pages.
        asked_host: the Host header; it is believed only when it says `localhost` and the
            configured address is this machine's own.
    """
    base = urlsplit(public_base)
    host = base.hostname or ""
    if not _is_address(host):
        return Site(host, f"{base.scheme}://{base.netloc}")
    own = ipaddress.ip_address(host.strip("[]")).is_loopback
    if own and urlsplit(f"//{asked_host}").hostname == "localhost":
        return Site("localhost", f"{base.scheme}://{asked_host}")
    return None
