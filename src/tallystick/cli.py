"""The command line: `tallystick server`, `tallystick ledger replay`, …"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from tallystick import __version__
from tallystick.admin.commands import UsageError, admin_commands
from tallystick.credit.command_line import credit_commands
from tallystick.ledger.replay import ReplayError, replay_file
from tallystick.observe.logs import configure_logs
from tallystick.pipeline.refusals import Refused
from tallystick.server import serve
from tallystick.settings import SettingsError, load_settings
from tallystick.store.engine import StoreError

__all__ = ["app", "main"]

_USAGE = 2
_INTERRUPTED = 130
_PIPE_CLOSED = 141

app = App(
    name="tallystick",
    help="An open finance platform on one double-entry ledger.",
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
)
ledger = App(name="ledger", help="The double-entry ledger.")
app.command(ledger)
admin_commands(app)
credit_commands(app)


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


def _sentence(error: Exception) -> str:
    if isinstance(error, Refused):
        kind = error.refusal.kind
        return f"{kind.english} {error.refusal.detail}".strip()
    return " ".join(str(error).split())


def _run(arguments: Sequence[str] | None) -> int:
    result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; what cannot be done is one sentence and exit code 2."""
    configure_logs("warning", "console")
    try:
        code = _run(arguments)
    except CycloptsError as error:
        print(f"tallystick: {_sentence(error)} See --help.", file=sys.stderr)
        code = _USAGE
    except (StoreError, SettingsError, ReplayError, UsageError, Refused) as error:
        print(f"tallystick: {_sentence(error)}", file=sys.stderr)
        code = _USAGE
    except BrokenPipeError:
        # Nobody reads on; what Python would still write at its end must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _PIPE_CLOSED
    except (OSError, EOFError, zlib.error) as error:
        name = getattr(error, "filename", None)
        reason = getattr(error, "strerror", None) or str(error)
        print(f"tallystick: {f'{name}: ' if name else ''}{reason}.", file=sys.stderr)
        code = _USAGE
    except KeyboardInterrupt:
        code = _INTERRUPTED
    raise SystemExit(code)


if __name__ == "__main__":
    main()
