"""Every read gives exactly the rows of the plain reader, on the example data."""

from __future__ import annotations

import pytest
from tests.risk.graph.asked import asked
from tests.risk.graph.plain_graph import EXAMPLE, READS, PlainGraph, plain_from

from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.load import load_data
from tallystick.risk.graph.queries import READS as OURS
from tallystick.risk.graph.queries import answer

QUESTIONS = 200


@pytest.fixture(scope="module")
def plain() -> PlainGraph:
    return plain_from(EXAMPLE)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return load_data(EXAMPLE).graph


@pytest.mark.parametrize("name", sorted(READS))
def test_a_read_answers_what_the_plain_reader_answers(
    name: str, graph: Graph, plain: PlainGraph
) -> None:
    for given, expected in asked(plain, name, QUESTIONS, seed=1):
        rows = answer(graph, name, given)
        assert [tuple(row.values()) for row in rows] == expected, given
        assert all(tuple(row) == OURS[name].columns for row in rows)
