"""Conditions over columns of history, with the meaning that the live library gives them.

Numbers are 64 bits; what overflows or divides by zero is an error of that row, which `&&` and
`||` take over as CEL says: `false && error` is false, `true || error` is true. A condition that
ends in an error does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.decision.language import (
    Binary,
    Call,
    Condition,
    Expression,
    Literal,
    Name,
    Unary,
    Within,
    names_in,
)

__all__ = ["Column", "condition_over"]

_CHUNK: Final = 1 << 16
_LIMIT: Final = 2.0**63
_LOWEST: Final = -(2**63)

Mask = NDArray[np.bool_]


class Column:
    """A column's values; of texts, codes into the list of different texts."""

    def __init__(self, values: NDArray[Any], texts: list[str] | None = None) -> None:
        self.values = values
        self.texts = texts
        self._passed: dict[tuple[str, str], Mask] = {}

    @cached_property
    def peak(self) -> int:
        """No number is farther from 0 than this."""
        if self.texts is not None or not len(self.values):
            return 0
        return max(abs(int(self.values.max())), abs(int(self.values.min())))

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {text: code for code, text in enumerate(self.texts or ())}

    def code_of(self, text: str) -> int | None:
        """A text's code; None when it does not occur."""
        return self._codes.get(text)

    def part(self, start: int, end: int) -> Column:
        """A run of rows; the texts are shared."""
        piece = Column(self.values[start:end], self.texts)
        piece.__dict__["peak"] = self.peak
        if self.texts is not None:
            piece.__dict__["_codes"] = self._codes
            piece._passed = self._passed
        return piece

    def where_text(self, method: str, argument: str) -> Mask:
        """The rows whose text passes a test, which is made once for each different text."""
        assert self.texts is not None
        passed = self._passed.get((method, argument))
        if passed is None:
            test = _TESTS[method]
            tested = (test(text, argument) for text in self.texts)
            passed = np.fromiter(tested, np.bool_, len(self.texts))
            self._passed[method, argument] = passed
        return passed[self.values] if len(passed) else np.zeros(len(self.values), np.bool_)


class _Result(NamedTuple):
    """Values (an array or one for all rows), and where they are an error (None: nowhere).

    Args:
        peak: no number is farther from 0 than this.
    """

    values: Any
    wrong: Mask | None = None
    peak: int = 0


def _either(left: Mask | None, right: Mask | None) -> Mask | None:
    if left is None or right is None:
        return left if right is None else right
    return left | right


