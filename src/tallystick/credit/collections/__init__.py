"""Collections: who is overdue is reminded within the rules, and helped; all of it is recorded."""

__all__: list[str] = []
