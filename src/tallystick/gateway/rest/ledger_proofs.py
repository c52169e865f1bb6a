"""Proofs of the ledger: signed heads, and documents that anyone can check without the platform.

What they prove and how they are checked is in docs/proofs.md.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from tallystick.gateway.rest.fields import MS_MAX, Cursor, Ms, NoFields, Query, Shape
from tallystick.gateway.rest.ledger import beside, number_in_path
from tallystick.gateway.rest.ledger_shapes import IdText, LedgerId, SignedUnits, Units, WideText
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Page
from tallystick.pipeline.refusals import Refused
from tallystick.proofs import views
from tallystick.proofs.keys import public_text
from tallystick.proofs.model import HeadSigned, SignTreeHead, TreeHead

__all__ = ["PROOF_OPERATIONS"]

_TAG: Final = "Proofs"
_READ: Final = "ledger:read"
_LINES_MAX: Final = 500

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="SHA-256, hexadecimal.")]
Note = Annotated[
    str,
    Meta(description="A signed note in the form of C2SP's tlog-checkpoint, line ends included."),
]
Successions = Annotated[
    list[str] | UnsetType,
    Meta(description="Which keys followed which, signed by both; left out while there is one."),
]


class LedgerKeyShape(Shape, frozen=True, kw_only=True):
    """A key that signs heads; `public_key` is what a checker is given."""

    key_id: str
    public_key: Annotated[str, Meta(examples=["tallystick/ledger/1a2b3c4d+5e6f7081+AT…"])]
    created_ms: Ms


class HeadShape(Shape, frozen=True, kw_only=True):
    """A signed head: over how many entries, up to which batch of the journal."""

    number: int
    size: int
    journal: int
    key_id: str
    signed_ms: Ms
    note: Note


class EntryShape(Shape, frozen=True, kw_only=True):
    """An entry as it was hashed; what is left out is 0."""

    id: IdText
    debit_account_id: IdText
    credit_account_id: IdText
    ledger: IdText
    code: IdText
    timestamp: IdText
    amount: Units | UnsetType = UNSET
    pending_id: IdText | UnsetType = UNSET
    user_data_128: IdText | UnsetType = UNSET
    user_data_64: WideText | UnsetType = UNSET
    user_data_32: IdText | UnsetType = UNSET
    timeout: IdText | UnsetType = UNSET
    flags: IdText | UnsetType = UNSET


class InclusionShape(Shape, frozen=True, kw_only=True):
    """That an entry is in the books."""

    kind: Literal["tallystick.inclusion/1"]
    entry: EntryShape
    index: int
    leaf_hash: Hash
    path: list[Hash]
    head: Note
    successions: Successions = UNSET


class ConsistencyShape(Shape, frozen=True, kw_only=True):
    """That a head continues an earlier one."""

    kind: Literal["tallystick.consistency/1"]
    first: Note
    second: Note
    path: list[Hash]
    successions: Successions = UNSET


class ProvedAccountShape(Shape, frozen=True, kw_only=True):
    """Whose statement it is."""

    id: IdText
    ledger: IdText
    code: IdText
    side: Literal["debit", "credit"]


class ProvedLineShape(Shape, frozen=True, kw_only=True):
    """A line with its entry's proof."""

    entry: EntryShape
    change: SignedUnits
    balance: SignedUnits
    index: int
    leaf_hash: Hash
    path: list[Hash]


class ProvedStatementShape(Shape, frozen=True, kw_only=True):
    """A page of a statement, each line with its proof."""

    kind: Literal["tallystick.statement/1"]
    account: ProvedAccountShape
    from_ms: Ms
    before_ms: Ms
    opening: SignedUnits
    closing: SignedUnits
    lines: list[ProvedLineShape]
    head: Note
    successions: Successions = UNSET


class StatementPageShape(Shape, frozen=True, kw_only=True):
    """A statement to be handed on, and the cursor of its next page."""

    statement: ProvedStatementShape
    next_cursor: str | None


class HeadsQuery(Query, frozen=True, kw_only=True):
    """Which heads."""

    cursor: Cursor = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class ConsistencyQuery(Query, frozen=True, kw_only=True):
    """Sizes of two signed heads; without a second, the newest."""

    first: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    second: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None


class ProvedStatementQuery(Query, frozen=True, kw_only=True):
    """Which period, and which page of it."""

    from_ms: Ms = 0
    before_ms: Ms = MS_MAX
    cursor: Cursor = ""
    limit: Annotated[int, Meta(ge=1, le=_LINES_MAX)] = 100


def _head_shape(head: TreeHead | HeadSigned) -> HeadShape:
    return HeadShape(
        number=head.number, size=head.size, journal=head.journal, key_id=head.key_id,
        signed_ms=head.signed_ms, note=head.note,
    )  # fmt: skip


