"""Institutions' daily files: what they hold, how they are made, and how anybody checks them."""

__all__: list[str] = []
