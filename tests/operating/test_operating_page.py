"""The page about operating says what is: every metric, every command, every part."""

from __future__ import annotations

import re

import pytest
from tests.server_process import ROOT

from tallystick.cli import app
from tallystick.observe.metrics import METRICS
from tallystick.settings import key_table

PAGE = (ROOT / "docs" / "operating.md").read_text("utf-8")


def test_the_page_has_the_table_of_all_metrics() -> None:
    rows = [f"| `{name}` | {kind} | {meaning} |" for name, (kind, meaning) in METRICS.items()]
    assert "| metric | kind | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n" in PAGE


def test_every_metric_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"tallystick_[a-z_]+", PAGE))
    assert named <= METRICS.keys()


@pytest.mark.parametrize(
    "command",
    sorted(
        set(
            re.findall(
                r"(?:script/tallystick |`)((?:operator|api-key|keys|doctor|backup|config)"
                r"(?: [a-z]+(?:-[a-z]+)*)?)",
                PAGE,
            )
        )
        - {"config"}
    ),
)
def test_every_command_that_the_page_names_is_there(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app([*command.split(), "--help"], exit_on_error=False, result_action="return_value")
    assert f"tallystick {command}" in capsys.readouterr().out


def test_every_key_that_the_page_names_is_one() -> None:
    keys = {row.name for row in key_table()}
    named = {"sandbox", "drain_seconds", "disk_free_min_mb", "books_check_seconds", "log_format"}
    named |= {"log_level", "master_key_file", "public_url", "notify_allow"}
    assert named <= keys
    assert all(name in PAGE for name in named)
