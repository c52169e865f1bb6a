"""Credit: schedules of loans, products on the ledger, and the work of a day."""

__all__: list[str] = []
