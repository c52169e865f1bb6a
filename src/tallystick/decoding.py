"""Bytes and plain values become typed ones: the one door to msgspec's decoders and conversion.

msgspec reads a class's fields when it meets the class for the first time. It keeps what it reads
on the class before it has all of it, and runs Python code meanwhile, so that another thread that
meets the same class then finds half of it, and the process ends with a segmentation fault (seen
with 0.22; its own lock is in builds without the interpreter's lock alone). A server begins on
several threads at once. So a type is read here under a lock, once, before anything is decoded
as it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

import msgspec

__all__ = ["convert", "decode_json", "decode_msgpack", "json_decoder", "msgpack_decoder"]

T = TypeVar("T")

Hook = Callable[[Any, Any], Any]
"""What makes values of a type that msgspec does not know: of the type, of the plain value."""

_lock: Final = threading.RLock()
_read: Final[set[Any]] = {Any}


def _read_whole(kind: Any) -> None:
    """Have msgspec read the type and all that it is made of; only one thread does so at a time."""
    with _lock:
        msgspec.msgpack.Decoder(kind)
        _read.add(kind)


@overload
def decode_json(data: bytes | str) -> Any: ...
@overload
def decode_json(data: bytes | str, kind: type[T]) -> T: ...
def decode_json(data: bytes | str, kind: Any = Any) -> Any:
    """A JSON text as a value of the type, or of plain types.

    Raises:
        msgspec.DecodeError: it is no JSON.
        msgspec.ValidationError: it is, but not of that type.
    """
    if kind not in _read:
        _read_whole(kind)
    return msgspec.json.decode(data, type=kind)


@overload
def decode_msgpack(data: bytes) -> Any: ...
@overload
def decode_msgpack(data: bytes, kind: type[T]) -> T: ...
def decode_msgpack(data: bytes, kind: Any = Any) -> Any:
    """Like `decode_json`, of MessagePack."""
    if kind not in _read:
        _read_whole(kind)
    return msgspec.msgpack.decode(data, type=kind)


def convert(
    value: Any, kind: type[T], *, strict: bool = True, dec_hook: Hook | None = None
) -> T:  # fmt: skip
    """A value of plain types as one of the type.

    Args:
        strict: whether texts are no numbers, and no truth values.

    Raises:
        msgspec.ValidationError: it is not of that type.
    """
    if kind not in _read:
        _read_whole(kind)
    return msgspec.convert(value, kind, strict=strict, dec_hook=dec_hook)


def json_decoder(
    kind: type[T], *, strict: bool = True, dec_hook: Hook | None = None,
    float_hook: Callable[[str], Any] | None = None,
) -> Callable[[bytes | str], T]:  # fmt: skip
    """`decode_json` for many texts of one type, which need not be looked up each time.

    Args:
        dec_hook: makes values of types that JSON does not have.
        float_hook: makes what is to stand for a number with a decimal point, of its text.
    """
    _read_whole(kind)
    return msgspec.json.Decoder(
        kind, strict=strict, dec_hook=dec_hook, float_hook=float_hook
    ).decode


def msgpack_decoder(kind: type[T]) -> Callable[[bytes], T]:
    """`decode_msgpack` for much of one type."""
    _read_whole(kind)
    return msgspec.msgpack.Decoder(kind).decode
