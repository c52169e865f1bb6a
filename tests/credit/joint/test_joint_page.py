"""The page of joint lending says what the code does."""

from __future__ import annotations

from pathlib import Path

from tallystick.credit.joint.routing import FACTS, RULES
from tallystick.credit.participation.postings import sharing_lines

PAGE = (Path(__file__).parents[3] / "docs" / "joint-lending.md").read_text("utf-8")


def test_every_posting_of_a_share_is_on_the_page() -> None:
    lines = sharing_lines()
    assert [line for line in PAGE.splitlines() if line in lines] == lines


def test_every_rule_and_fact_is_on_the_page() -> None:
    for name in (*RULES, *FACTS):
        assert f"`{name}`" in PAGE, name
