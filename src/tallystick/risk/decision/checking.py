"""Typing an expression against a catalogue of names, before it is saved."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tallystick.risk.decision.language import (
    Binary,
    Call,
    Condition,
    Expression,
    ExpressionError,
    Literal,
    Name,
    Unary,
    Within,
    parse,
)

__all__ = ["Catalogue", "Kind", "checked"]


class Kind(StrEnum):
    """The type of a value."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"


Catalogue = Mapping[str, Kind]

_ARITHMETIC: Final = frozenset("+-*/%")
_ORDER: Final = frozenset({"<", "<=", ">", ">="})


def _of_literal(literal: Literal) -> Kind:
    if isinstance(literal.value, bool):
        return Kind.BOOLEAN
    return Kind.NUMBER if isinstance(literal.value, int) else Kind.TEXT


def _want(tree: Expression, kind: Kind, catalogue: Catalogue, why: str) -> None:
    found = _kind(tree, catalogue)
    if found is not kind:
        raise ExpressionError(f"{why} a {kind}, and this is a {found}", tree.at)


def _of_name(tree: Name, catalogue: Catalogue) -> Kind:
    kind = catalogue.get(tree.name)
    if kind is None:
        near = difflib.get_close_matches(tree.name, catalogue, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ExpressionError(f"there is no feature {tree.name!r}{hint}", tree.at)
    return kind


def _of_binary(tree: Binary, catalogue: Catalogue) -> Kind:
    operator = tree.operator
    if operator in ("&&", "||") or operator in _ARITHMETIC or operator in _ORDER:
        side = Kind.BOOLEAN if operator in ("&&", "||") else Kind.NUMBER
        for part in (tree.left, tree.right):
            _want(part, side, catalogue, f"{operator} takes")
        return Kind.NUMBER if operator in _ARITHMETIC else Kind.BOOLEAN
    left, right = _kind(tree.left, catalogue), _kind(tree.right, catalogue)
    if left is not right:
        raise ExpressionError(f"{operator} compares a {left} with a {right}", tree.at)
    return Kind.BOOLEAN


def _of_condition(tree: Condition, catalogue: Catalogue) -> Kind:
    _want(tree.test, Kind.BOOLEAN, catalogue, "before ? stands")
    yes, no = _kind(tree.yes, catalogue), _kind(tree.no, catalogue)
    if yes is not no or yes is Kind.TEXT:
        raise ExpressionError("? : gives two numbers or two booleans", tree.at)
    return yes


def _of_within(tree: Within, catalogue: Catalogue) -> Kind:
    kind = _kind(tree.item, catalogue)
    for option in tree.options:
        if _of_literal(option) is not kind:
            raise ExpressionError(f"a {kind} is looked for here", option.at)
    return Kind.BOOLEAN


def _kind(tree: Expression, catalogue: Catalogue) -> Kind:
    if isinstance(tree, Literal):
        return _of_literal(tree)
    if isinstance(tree, Name):
        return _of_name(tree, catalogue)
    if isinstance(tree, Unary):
        kind = Kind.BOOLEAN if tree.operator == "!" else Kind.NUMBER
        _want(tree.operand, kind, catalogue, f"{tree.operator} takes")
        return kind
    if isinstance(tree, Binary):
        return _of_binary(tree, catalogue)
    if isinstance(tree, Condition):
        return _of_condition(tree, catalogue)
    if isinstance(tree, Within):
        return _of_within(tree, catalogue)
    assert isinstance(tree, Call)
    _want(tree.target, Kind.TEXT, catalogue, f"{tree.method} is asked of")
    if not isinstance(tree.argument.value, str):
        raise ExpressionError(f"{tree.method} takes a text", tree.argument.at)
    return Kind.BOOLEAN


def checked(text: str, catalogue: Catalogue) -> Expression:
    """The tree of a condition: an expression of the catalogue's names that is true or false.

    Raises:
        ExpressionError: it cannot be read, names what is not there, mixes types, or is no
            condition; with the column.
    """
    tree = parse(text)
    kind = _kind(tree, catalogue)
    if kind is not Kind.BOOLEAN:
        raise ExpressionError(f"a rule is true or false, and this is a {kind}", 0)
    return tree
