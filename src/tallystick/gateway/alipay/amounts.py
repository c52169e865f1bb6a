"""Money as clients write it, kept as text until the money room reads it exactly."""

from __future__ import annotations

from typing import Any

__all__ = ["AmountText", "decode_hook"]


class AmountText(str):
    """An amount as the client wrote it: `"12.30"`, `12.30` and `12` are all sent.

    JSON numbers are taken from their text, so no float is ever made of them. The type is for
    reading only (msgspec does not encode it): parse it to minor units, or pass on `str(amount)`.
    """

    __slots__ = ()


def decode_hook(kind: type, value: Any) -> Any:
    """Make the types that msgspec does not know; a number arrives as its own text or an int."""
    if kind is AmountText and isinstance(value, str | int) and not isinstance(value, bool):
        return AmountText(value)
    if value is None:
        raise ValueError("missing")
    raise ValueError("an amount is expected, as text or number")