class _Over:
    """Evaluates trees over one run of rows."""

    def __init__(self, columns: Mapping[str, Column], size: int) -> None:
        self._columns = columns
        self._size = size

    def of(self, tree: Expression) -> _Result:
        if isinstance(tree, Literal):
            peak = abs(tree.value) if isinstance(tree.value, int) else 0
            return _Result(tree.value, None, peak)
        if isinstance(tree, Name):
            column = self._columns[tree.name]
            return _Result(column.values, None, column.peak)
        if isinstance(tree, Unary):
            return self._unary(tree)
        if isinstance(tree, Binary):
            return self._binary(tree)
        if isinstance(tree, Condition):
            return self._condition(tree)
        if isinstance(tree, Within):
            return self._within(tree)
        assert isinstance(tree, Call)
        return _Result(self._call(tree))

    def _unary(self, tree: Unary) -> _Result:
        operand = self.of(tree.operand)
        if tree.operator == "!":
            return _Result(np.logical_not(operand.values), operand.wrong)
        # As in the library, the lowest number is its own opposite.
        opposite = np.negative(np.asarray(operand.values, np.int64))
        return _Result(opposite, operand.wrong, operand.peak)

    def _binary(self, tree: Binary) -> _Result:
        operator = tree.operator
        if operator in ("&&", "||"):
            return self._logic(operator == "&&", self.of(tree.left), self.of(tree.right))
        if self._is_text(tree.left):
            same = self._same_text(tree.left, tree.right)
            return _Result(same if operator == "==" else np.logical_not(same))
        left, right = self.of(tree.left), self.of(tree.right)
        compare = _COMPARISONS.get(operator)
        if compare is None:
            return self._number(operator, left, right)
        return _Result(compare(left.values, right.values), _either(left.wrong, right.wrong))

    @staticmethod
    def _logic(both: bool, left: _Result, right: _Result) -> _Result:
        joined = (np.logical_and if both else np.logical_or)(left.values, right.values)
        wrong = _either(left.wrong, right.wrong)
        if wrong is None:
            return _Result(joined)
        # One side that decides by itself, and is no error, decides.
        decided = np.zeros(len(wrong), np.bool_)
        for side in (left, right):
            decides = np.logical_not(side.values) if both else side.values
            decided |= decides if side.wrong is None else decides & ~side.wrong
        values = np.where(decided, not both, joined)
        return _Result(values, wrong & ~decided)

    def _number(self, operator: str, left: _Result, right: _Result) -> _Result:
        wrong = _either(left.wrong, right.wrong)
        a, b = (np.asarray(side.values, np.int64) for side in (left, right))
        if operator in ("/", "%"):
            bad = (b == 0) | ((a == _LOWEST) & (b == -1))
            divisor = np.where(bad, 1, b)
            rest = np.fmod(a, divisor)
            values = rest if operator == "%" else (a - rest) // divisor
            wrong = _either(wrong, self._full(bad)) if bad.any() else wrong
            return _Result(values, wrong, left.peak)
        ufunc = _ARITHMETIC[operator]
        peak = left.peak * right.peak if operator == "*" else left.peak + right.peak
        if peak >= _LIMIT:
            beyond = self._beyond(operator, a, b)
            if beyond.any():
                wrong = _either(wrong, self._full(beyond))
        return _Result(ufunc(a, b), wrong, min(peak, -_LOWEST))

    @staticmethod
    def _beyond(operator: str, a: NDArray[Any], b: NDArray[Any]) -> Mask:
        """Where the exact result does not fit 64 bits."""
        close: Mask = abs(_ARITHMETIC[operator](a.astype(float), b.astype(float))) >= _LIMIT * 0.99
        if not close.any():
            return close
        exact = _ARITHMETIC[operator](a.astype(object), b.astype(object))
        return np.asarray((exact > 2**63 - 1) | (exact < _LOWEST), np.bool_)

    def _full(self, mask: Any) -> Mask:
        return np.broadcast_to(np.asarray(mask, np.bool_), (self._size,))

    def _condition(self, tree: Condition) -> _Result:
        test, yes, no = self.of(tree.test), self.of(tree.yes), self.of(tree.no)
        values = np.where(test.values, yes.values, no.values)
        peak = max(yes.peak, no.peak)
        if test.wrong is yes.wrong is no.wrong is None:
            return _Result(values, None, peak)
        clean = np.zeros(self._size, np.bool_)
        chosen = np.where(
            test.values,
            clean if yes.wrong is None else yes.wrong,
            clean if no.wrong is None else no.wrong,
        )
        return _Result(values, _either(self._full(chosen), test.wrong), peak)

    def _is_text(self, tree: Expression) -> bool:
        if isinstance(tree, Name):
            return self._columns[tree.name].texts is not None
        return isinstance(tree, Literal) and isinstance(tree.value, str)

    def _same_text(self, left: Expression, right: Expression) -> Any:
        if isinstance(left, Literal):
            left, right = right, left
        if isinstance(left, Literal) and isinstance(right, Literal):
            return left.value == right.value
        assert isinstance(left, Name)
        column = self._columns[left.name]
        if isinstance(right, Literal):
            code = column.code_of(str(right.value))
            return False if code is None else column.values == code
        assert isinstance(right, Name)
        other = self._columns[right.name]
        if other.texts is column.texts:
            return column.values == other.values
        own = (column.code_of(text) for text in other.texts or ())
        codes = np.fromiter((-1 if code is None else code for code in own), np.int64)
        return column.values == codes[other.values]

    def _within(self, tree: Within) -> _Result:
        if isinstance(tree.item, Name) and self._is_text(tree.item):
            column = self._columns[tree.item.name]
            codes = [column.code_of(str(option.value)) for option in tree.options]
            return _Result(np.isin(column.values, [c for c in codes if c is not None]))
        item = self.of(tree.item)
        options = [option.value for option in tree.options]
        if isinstance(item.values, str):
            return _Result(item.values in options)
        found = np.zeros(np.shape(item.values), np.bool_)
        for option in options:
            found = found | (item.values == option)
        return _Result(found, item.wrong)

    def _call(self, tree: Call) -> Any:
        argument = str(tree.argument.value)
        if isinstance(tree.target, Literal):
            return _TESTS[tree.method](str(tree.target.value), argument)
        assert isinstance(tree.target, Name)
        return self._columns[tree.target.name].where_text(tree.method, argument)


_COMPARISONS: Final[Mapping[str, Any]] = {
    "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal,
    ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip
_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith, "endsWith": str.endswith, "contains": str.__contains__,
}  # fmt: skip
_ARITHMETIC: Final[Mapping[str, Any]] = {"+": np.add, "-": np.subtract, "*": np.multiply}


def condition_over(tree: Expression, columns: Mapping[str, Column], size: int) -> Mask:
    """The rows of which a checked condition holds."""
    holds = np.empty(size, np.bool_)
    used = {name: columns[name] for name in names_in(tree)}
    with np.errstate(over="ignore"):
        for start in range(0, size, _CHUNK):
            end = min(start + _CHUNK, size)
            parts = {name: column.part(start, end) for name, column in used.items()}
            result = _Over(parts, end - start).of(tree)
            wrong = result.wrong
            holds[start:end] = result.values if wrong is None else result.values & ~wrong
    return holds
