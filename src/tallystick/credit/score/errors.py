"""What can be wrong with the files of a score; each says where."""

from __future__ import annotations

__all__ = ["DataError", "ModelError", "ScoreError"]


class ScoreError(ValueError):
    """Anything of a score that cannot be done."""


class DataError(ScoreError):
    """A file of people that cannot be read as what it should be.

    Args:
        file: its name.
        problem: what is wrong there.
        line: counted from 1, the line of column names being the first; 0 for the whole file.
        column: the column's name; empty for the whole line.
    """

    def __init__(self, file: str, problem: str, *, line: int = 0, column: str = "") -> None:
        place = file + (f", line {line}" if line else "") + (f", column {column}" if column else "")
        super().__init__(f"{place}: {problem}")


class ModelError(ScoreError):
    """A folder that holds no model, one of another format, or one that is damaged."""
