"""Live evaluation: the one module that knows the CEL library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cel

__all__ = ["Condition", "Conditions", "Values"]


class Values:
    """The names' values for many conditions about one command."""

    __slots__ = ("context",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.context = cel.Context(values)

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


class Conditions:
    """Several checked expressions as one: a list of what each is."""

    __slots__ = ("_all", "_each")

    def __init__(self, texts: Sequence[str]) -> None:
        self._all = cel.compile(f"[{', '.join(f'({text})' for text in texts)}]")
        self._each = [Condition(text) for text in texts]

    def hold(self, values: Values) -> list[bool | None]:
        """Whether each is true; None for one that ends in an error."""
        try:
            held: list[bool | None] = self._all.execute(values.context)
        except ArithmeticError:
            return [self._one(each, values) for each in self._each]
        return held

    @staticmethod
    def _one(condition: Condition, values: Values) -> bool | None:
        try:
            return condition.holds(values)
        except ArithmeticError:
            return None
