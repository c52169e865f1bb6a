"""Form parameters (`application/x-www-form-urlencoded`) as bytes, before any charset is known."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from tallystick.gateway.alipay.faults import Fault, fault

__all__ = ["PARAMETERS_MAX", "read_parameters", "signed_text"]

PARAMETERS_MAX: Final = 200


# The punctuation of JSON and base64 makes up most escapes of a request; it is replaced first, in
# C. None of these characters can become part of another escape.
_PUNCTUATION: Final = (
    (b"+", b" "),
    (b"%22", b'"'),
    (b"%3A", b":"),
    (b"%2C", b","),
    (b"%7B", b"{"),
    (b"%7D", b"}"),
    (b"%2B", b"+"),
    (b"%2F", b"/"),
    (b"%3D", b"="),
)


def _unquoted(text: bytes) -> bytes:
    if b"%" not in text:
        return text.replace(b"+", b" ")
    for escape, character in _PUNCTUATION:
        text = text.replace(escape, character)
    return unquote_to_bytes(text) if b"%" in text else text


def read_parameters(*encoded: bytes) -> dict[bytes, bytes] | Fault:
    """The parameters of a query and a form body together, unescaped, in the sender's charset.

    A name that comes twice is refused: which one was meant, and which one was signed, would be
    a guess.
    """
    found: dict[bytes, bytes] = {}
    for text in encoded:
        if text.count(b"&") >= PARAMETERS_MAX:
            return fault("isv.invalid-parameter", f"more than {PARAMETERS_MAX} parameters")
        for pair in text.split(b"&"):
            if not pair:
                continue
            name, _, value = pair.partition(b"=")
            name = _unquoted(name)
            if name in found:
                return fault("isv.invalid-parameter", f"{_shown(name)} is given twice")
            found[name] = _unquoted(value)
    return found


def _shown(name: bytes) -> str:
    """A parameter's name as it may stand in a message."""
    text = name[:40].decode("ascii", "replace")
    return "".join(c if c.isprintable() else "?" for c in text)


def signed_text(
    parameters: dict[bytes, bytes], leave_out: frozenset[bytes], *, with_empty: bool = False
) -> bytes:
    """The text under a signature: sorted `name=value` pairs joined with `&`.

    The protocol's signing rules leave empty values out; `with_empty` keeps them.
    """
    return b"&".join(
        [
            b"%b=%b" % (name, parameters[name])
            for name in sorted(parameters)
            if name not in leave_out and (with_empty or parameters[name])
        ]
    )
