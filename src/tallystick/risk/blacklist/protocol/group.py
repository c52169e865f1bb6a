"""Groups of prime order, behind an interface: ristretto255 (RFC 9496) by libsodium.

Elements and scalars are their 32 bytes as they are sent.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

__all__ = ["RISTRETTO255", "ElementError", "Group", "Ristretto255"]

_BYTES: Final = 32
_IDENTITY: Final = bytes(_BYTES)


class ElementError(ValueError):
    """Bytes that are no element of the group, or its identity."""


class Group(Protocol):
    """A group of prime order with what RFC 9497 needs of it.

    `name` is the identifier of the ciphersuite, `order` the number of elements, `generator` the
    element that public keys are multiples of.
    """

    name: str
    order: int
    generator: bytes

    def of_uniform(self, data: bytes) -> bytes:
        """The element that 64 uniform bytes map to."""
        ...

    def multiply(self, scalar: int, element: bytes) -> bytes:
        """An element times a scalar (ElementError for no element, or when it is the identity)."""
        ...

    def multiply_generator(self, scalar: int) -> bytes:
        """The generator times a scalar."""
        ...

    def add(self, left: bytes, right: bytes) -> bytes:
        """The sum of two elements (ElementError for what is none)."""
        ...

    def scalar_bytes(self, scalar: int) -> bytes:
        """A scalar as it is sent."""
        ...

    def scalar_of(self, data: bytes) -> int:
        """A scalar from its bytes; uniform bytes of any length are reduced."""
        ...


class Ristretto255:
    """ristretto255 with SHA-512; libsodium multiplies in constant time."""

    name = "ristretto255-SHA512"
    order = 2**252 + 27742317777372353535851937790883648493
    generator = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")

    @cached_property
    def _sodium(self) -> Any:
        """Loaded when it is first needed: most processes never ask.

        The package writes its library into a temporary file, which nobody needs once it is loaded.
        """
        import rbcl

        with suppress(OSError, AttributeError):
            Path(import_module("rbcl._sodium").lib_path).unlink()
        return rbcl

    def of_uniform(self, data: bytes) -> bytes:
        """The element that 64 uniform bytes map to."""
        return bytes(self._sodium.crypto_core_ristretto255_from_hash(data))

    def multiply(self, scalar: int, element: bytes) -> bytes:
        """An element times a scalar (ElementError for no element, or when it is the identity)."""
        if len(element) != _BYTES:
            raise ElementError("an element has 32 bytes")
        try:
            found = bytes(
                self._sodium.crypto_scalarmult_ristretto255(self.scalar_bytes(scalar), element)
            )
        except (ValueError, TypeError, RuntimeError) as error:
            raise ElementError("this is no element of the group") from error
        if found == _IDENTITY:  # What the library leaves when it refuses.
            raise ElementError("the identity is not taken")
        return found

    def multiply_generator(self, scalar: int) -> bytes:
        """The generator times a scalar."""
        return bytes(self._sodium.crypto_scalarmult_ristretto255_base(self.scalar_bytes(scalar)))

    def add(self, left: bytes, right: bytes) -> bytes:
        """The sum of two elements (ElementError for what is none)."""
        try:
            return bytes(self._sodium.crypto_core_ristretto255_add(left, right))
        except (ValueError, TypeError, RuntimeError) as error:
            raise ElementError("this is no element of the group") from error

    def scalar_bytes(self, scalar: int) -> bytes:
        """A scalar as it is sent."""
        return scalar.to_bytes(_BYTES, "little")

    def scalar_of(self, data: bytes) -> int:
        """A scalar from its bytes; uniform bytes of any length are reduced."""
        return int.from_bytes(data, "little") % self.order


RISTRETTO255: Final = Ristretto255()
