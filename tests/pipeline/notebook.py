"""A small product for tests of the pipeline: notes by name, and commands that go wrong."""

from __future__ import annotations

from typing import Any

from tallystick.pipeline.commands import Command, Context, Registry, Reply
from tallystick.pipeline.decisions import event
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import set_timer
from tallystick.store.rows import ReadSession
from tallystick.store.table import Row, Table

__all__ = [
    "AddTo", "BreakSchema", "Crash", "Noted", "Notebook", "Overflow", "Plan", "Refuse", "Write",
    "note",
]  # fmt: skip


class Note(Row, frozen=True):
    """A name and a text, in a table that the schema has anyway."""

    name: str
    value: str | int | None


NOTES = Table("setting", Note, ("name",))


class Noted(Reply, frozen=True, kw_only=True):
    """What stands under the name now."""

    value: str


class Write(Command, frozen=True, kw_only=True, tag="test.write"):
    """Write a note."""

    name: str
    value: str = "written"


class AddTo(Command, frozen=True, kw_only=True, tag="test.add"):
    """Add to a note that holds a number."""

    name: str
    amount: int = 1


class Refuse(Command, frozen=True, kw_only=True, tag="test.refuse"):
    """Write, then be refused while no note `allowed` is there."""

    name: str


class Crash(Command, frozen=True, kw_only=True, tag="test.crash"):
    """Write, then fail by a mistake of the program, until the notebook is mended."""

    name: str


class BreakSchema(Command, frozen=True, kw_only=True, tag="test.break_schema"):
    """Write a row that breaks a rule of the schema."""

    name: str


class Overflow(Command, frozen=True, kw_only=True, tag="test.overflow"):
    """Write a number that no column takes."""

    name: str


class Plan(Command, frozen=True, kw_only=True, tag="test.plan"):
    """Set a timer for another command."""

    timer_id: str
    due_ms: int
    then: Write | AddTo | Refuse | Crash | BreakSchema


class Notebook:
    """Registers the commands and remembers in which order they ran, and when."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []
        self.mended = False

    def register(self, registry: Registry) -> None:
        """Declare the commands."""
        for command, handler in (
            (Write, self._write), (AddTo, self._add), (Refuse, self._refuse),
            (Crash, self._crash), (BreakSchema, self._break_schema),
            (Overflow, self._overflow), (Plan, self._plan),
        ):  # fmt: skip
            add: Any = registry.add
            add(command, handler, reply=Noted, scope="notes")

    def _put(self, context: Context, name: str, value: str | int | None) -> Noted:
        context.uow.put(Note(name, value))
        context.uow.emit(event("note.written", name, {"value": str(value)}))
        return Noted(value=str(value))

    def _write(self, command: Write, context: Context) -> Reply:
        self.ran.append((command.name, context.now_ms))
        return self._put(context, command.name, command.value)

    def _add(self, command: AddTo, context: Context) -> Reply:
        self.ran.append((command.name, context.now_ms))
        before = context.uow.get(Note, command.name)
        total = command.amount + (int(before.value or 0) if before is not None else 0)
        return self._put(context, command.name, str(total))

    def _refuse(self, command: Refuse, context: Context) -> Reply:
        reply = self._put(context, command.name, "refused")
        if context.uow.get(Note, "allowed") is None:
            raise Refused("BALANCE_NOT_ENOUGH")
        return reply

    def _crash(self, command: Crash, context: Context) -> Reply:
        reply = self._put(context, command.name, "crashed")
        if not self.mended:
            raise RuntimeError("a mistake of the program")
        return reply

    def _break_schema(self, command: BreakSchema, context: Context) -> Reply:
        return self._put(context, command.name, "mended" if self.mended else None)

    def _overflow(self, command: Overflow, context: Context) -> Reply:
        return self._put(context, command.name, 2**70)

    def _plan(self, command: Plan, context: Context) -> Reply:
        set_timer(context.uow, command.timer_id, command.due_ms, command.then)
        return Noted(value=command.timer_id)


def note(rows: ReadSession, name: str) -> str | None:
    """What stands under a name, as committed."""
    found = rows.get(Note, name)
    return None if found is None else str(found.value)
