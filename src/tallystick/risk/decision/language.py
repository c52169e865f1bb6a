"""The rules' language: the part of CEL that has one meaning live and over columns of history.

Common Expression Language, restricted to whole numbers, booleans and texts: literals, names,
`! - * / % + -`, comparisons, `in [..]`, `&& ||`, `? :`, `startsWith`, `endsWith`, `contains`. An
expression is read here into a tree, so that it can be typed with places and be evaluated over
columns; live evaluation is the library's (`live`).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

__all__ = [
    "Binary", "Call", "Condition", "Expression", "ExpressionError", "Literal", "Name", "RESERVED",
    "Unary", "Within", "names_in", "parse",
]  # fmt: skip

_LENGTH_MAX: Final = 4000
_DEPTH_MAX: Final = 60
# Each is one level of the tree at most, which is walked by recursion.
_OPERATORS_MAX: Final = 200
_INT_MAX: Final = 2**63 - 1


class ExpressionError(ValueError):
    """An expression that cannot be used: what is wrong, and at which column (from 1).

    Args:
        at: the place, from 0; None where it is the whole of a definition.
    """

    def __init__(self, message: str, at: int | None) -> None:
        super().__init__(message if at is None else f"column {at + 1}: {message}")
        self.column = 1 if at is None else at + 1

    def inside(self, name: str) -> ExpressionError:
        """The same, with the name of what holds the expression before it."""
        named = ExpressionError(f"{name}: {self}", None)
        named.column = self.column
        return named


class Literal(NamedTuple):
    """A whole number, text or boolean."""

    value: int | str | bool
    at: int


class Name(NamedTuple):
    """A feature or fact by its name."""

    name: str
    at: int


class Unary(NamedTuple):
    """`!x` or `-x`."""

    operator: str
    operand: Expression
    at: int


class Binary(NamedTuple):
    """Two operands."""

    operator: str
    left: Expression
    right: Expression
    at: int


class Condition(NamedTuple):
    """`test ? yes : no`."""

    test: Expression
    yes: Expression
    no: Expression
    at: int


class Within(NamedTuple):
    """`item in [literals]`."""

    item: Expression
    options: tuple[Literal, ...]
    at: int


class Call(NamedTuple):
    """`text.startsWith('x')` and its like."""

    method: str
    target: Expression
    argument: Literal
    at: int


Expression: TypeAlias = Literal | Name | Unary | Binary | Condition | Within | Call


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\n\f\r]+)|(?P<point>\d+\.\d+)|(?P<number>\d+(?![\w.]))"
    r"|(?P<text>'(?:[^'\\\r\n]|\\.)*'|\"(?:[^\"\\\r\n]|\\.)*\")"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/%<>!?:().,\[\]])",
    re.ASCII,
)
_ESCAPES: Final = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t"}
_LEVELS: Final = (
    ("||",), ("&&",), ("==", "!=", "<=", ">=", "<", ">", "in"), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
_METHODS: Final = frozenset({"startsWith", "endsWith", "contains"})
RESERVED: Final = frozenset({
    "in", "true", "false", "null", "as", "break", "const", "continue", "else", "for", "function",
    "if", "import", "let", "loop", "namespace", "package", "return", "var", "void", "while",
})  # fmt: skip
"""Words that CEL keeps for itself: no name is one of them."""


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(f"{text[at]!r} is not understood here", at)
        kind = str(match.lastgroup)
        if kind == "point":
            raise ExpressionError("only whole numbers are allowed (amounts are minor units)", at)
        if kind != "space":
            found.append(_Token(kind, match.group(), at))
        at = match.end()
    found.append(_Token("end", "", len(text)))
    return found


def _unquoted(token: _Token) -> str:
    body = token.text[1:-1]

    def plain(match: re.Match[str]) -> str:
        escaped = _ESCAPES.get(match.group(1))
        if escaped is None:
            raise ExpressionError(f"\\{match.group(1)} is no escape", token.at + 1 + match.start())
        return escaped

    return re.sub(r"\\(.)", plain, body)


class _Parser:
    """Recursive descent, one level of precedence a call."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0
        self._operators = 0

    def whole(self) -> Expression:
        tree = self._condition()
        token = self._peek()
        if token.kind != "end":
            raise ExpressionError(f"{token.text!r} is one too many", token.at)
        return tree

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _operator(self) -> _Token:
        token = self._take()
        self._operators += 1
        if self._operators > _OPERATORS_MAX:
            raise ExpressionError(f"more than {_OPERATORS_MAX} operators are too many", token.at)
        return token

    def _took(self, text: str) -> bool:
        token = self._peek()
        if token.text == text and token.kind in ("sign", "word"):
            self._next += 1
            return True
        return False

    def _must(self, text: str) -> None:
        token = self._peek()
        if not self._took(text):
            what = repr(token.text) if token.text else "the end"
            raise ExpressionError(f"{text!r} is expected, not {what}", token.at)

    def _condition(self) -> Expression:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise ExpressionError("this is nested too deeply", self._peek().at)
        test = self._level(0)
        at = self._peek().at
        if self._took("?"):
            yes = self._level(0)
            self._must(":")
            test = Condition(test, yes, self._condition(), at)
        self._depth -= 1
        return test

    def _level(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while (token := self._peek()).text in _LEVELS[level] and token.kind in ("sign", "word"):
            self._operator()
            if token.text == "in":
                left = Within(left, self._options(), token.at)
            else:
                left = Binary(token.text, left, self._level(level + 1), token.at)
        return left

    def _options(self) -> tuple[Literal, ...]:
        self._must("[")
        options: list[Literal] = []
        while not self._took("]"):
            if options:
                self._must(",")
            at = self._peek().at
            option = self._unary()
            if isinstance(option, Unary) and isinstance(option.operand, Literal):
                value = option.operand.value
                if option.operator == "-" and type(value) is int:
                    option = Literal(-value, at)
            if not isinstance(option, Literal):
                raise ExpressionError("a list holds numbers, texts or booleans only", at)
            options.append(option)
        return tuple(options)

    def _unary(self) -> Expression:
        token = self._peek()
        signs: list[_Token] = []
        while self._peek().text in ("!", "-") and self._peek().kind == "sign":
            signs.append(self._operator())
        if any(sign.text != token.text for sign in signs):
            raise ExpressionError("! and - do not stand together", token.at)
        if len(signs) > _DEPTH_MAX:
            raise ExpressionError("this is nested too deeply", token.at)
        tree = self._member()
        for sign in reversed(signs):
            tree = Unary(sign.text, tree, sign.at)
        return tree

    def _member(self) -> Expression:
        tree = self._primary()
        while (token := self._peek()).text == "." and token.kind == "sign":
            self._operator()
            method = self._take()
            if method.text not in _METHODS:
                known = ", ".join(sorted(_METHODS))
                raise ExpressionError(f"{method.text!r} is none of {known}", method.at)
            self._must("(")
            argument = self._primary()
            if not isinstance(argument, Literal):
                raise ExpressionError(f"{method.text} takes a text in quotes", argument.at)
            self._must(")")
            tree = Call(method.text, tree, argument, method.at)
        return tree

    def _primary(self) -> Expression:
        token = self._take()
        if token.kind == "number":
            if int(token.text) > _INT_MAX:
                raise ExpressionError("this number is too large", token.at)
            return Literal(int(token.text), token.at)
        if token.kind == "text":
            return Literal(_unquoted(token), token.at)
        if token.text in ("true", "false") and token.kind == "word":
            return Literal(token.text == "true", token.at)
        if token.kind == "word" and token.text not in RESERVED:
            if self._peek().text == "(":
                raise ExpressionError(f"there is no function {token.text!r}", token.at)
            return Name(token.text, token.at)
        if token.text == "(" and token.kind == "sign":
            tree = self._condition()
            self._must(")")
            return tree
        what = repr(token.text) if token.text else "the end"
        raise ExpressionError(f"a value is expected, not {what}", token.at)


def parse(text: str) -> Expression:
    """The tree of an expression.

    Raises:
        ExpressionError: it is no expression of the language; with the column.
    """
    if len(text) > _LENGTH_MAX:
        raise ExpressionError(f"an expression has at most {_LENGTH_MAX} characters", _LENGTH_MAX)
    return _Parser(text).whole()


def names_in(tree: Expression) -> frozenset[str]:
    """Every name that an expression reads."""
    if isinstance(tree, Name):
        return frozenset({tree.name})
    parts: tuple[Expression, ...] = ()
    if isinstance(tree, Unary):
        parts = (tree.operand,)
    elif isinstance(tree, Binary):
        parts = (tree.left, tree.right)
    elif isinstance(tree, Condition):
        parts = (tree.test, tree.yes, tree.no)
    elif isinstance(tree, Within):
        parts = (tree.item,)
    elif isinstance(tree, Call):
        parts = (tree.target,)
    return frozenset().union(*(names_in(part) for part in parts))
