"""Live evaluation: the one module that knows the CEL library."""

from __future__ import annotations

from collections.abc import Mapping

import cel

__all__ = ["Condition", "Values"]


class Values:
    """The names' values for many conditions about one command."""

    __slots__ = ("context",)

    def __init__(self, values: Mapping[str, int | str | bool]) -> None:
        self.context = cel.Context(dict(values))

    def add(self, name: str, value: int | str | bool) -> None:
        """One more value."""
        self.context.add_variable(name, value)


class Condition:
    """A checked expression, compiled."""

    __slots__ = ("_program",)

    def __init__(self, text: str) -> None:
        self._program = cel.compile(text)

    def holds(self, values: Values) -> bool:
        """Whether it is true.

        Raises:
            ArithmeticError: a division by zero, or a number beyond 64 bits.
        """
        return self._program.execute(values.context) is True
