"""Loans: what was agreed, what has happened, and what is owed on any day."""

__all__: list[str] = []
