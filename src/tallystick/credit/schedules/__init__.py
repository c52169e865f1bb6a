"""Schedules: what is due when on a loan, to the minor unit, and what it costs a year."""

__all__: list[str] = []
