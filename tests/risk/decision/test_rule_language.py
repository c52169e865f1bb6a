"""The rules' language: one meaning live and over columns, and refusals that name the place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.risk.decision.checking import Kind, checked
from tallystick.risk.decision.columns import Column, condition_over
from tallystick.risk.decision.language import ExpressionError
from tallystick.risk.decision.live import Condition, Conditions, Values

NAMES = {"a": Kind.NUMBER, "b": Kind.NUMBER, "s": Kind.TEXT, "t": Kind.TEXT, "p": Kind.BOOLEAN}
TEXTS = ["", "x", "xy", "it's", 'say "hi"', "back\\slash", "é", "数"]
EXTREME = [0, 1, -1, 2, 7, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), -(2**63) + 1]


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


texts = st.sampled_from(TEXTS)
numbers = st.recursive(
    st.sampled_from(["a", "b", "0", "1", "3", "1000", str(2**62), str(2**63 - 1)]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/%"), inner),
        st.builds("(-{})".format, inner),
    ),
    max_leaves=4,
)
conditions = st.recursive(
    st.one_of(
        st.builds("({} {} {})".format, numbers,
                  st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers),
        st.builds("({} {} {})".format, st.sampled_from("st"), st.sampled_from(["==", "!="]),
                  st.one_of(texts.map(quoted), st.sampled_from("st"))),
        st.builds("(s in [{}])".format, st.lists(texts.map(quoted), max_size=3).map(", ".join)),
        st.builds("(a in [{}])".format, st.lists(st.sampled_from(["1", "-1", "7"]),
                                                 max_size=3).map(", ".join)),
        st.builds("t.{}({})".format, st.sampled_from(["startsWith", "endsWith", "contains"]),
                  texts.map(quoted)),
        st.sampled_from(["p", "true", "false"]),
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||", "==", "!="]), inner),
        st.builds("(!{})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)  # fmt: skip
whole = st.one_of(st.sampled_from(EXTREME), st.integers(-(2**63), 2**63 - 1))
rows = st.lists(st.tuples(whole, whole, texts, texts, st.booleans()), min_size=1, max_size=6)


def live(text: str, row: tuple[Any, ...]) -> bool:
    try:
        return Condition(text).holds(Values(dict(zip(NAMES, row, strict=True))))
    except ArithmeticError:
        return False


def columns(found: list[tuple[Any, ...]]) -> dict[str, Column]:
    made: dict[str, Column] = {}
    for at, (name, kind) in enumerate(NAMES.items()):
        values = [row[at] for row in found]
        if kind is Kind.TEXT:
            known = sorted(set(values))
            made[name] = Column(np.array([known.index(v) for v in values], np.int32), known)
        else:
            made[name] = Column(np.array(values, np.int64 if kind is Kind.NUMBER else np.bool_))
    return made


@given(conditions, rows)
def test_a_condition_means_the_same_live_and_over_columns(
    text: str, found: list[tuple[Any, ...]]
) -> None:
    over = condition_over(checked(text, NAMES), columns(found), len(found))
    assert list(over) == [live(text, row) for row in found]


@given(st.lists(conditions, min_size=1, max_size=4), rows)
def test_conditions_asked_together_are_what_the_library_says_of_each(
    together: list[str], found: list[tuple[Any, ...]]
) -> None:
    asked = Conditions(together)
    for row in found:
        inputs = dict(zip(NAMES, row, strict=True))
        assert list(asked.hold(inputs)) == [in_the_library(text, inputs) for text in together]


def in_the_library(text: str, inputs: dict[str, Any]) -> bool | None:
    try:
        return Condition(text).holds(Values(inputs))
    except ArithmeticError:
        return None


@pytest.mark.parametrize(
    "text",
    [
        "p" + " && p" * 200,
        "a" + " + 1" * 199 + " > b",
        "!" * 59 + "p",
        "(" * 58 + "p" + " || p)" * 58,
        "a < 3 ? p : " * 50 + "p",
    ],
)
def test_the_largest_conditions_are_asked_together_too(text: str) -> None:
    checked(text, NAMES)
    inputs: dict[str, Any] = {"a": 1, "b": 2, "s": "", "t": "", "p": True}
    assert Conditions([text, text]).hold(inputs) == (in_the_library(text, inputs),) * 2


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("amont > 5", 1, "no feature"),
        ("a > 5 && bb < 3", 10, "no feature 'bb'"),
        ("a > 'x'", 5, "number"),
        ("s == 5", 3, "compares a text with a number"),
        ("a + b", 1, "this is a number"),
        ("a > 5.5", 5, "only whole numbers"),
        ("a >", 4, "the end"),
        ("a > 5)", 6, "one too many"),
        ("size(s) > 1", 1, "no function"),
        ("s.matches('x')", 3, "none of"),
        ("s < 't'", 1, "number"),
        ("p && a", 6, "takes a boolean"),
        ("a in [1, 'x']", 10, "a number is looked for"),
        ("(p ? s : t) == 'x'", 4, "two numbers or two booleans"),
        ("a > 9223372036854775808", 5, "too large"),
        ("a # b", 3, "not understood"),
        ("s == 'x\\q'", 8, "no escape"),
        ("s == 'x\ry'", 6, "not understood"),
        ("a\v> 1", 2, "not understood"),
        ("loop > 1", 1, "not 'loop'"),
        ("!" * 100 + "p", 1, "too deeply"),
        ("(" * 100 + "p" + ")" * 100, 61, "too deeply"),
        ("p" + "||p" * 1000, 602, "200 operators"),
    ],
)
def test_what_does_not_type_is_refused_with_its_place(text: str, column: int, says: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        checked(text, NAMES)
    assert says in str(refused.value)
    assert refused.value.column == column


@given(st.text(alphabet="ab p&|!=<>()+-*/%'[],?:.019é \\\n\r\v\f", max_size=40))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        checked(text, NAMES)
    except ExpressionError:
        return
    Condition(text)
