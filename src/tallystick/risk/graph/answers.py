"""What a read is asked and what it answers."""

from __future__ import annotations

from typing import NamedTuple

from tallystick.risk.graph.steps import Truncation, Window

__all__ = ["Arguments", "Row"]

Row = tuple[object, ...]
"""One row of an answer; its columns are those of the query."""


class Arguments(NamedTuple):
    """A query's parameters, read.

    Args:
        ids: of vertices, in the specification's order.
        thresholds: of amounts, in the specification's order.
    """

    ids: tuple[int, ...]
    thresholds: tuple[float, ...]
    window: Window
    truncation: Truncation
