"""`tallystick sandbox attack`: a scenario of fraud with risk off and on, as a table."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tallystick.money.amount import format_amount
from tallystick.observe.logs import configure_logs
from tallystick.sandbox.attack.play import AttackReport, Played, play
from tallystick.sandbox.attack.scenarios import SCENARIOS
from tallystick.settings import SettingsError

__all__ = ["attack", "table_of"]


def _yuan(fen: int) -> str:
    return f"{format_amount(fen, 'CNY')} CNY"


def _rows(played: Played) -> tuple[str, ...]:
    alert = f"{played.alert_minutes} min" if played.alert_minutes >= 0 else "none"
    return (
        str(played.tried), str(played.stopped), str(played.other), str(played.through),
        _yuan(played.asked), _yuan(played.asked - played.lost), _yuan(played.lost),
        str(played.honest), str(played.proofs), str(played.falsely_stopped),
        str(played.alerts), str(played.false_alerts), alert,
        "balance" if played.balanced else "DO NOT BALANCE",
    )  # fmt: skip


_NAMES = (
    "thieves' commands", "  stopped by risk", "  refused otherwise", "  got through",
    "money they were after", "  stopped", "  lost",
    "honest commands", "  asked for a proof", "  stopped falsely",
    "alerts", "  of honest people", "  first alert after", "books",
)  # fmt: skip


def table_of(report: AttackReport) -> str:
    """The report for people."""
    lines = [
        f"{report.scenario}, seed {report.seed}: {report.people} honest people, {report.days} days",
        f"{'':<24}{'risk off':>20}{'risk on':>20}",
    ]
    both = zip(_NAMES, _rows(report.off), _rows(report.on), strict=True)
    lines += [f"{name:<24}{off:>20}{on:>20}" for name, off, on in both]
    return "\n".join(lines)


def attack(
    *,
    scenario: tuple[str, ...],
    seed: int = 1,
    people: int = 60,
    days: int = 9,
    attacks: int = 5,
    http: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Play a scenario of fraud against a platform of its own, with risk off and on.

    The same seed tells the same story, act for act. It ends with what was stopped, what got
    through and what it cost. Exit code 1 when risk has prevented nothing, or when a book does
    not balance.

    Args:
        scenario: takeover, mule, card_testing, refund_abuse, collusion, promotion; or all.
        seed: which story.
        people: how many honest people there are.
        days: how long the story is; thieves come in its last third.
        attacks: how many times thieves strike.
        http: play it at a server in a process of its own, through the doors that partners and
            people use: signed requests, the REST API, the wallet's pages.
        json: print one JSON object a scenario.
    """
    names = tuple(SCENARIOS) if scenario == ("all",) else scenario
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        known = ", ".join(SCENARIOS)
        raise SettingsError(f"There is no scenario {unknown[0]!r}; there are {known}, and all.")
    if not (5 <= people <= 5000 and 3 <= days <= 90 and 1 <= attacks <= 100):
        raise SettingsError("--people is 5 to 5000, --days 3 to 90, --attacks 1 to 100.")
    configure_logs("error", "console")
    fine = True
    for name in names:
        report = play(
            name, seed, people=people, days=days, attacks=attacks, over_http=http, told=_told
        )
        text = msgspec.json.encode(report).decode() if json else table_of(report) + "\n"
        sys.stdout.write(text + "\n")
        fine = fine and report.fine
    return 0 if fine else 1


def _told(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
