"""The check of a wallet's statement passes what is right and finds each way to be wrong."""

from __future__ import annotations

import pytest

from tallystick.sandbox.history import Call
from tallystick.sandbox.model import Move
from tallystick.sandbox.statement import Line, check_statement

BUYER = "2088000000000101"


def move(reference: str, change: int, sent_s: float, *, at_once: bool = True) -> Move:
    """A move whose call was answered half a second after it was sent."""
    call = Call(
        number=int(sent_s), what="pay", subject=reference, facts={}, sent_s=sent_s,
        answered_s=sent_s + 0.5, accepted=True,
    )  # fmt: skip
    return Move(BUYER, change, reference, call, at_once)


MOVES = [move("top-up", 1000, 1), move("a", -300, 2), move("b", -200, 3), move("b", 50, 4)]
LINES = [Line("top-up", 1000, 1000), Line("a", -300, 700), Line("b", -200, 500), Line("b", 50, 550)]


def test_a_statement_of_exactly_the_moves_is_right() -> None:
    assert check_statement(BUYER, LINES, MOVES) == []


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (LINES[:-1], "is not in the books"),
        ([*LINES, Line("b", 50, 600)], "nobody was told of it"),
        ([*LINES[:2], Line("b", -200, 501), Line("b", 50, 550)], "does not follow"),
        ([LINES[0], Line("a", -3000, -2000)], "does not follow"),
        ([*LINES[:3], Line("b", 60, 560)], "is not in the books"),
        ([LINES[0], Line("b", -200, 800), Line("a", -300, 500), LINES[3]], "took effect late"),
    ],
)
def test_a_line_that_is_missing_doubled_wrong_or_out_of_order_is_found(
    lines: list[Line], told: str
) -> None:
    assert any(told in difference for difference in check_statement(BUYER, lines, MOVES))


def test_calls_that_overlapped_may_take_effect_in_either_order() -> None:
    moves = [move("top-up", 1000, 1), move("a", -300, 2), move("b", -200, 2.25)]
    lines = [LINES[0], Line("b", -200, 800), Line("a", -300, 500)]
    assert check_statement(BUYER, lines, moves) == []


def test_a_bank_may_answer_after_later_calls() -> None:
    moves = [move("top-up", 1000, 1), move("w", -300, 2, at_once=False), move("b", -200, 3)]
    lines = [LINES[0], Line("b", -200, 800), Line("w", -300, 500)]
    assert check_statement(BUYER, lines, moves) == []


def test_lines_of_others_count_only_where_others_have_business() -> None:
    lines = [*LINES, Line("theirs", 7, 557)]
    assert check_statement(BUYER, lines, MOVES)
    assert check_statement(BUYER, lines, MOVES, foreign={"theirs"}) == []
