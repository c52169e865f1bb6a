"""Receivables financing: money on what others owe a seller, against assignment of the claim."""

__all__: list[str] = []
