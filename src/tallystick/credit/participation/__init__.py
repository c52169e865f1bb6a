"""Participation: how a loan that several fund is shared, posting by posting, to the cent.

It stands below the loans, which tell it of every posting in the same unit of work; who funds a
loan, and by which rules, is decided in `credit/joint`.
"""

__all__: list[str] = []