def list_keys(call: Call, query: Query) -> list[LedgerKeyShape]:
    """The keys that sign heads, the newest first."""
    return [
        LedgerKeyShape(key_id=key.key_id, public_key=public_text(key), created_ms=key.created_ms)
        for key in views.keys(call.platform.rows)
    ]


def list_heads(call: Call, query: HeadsQuery) -> Page[HeadShape]:
    """Signed heads, the newest first."""
    scope = "ledger heads"
    place = call.read_cursor(scope, query.cursor)
    before = 2**63 - 1 if place is None else int(place[0])
    found = views.heads_page(call.platform.rows, before=before, limit=query.limit + 1)
    page = found[: query.limit]
    after = (page[-1].number,) if len(found) > query.limit else None
    return Page(
        items=[_head_shape(head) for head in page], next_cursor=call.write_cursor(scope, after)
    )


async def sign_head(call: Call, body: NoFields) -> SignTreeHead:
    """The command that signs, after what is new was hashed beside it."""
    await asyncio.to_thread(call.platform.heads.prepare)
    return SignTreeHead()


async def prove_transfer(call: Call, query: Query) -> views.Document:
    """The proof that a transfer is in the books."""
    transfer_id = number_in_path(call, "transfer_id", "TRANSFER_NOT_EXIST")
    tree = call.platform.tree
    return await beside(call, lambda rows: views.inclusion_document(rows, tree, transfer_id))


async def prove_consistency(call: Call, query: ConsistencyQuery) -> views.Document:
    """The proof that one head continues another."""
    tree = call.platform.tree
    return await beside(
        call, lambda rows: views.consistency_document(rows, tree, query.first, query.second)
    )


async def prove_statement(call: Call, query: ProvedStatementQuery) -> dict[str, Any]:
    """A page of an account's statement with proofs."""
    account_id = number_in_path(call, "account_id", "ACCOUNT_NOT_EXIST")
    if query.before_ms < query.from_ms:
        raise Refused("INVALID_PARAMETER", "before_ms is before from_ms.")
    scope = f"ledger proved statement?{account_id},{query.from_ms},{query.before_ms}"
    place = call.read_cursor(scope, query.cursor)
    found = await beside(
        call,
        lambda rows: views.statement_document(
            rows,
            call.platform.tree,
            account_id,
            from_ms=query.from_ms,
            before_ms=query.before_ms,
            after=-1 if place is None else int(place[0]),
            limit=query.limit,
        ),
    )
    after = None if found.after is None else (found.after,)
    return {"statement": found.document, "next_cursor": call.write_cursor(scope, after)}


PROOF_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/ledger/keys", "listLedgerKeys", tag=_TAG, scope=_READ, for_apps=False,
        summary="List the keys that sign heads", description="Hand `public_key` to whoever checks.",
        query=Query, find=list_keys, answer=list[LedgerKeyShape],
    ),
    look(
        "/v1/ledger/heads", "listLedgerHeads", tag=_TAG, scope=_READ, for_apps=False,
        summary="List signed heads", description="The newest first.", query=HeadsQuery,
        find=list_heads, answer=Page[HeadShape],
    ),
    change(
        "/v1/ledger/heads", "signLedgerHead", tag=_TAG, scope="ledger:write", for_apps=False,
        summary="Sign a head now", description="Over all that is durable; where nothing came "
        "since the last head, that one is the answer.",
        command=sign_head, show=_head_shape, answer=HeadShape, refusals=("HEAD_NOT_EXIST",),
    ),
    look(
        "/v1/ledger/consistency", "proveLedgerConsistency", tag=_TAG, scope=_READ,
        for_apps=False, summary="Prove that a head continues an earlier one",
        query=ConsistencyQuery, find=prove_consistency, answer=ConsistencyShape,
        refusals=("HEAD_NOT_EXIST", "INVALID_PARAMETER"),
    ),
    look(
        "/v1/ledger/transfers/{transfer_id}/proof", "proveLedgerTransfer", tag=_TAG, scope=_READ,
        for_apps=False, summary="Prove that a transfer is in the books",
        parameters={"transfer_id": LedgerId}, query=Query, find=prove_transfer,
        answer=InclusionShape, refusals=("TRANSFER_NOT_EXIST", "PROOF_NOT_YET"),
    ),
    look(
        "/v1/ledger/accounts/{account_id}/statement/proof", "proveLedgerStatement", tag=_TAG,
        scope=_READ, for_apps=False, summary="Get a statement with a proof of every line",
        description="As far as the newest head goes. Opening and closing are the page's.",
        parameters={"account_id": LedgerId}, query=ProvedStatementQuery, find=prove_statement,
        answer=StatementPageShape, refusals=("ACCOUNT_NOT_EXIST", "PROOF_NOT_YET"),
    ),
)  # fmt: skip
