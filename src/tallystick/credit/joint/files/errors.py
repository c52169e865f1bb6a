"""What stands in the way of checking files at all."""

from __future__ import annotations

__all__ = ["PartnerFileError"]


class PartnerFileError(ValueError):
    """Files cannot be checked: there are none, they cannot be told apart, or there is no key."""
