"""Charts: whole numbers, axes that hold their values, words for those who do not see them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.console.charts import (
    Line,
    Point,
    SignedPoint,
    bar_chart,
    line_chart,
    lines_chart,
    signed_chart,
    stacked_chart,
    ticks,
)
from tallystick.console.texts import Language

SVG = "{http://www.w3.org/2000/svg}"


def drawn(values: list[int], kind: str, language: Language = Language.ENGLISH) -> str:
    points = [Point(f"p{at}", value, f"p{at} · {value}") for at, value in enumerate(values)]
    chart = bar_chart if kind == "bar" else line_chart
    return str(
        chart(
            points, name="c", title="A & B <c>", description="what it says", axis_text=str,
            language=language,
        )
    )  # fmt: skip


def draw(values: list[int], kind: str = "bar") -> ElementTree.Element:
    marked = drawn(values, kind).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return ElementTree.fromstring(marked)


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_an_axis_starts_at_nothing_and_holds_the_highest_value(highest: int) -> None:
    marks = ticks(highest)
    assert marks[0] == 0
    assert marks[-1] >= highest
    assert 2 <= len(marks) <= 5
    step = marks[1]
    assert marks == [step * i for i in range(len(marks))]
    assert str(step).rstrip("0") in ("1", "2", "5")
    # Not more room than needed: one step less would be too low.
    assert highest == 0 or marks[-2] < highest


@given(st.lists(st.integers(min_value=0, max_value=2**62), min_size=1, max_size=40).filter(any))
def test_bars_stand_on_the_axis_inside_the_drawing_in_proportion(values: list[int]) -> None:
    drawn = draw(values)
    bars = drawn.findall(f"{SVG}rect")
    assert len(bars) == len(values)
    axis = next(line for line in drawn.iter(f"{SVG}line") if line.attrib["class"] == "axis")
    tops = []
    for bar in bars:
        y, height = int(bar.attrib["y"]), int(bar.attrib["height"])
        assert y >= 0
        assert y + height == int(axis.attrib["y1"])
        tops.append(height)
    assert [h for _, h in sorted(zip(values, tops, strict=True))] == sorted(tops)


@pytest.mark.parametrize("kind", ["bar", "line"])
def test_a_chart_has_a_title_a_description_and_a_word_for_each_value(kind: str) -> None:
    root = draw([3, 0, 7], kind)
    assert root.attrib["role"] == "img"
    labelled = root.attrib["aria-labelledby"].split()
    named = {e.attrib["id"]: e.text for e in root if "id" in e.attrib}
    assert [named[i] for i in labelled] == ["A & B <c>", "what it says"]
    said = [e.text for e in root.iter(f"{SVG}title")]
    assert said[1:] == ["p0 · 3", "p1 · 0", "p2 · 7"]


def test_charts_bring_no_style_or_script_of_their_own() -> None:
    for kind in ("bar", "line"):
        for element in draw([1, 2], kind).iter():
            assert "style" not in element.attrib
            assert not element.tag.endswith("script")


@pytest.mark.parametrize("kind", ["bar", "line"])
@pytest.mark.parametrize("values", [[], [0, 0]])
def test_where_there_is_nothing_to_draw_a_sentence_says_so(kind: str, values: list[int]) -> None:
    said = drawn(values, kind, Language.CHINESE)
    assert "<svg" not in said
    assert said == '<p class="empty">暂无可绘制的数据。</p>'


def test_a_stack_and_a_chart_with_sides_say_so_too() -> None:
    words: dict[str, Any] = {"name": "c", "title": "t", "description": "d", "axis_text": str,
                             "language": Language.ENGLISH}  # fmt: skip
    none = [SignedPoint("a", 0, "a: 0")]
    for said in (stacked_chart([Point("a", 0, "")], [0], **words), signed_chart(none, **words)):
        assert said == '<p class="empty">There is nothing to draw yet.</p>'
    assert "<svg" in stacked_chart([Point("a", 0, "")], [1], **words)


def test_each_of_several_lines_says_its_values_and_has_its_name_at_its_end() -> None:
    lines = [
        Line(
            "26-05", [Point(str(age), v, f"26-05, {age}: {v}") for age, v in enumerate([0, 3, 9])]
        ),
        Line("26-06", [Point(str(age), v, f"26-06, {age}: {v}") for age, v in enumerate([0, 5])]),
        Line("26-07", [Point("0", 0, "26-07, 0: 0")]),
    ]
    chart = lines_chart(
        lines, name="c", title="t", description="d", axis_text=str, language=Language.ENGLISH
    )
    svg = str(chart).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    root = ElementTree.fromstring(svg)
    curves = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    assert [len(curve) for curve in curves] == [3, 2, 1]
    assert len({curve[0].split(",")[0] for curve in curves}) == 1
    ends = {e.text: e.attrib["x"] for e in root.iter(f"{SVG}text") if e.text in
            {line.name for line in lines}}  # fmt: skip
    assert ends == {
        line.name: curve[-1].split(",")[0] for line, curve in zip(lines, curves, strict=True)
    }
    said = {e.text for e in root.iter(f"{SVG}title")}
    assert said >= {point.says for line in lines for point in line.points}


def test_several_lines_of_nothing_are_a_sentence() -> None:
    nothing = lines_chart(
        [Line("a", [Point("0", 0, "0")])], name="c", title="t", description="d", axis_text=str,
        language=Language.ENGLISH,
    )  # fmt: skip
    assert "<svg" not in str(nothing)
