"""Pictures as inline SVG: lines, points and bars on plain axes, without scripts or fonts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

import numpy as np

from tallystick.credit.score.columns import Floats

__all__ = ["Line", "Mark", "bars", "lines"]

_WIDTH: Final = 420
_HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 14, 44
_COLOURS: Final = ("#1f5fa8", "#c05a1c", "#4a7d35", "#777777")
_POINTS_MAX: Final = 200
_ROW: Final = 22
_NAME_WIDTH: Final = 190
_NAME_MAX: Final = 32
_VALUE_WIDTH: Final = 40


class Line(NamedTuple):
    """A line of a picture."""

    name: str
    x: Floats
    y: Floats
    dots: bool = False
    plain: bool = False


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, low: float, high: float) -> float:
    return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)


def _frame(title: str, x_name: str, y_name: str, inside: Sequence[str]) -> str:
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return "".join([
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" ',
        'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH - _LEFT - _RIGHT}" ',
        f'height="{_HEIGHT - _TOP - _BOTTOM}" fill="none" stroke="#bbb"/>',
        *inside,
        f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_name)}</text>',
        f'<text x="12" y="{_HEIGHT / 2}" text-anchor="middle" ',
        f'transform="rotate(-90 12 {_HEIGHT / 2})">{escape(y_name)}</text></svg>',
    ])  # fmt: skip


def _step(span: float) -> float:
    """A step of 1, 2 or 5 times ten to a power, that a span has three to six of."""
    raw = span / 4
    power = 10.0 ** np.floor(np.log10(raw))
    factor = next(factor for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    return float(factor * power)


def _ends(low: float, high: float) -> tuple[float, float]:
    """The axis that holds both, from a mark to a mark."""
    step = _step(high - low)
    return float(np.floor(low / step + 1e-9)) * step, float(np.ceil(high / step - 1e-9)) * step


def _ticks(low: float, high: float, *, across: bool) -> list[str]:
    found = []
    step = _step(high - low)
    for at in range(round((high - low) / step) + 1):
        value = low + at * step
        text = f"{round(value, 9):g}"
        if across:
            place = _x(value, low, high)
            found.append(f'<text x="{place:.1f}" y="{_HEIGHT - _BOTTOM + 15}" '
                         f'text-anchor="middle">{text}</text>')  # fmt: skip
        else:
            place = _y(value, low, high)
            found.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{place:.1f}" '
                         f'y2="{place:.1f}" stroke="#e6e6e6"/>'
                         f'<text x="{_LEFT - 5}" y="{place + 4:.1f}" '
                         f'text-anchor="end">{text}</text>')  # fmt: skip
    return found


def lines(title: str, x_name: str, y_name: str, drawn: Sequence[Line]) -> str:
    """Lines over a common pair of axes that begin at 0; long ones are thinned."""
    x_low, x_high = _ends(min(0.0, *(float(line.x.min()) for line in drawn)),
                          max(float(line.x.max()) for line in drawn) or 1.0)  # fmt: skip
    _, y_high = _ends(0.0, max(float(line.y.max()) for line in drawn) or 1.0)
    inside = _ticks(x_low, x_high, across=True) + _ticks(0.0, y_high, across=False)
    for at, line in enumerate(drawn):
        colour = _COLOURS[-1] if line.plain else _COLOURS[at % 3]
        keep = np.unique(np.linspace(0, len(line.x) - 1, min(len(line.x), _POINTS_MAX)).round())
        places = [(_x(float(line.x[int(i)]), x_low, x_high), _y(float(line.y[int(i)]), 0.0, y_high))
                  for i in keep]  # fmt: skip
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dash = ' stroke-dasharray="4 3"' if line.plain else ""
        inside.append(f'<polyline points="{path}" fill="none" stroke="{colour}"{dash}/>')
        if line.dots:
            inside += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                       for x, y in places]  # fmt: skip
        inside.append(f'<text x="{_LEFT + 8}" y="{_TOP + 14 + 13 * at}" '
                      f'fill="{colour}">{escape(line.name)}</text>')  # fmt: skip
    return _frame(title, x_name, y_name, inside)


class Mark(NamedTuple):
    """A value to which bars are held up, with what it means."""

    value: float
    name: str


def bars(
    title: str, names: Sequence[str], values: Sequence[float], marks: Sequence[Mark] = ()
) -> str:
    """Bars from 0 to the left and right, one below the other, each with its name and value.

    Args:
        marks: are drawn as lines; the axis reaches the farthest.
    """
    low = min(0.0, *values, 0.0)
    high = max(0.0, *values, *(mark.value for mark in marks), 0.0)
    high = high if high > low else low + 1.0
    left = _NAME_WIDTH
    scale = (_WIDTH - left - _VALUE_WIDTH * (2 if low < 0 else 1)) / (high - low)
    zero = left + (_VALUE_WIDTH if low < 0 else 0) - low * scale
    height = len(values) * _ROW + (_ROW if marks else 4)
    inside = []
    for mark in marks:
        at = zero + mark.value * scale
        inside.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height - _ROW}" '
                      f'stroke="{_COLOURS[-1]}" stroke-dasharray="4 3"/><text x="{at:.1f}" '
                      f'y="{height - 6}" text-anchor="middle" fill="#555">{escape(mark.name)}'
                      "</text>")  # fmt: skip
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        inside.append(_bar(at * _ROW, name, value, zero, scale))
    inside.append(f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{len(values) * _ROW}" '
                  'stroke="#888"/>')  # fmt: skip
    return "".join([
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {height}" ',
        'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>", *inside, "</svg>",
    ])  # fmt: skip


def _bar(top: float, name: str, value: float, zero: float, scale: float) -> str:
    width = abs(value) * scale
    begin = zero if value >= 0 else zero - width
    colour = _COLOURS[0] if value >= 0 else _COLOURS[1]
    short = name if len(name) <= _NAME_MAX else name[: _NAME_MAX - 1] + "…"
    beside = (f'x="{begin + width + 4:.1f}"' if value >= 0
              else f'x="{begin - 4:.1f}" text-anchor="end"')  # fmt: skip
    return (
        f'<text x="{_NAME_WIDTH - 6}" y="{top + 15}" text-anchor="end">{escape(short)}'
        f"<title>{escape(name)}</title></text>"
        f'<rect x="{begin:.1f}" y="{top + 4}" width="{width:.1f}" height="{_ROW - 8}" '
        f'fill="{colour}"/><text {beside} y="{top + 15}">{value:.3g}</text>'
    )
