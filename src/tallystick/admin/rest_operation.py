"""Operations of the REST API at the command line: the same questions, commands and answers.

A change is carried out while no server runs, by who works on the machine; a look reads beside one.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any, Final, cast

import msgspec

from tallystick.admin.commands import Place, UsageError
from tallystick.admin.ledger_statement import account_number, reading
from tallystick.admin.offline import carry_out, offline
from tallystick.decoding import convert
from tallystick.gateway.rest.accounting_exchange import EXCHANGE_OPERATIONS
from tallystick.gateway.rest.accounting_monitors import MONITOR_OPERATIONS
from tallystick.gateway.rest.accounting_periods import PERIOD_OPERATIONS
from tallystick.gateway.rest.accounting_schedules import SCHEDULE_OPERATIONS
from tallystick.gateway.rest.collections import COLLECTION_OPERATIONS
from tallystick.gateway.rest.identity import Identity
from tallystick.gateway.rest.inquiries import INQUIRY_OPERATIONS
from tallystick.gateway.rest.ledger_groups import LEDGER_GROUP_OPERATIONS
from tallystick.gateway.rest.ledger_metadata import LEDGER_METADATA_OPERATIONS
from tallystick.gateway.rest.operation import Call, Operation
from tallystick.gateway.rest.problem import BadRequest, bad_request
from tallystick.gateway.rest.reading import QueryReader, read_path
from tallystick.pipeline.commands import COMMAND_LINE
from tallystick.platform import Platform
from tallystick.settings import Settings
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer

__all__ = ["account_text", "carry", "given", "listed", "look", "say_list"]

_OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.name: operation
    for operation in (
        *PERIOD_OPERATIONS, *SCHEDULE_OPERATIONS, *MONITOR_OPERATIONS, *EXCHANGE_OPERATIONS,
        *LEDGER_GROUP_OPERATIONS, *LEDGER_METADATA_OPERATIONS, *COLLECTION_OPERATIONS,
        *INQUIRY_OPERATIONS,
    )
}  # fmt: skip
_IDENTITY: Final = Identity("command-line", "", COMMAND_LINE)
_NS_PER_MS: Final = 1_000_000

# Who can read the database may look from any place on: these cursors keep nothing from anybody.
_CURSORS: Final = Sealer(b"cursors of the command line".ljust(32, b"\0"))


class _Books:
    """As much of a platform as looks ask for, beside the server that owns the folder."""

    def __init__(self, settings: Settings, rows: ReadSession) -> None:
        self._settings = settings
        self.rows = rows
        self.ledger = SqlLedgerReader(rows.connection)
        self.sealer = _CURSORS

    def clock_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time.time_ns() // _NS_PER_MS

    @contextmanager
    def reader(self) -> Iterator[ReadSession]:
        """A session of its own for a read in a worker thread."""
        with reading(self._settings) as rows:
            yield rows


def account_text(text: str) -> str:
    """An account's id as the operations take it: decimal."""
    return str(account_number(text))


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given: neither None nor an empty text."""
    return {name: value for name, value in values.items() if value not in (None, "")}


@contextmanager
def _speaking() -> Iterator[None]:
    """What cannot be read is said with the option that it came from."""
    try:
        yield
    except BadRequest as error:
        words = error.field.removeprefix("$.").removeprefix("query.").removeprefix("path.")
        raise UsageError(f"{words}: {error.refusal.detail}") from error


def _convert(operation: Operation, body: Mapping[str, Any]) -> Any:
    try:
        return convert(dict(body), operation.body)
    except msgspec.ValidationError as error:
        raise bad_request(error) from error


def carry(
    place: Place, name: str, path: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Carry out an operation that changes something; its answer as REST gives it.

    Raises:
        UsageError: something is not of its documented form.
        Refused: what the pipeline refused.
    """
    operation = _OPERATIONS[name]
    with _speaking(), offline(place.settings) as platform:
        words = read_path(operation.parameters, path or {})
        call = Call(platform, _IDENTITY, words, idempotency_key=secrets.token_hex(16))
        command = operation.run(call, _convert(operation, body or {}))
        reply = carry_out(platform, command)
        assert operation.show is not None, name
        answer: dict[str, Any] = msgspec.to_builtins(operation.show(call, reply))
        return answer


async def _awaited(found: Any) -> Any:
    return await found


def look(
    place: Place, name: str, path: Mapping[str, str] | None = None,
    query: Mapping[str, Any] | None = None,
    keep: Callable[[Any], Any] = msgspec.to_builtins,
) -> Any:  # fmt: skip
    """What an operation that only looks finds, as REST answers it; a server may run meanwhile.

    Args:
        keep: what is made of the answer.

    Raises:
        UsageError: something is not of its documented form.
        Refused: what is not there.
    """
    operation = _OPERATIONS[name]
    with _speaking(), reading(place.settings) as rows:
        books = cast(Platform, _Books(place.settings, rows))
        call = Call(books, _IDENTITY, read_path(operation.parameters, path or {}))
        assert operation.query is not None, name
        asked = [(key, str(value)) for key, value in given(query or {}).items()]
        found = operation.run(call, QueryReader(operation.query).read(asked))
        return keep(asyncio.run(_awaited(found)) if isawaitable(found) else found)


def listed(items: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Items as a table for people; what an item has not is a dash."""
    rows = [[name.replace("_", " ") for name in columns]]
    rows += [[_cell(item.get(name)) for name in columns] for item in items]
    widths = [max(len(row[at]) for row in rows) for at in range(len(columns))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "") else str(value)


def say_list(
    place: Place, page: dict[str, Any], columns: Sequence[str],
    row: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> None:  # fmt: skip
    """Answer with a page of a list, and say how it goes on.

    Args:
        row: an item as it is shown to people.
    """
    items = [row(item) for item in page["items"]]
    lines = [listed(items, columns) if items else "There are none."]
    if page.get("next_cursor"):
        lines.append(f"There is more: --cursor {page['next_cursor']}")
    place.say(page, "\n".join(lines))
