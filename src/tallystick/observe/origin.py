"""Where the request that is being answered came from: the caller's address, device and card."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Final

__all__ = ["begin_origin", "current_origin"]

_DEVICE: Final = re.compile(rb"[!-~]{1,128}")
_DEVICE_HEADER: Final = b"x-device-id"
_CARD_HEADER: Final = b"x-card-token"
_NOWHERE: Final = ("", "", "")

_origin: ContextVar[tuple[str, str, str]] = ContextVar("origin", default=_NOWHERE)


def current_origin() -> tuple[str, str, str]:
    """The device, the network address and the card's token; empty texts outside of a request."""
    return _origin.get()


def begin_origin(client: tuple[str, int] | None, headers: list[tuple[bytes, bytes]]) -> None:
    """Note where a request came from.

    The device is what the caller says in `X-Device-Id`: 1 to 128 printable ASCII characters, as
    its maker gave it. A token that stands for the card that is used is said in `X-Card-Token`, in
    the same form. Neither proves anything by itself; what has another form is not known.
    """
    device = card = ""
    for name, value in headers:
        if name == _DEVICE_HEADER:
            device = _text(value)
        elif name == _CARD_HEADER:
            card = _text(value)
    _origin.set((device, client[0] if client else "", card))


def _text(value: bytes) -> str:
    plain = value.strip()
    return plain.decode() if _DEVICE.fullmatch(plain) else ""
