"""The command that writes to the graph at work: checked, then recorded as an event.

The graph itself is in memory and follows the events, this one's among them, so that it can be
rebuilt from them.
"""

from __future__ import annotations

from collections.abc import Callable

from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import event
from tallystick.pipeline.refusals import Refused
from tallystick.risk.graph.errors import QueryError, WriteRefused
from tallystick.risk.graph.feed import WRITTEN
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.model import GraphWritten, WriteToGraph
from tallystick.risk.graph.parameters import Values, typed
from tallystick.risk.graph.writes import WRITES

__all__ = ["register"]

_CODES = {"unknown_vertex": "GRAPH_VERTEX_UNKNOWN", "vertex_exists": "GRAPH_VERTEX_EXISTS"}


def register(registry: Registry, graph: Callable[[], Graph]) -> None:
    """Declare the command.

    Args:
        graph: the graph as it is when a command runs.
    """

    def write_to_graph(command: WriteToGraph, context: Context) -> Reply:
        reason = _judged(graph(), command)
        if reason != "blocked":
            told = {"write": command.write, "params": command.params, "reason": reason}
            context.uow.emit(event(WRITTEN, command.write, told))
        return GraphWritten(write=command.write, reason=reason)

    registry.add(WriteToGraph, write_to_graph, reply=GraphWritten, scope="risk:write")


def _judged(graph: Graph, command: WriteToGraph) -> str:
    """See that the write can be done; of a read-write, what comes of it by the graph of now.

    What was judged is recorded, so that the graph is the same when it is rebuilt.

    Raises:
        Refused: INVALID_PARAMETER, GRAPH_VERTEX_UNKNOWN, GRAPH_VERTEX_EXISTS.
    """
    wanted = WRITES.get(command.write)
    if wanted is None:
        raise Refused("INVALID_PARAMETER", "write is one of tw1 to tw19, trw1 to trw3.")
    try:
        values = Values(typed(command.write, wanted.parameters, command.params))
        with graph.reading():
            wanted.require(graph, values)
        if wanted.guard is not None:
            with graph.lock.writing():
                return wanted.guard.judge(graph, values)
        return ""
    except QueryError as error:
        raise Refused("INVALID_PARAMETER", f"{error}.") from error
    except WriteRefused as error:
        raise Refused(_CODES[error.code], f"{error}.") from error
