"""`tallystick ledger monitor …`: balances that are watched."""

from __future__ import annotations

from cyclopts import App

from tallystick.accounting.monitors.model import Measure
from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.rest_operation import account_text, carry, given, listed, look, say_list
from tallystick.money.china_time import china_time

__all__ = ["monitor"]

monitor = App(name="monitor", help="Balances that are watched: a threshold crossed is an event.")

_COLUMNS = (
    "monitor_id", "name", "account_id", "ledger", "code", "direction", "threshold", "value",
    "fired", "active",
)  # fmt: skip


@monitor.command
def add(
    name: str, *, above: str = "", below: str = "", account: str = "", book: int | None = None,
    code: int | None = None, measure: Measure = Measure.BALANCE, hysteresis: str = "",
    sweep: str = "", place: Place = HERE,
) -> None:  # fmt: skip
    """Watch an account, or all of a code in a book together; made while no server runs.

    For example: `tallystick ledger monitor add "Float is low" --account 71 --below 100000`.

    Args:
        name: what people call it.
        above: fire when the value is more than this, minor units.
        below: fire when the value is less than this.
        account: the account.
        book: the book of a code.
        code: all accounts of this code.
        measure: balance, or available: what no hold has taken.
        hysteresis: how far the value must come back until it may fire again.
        sweep: the number of a sweep that runs when it fires.
    """
    if bool(above) == bool(below):
        raise UsageError("Give either --above or --below.")
    body = given({
        "name": name, "direction": "above" if above else "below", "threshold": above or below,
        "account_id": account_text(account) if account else "", "ledger": book, "code": code,
        "measure": measure.value, "hysteresis": hysteresis, "sweep_id": sweep,
    })  # fmt: skip
    done = carry(place, "createMonitor", body=body)
    fired = "has fired" if done["fired"] else "is silent"
    place.say(done, f"Monitor {done['monitor_id']} {fired}; the value is {done['value']}.")


@monitor.command(name="list")
def list_monitors(*, limit: int = 20, cursor: str = "", place: Place = HERE) -> None:
    """Monitors with their values now, the newest first; a server may run meanwhile.

    Args:
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    say_list(place, look(place, "listMonitors", query={"limit": limit, "cursor": cursor}), _COLUMNS)


@monitor.command
def show(monitor_id: str, *, place: Place = HERE) -> None:
    """A monitor and when it fired; a server may run meanwhile.

    Args:
        monitor_id: its number.
    """
    story = look(place, "getMonitor", {"monitor_id": monitor_id})
    changes = [{**c, "at": china_time(c["at_ms"])} for c in story["changes"]]
    text = listed([story["monitor"]], _COLUMNS)
    place.say(story, f"{text}\n\n{listed(changes, ('at', 'fired', 'value'))}" if changes else text)


@monitor.command
def end(monitor_id: str, *, place: Place = HERE) -> None:
    """Watch no more; while no server runs.

    Args:
        monitor_id: its number.
    """
    done = carry(place, "endMonitor", {"monitor_id": monitor_id})
    place.say(done, f"Monitor {monitor_id} has ended.")
