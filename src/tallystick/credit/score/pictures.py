"""Pictures as inline SVG: lines, points and bars on plain axes, without scripts or fonts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

import numpy as np

from tallystick.credit.score.columns import Floats

__all__ = ["Line", "bars", "lines"]

_WIDTH: Final = 420
_HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 14, 44
_COLOURS: Final = ("#1f5fa8", "#c05a1c", "#4a7d35", "#777777")
_POINTS_MAX: Final = 200


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


def _ticks(low: float, high: float, *, across: bool) -> list[str]:
    found = []
    for value in np.linspace(low, high, 5):
        text = f"{value:.3g}"
        if across:
            at = _x(float(value), low, high)
            found.append(f'<text x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 15}" '
                         f'text-anchor="middle">{text}</text>')  # fmt: skip
        else:
            at = _y(float(value), low, high)
            found.append(f'<text x="{_LEFT - 5}" y="{at + 4:.1f}" '
                         f'text-anchor="end">{text}</text>')  # fmt: skip
    return found


def lines(title: str, x_name: str, y_name: str, drawn: Sequence[Line]) -> str:
    """Lines over a common pair of axes that begin at 0; long ones are thinned."""
    x_low = min(0.0, *(float(line.x.min()) for line in drawn))
    x_high = max(float(line.x.max()) for line in drawn) or 1.0
    y_high = max(float(line.y.max()) for line in drawn) or 1.0
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


def bars(title: str, y_name: str, names: Sequence[str], values: Sequence[float]) -> str:
    """Bars from 0, up and down, each with its value; names stand below in short."""
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    high = high if high > low else low + 1.0
    inside = _ticks(low, high, across=False)
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(values), 1)
    zero = _y(0.0, low, high)
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        left, top = _LEFT + at * step, min(_y(value, low, high), zero)
        height = max(abs(_y(value, low, high) - zero), 0.5)
        colour = _COLOURS[0] if value >= 0 else _COLOURS[1]
        short = name if len(name) <= 9 else name[:8] + "…"
        middle = left + step / 2
        inside += [
            f'<rect x="{left + step * 0.12:.1f}" y="{top:.1f}" width="{step * 0.76:.1f}" '
            f'height="{height:.1f}" fill="{colour}"><title>{escape(name)}: {value:.4g}</title>'
            "</rect>",
            f'<text x="{middle:.1f}" y="{_HEIGHT - _BOTTOM + 14}" font-size="8" '
            f'text-anchor="middle">{escape(short)}</text>',
        ]
    return _frame(title, "", y_name, inside)
