"""Each failure in the table of docs/architecture.md is a test that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _listed() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    part = text.split("## Failures that others have had")[1].split("\n## ")[0]
    return re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", part)


def test_every_test_in_the_table_of_failures_is_there() -> None:
    listed = _listed()
    assert len(listed) >= 9
    for file, name in listed:
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in defined, f"{file}::{name}"
