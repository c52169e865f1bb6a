"""Joint lending: institutions, their funding programmes, who funds which loan, and their files."""

__all__: list[str] = []
