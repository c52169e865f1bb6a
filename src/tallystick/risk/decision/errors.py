"""What is wrong with a file that an analyst gives."""

from __future__ import annotations

__all__ = ["RiskFileError"]


class RiskFileError(ValueError):
    """A file cannot be used; the message names the file, the place and what is wrong."""
