"""A marketplace whose commands are decided: a market with the engine as gate and witness."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.payments.market import APP, CODES, Market, market
from tests.platform_parts import Clock
from tests.stores import chosen, database_for, run_folder

from tallystick.parties import service as parties
from tallystick.partners import service as partners
from tallystick.payments.holds import service as holds
from tallystick.payments.trades import service as trades
from tallystick.payments.trades.model import CreateTrade, PayTrade
from tallystick.payments.wallet import service as wallets
from tallystick.pipeline.commands import Answer, Caller, CallerKind, Origin, Registry, Request
from tallystick.pipeline.executor import authorise
from tallystick.risk.decision import service as decisions
from tallystick.risk.decision.engine import DecisionEngine
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.model import (
    DecisionRow,
    DefineFeature,
    PublishRule,
    SaveRule,
)
from tallystick.risk.decision.rules import Rule
from tallystick.risk.person import service as person
from tallystick.risk.person.limits import LevelLimits
from tallystick.risk_facts import FOR_PEOPLE, READERS
from tallystick.store.connection import Database

__all__ = ["ANN", "BEN", "WatchedMarket", "watched"]

_SCOPES: Final = frozenset({"risk:write", "risk:review"})
ANN: Final = Caller(CallerKind.OPERATOR, "ann", _SCOPES)
BEN: Final = Caller(CallerKind.OPERATOR, "ben", _SCOPES)


class WatchedMarket(Market):
    """A market with the decision engine in the path."""

    def __init__(self, database: Database, registry: Registry, clock: Clock | None = None,
                 **options: Any) -> None:  # fmt: skip
        if "stopwatch" not in options:  # A busy machine lets no command through.
            options = {"budget_s": 60.0, **options}
        self.engine = DecisionEngine(READERS, for_people=FOR_PEOPLE, **options)
        self._number = 0
        limits = LevelLimits(READERS, registry)
        registry.follow(person.LIMIT_SET, limits.forget)
        super().__init__(
            database, registry, clock, gates=(authorise, self.engine.gate, limits.gate),
            witnesses=(self.engine.witness, limits.witness),
        )  # fmt: skip

    def publish(self, when: str, action: str, name: str = "rule", **more: Any) -> int:
        """Save and publish a rule."""
        rule = Rule(name=name, when=when, action=action, **more)  # type: ignore[arg-type]
        saved = self.accept(SaveRule(rule=rule), ANN)
        self.accept(PublishRule(name=name, version=saved.number), ANN)
        return int(saved.number)

    def define(self, name: str, aggregate: str, by: tuple[str, ...], within_min: int,
               **more: Any) -> None:  # fmt: skip
        """Keep up a feature."""
        feature = Feature(name=name, aggregate=aggregate, by=by,  # type: ignore[arg-type]
                          within_min=within_min, **more)  # fmt: skip
        self.accept(DefineFeature(feature=feature), ANN)

    def pay_command(self, buyer: str, amount: int, order: str = "") -> PayTrade:
        """A payment by code of a new order."""
        self._number += 1
        return PayTrade(
            order=CreateTrade(app_id="", out_trade_no=order or f"order-{self._number}",
                              amount=amount, subject="Tea"),
            payment_code_index=CODES[buyer],
        )  # fmt: skip

    def pay(self, buyer: str, amount: int, *, device: str = "", order: str = "") -> Answer:
        """Pay a new order; the answer."""
        request = Request.once(APP, self.pay_command(buyer, amount, order))
        return self.executor.submit_and_wait(request._replace(origin=Origin(device)))

    def code_of(self, answer: Answer) -> str:
        """`accepted`, or the refusal's code."""
        return answer.refusal.code if answer.refusal is not None else "accepted"

    def decisions(self) -> list[DecisionRow]:
        """Every record, oldest first."""
        return self.rows.select(DecisionRow)


@functools.cache
def _seeded(store: str) -> Path:
    folder = run_folder("tallystick-watched-")
    with market(folder):
        pass
    return folder


@contextmanager
def watched(folder: Path, clock: Clock | None = None, **options: Any) -> Iterator[WatchedMarket]:
    """A market as it is seeded, decided from now on."""
    database_for(folder, copy_of=_seeded(chosen()))
    yield from _opened(folder, clock, **options)


def reopened(folder: Path, clock: Clock | None = None, **options: Any) -> Any:
    """The market in a folder once more, as after a restart."""
    return contextmanager(_opened)(folder, clock, **options)


def _opened(folder: Path, clock: Clock | None, **options: Any) -> Iterator[WatchedMarket]:
    registry = Registry()
    products: tuple[Callable[[Registry], None], ...] = (
        parties.register, partners.register, wallets.register, holds.register, trades.register,
        decisions.register, person.register,
    )  # fmt: skip
    for register in products:
        register(registry)
    parts = WatchedMarket(database_for(folder), registry, clock, **options)
    try:
        yield parts
    finally:
        parts.close()
