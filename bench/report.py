"""What every benchmark gets and gives: options in, progress on stderr, a flat table out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = ["Figure", "Options", "Report", "print_markdown", "print_report", "say"]


class Options(NamedTuple):
    """How a benchmark is run.

    Args:
        quick: a small version that only shows that the benchmark works; its figures say little.
        only: names of parts; empty for all.
    """

    quick: bool = False
    only: frozenset[str] = frozenset()


class Figure(NamedTuple):
    """One measured figure: its value, unit, and in a few words what it is compared with."""

    value: float
    unit: str
    meaning: str = ""


Report = Mapping[str, Figure]
"""Figures by metric name: `gateway.pay_per_s`."""

Run = Callable[[Options], Report]


def say(text: str) -> None:
    """Tell a person on stderr how far it is."""
    print(text, file=sys.stderr, flush=True)


def _shown(value: float) -> str:
    if value == int(value) and abs(value) >= 1:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


def print_markdown(report: Report, command: str) -> None:
    """Print a table that a document can take as it is, with the command and the machine's cores."""
    print(f"`{command}`, {os.cpu_count()} cores:\n\n| what | figure | beside it |\n|---|---|---|")
    for name, figure in report.items():
        shown = f"{_shown(figure.value)} {figure.unit}".replace(" /s", "/s").strip()
        print(f"| `{name}` | {shown} | {figure.meaning} |")


def print_report(report: Report, *, as_json: bool) -> None:
    """Print a table for people, or one flat JSON object of metric to number."""
    if as_json:
        print(json.dumps({name: figure.value for name, figure in report.items()}))
        return
    width = max((len(name) for name in report), default=0)
    for name, figure in report.items():
        line = f"{name:<{width}}  {_shown(figure.value):>14} {figure.unit:<8} {figure.meaning}"
        print(line.rstrip())
