"""The one error of the money room."""

from __future__ import annotations

__all__ = ["MoneyError"]


class MoneyError(ValueError):
    """Something is not the money it claims to be.

    Args:
        reason: a stable word for programs: `empty`, `malformed`, `negative`, `zero`,
            `too_precise`, `too_large`, `unknown_currency`.
        message: a sentence for a person.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
