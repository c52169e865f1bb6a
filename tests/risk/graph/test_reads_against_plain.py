"""Every read gives exactly the rows of the plain reader, on the example data."""

from __future__ import annotations

import numpy as np
import pytest
from tests.risk.graph.asked import asked
from tests.risk.graph.plain_graph import EXAMPLE, READS, PlainGraph, plain_from

from tallystick.risk.graph.aggregates import rounded, rounded_all
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


@pytest.mark.parametrize(
    ("value", "answer"),
    [(7543422.2754999995, 7543422.275), (1.0005, 1.001), (7.0625, 7.063), (0.0, 0.0), (2.5, 2.5),
     (1e16, 1e16), (0.0004999, 0.0), (1_234_567_890_123.4565, 1_234_567_890_123.457)],
)  # fmt: skip
def test_halves_go_up_and_what_is_below_one_does_not(value: float, answer: float) -> None:
    assert rounded(value) == answer
    assert rounded_all(np.array([value, 1.0])).tolist() == [answer, 1.0]
