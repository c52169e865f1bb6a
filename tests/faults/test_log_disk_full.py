"""A log that cannot be written stops nothing: the line is lost, the work goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.server_process import ROOT

from tallystick.platform import Platform
from tallystick.settings import Settings

SPEAK = (
    "import structlog; from tallystick.observe.logs import configure_logs\n"
    "for form in ('json', 'console'):\n"
    "    configure_logs('info', form)\n"
    "    for _ in range(1000): structlog.get_logger('t').error('store_cannot_write')\n"
    "print('went on')"
)


def test_a_full_disk_under_the_log_stops_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", SPEAK], stdout=subprocess.PIPE, stderr=full, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, timeout=60, check=False,
        )  # fmt: skip
    assert done.stdout == "went on\n"


CLOSED = (
    "import io, structlog; from tallystick.observe.logs import configure_logs\n"
    "gone = io.StringIO()\n"
    "configure_logs('info', 'json', gone)\n"
    "gone.close()\n"
    "structlog.get_logger('t').error('command_failed')\n"
    "print('went on')"
)


def test_a_log_whose_stream_was_closed_stops_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLOSED], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "went on\n"


def test_a_stream_that_was_closed_before_the_start_stops_nothing(tmp_path: Path) -> None:
    Platform.open(Settings(data=tmp_path / "data")).close()
    doctor = [sys.executable, "-m", "tallystick.cli", "doctor", "--data", str(tmp_path / "data")]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" --json 2>&-', "sh", *doctor], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout
    assert json.loads(done.stdout)
