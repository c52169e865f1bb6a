"""The limits of account levels in the path of commands: a gate before, a witness after.

While no limit is set, a command costs one look at an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.pipeline.commands import Answer, CallerKind, Command, Context, Registry, Request
from tallystick.risk.decision.engine import Reader
from tallystick.risk.decision.model import ReleaseHeld
from tallystick.risk.decision.reviewing import released_now
from tallystick.risk.person.decide import periods, take_from_limits
from tallystick.risk.person.model import LevelLimit, Outflow, PersonLevel
from tallystick.risk.person.views import level_limits
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["LevelLimits"]

_OUTGOING: Final = frozenset({"payment", "transfer", "freeze"})
"""Kinds of decided commands that take money out of a person's account; a withdrawal goes to
their own bank, and counts nowhere."""


class LevelLimits:
    """Holds accounts to the limits of their level.

    Args:
        readers: what commands are about, by their type.
        registry: reads the commands that reviewers release.
    """

    def __init__(self, readers: Mapping[type[Command], Reader], registry: Registry) -> None:
        self._readers = readers
        self._registry = registry
        self._limits: dict[tuple[int, str], LevelLimit] | None = None
        self._pending: tuple[Outflow, ...] = ()

    def forget(self, happened: Event) -> None:
        """A limit was set, here or by another process: read them again."""
        self._limits = None

    def gate(self, request: Request, context: Context, scope: str) -> None:
        """Refuse what goes beyond the limits of the payer's level, also when it is released.

        Raises:
            Refused: LEVEL_LIMIT.
        """
        self._pending = ()
        limits = self._limits
        if limits is None:
            found = level_limits(ReadSession(context.uow.connection))
            limits = self._limits = {(each.level, each.currency): each for each in found}
        if not limits:
            return
        command, asked = request.command, context
        if isinstance(command, ReleaseHeld):
            released = released_now(self._registry, command, context)
            if released is None:
                return
            command, asked = released
        if asked.caller.kind is CallerKind.SYSTEM:
            return
        reader = self._readers.get(type(command))
        facts = None if reader is None else reader(command, asked)
        if facts is None or facts.kind not in _OUTGOING or not facts.party:
            return
        uow = context.uow
        level = uow.get(PersonLevel, facts.party)
        limit = limits.get((0 if level is None else level.level, facts.currency))
        if limit is not None:
            spent = [
                uow.get(Outflow, facts.party, facts.currency, period)
                or Outflow(facts.party, facts.currency, period, 0)
                for period in periods(context.now_ms)
            ]
            self._pending = take_from_limits(limit, spent, facts.amount)

    def witness(self, uow: UnitOfWork, request: Request, answer: Answer) -> None:
        """Count what has gone out."""
        pending, self._pending = self._pending, ()
        if answer.refusal is None:
            for row in pending:
                uow.put(row)
