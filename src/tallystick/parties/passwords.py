"""Passwords: argon2id (RFC 9106), hashed and verified beside the executor, on worker threads.

A check takes as long for a login that nobody has as for a wrong password, so that its time does
not tell who is known.
"""

from __future__ import annotations

import functools
from typing import Protocol

import argon2
from argon2.exceptions import Argon2Error, InvalidHashError

__all__ = ["PasswordHasher", "PasswordSettings"]


class PasswordSettings(Protocol):
    """The part of the configuration that says how much work a hash is."""

    @property
    def password_memory_kib(self) -> int:
        """Memory of one hash, KiB."""
        ...

    @property
    def password_passes(self) -> int:
        """Passes over that memory."""
        ...


class PasswordHasher:
    """Hashes and checks passwords; for use by many threads at once.

    The defaults are the memory and passes of RFC 9106's second recommended option (64 MiB,
    3 passes), on one lane: many people sign in at once, so a single hash takes one thread.

    Args:
        memory_kib: memory of one hash, KiB.
        passes: passes over that memory.
    """

    def __init__(self, *, memory_kib: int = 64 * 1024, passes: int = 3) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16
        )

    @classmethod
    def of(cls, settings: PasswordSettings) -> PasswordHasher:
        """A hasher as configured."""
        return cls(memory_kib=settings.password_memory_kib, passes=settings.password_passes)

    def hash_password(self, password: str, salt: bytes | None = None) -> str:
        """A salted hash in the PHC string format.

        Args:
            salt: 16 bytes that nobody can know before; random ones unless given.
        """
        return self._argon2.hash(password, salt=salt)

    def verify_password(self, stored: str, password: str) -> bool:
        """Whether the password is the one that was hashed.

        A `stored` that is no hash (empty, for a login that nobody has) takes as long as a
        wrong password does, and is False.
        """
        known = stored.startswith("$argon2id$")
        right = self._is(stored if known else self._nobodys, password)
        return known and right

    def _is(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, password)
        except (Argon2Error, InvalidHashError, ValueError):
            return False

    @functools.cached_property
    def _nobodys(self) -> str:
        return self.hash_password("nobody has this password")
