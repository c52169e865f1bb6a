"""The books: accounts, transfers, and the kernel that applies the one to the other."""

__all__: list[str] = []
