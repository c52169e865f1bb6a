"""Conditions and scorecards as functions of Python, for where every command asks all of them.

A checked tree is lowered to Python's own syntax tree and compiled: operators become operators and
names become arguments, so that no text of a rule is ever code. What ends without an error means the
same as in the library; what raises is for the library to answer, whose rules say which errors
another operand decides (`live`). A feature's bins become comparisons, halving at each.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tallystick.risk.decision.language import (
    Binary,
    Call,
    Condition,
    Expression,
    Literal,
    Name,
    Unary,
    Within,
)

__all__ = ["lowered", "lowered_sum"]

_INT_MAX: Final = 2**63 - 1

_COMPARISONS: Final[Mapping[str, type[ast.cmpop]]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
}  # fmt: skip
_EXACT: Final[Mapping[str, type[ast.operator]]] = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult}
_ROUNDED: Final = {"/": "quotient", "%": "remainder"}
_LOGIC: Final[Mapping[str, type[ast.boolop]]] = {"&&": ast.And, "||": ast.Or}


def _whole(number: int) -> int:
    """A number that 64 bits hold."""
    if -_INT_MAX - 1 <= number <= _INT_MAX:
        return number
    raise OverflowError(number)


def _quotient(left: int, right: int) -> int:
    """Rounded towards zero."""
    if left >= 0 and right > 0:
        return left // right
    quotient = abs(left) // abs(right)
    return _whole(quotient if (left < 0) == (right < 0) else -quotient)


def _remainder(left: int, right: int) -> int:
    """Of the sign of what is divided."""
    return left - _quotient(left, right) * right


_CALLED: Final[Mapping[str, Callable[..., Any]]] = {
    "whole": _whole, "quotient": _quotient, "remainder": _remainder, "startsWith": str.startswith,
    "endsWith": str.endswith, "contains": str.__contains__,
}  # fmt: skip


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


class _Lowering:
    """Makes Python's trees of trees that read these names, the n-th as the argument `_n`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._argument = {name: f"_{place}" for place, name in enumerate(names)}

    def of(self, tree: Expression) -> ast.expr:
        if isinstance(tree, Literal):
            return ast.Constant(tree.value)
        if isinstance(tree, Name):
            return ast.Name(self._argument[tree.name], ast.Load())
        if isinstance(tree, Unary):
            operand = self.of(tree.operand)
            if tree.operator == "!":
                return ast.UnaryOp(ast.Not(), operand)
            return _call("whole", ast.UnaryOp(ast.USub(), operand))
        if isinstance(tree, Binary):
            return self._binary(tree)
        if isinstance(tree, Condition):
            return ast.IfExp(self.of(tree.test), self.of(tree.yes), self.of(tree.no))
        if isinstance(tree, Within):
            options = ast.Tuple([self.of(option) for option in tree.options], ast.Load())
            return ast.Compare(self.of(tree.item), [ast.In()], [options])
        assert isinstance(tree, Call)
        return _call(tree.method, self.of(tree.target), self.of(tree.argument))

    def _binary(self, tree: Binary) -> ast.expr:
        left, right = self.of(tree.left), self.of(tree.right)
        operator = tree.operator
        if operator in _LOGIC:
            return ast.BoolOp(_LOGIC[operator](), [left, right])
        if operator in _EXACT:
            return _call("whole", ast.BinOp(left, _EXACT[operator](), right))
        if operator in _ROUNDED:
            return _call(_ROUNDED[operator], left, right)
        return ast.Compare(left, [_COMPARISONS[operator]()], [right])


def lowered(trees: Sequence[Expression], names: Sequence[str]) -> Callable[..., tuple[bool, ...]]:
    """A function of the names' values, in this order, that says of each checked tree what it is.

    It raises ArithmeticError when one of them divides by zero or leaves 64 bits.
    """
    lowering = _Lowering(names)
    said = ast.Tuple([lowering.of(tree) for tree in trees], ast.Load())
    made: Callable[..., tuple[bool, ...]] = _function(said, len(names))
    return made


def lowered_sum(
    base: int, bins: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> Callable[..., int]:
    """A function of one value for each pair of edges and points: the base and all their points.

    A value's points are those at the place "how many edges are not above it".
    """
    total: ast.expr = ast.Constant(base)
    for place, (edges, points) in enumerate(bins):
        value = ast.Name(f"_{place}", ast.Load())
        total = ast.BinOp(total, ast.Add(), _points(value, edges, points))
    made: Callable[..., int] = _function(total, len(bins))
    return made


def _points(value: ast.expr, edges: Sequence[int], points: Sequence[int]) -> ast.expr:
    if not edges:
        return ast.Constant(points[0])
    half = len(edges) // 2
    below = _points(value, edges[:half], points[: half + 1])
    above = _points(value, edges[half + 1 :], points[half + 1 :])
    return ast.IfExp(ast.Compare(value, [ast.Lt()], [ast.Constant(edges[half])]), below, above)


def _function(body: ast.expr, arguments: int) -> Any:
    """A function of so many arguments, `_0` and so on."""
    named = ast.arguments(
        posonlyargs=[], args=[ast.arg(f"_{place}") for place in range(arguments)],
        kwonlyargs=[], kw_defaults=[], defaults=[],
    )  # fmt: skip
    whole = ast.fix_missing_locations(ast.Expression(ast.Lambda(named, body)))
    code = compile(whole, "<rules>", "eval")
    return eval(code, {"__builtins__": {}, **_CALLED})  # noqa: S307 - our own tree
