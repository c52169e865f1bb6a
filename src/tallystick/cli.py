"""The command line: `tallystick server`, `tallystick ledger replay`, …

What a command needs is imported when it runs, so that the quick ones start quickly.
"""

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

__all__ = ["answer", "app", "main"]

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
ledger.command("tallystick.admin.ledger_files:apply", name="apply")
ledger.command("tallystick.admin.ledger_export:export", name="export")
ledger.command("tallystick.admin.ledger_statement:statement", name="statement")
for _name in ("keys", "heads", "sign", "proof", "consistency"):
    ledger.command(f"tallystick.admin.ledger_proofs:{_name}", name=_name)
ledger.command("tallystick.admin.ledger_proofs:statement_proof", name="statement-proof")
ledger.command("tallystick.admin.ledger_proofs:new_key", name="new-key")
ledger.command("tallystick.admin.ledger_proofs:key_history", name="key-history")
for _name in ("report", "balance"):
    ledger.command(f"tallystick.admin.ledger_report:{_name}", name=_name)
_BOOKKEEPING = {
    "search": "search", "metadata": "search", "group": "groups", "book": "periods",
    "period": "periods", "reverse": "periods", "schedule": "schedules", "sweep": "schedules",
    "monitor": "monitors", "exchange": "exchange",
}  # fmt: skip
for _name, _module in _BOOKKEEPING.items():
    ledger.command(f"tallystick.admin.ledger_{_module}:{_name}", name=_name)
app.command(ledger)
risk = App(name="risk", help="Fraud: rules over history, models, the graph of money.")
risk.command("tallystick.risk.graph.commands:graph", name="graph")
risk.command("tallystick.risk.blacklist.commands:blacklist", name="blacklist")
risk.command("tallystick.risk.decision.command_line:backtest_command", name="backtest")
model = App(name="model", help="Models from labelled history.")
model.command("tallystick.admin.risk_export:export_command", name="export")
for _name in ("train", "evaluate"):
    model.command(f"tallystick.risk.decision.command_line:{_name}_command", name=_name)
risk.command(model)
app.command(risk)
for _name in ("doctor", "config", "backup"):
    app.command(f"tallystick.admin.commands:{_name}", name=_name)
for _name, _group in (("operator", "operators"), ("api-key", "api_keys"), ("keys", "keys")):
    app.command(f"tallystick.admin.commands:{_group}", name=_name)
app.command("tallystick.credit.command_line:credit", name="credit")
app.command("tallystick.credit.joint.files.command_line:verify_partner", name="verify-partner")
app.command("tallystick.admin.reconcile:reconcile", name="reconcile")
app.command("tallystick.admin.audit:audit", name="audit")
app.command("tallystick.admin.restore:restore", name="restore")
app.command("tallystick.sandbox.commands:sandbox", name="sandbox")


@app.command
def server(
    *,
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    config: Path | None = None,
    database: str | None = None,
    empty: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Start the platform; it says where to look and how to log in.

    Args:
        data: the data folder.
        host: the address to listen on.
        port: the port to listen on.
        config: a TOML file with the configuration.
        database: a PostgreSQL database instead of the one in the data folder.
        empty: do not fill an empty data folder with the sandbox.
    """
    from tallystick.server import serve
    from tallystick.settings import load_settings

    settings = load_settings(config, os.environ, data=data, host=host, port=port, database=database)
    serve(settings, empty=empty)


@app.command
def verify(
    proof: str, *, key: str, entry: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:  # fmt: skip
    """Check a proof with nothing but the public key; exit code 1 when it does not hold.

    Args:
        proof: a proof or a statement with proofs, JSON; - for standard input.
        key: the public key's text, or a file with it.
        entry: the entry, JSON, when it is not taken from the proof.
        as_json: answer with one JSON object.
    """
    from tallystick.verify import check

    return check(proof, key, entry, as_json=as_json)


@ledger.command
def replay(file: Path) -> None:
    """Play histories, each on a fresh ledger in memory, and print the answers as JSON lines.

    Args:
        file: one history a line, plain or gzip.
    """
    from tallystick.ledger.replay import replay_file

    for answer in replay_file(file):
        print(json.dumps(answer, separators=(",", ":")))


def _spoken_errors() -> tuple[type[Exception], ...]:
    """Errors that are a sentence for the person who called; looked up when there is one."""
    from tallystick.admin.commands import UsageError
    from tallystick.credit.joint.files.errors import PartnerFileError
    from tallystick.credit.score.errors import ScoreError
    from tallystick.ledger.replay import ReplayError
    from tallystick.pipeline.refusals import Refused
    from tallystick.reconciliation.statements.model import StatementError
    from tallystick.risk.blacklist.errors import ListError
    from tallystick.risk.decision.errors import RiskFileError
    from tallystick.risk.graph.errors import GraphError
    from tallystick.settings import SettingsError
    from tallystick.store.engine import StoreError

    return (
        StoreError,
        SettingsError,
        ReplayError,
        UsageError,
        Refused,
        GraphError,
        StatementError,
        RiskFileError,
        ListError,
        ScoreError,
        PartnerFileError,
    )


def _sentence(error: Exception) -> str:
    from tallystick.pipeline.refusals import Refused

    if isinstance(error, Refused):
        kind = error.refusal.kind
        return f"{kind.english} {error.refusal.detail}".strip()
    return " ".join(str(error).split())


def _starts_platform(arguments: Sequence[str]) -> bool:
    """Whether a command may open the platform, which logs; others need not wait for that."""
    if arguments[:1] == ["ledger"]:
        return arguments[1:2] in (["sign"], ["new-key"]) or bool(
            _BOOKKEEPING.keys() & set(arguments[1:2])
        )
    return arguments[:1] != ["risk"]


def _import_what_is_listed(arguments: Sequence[str]) -> None:
    """Import the commands of the group whose help is about to be shown: they say what they do."""
    group = app
    for word in arguments:
        if word in ("--help", "-h"):
            break
        if word not in group:
            return
        group = group[word]
    for name in group:
        group[name]


def _run(arguments: Sequence[str] | None) -> int:
    _import_what_is_listed(sys.argv[1:] if arguments is None else arguments)
    result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def answer(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code; what cannot be done is one sentence and 2."""
    try:
        return _run(arguments)
    except CycloptsError as error:
        print(f"tallystick: {_sentence(error)} See --help.", file=sys.stderr)
        return _USAGE
    except BrokenPipeError:
        # Nobody reads on; what Python would still write at its end must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except (OSError, EOFError, zlib.error) as error:
        name = getattr(error, "filename", None)
        reason = getattr(error, "strerror", None) or str(error)
        print(f"tallystick: {f'{name}: ' if name else ''}{reason}.", file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        if not isinstance(error, _spoken_errors()):
            raise
        print(f"tallystick: {_sentence(error)}", file=sys.stderr)
        return _USAGE


def _open_closed_streams() -> None:
    """Where a stream was closed before the start (`2>&-`), what is said there goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for good


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line as a process: logs are set up, and it ends with the exit code."""
    _open_closed_streams()
    if _starts_platform(sys.argv[1:] if arguments is None else arguments):
        from tallystick.observe.logs import configure_logs

        configure_logs("warning", "console")
    raise SystemExit(answer(arguments))


if __name__ == "__main__":
    main()
