"""Metadata of accounts and transfers, and the search over all entries."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from msgspec import Meta

from tallystick.accounting.metadata.model import MetadataKind, MetadataSet, SetMetadata
from tallystick.accounting.metadata.views import metadata_of
from tallystick.accounting.search import EntryPage, FoundEntry, Wanted, find_entries
from tallystick.gateway.rest import ledger_shapes as shapes
from tallystick.gateway.rest.fields import MS_MAX, Body, Cursor, Limit, Ms, Query, Shape
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Page
from tallystick.gateway.rest.problem import BadRequest
from tallystick.ledger.model import AMOUNT_MAX, ID_MAX
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import id_bytes

__all__ = ["LEDGER_METADATA_OPERATIONS"]

_TAG: Final = "Ledger"
_READ: Final = "ledger:read"
_WRITE: Final = "ledger:write"
_NS_PER_MS: Final = 1_000_000

MetadataQuery = Annotated[
    str,
    Meta(
        pattern=r"^([a-z][a-z0-9_-]{1,63}:.{1,500})?\Z",
        description="`name:value` that the entry carries.",
        examples=["invoice:2026-17"],
    ),
]
AmountUnits = Annotated[
    str, Meta(pattern=r"^(0|[1-9][0-9]{0,18})\Z", description="Minor units.", examples=["1230"])
]


class MetadataBody(Body, frozen=True, kw_only=True):
    """Names with their values; names that are not there stay what they are."""

    metadata: shapes.Metadata


class MetadataShape(Shape, frozen=True, kw_only=True):
    """All that an account or transfer carries."""

    id: shapes.IdText
    metadata: dict[str, str]


class EntryQuery(Query, frozen=True, kw_only=True):
    """What is looked for; what is left out does not matter."""

    reference: shapes.IdText | None = None
    account_id: shapes.IdText | None = None
    ledger: shapes.Small | None = None
    code: shapes.Short | None = None
    amount_min: AmountUnits = "0"
    amount_max: AmountUnits = str(AMOUNT_MAX)
    from_ms: Ms = 0
    before_ms: Ms = MS_MAX
    metadata: MetadataQuery = ""
    limit: Limit = 20
    cursor: Cursor = ""


class JournalPlaceShape(Shape, frozen=True, kw_only=True):
    """Where an entry stands: its batch, its place in the batch, and its place among all."""

    batch: int
    index: int
    entry: int


class FoundEntryShape(Shape, frozen=True, kw_only=True):
    """An entry that was found."""

    transfer: shapes.TransferShape
    journal: JournalPlaceShape
    metadata: dict[str, str]


def _id(text: str, code: str) -> int:
    number = int(text)
    if number > ID_MAX:
        raise Refused(code)
    return number


def _set(kind: MetadataKind, parameter: str) -> Any:
    def command(call: Call, body: MetadataBody) -> SetMetadata:
        number = _id(call.path[parameter], f"{kind.name}_NOT_EXIST")
        return SetMetadata(kind=kind, object_id=id_bytes(number), values=dict(body.metadata))

    return command


def _shown(done: MetadataSet) -> MetadataShape:
    number = int.from_bytes(done.object_id, "big")
    return MetadataShape(id=str(number), metadata=done.metadata)


def _get(kind: MetadataKind, parameter: str) -> Any:
    def find(call: Call, query: Query) -> MetadataShape:
        number = _id(call.path[parameter], f"{kind.name}_NOT_EXIST")
        ledger = call.platform.ledger
        is_account = kind is MetadataKind.ACCOUNT
        if not (ledger.accounts([number]) if is_account else ledger.transfers([number])):
            raise Refused(f"{kind.name}_NOT_EXIST")
        carried = metadata_of(call.platform.rows.connection, kind, [number])
        return MetadataShape(id=str(number), metadata=carried.get(number, {}))

    return find


def _wanted(query: EntryQuery) -> Wanted:
    least, most = int(query.amount_min), int(query.amount_max)
    if max(least, most) > AMOUNT_MAX:
        raise BadRequest("No amount is that large.", "query.amount_max")
    name, _, value = query.metadata.partition(":")
    return Wanted(
        reference=_id(query.reference, "INVALID_PARAMETER") if query.reference else 0,
        account_id=_id(query.account_id, "ACCOUNT_NOT_EXIST") if query.account_id else 0,
        book=query.ledger, code=query.code, least=least, most=most,
        from_ns=query.from_ms * _NS_PER_MS, before_ns=query.before_ms * _NS_PER_MS,
        metadata=(name, value) if name else None,
    )  # fmt: skip


def _entry(found: FoundEntry) -> FoundEntryShape:
    place = found.place
    return FoundEntryShape(
        transfer=shapes.transfer_shape(found.transfer, None),
        journal=JournalPlaceShape(batch=place.batch, index=place.index, entry=place.entry),
        metadata=found.metadata,
    )


async def search_entries(call: Call, query: EntryQuery) -> Page[FoundEntryShape]:
    """Entries that all of this is true of, newest first."""
    wanted = _wanted(query)
    scope = f"ledger entries?{wanted}"
    place = call.read_cursor(scope, query.cursor)
    before = None if place is None else int(place[0])

    def run() -> EntryPage:
        with call.platform.reader() as rows:
            return find_entries(rows, wanted, before=before, limit=query.limit)

    found = await asyncio.to_thread(run)
    goes_on = None if found.before is None else (found.before,)
    return Page(
        items=[_entry(entry) for entry in found.entries],
        next_cursor=call.write_cursor(scope, goes_on),
    )


def _operations(kind: MetadataKind, parameter: str) -> tuple[Operation, Operation]:
    name = kind.value.capitalize()
    path = f"/v1/ledger/{kind.value}s/{{{parameter}}}/metadata"
    parameters = {parameter: shapes.LedgerId}
    missing = (f"{kind.name}_NOT_EXIST",)
    return (
        change(
            path, f"setLedger{name}Metadata", tag=_TAG, scope=_WRITE, for_apps=False,
            summary=f"Set metadata of a ledger {kind.value}", body=MetadataBody,
            command=_set(kind, parameter), show=_shown, answer=MetadataShape,
            parameters=parameters, refusals=(*missing, "INVALID_PARAMETER"),
            example={"metadata": {"invoice": "2026-17"}},
        ),
        look(
            path, f"getLedger{name}Metadata", tag=_TAG, scope=_READ, for_apps=False,
            summary=f"See metadata of a ledger {kind.value}", parameters=parameters, query=Query,
            find=_get(kind, parameter), answer=MetadataShape, refusals=missing,
        ),
    )  # fmt: skip


LEDGER_METADATA_OPERATIONS: Final[tuple[Operation, ...]] = (
    *_operations(MetadataKind.ACCOUNT, "account_id"),
    *_operations(MetadataKind.TRANSFER, "transfer_id"),
    look(
        "/v1/ledger/entries", "searchLedgerEntries", tag=_TAG, scope=_READ, for_apps=False,
        summary="Search entries",
        description="Newest first, however they were posted. Without metadata, reference or "
        "account, entries are looked through so many at a time: a page may then have few items or "
        "none and still a `next_cursor`.",
        query=EntryQuery, find=search_entries, answer=Page[FoundEntryShape],
        refusals=("ACCOUNT_NOT_EXIST", "INVALID_PARAMETER"),
    ),
)  # fmt: skip
