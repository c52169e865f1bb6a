"""The command that writes to the graph, and its reply."""

from __future__ import annotations

from tallystick.pipeline.commands import Command, Reply

__all__ = ["GraphWritten", "WriteToGraph"]


class WriteToGraph(Command, frozen=True, kw_only=True, tag="graph.write"):
    """Do one of the writes tw1 to tw19 or trw1 to trw3, with the specification's parameters."""

    write: str
    params: dict[str, str | int | float | bool]


class GraphWritten(Reply, frozen=True, kw_only=True):
    """The write that is recorded; the graph has it, too, unless it is still being rebuilt.

    Args:
        reason: of a read-write `done`, `blocked` (an end was blocked before; nothing is recorded)
            or `detected` (both ends are blocked now).
    """

    write: str
    reason: str = ""
