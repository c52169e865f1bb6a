"""Commands: every change of the platform is one of these, asked for by somebody.

A command is a frozen record. A `Request` is a command with its caller and the caller's request
id. Products declare each command once, with its handler, in a `Registry`.
"""

from __future__ import annotations

import functools
import hashlib
import operator
import re
import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import msgspec

from tallystick.decoding import msgpack_decoder
from tallystick.pipeline.refusals import Refusal
from tallystick.store.table import Row
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = [
    "COMMAND_LINE",
    "SYSTEM",
    "Answer",
    "Caller",
    "CallerKind",
    "Command",
    "Context",
    "Origin",
    "Registry",
    "Reply",
    "Request",
    "command_bytes",
    "holds_nul",
]

# A NUL as JSON writes it; after a backslash of its own it would be a text of six letters.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Command(msgspec.Struct, frozen=True, tag_field="command", kw_only=True):
    """Base of every command; the subclass's tag (`trade.pay`) is its name everywhere."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every command's answer; it is stored, so that it can be given again."""


class CallerKind(StrEnum):
    """Who may ask for something."""

    APP = "app"
    INSTITUTION = "institution"
    KEY = "key"
    OPERATOR = "operator"
    PARTY = "party"
    SYSTEM = "system"


class Caller(NamedTuple):
    """Somebody that was identified by the gateway, and what it is allowed (scopes)."""

    kind: CallerKind
    id: str
    scopes: frozenset[str] = frozenset()


SYSTEM = Caller(CallerKind.SYSTEM, "tallystick", frozenset({"*"}))

COMMAND_LINE = Caller(CallerKind.OPERATOR, "command-line", frozenset({"*"}))
"""Who works on the machine itself: in the audit trail like any operator, but no one person."""


class Origin(NamedTuple):
    """Where a request came from, as far as its door knows; an empty text is "not known".

    Args:
        device: the caller's id for the device that it stands for.
        address: the network address that it came from.
        card: a token that stands for the card that is used; never its number.
    """

    device: str = ""
    address: str = ""
    card: str = ""


class Request(NamedTuple):
    """A command on its way.

    Args:
        request_id: the caller's own id for it; with the caller it is the idempotency key.
        keeps_refusals: whether a refusal, too, is given again for the same id. REST's
            `Idempotency-Key` does; callers that repeat an order number do not, because a
            refused command changed nothing and may succeed later.
        timer_id: set when a due timer asks; it takes effect only while that timer is set, for
            `timer_due_ms` and no other time.
        remembered: whether its answer is stored, so that the same id gets it again. Without, the
            id must be one that nobody uses twice.
        trace_id: the id under which the log tells of what asked for it; it has no effect.
        origin: where it came from; only gates look at it.
    """

    caller: Caller
    request_id: str
    command: Command
    keeps_refusals: bool = False
    timer_id: str = ""
    remembered: bool = True
    timer_due_ms: int = 0
    trace_id: str = ""
    origin: Origin = Origin()

    @classmethod
    def once(cls, caller: Caller, command: Command) -> Request:
        """A request that nobody repeats: an id of its own, and no answer is kept."""
        return cls(caller, secrets.token_hex(16), command, remembered=False)

    @property
    def key(self) -> bytes:
        """16 bytes that stand for caller and request id."""
        text = f"{self.caller.kind}\0{self.caller.id}\0{self.request_id}"
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


class Answer(NamedTuple):
    """What became of a request: a reply or a refusal, and whether it was given before.

    `record` is what is kept of a refused command.
    """

    reply: Reply | None
    refusal: Refusal | None = None
    replayed: bool = False
    record: tuple[Row, ...] = ()


class Context(NamedTuple):
    """What a handler gets beside the command."""

    uow: UnitOfWork
    caller: Caller
    request_key: bytes
    now_ms: int


C = TypeVar("C", bound=Command)
Handler = Callable[[Any, Context], Reply]
Subscriber = Callable[[UnitOfWork, Event], None]
Follower = Callable[[Event], None]
Ahead = Callable[[Any], tuple[Sequence[int], Sequence[int]]]
"""What a command will ask the ledger for: ids of accounts, and of transfers."""


class Entry(NamedTuple):
    """A registered command."""

    handler: Handler
    reply: type[Reply]
    scope: str
    ahead: Ahead | None = None


def command_bytes(command: Command) -> bytes:
    """The command as it is stored in a timer and fingerprinted (MessagePack, tagged)."""
    return msgspec.msgpack.encode(command)


def holds_nul(command: Command, data: bytes) -> bool:
    """Whether a text of the command holds a NUL, which not every database keeps in a text.

    Args:
        data: the command's bytes; few commands have no zero byte among their numbers.
    """
    if b"\0" not in data:
        return False
    text = msgspec.json.encode(command)
    # A megabyte of records is looked through sooner by a plain search than by an expression.
    return b"\\u0000" in text and _NUL.search(text) is not None


class Registry:
    """The commands that the platform knows, and who follows its events.

    `scope` names the permission a caller needs (`payments:write`); a scope `"*"` has all.
    """

    def __init__(self) -> None:
        self._entries: dict[type[Command], Entry] = {}
        self._subscribers: list[tuple[str, Subscriber]] = []
        self._followers: list[tuple[str, Follower]] = []

    def add(
        self,
        command: type[C],
        handler: Callable[[C, Context], Reply],
        *,
        reply: type[Reply],
        scope: str,
        ahead: Ahead | None = None,
    ) -> None:
        """Declare a command with its handler, the type of its reply and the scope it needs.

        Args:
            ahead: tells from the command alone what it will ask the ledger for, so that a
                batch of them asks once.
        """
        assert command not in self._entries, command
        self._entries[command] = Entry(handler, reply, scope, ahead)

    def entry(self, command: type[Command]) -> Entry:
        """The declaration of a command (KeyError when there is none)."""
        return self._entries[command]

    def commands(self) -> dict[type[Command], Entry]:
        """All declared commands."""
        return dict(self._entries)

    def subscribe(self, topic_prefix: str, subscriber: Subscriber) -> None:
        """Call `subscriber` for each such event, inside the unit of work that emits it."""
        self._subscribers.append((topic_prefix, subscriber))

    def publish(self, uow: UnitOfWork, events: list[Event]) -> None:
        """Tell the subscribers of events that a command has just emitted."""
        for event in events:
            for prefix, subscriber in self._subscribers:
                if event.topic.startswith(prefix):
                    subscriber(uow, event)

    def follow(self, topic_prefix: str, follower: Follower) -> None:
        """Call `follower` for each such event once it is durable, on the executor's thread.

        For what is kept in memory only (caches): it is called before the command is answered,
        and not for events from before the start.
        """
        self._followers.append((topic_prefix, follower))

    def announce(self, events: list[Event]) -> None:
        """Tell the followers of events that are durable now."""
        for prefix, follower in self._followers:
            for event in events:
                if event.topic.startswith(prefix):
                    follower(event)

    def followed(self, events: list[Event]) -> list[Event]:
        """Those of the events that somebody follows."""
        prefixes = tuple(prefix for prefix, _ in self._followers)
        return [event for event in events if event.topic.startswith(prefixes)]

    def followed_topics(self) -> list[str]:
        """The prefixes that somebody follows."""
        return [prefix for prefix, _ in self._followers]

    @functools.cached_property
    def _decode(self) -> Callable[[bytes], Command]:
        union = functools.reduce(operator.or_, self._entries)
        return msgpack_decoder(union)

    def decode(self, data: bytes) -> Command:
        """A stored command (the reverse of `command_bytes`)."""
        return self._decode(data)
