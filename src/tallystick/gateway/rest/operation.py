"""One operation of the API: its address, what it takes and gives, and what it does.

A change names the command that it stands for and how the command's reply is shown. Because
the answer is made from the reply alone, a repeated request gets the very same answer. A look
reads what is committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from tallystick.gateway.rest.cursor import read_cursor, write_cursor
from tallystick.gateway.rest.fields import NoFields, Query
from tallystick.gateway.rest.identity import Identity
from tallystick.pipeline.commands import Command
from tallystick.platform import Platform

__all__ = [
    "BODY_BYTES_MAX", "Calculation", "Call", "Operation", "Question", "calculation", "change",
    "look", "question",
]  # fmt: skip

BODY_BYTES_MAX = 64 * 1024
"""The largest body that is not a bulk one."""

B = TypeVar("B")
Q = TypeVar("Q", bound=Query)
Path = dict[str, str]


class Call(NamedTuple):
    """A request that was authenticated: who asks, with which words in the path, for what.

    `accept` is the header of RFC 9110, empty when there is none.
    """

    platform: Platform
    identity: Identity
    path: dict[str, str]
    idempotency_key: str = ""
    accept: str = ""

    def derived(self, purpose: str, *parts: str) -> bytes:
        """16 bytes that stand for this request and nothing else.

        What a change would else draw by lot (a salt, a number, a secret) comes from here, so
        that the same request sent again is the same command. Only who has the master key can
        know them.
        """
        text = "\0".join((self.identity.key_id, self.idempotency_key, *parts))
        return self.platform.sealer.index(f"rest.{purpose}", text)

    def read_cursor(self, scope: str, text: str) -> tuple[Any, ...] | None:
        """The place that a cursor stands for in this caller's list."""
        return read_cursor(self.platform.sealer, f"{self.identity.app_id}\0{scope}", text)

    def write_cursor(self, scope: str, place: tuple[int | str, ...] | None) -> str | None:
        """The cursor for a place in this caller's list."""
        return write_cursor(self.platform.sealer, f"{self.identity.app_id}\0{scope}", place)


class Operation(NamedTuple):
    """An entry of the API.

    Args:
        path: with `{names}`, each of which is in `parameters` with its annotated type.
        scope: what the key must have.
        for_apps: whether a key that is bound to an app may use it.
        body: the type of the body; None for a look.
        query: the type of the query parameters.
        answer: the type of the answer.
        refusals: codes that it can answer beside those that every operation can.
        run: the command of a change, or the answer of a look.
        show: the answer of a change, from the command's reply.
        media_types: of the files that are answered (`MadeFile`); empty for JSON of `answer`.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str
    scope: str
    answer: Any
    run: Callable[[Call, Any], Any]
    parameters: dict[str, Any]
    for_apps: bool = True
    body: Any = None
    query: type[Query] | None = None
    status: int = 200
    refusals: Sequence[str] = ()
    body_bytes_max: int = BODY_BYTES_MAX
    show: Callable[[Call, Any], Any] | None = None
    example: Any = None
    media_types: Sequence[str] = ()

    @property
    def needs_key(self) -> bool:
        """Whether who asks must show an API key."""
        return True

    @property
    def changes(self) -> bool:
        """Whether it changes something, so that it takes an Idempotency-Key."""
        return self.body is not None and self.needs_key


class Calculation(Operation):
    """An operation without a key: it reads nothing of the platform's and changes nothing.

    It is run on a worker thread, for the body alone.
    """

    @property
    def needs_key(self) -> bool:
        """Nobody needs one."""
        return False

    def calculate(self, body: Any) -> Any:
        """The answer to a body."""
        return self.run(None, body)  # type: ignore[arg-type]


class Question(Operation):
    """An operation whose question is too large for an address: POST, and changes nothing.

    It is run on a worker thread.
    """

    @property
    def changes(self) -> bool:
        """Nothing, so it takes no Idempotency-Key."""
        return False


def question(
    path: str,
    name: str,
    *,
    tag: str,
    summary: str,
    scope: str,
    body: type[B],
    find: Callable[[Call, B], Any],
    answer: Any,
    description: str = "",
    for_apps: bool = True,
    refusals: Sequence[str] = (),
    example: Any = None,
) -> Question:
    """An operation that only looks, with a body: POST, without an Idempotency-Key."""
    return Question(
        "POST", path, name, tag, summary, description, scope, answer, find, {},
        for_apps, body, None, 200, refusals, BODY_BYTES_MAX, None, example,
    )  # fmt: skip


def calculation(
    path: str,
    name: str,
    *,
    tag: str,
    summary: str,
    body: type[B],
    calculate: Callable[[B], Any],
    answer: Any,
    description: str = "",
    refusals: Sequence[str] = (),
    body_bytes_max: int = BODY_BYTES_MAX,
    example: Any = None,
) -> Calculation:
    """An operation that anybody may ask: POST, without a key or an Idempotency-Key."""
    return Calculation(
        "POST", path, name, tag, summary, description, "", answer,
        lambda _call, asked: calculate(asked), {}, True, body, None, 200,
        ("TOO_MANY_REQUESTS", *refusals), body_bytes_max, None, example,
    )  # fmt: skip


def change(
    path: str,
    name: str,
    *,
    tag: str,
    summary: str,
    scope: str,
    body: type[B] = NoFields,  # type: ignore[assignment]
    command: Callable[[Call, B], Command | Awaitable[Command]],
    show: Callable[[Any], Any] | Callable[[Call, Any], Any],
    shows_call: bool = False,
    answer: Any,
    description: str = "",
    parameters: dict[str, Any] | None = None,
    for_apps: bool = True,
    status: int = 200,
    refusals: Sequence[str] = (),
    body_bytes_max: int = BODY_BYTES_MAX,
    example: Any = None,
) -> Operation:
    """An operation that changes something: POST, with an Idempotency-Key.

    Args:
        shows_call: whether `show` takes the call, too, beside the reply.
    """
    shown: Any = show if shows_call else lambda _call, reply: show(reply)  # type: ignore[call-arg]
    return Operation(
        "POST", path, name, tag, summary, description, scope, answer, command, parameters or {},
        for_apps, body, None, status, refusals, body_bytes_max, shown, example,
    )  # fmt: skip


def look(
    path: str,
    name: str,
    *,
    tag: str,
    summary: str,
    scope: str,
    query: type[Q],
    find: Callable[[Call, Q], Any],
    answer: Any,
    description: str = "",
    parameters: dict[str, Any] | None = None,
    for_apps: bool = True,
    refusals: Sequence[str] = (),
    media_types: Sequence[str] = (),
) -> Operation:
    """An operation that only looks: GET."""
    return Operation(
        "GET", path, name, tag, summary, description, scope, answer, find, parameters or {},
        for_apps, None, query, 200, refusals, media_types=media_types,
    )  # fmt: skip
