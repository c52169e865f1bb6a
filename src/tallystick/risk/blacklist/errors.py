"""What goes wrong between a member and the keeper of a list."""

from __future__ import annotations

__all__ = ["ListError"]


class ListError(Exception):
    """One sentence about what the list did not answer, or answered wrongly."""
