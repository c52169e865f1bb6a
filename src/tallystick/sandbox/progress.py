"""What a person sees of a run: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from tallystick.sandbox.marketplace import Marketplace
from tallystick.sandbox.meter import Second

__all__ = ["Progress"]

_ROWS: Final = 10
_HEADS: Final = ("second", "answers/s", "p50 ms", "p99 ms", "acting")


def _counts(title: str, counts: Counter[str] | dict[str, int]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, min_width=32)
    for name, count in sorted(counts.items(), key=lambda item: -item[1])[:_ROWS]:
        if count:
            table.add_row(name, f"{count:,}")
    return table


class Progress:
    """Shows a run as it goes.

    Args:
        quiet: show nothing, for `--json`.
        console: where to show it; standard error by default.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, quiet=quiet, highlight=False)
        self._live: Live | None = None
        self._seconds: list[tuple[str, ...]] = []

    def say(self, sentence: str) -> None:
        """One line."""
        self._console.print(sentence)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._live is not None:
            self._live.stop()
            self._live = None

    def second(self, second: Second, market: Marketplace, in_flight: int) -> None:
        """Show what the last second brought."""
        row = (
            str(len(self._seconds) + 1), f"{second.per_s:.0f}", f"{second.p50_ms:.1f}",
            f"{second.p99_ms:.1f}", str(in_flight),
        )  # fmt: skip
        self._seconds.append(row)
        if self._live is not None:
            self._live.update(self._table(market))
            return
        states = ", ".join(f"{n} {s}" for s, n in sorted(market.states.items()) if n)
        errors = sum(market.meter.errors.values())
        self._console.print(
            f"{row[0]:>4} s  {row[1]:>5} answers/s  p50 {row[2]:>6} ms  p99 {row[3]:>6} ms  "
            f"{row[4]:>4} acting  {sum(market.meter.refused.values())} refused, {errors} errors  "
            f"trades: {states or 'none'}",
            soft_wrap=True,
        )

    def _table(self, market: Marketplace) -> Any:
        table = Table(title="Tallystick sandbox", title_justify="left")
        for head in _HEADS:
            table.add_column(head, justify="right")
        for row in self._seconds[-_ROWS:]:
            table.add_row(*row)
        return Group(
            table,
            _counts("Trades by state", market.states),
            _counts("Refused, by code", market.meter.refused),
            _counts("Errors", market.meter.errors),
        )
