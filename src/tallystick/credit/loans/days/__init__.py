"""The end of a day for many loans at once: set-based work over columns of whole numbers."""

__all__: list[str] = []
