"""Live evaluation: the one module that knows the CEL library.

The library says what a condition means. Where all rules are asked about every command, they are
lowered to Python first, and the library is asked only where that ends in an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from types import ModuleType
from typing import Any

from tallystick.risk.decision.language import names_in, parse
from tallystick.risk.decision.lowering import lowered

__all__ = ["Condition", "Conditions", "Values"]


@cache
def _library() -> ModuleType:
    """The library, loaded with the first condition: its command line comes with it."""
    import cel

    return cel


class Values:
    """The names' values for many conditions about one command."""

    __slots__ = ("context",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.context = _library().Context(values)

    def add(self, name: str, value: int | str | bool) -> None:
        """One more value."""
        self.context.add_variable(name, value)


class Condition:
    """A checked expression, compiled by the library."""

    __slots__ = ("_program",)

    def __init__(self, text: str) -> None:
        self._program = _library().compile(text)

    def holds(self, values: Values) -> bool:
        """Whether it is true.

        Raises:
            ArithmeticError: a division by zero, or a number beyond 64 bits.
        """
        return self._program.execute(values.context) is True


def _picked(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Picks the names' values, in this order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple([values[name] for name in names])


class Conditions:
    """Several checked expressions, asked together."""

    __slots__ = ("_all", "_each", "_names", "_picked")

    def __init__(self, texts: Sequence[str]) -> None:
        trees = [parse(text) for text in texts]
        self._names = sorted(frozenset().union(*(names_in(tree) for tree in trees)))
        self._picked = _picked(self._names)
        self._all = lowered(trees, self._names)
        self._each = [
            (lowered([tree], self._names), Condition(text))
            for tree, text in zip(trees, texts, strict=True)
        ]

    def hold(self, inputs: Mapping[str, Any]) -> tuple[bool | None, ...]:
        """Whether each is true of a command's inputs; None for one that ends in an error."""
        values = self._picked(inputs)
        try:
            return self._all(*values)
        except ArithmeticError:
            context = Values(dict(zip(self._names, values, strict=True)))
            return tuple([self._one(*each, values, context) for each in self._each])

    @staticmethod
    def _one(
        quick: Callable[..., tuple[bool, ...]],
        condition: Condition,
        values: tuple[Any, ...],
        context: Values,
    ) -> bool | None:
        try:
            return quick(*values)[0]
        except ArithmeticError:
            pass
        try:
            return condition.holds(context)
        except ArithmeticError:
            return None
