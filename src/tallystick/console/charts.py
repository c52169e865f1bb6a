"""Charts as inline SVG, drawn by pure functions in whole numbers; colours come from the sheet.

Every chart has a title and a description for those who do not see it, and each bar or dot says
its own value. Where every value is 0 a sentence stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from tallystick.console.texts import Language, text

__all__ = [
    "Point",
    "SignedPoint",
    "bar_chart",
    "Line",
    "line_chart",
    "lines_chart",
    "signed_chart",
    "stacked_chart",
    "ticks",
]

_WIDTH: Final = 480
_HEIGHT: Final = 200
_LEFT: Final = 52
_RIGHT: Final = 8
_TOP: Final = 12
_BOTTOM: Final = 24
_STEPS_MAX: Final = 4
_BAR_MAX: Final = 64


class Point(NamedTuple):
    """One value of a chart.

    Args:
        label: stands at the axis; empty where there is no room for one.
        value: whole and not negative, in any unit.
        says: label and value for people, shown on pointing and read aloud.
    """

    label: str
    value: int
    says: str


class Line(NamedTuple):
    """One line of several; its name stands at its end."""

    name: str
    points: Sequence[Point]


class SignedPoint(NamedTuple):
    """One value of a chart that may lie below zero; the rest as for `Point`."""

    label: str
    value: int
    says: str


def ticks(highest: int) -> list[int]:
    """The marks of an axis from 0 to at least `highest`: steps of 1, 2 or 5 times ten to a power.

    At most five marks; for 0 the axis is one step high.
    """
    step, factors = 1, (2, 5, 10)
    scale = 1
    while step * _STEPS_MAX < highest:
        for factor in factors:
            step = factor * scale
            if step * _STEPS_MAX >= highest:
                break
        else:
            scale *= 10
    count = max(1, -(-highest // step))
    return [step * i for i in range(count + 1)]


def _frame(
    name: str, title: str, description: str, body: list[Markup], axis: Sequence[Markup]
) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}{}</svg>'
    ).format(
        _WIDTH, _HEIGHT, name, name, name, title, name, description,
        Markup("").join(axis), Markup("").join(body),
    )  # fmt: skip


def _nothing(language: Language) -> Markup:
    """Stands where every value is 0: axes alone would tell of a scale that nothing has."""
    return Markup('<p class="empty">{}</p>').format(text("chart.nothing", language))


def _bar_width(slot: int) -> int:
    """How wide a bar is in its share of the axis: few bars are not made into a wall."""
    return max(2, min(slot * 7 // 10, _BAR_MAX))


def _y(value: int, top: int) -> int:
    """Where a value lies, in pixels from above."""
    room = _HEIGHT - _TOP - _BOTTOM
    return _TOP + room - room * value // top


def _axis_line(mark: int, y: int, axis_text: Callable[[int], str]) -> Markup:
    line = Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        "grid" if mark else "axis", _LEFT, _WIDTH - _RIGHT, y, y
    )
    return line + Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
        _LEFT - 8, y + 4, axis_text(mark)
    )


def _axis(marks: list[int], axis_text: Callable[[int], str]) -> list[Markup]:
    return [_axis_line(mark, _y(mark, marks[-1]), axis_text) for mark in marks]


def _label(point: Point, x: int) -> Markup:
    if not point.label:
        return Markup("")
    return Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
        x, _HEIGHT - 6, point.label
    )


def bar_chart(
    points: Sequence[Point], *, name: str, title: str, description: str,
    axis_text: Callable[[int], str], language: Language,
) -> Markup:  # fmt: skip
    """Values side by side.

    Args:
        name: unique in the page; the ids of title and description begin with it.
        axis_text: how a value is written at the axis.
        language: of the sentence that stands in the chart's place when there is nothing to draw.
    """
    if not any(p.value for p in points):
        return _nothing(language)
    marks = ticks(max(p.value for p in points))
    slot = (_WIDTH - _LEFT - _RIGHT) // len(points)
    width = _bar_width(slot)
    body = []
    for at, point in enumerate(points):
        x = _LEFT + at * slot + (slot - width) // 2
        y = _y(point.value, marks[-1])
        height = _y(0, marks[-1]) - y
        body.append(
            Markup(
                '<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>{}'
            ).format(x, y, width, height, point.says, _label(point, x + width // 2))
        )
    return _frame(name, title, description, body, _axis(marks, axis_text))


def _signed_y(value: int, low: int, high: int) -> int:
    room = _HEIGHT - _TOP - _BOTTOM
    return _TOP + room * (high - value) // (high - low)


def signed_chart(
    points: Sequence[SignedPoint], *, name: str, title: str, description: str,
    axis_text: Callable[[int], str], language: Language,
) -> Markup:  # fmt: skip
    """Values side by side that go up or down from zero; arguments as for `bar_chart`."""
    values = [p.value for p in points]
    if not any(values):
        return _nothing(language)
    marks = ticks(max(max(values), -min(values), 0))
    step = marks[1]
    up, down = (-(-max(side, 0) // step) for side in (max(values), -min(values)))
    shown = [step * i for i in range(-down, max(up, 0 if down else 1) + 1)]
    low, high = shown[0], shown[-1]
    axis = [_axis_line(mark, _signed_y(mark, low, high), axis_text) for mark in shown]
    slot = (_WIDTH - _LEFT - _RIGHT) // len(points)
    width = _bar_width(slot)
    zero, body = _signed_y(0, low, high), []
    for at, point in enumerate(points):
        x, y = _LEFT + at * slot + (slot - width) // 2, _signed_y(point.value, low, high)
        body.append(
            Markup(
                '<rect class="bar{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title>'
                "</rect>{}"
            ).format(
                " second" if point.value < 0 else "", x, min(y, zero), width, abs(y - zero),
                point.says, _label(Point(point.label, 0, ""), x + width // 2),
            )
        )  # fmt: skip
    return _frame(name, title, description, body, axis)


def _stack(x: int, width: int, below: int, value: int, top: int, kind: str) -> Markup:
    """One part of a bar, on top of what is below it."""
    y, foot = _y(below + value, top), _y(below, top)
    return Markup('<rect class="bar{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, x, y, width, foot - y
    )


def stacked_chart(
    points: Sequence[Point], others: Sequence[int], *, name: str, title: str, description: str,
    axis_text: Callable[[int], str], language: Language,
) -> Markup:  # fmt: skip
    """Values side by side, each with another one on top; the other arguments as for `bar_chart`.

    Args:
        points: the lower values; `says` tells of both.
        others: the upper ones, in the same order.
    """
    pairs = list(zip(points, others, strict=True))
    if not any(p.value or other for p, other in pairs):
        return _nothing(language)
    marks = ticks(max(p.value + other for p, other in pairs))
    slot = (_WIDTH - _LEFT - _RIGHT) // len(pairs)
    width = _bar_width(slot)
    body = []
    for at, (point, other) in enumerate(pairs):
        x = _LEFT + at * slot + (slot - width) // 2
        body.append(
            Markup("<g>{}{}<title>{}</title></g>{}").format(
                _stack(x, width, 0, point.value, marks[-1], ""),
                _stack(x, width, point.value, other, marks[-1], " second"),
                point.says,
                _label(point, x + width // 2),
            )
        )
    return _frame(name, title, description, body, _axis(marks, axis_text))


def line_chart(
    points: Sequence[Point], *, name: str, title: str, description: str,
    axis_text: Callable[[int], str], language: Language,
) -> Markup:  # fmt: skip
    """Values in their order, joined by a line. Arguments as for `bar_chart`."""
    if not any(p.value for p in points):
        return _nothing(language)
    marks = ticks(max(p.value for p in points))
    gaps = max(1, len(points) - 1)
    places = [
        (_LEFT + 8 + (_WIDTH - _LEFT - _RIGHT - 16) * at // gaps, _y(p.value, marks[-1]))
        for at, p in enumerate(points)
    ]
    path = " ".join(f"{x},{y}" for x, y in places)
    body = [Markup('<polyline class="line" points="{}"/>').format(escape(path))]
    for point, (x, y) in zip(points, places, strict=True):
        body.append(
            Markup('<circle class="dot" cx="{}" cy="{}" r="3"><title>{}</title></circle>{}').format(
                x, y, point.says, _label(point, x)
            )
        )
    return _frame(name, title, description, body, _axis(marks, axis_text))


def _curve(line: Line, at: Callable[[int], int], top: int, strength: int) -> Markup:
    """One line with its dots, as strong as it is given in hundredths."""
    places = [(at(age), _y(p.value, top)) for age, p in enumerate(line.points)]
    path = " ".join(f"{x},{y}" for x, y in places)
    dots = [
        Markup('<circle class="dot" cx="{}" cy="{}" r="3"><title>{}</title></circle>').format(
            x, y, point.says
        )
        for point, (x, y) in zip(line.points, places, strict=True)
    ]
    end_x, end_y = places[-1]
    name = Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
        end_x, max(_TOP - 2, end_y - 8), line.name
    )
    return Markup('<g opacity="0.{:02}"><polyline class="line" points="{}"/>{}</g>{}').format(
        strength, path, Markup("").join(dots), name
    )


def lines_chart(
    lines: Sequence[Line], *, name: str, title: str, description: str,
    axis_text: Callable[[int], str], language: Language,
) -> Markup:  # fmt: skip
    """Several lines that begin at the same place, the first one palest.

    Args:
        lines: none of them empty; the places of the longest one have their labels below. The
            other arguments as for `bar_chart`.
    """
    longest = max((line.points for line in lines), key=len, default=())
    if not any(p.value for line in lines for p in line.points):
        return _nothing(language)
    marks = ticks(max(p.value for line in lines for p in line.points))
    gaps = max(1, len(longest) - 1)

    def at(place: int) -> int:
        return _LEFT + 8 + (_WIDTH - _LEFT - _RIGHT - 28) * place // gaps

    body = [_label(point, at(place)) for place, point in enumerate(longest)]
    for n, line in enumerate(lines, 1):
        body.append(_curve(line, at, marks[-1], 30 + 69 * n // len(lines)))
    return _frame(name, title, description, body, _axis(marks, axis_text))
