"""Cursors: where a list goes on, opaque to clients and sealed against change.

A cursor belongs to one list with its filters: used with others it is refused.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import Any, Final

from tallystick.pipeline.refusals import Refused
from tallystick.store.sealing import Sealer

__all__ = ["read_cursor", "write_cursor"]

_PURPOSE: Final = "rest.cursor"
_SEAL_BYTES: Final = 8


def _seal(sealer: Sealer, scope: str, body: bytes) -> bytes:
    return sealer.index(_PURPOSE, f"{scope}\0{body.hex()}")[:_SEAL_BYTES]


def write_cursor(sealer: Sealer, scope: str, place: tuple[int | str, ...] | None) -> str | None:
    """The text that stands for a place in a list; None at the list's end.

    Args:
        scope: the list and its filters, in one text.
    """
    if place is None:
        return None
    body = json.dumps(place).encode()
    return base64.urlsafe_b64encode(_seal(sealer, scope, body) + body).decode().rstrip("=")


def read_cursor(sealer: Sealer, scope: str, text: str) -> tuple[Any, ...] | None:
    """The place that a cursor stands for; None for the empty one.

    Raises:
        Refused: CURSOR_INVALID: it was changed, or was given for another list.
    """
    if not text:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("CURSOR_INVALID") from error
    seal, body = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(sealer, scope, body)):
        raise Refused("CURSOR_INVALID")
    return tuple(json.loads(body))
