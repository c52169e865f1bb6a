"""The command that writes to the graph, and its reply."""

from __future__ import annotations

from tallystick.pipeline.commands import Command, Reply

__all__ = ["GraphWritten", "WriteToGraph"]


class WriteToGraph(Command, frozen=True, kw_only=True, tag="graph.write"):
    """Do one of the writes tw1 to tw19; parameters have the specification's names."""

    write: str
    params: dict[str, str | int | float | bool]


class GraphWritten(Reply, frozen=True, kw_only=True):
    """The write that is recorded; the graph has it, too, unless it is still being rebuilt."""

    write: str
