"""Pay later: purchases that a lender pays, billed once a month or repaid in instalments."""

__all__: list[str] = []
