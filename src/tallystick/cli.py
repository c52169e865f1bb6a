"""The command line: `tallystick server`, `tallystick ledger replay`, …"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tallystick.ledger.replay import ReplayError, replay_file
from tallystick.server import serve
from tallystick.settings import SettingsError, load_settings
from tallystick.store.engine import StoreError

__all__ = ["app", "main"]

app = App(name="tallystick", help="An open finance platform on one double-entry ledger.")
ledger = App(name="ledger", help="The double-entry ledger.")
app.command(ledger)


@app.command
def server(
    *,
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    config: Path | None = None,
    empty: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Start the platform; it says where to look and how to log in.

    Args:
        data: the data folder.
        host: the address to listen on.
        port: the port to listen on.
        config: a TOML file with the configuration.
        empty: do not fill an empty data folder with the sandbox.
    """
    serve(load_settings(config, os.environ, data=data, host=host, port=port), empty=empty)


@ledger.command
def replay(file: Path) -> None:
    """Play histories, each on a fresh ledger in memory, and print the answers as JSON lines.

    Args:
        file: one history a line, plain or gzip.
    """
    for answer in replay_file(file):
        print(json.dumps(answer, separators=(",", ":")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; what cannot be done is one sentence and exit code 2."""
    try:
        app(arguments)
    except (StoreError, SettingsError, ReplayError) as error:
        print(f"tallystick: {error}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
