"""The sandbox's page names every script with its share, and every option."""

from __future__ import annotations

import inspect

from tests.server_process import ROOT

from tallystick.sandbox.commands import run
from tallystick.sandbox.scripts import SCRIPTS

PAGE = (ROOT / "docs" / "sandbox.md").read_text("utf-8")


def test_every_script_is_described_with_its_share() -> None:
    for script in SCRIPTS:
        assert f"| {script.name} | {script.share} | {script.play.__doc__} |" in PAGE
    assert f"by its share of {sum(script.share for script in SCRIPTS)}:" in PAGE


def test_every_option_is_described() -> None:
    for option in inspect.signature(run).parameters:
        assert f"`--{option}" in PAGE or f" --{option} " in PAGE, option
