"""`tallystick sandbox …`: the simulated marketplace on the command line."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from tallystick.decoding import decode_json
from tallystick.sandbox.answers import NoAnswerError, WrongAnswerError
from tallystick.sandbox.marketplace import StoppedError
from tallystick.sandbox.model import yuan
from tallystick.sandbox.own_server import OwnServer
from tallystick.sandbox.progress import Progress
from tallystick.sandbox.run import Plan, Report, run_marketplace
from tallystick.sandbox.seed import read_credentials
from tallystick.settings import SettingsError
from tallystick.store.engine import StoreError

__all__ = ["sandbox"]

sandbox = App(name="sandbox", help="A simulated marketplace that drives the real gateway.")

sandbox.command("tallystick.sandbox.attack.command_line:attack")

_NOTIFY: Final = {"TALLYSTICK_NOTIFY_ALLOW": "127.0.0.1/32"}
# Nobody keeps a folder that ends with the run, so its passwords may be cheap.
_TEMPORARY: Final = {"TALLYSTICK_PASSWORD_MEMORY_KIB": "8192", "TALLYSTICK_PASSWORD_PASSES": "1"}
_SHOWN_MAX: Final = 50


def _credentials(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = decode_json(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"The credentials {path} cannot be read: {error}.") from error
    return found


@contextlib.asynccontextmanager
async def _own_server(data: Path | None, notify: bool) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """A server on `data`, or on a folder that is gone afterwards: its address, credentials."""
    with contextlib.ExitStack() as stack:
        environment = dict(_NOTIFY) if notify else {}
        if data is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tallystick-"))
            data, environment = Path(folder) / "data", environment | _TEMPORARY
        server = OwnServer(data, environment)
        stack.callback(server.stop)
        await server.start()
        yield server.base, read_credentials(data)


async def _run(
    plan: Plan, url: str | None, credentials: Path | None, data: Path | None, progress: Progress
) -> Report:
    if url is not None:
        assert credentials is not None
        return await run_marketplace(_credentials(credentials), url, plan, progress)
    progress.say("Starting a server …")
    async with _own_server(data, plan.notify) as (base, found):
        return await run_marketplace(found, base, plan, progress)


def _loop_runner() -> Callable[[Coroutine[Any, Any, Report]], Report]:
    """What runs the event loop: the faster one where there is one."""
    try:
        import uvloop
    except ImportError:  # Only on systems that uvloop does not know.
        return asyncio.run
    return uvloop.run


def _lines(report: Report) -> list[str]:
    proof = report.proof
    states = ", ".join(f"{count} {state}" for state, count in proof.trades.items())
    lines = [
        f"{report.arrivals} arrivals in {report.seconds} s, {report.arrivals_late} of them more "
        f"than 50 ms late (p99 {report.late_p99_ms} ms), {report.not_started} not started",
        f"{report.answers} answers, {report.answers_per_s} a second, "
        f"p50 {report.p50_ms} ms, p99 {report.p99_ms} ms; {report.repeated} requests sent twice",
        *(f"  refused  {code}  {count}" for code, count in report.refused.items()),
        *(f"  error    {name}  {count}" for name, count in report.errors.items()),
        f"trades      {states}",
        f"money       {yuan(proof.money_in)} in, {yuan(proof.money_out)} out, "
        f"{yuan(proof.in_wallets)} in the buyers' wallets, {yuan(proof.held)} held, "
        f"{yuan(proof.fees)} fees",
    ]
    for book in proof.books:
        verdict = "balances" if book.balanced else "DOES NOT BALANCE"
        lines.append(f"book {book.book}  {verdict}: debits {book.debits}, credits {book.credits}")
    if report.notifications:
        told = ", ".join(f"{count} {state}" for state, count in report.notifications.items())
        lines.append(f"notified    {told}")
    lines.append(
        f"compared    {proof.calls} commands, {sum(proof.trades.values())} trades, "
        f"{proof.wallets} wallets, {proof.statement_lines} lines of their statements"
    )
    lines += [f"  differs: {difference}" for difference in proof.differences[:_SHOWN_MAX]]
    lines.append(
        f"{len(proof.differences)} differences between what clients were told and the books"
    )
    return lines


def _check(url: str | None, credentials: Path | None, data: Path | None) -> None:
    if (url is None) != (credentials is None):
        raise SettingsError("--url and --credentials go together.")
    if url is not None and data is not None:
        raise SettingsError("--data is for a server of the run's own; with --url there is none.")


@sandbox.command
def run(
    *,
    buyers: int = 200,
    rate: float = 50.0,
    seconds: float = 30.0,
    url: str | None = None,
    credentials: Path | None = None,
    data: Path | None = None,
    seed: int | None = None,
    notify: Annotated[bool, Parameter(negative=())] = False,
    history: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Drive the gateway with a simulated marketplace and prove the books afterwards.

    Without --url a server of its own is started. Ctrl-C ends it early; the proof is made all
    the same. Exit code 1 when anything differs.

    Args:
        buyers: how many buyers there are.
        rate: how many of them begin something each second, on average.
        seconds: for how long.
        url: the address of a running server; needs --credentials.
        credentials: the sandbox/credentials.json of that server's data folder.
        data: the data folder for a server of its own; a temporary one by default.
        seed: the same seed draws the same buyers, scripts and amounts.
        notify: receive notifications on a local port, and count them as well.
        history: a file for every command that was sent and what was answered, as JSON lines.
        json: print one JSON object.
    """
    _check(url, credentials, data)
    if buyers < 1 or not rate > 0 or not seconds > 0:
        raise SettingsError("--buyers, --rate and --seconds must be greater than nothing.")
    seed = secrets.randbelow(2**31) if seed is None else seed
    plan = Plan(buyers, rate, seconds, seed, notify, history)
    try:
        report = _loop_runner()(_run(plan, url, credentials, data, Progress(quiet=json)))
    except StoppedError as error:
        raise StoreError("The run ended before its buyers were there.") from error
    except (NoAnswerError, WrongAnswerError) as error:
        raise StoreError(f"The server cannot be used: {error}.") from error
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        sys.stdout.write("\n".join(_lines(report)) + "\n")
    return 0 if report.fine else 1


@sandbox.command
def fraud(
    *,
    out: Path,
    seed: int = 1,
    events: int = 100_000,
    parties: int = 5_000,
    days: int = 30,
    scenario: tuple[str, ...] = (),
) -> None:
    """Write a labelled history of payments and fraud, for `tallystick risk`.

    Args:
        out: .csv, .parquet or .jsonl.
        seed: the same seed gives the same history.
        events: about how many genuine ones; attacks come on top.
        parties: how many genuine people there are.
        days: over how many days.
        scenario: only these attacks; all by default.
    """
    from tallystick.risk.decision.errors import RiskFileError
    from tallystick.risk.decision.files import write_events
    from tallystick.sandbox.fraud import SCENARIOS, fraud_history

    unknown = [name for name in scenario if name not in SCENARIOS]
    if unknown or min(events, parties, days - 1) < 1:
        known = ", ".join(SCENARIOS)
        raise RiskFileError(f"a history has at least 1 event, 1 party, 2 days, of {known}")
    made = fraud_history(
        seed, events=events, parties=parties, days=days, scenarios=scenario or tuple(SCENARIOS)
    )
    write_events(made, out)
