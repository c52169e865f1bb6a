"""The shared blacklist's log and set: heads, proofs, witnesses' signatures, rows to copy."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, Final

from tallystick.gateway.rest import blacklist_shapes as shapes
from tallystick.gateway.rest.blacklist import own_member
from tallystick.gateway.rest.fields import Query
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.pipeline.refusals import Refused
from tallystick.risk.blacklist.cache import Published
from tallystick.risk.blacklist.log import consistency, inclusion, leaf_hashes
from tallystick.risk.blacklist.model import CosignHead
from tallystick.risk.blacklist.protocol.listed import BITS_MAX, ListedSet
from tallystick.risk.blacklist.views import (
    cosigned_head,
    leaves_from,
    list_key,
    log_signer,
    witnesses,
)
from tallystick.transparency.notes import write_note

__all__ = ["BLACKLIST_LOG_OPERATIONS"]

_HASHES_MAX: Final = 1000
_BUCKET_ROWS_MAX: Final = 16_384


def get_head(call: Call, query: Query) -> shapes.BlacklistHead:
    """The log's head with its witnesses."""
    rows = call.platform.rows
    head = cosigned_head(rows, call.platform.blacklist.head(rows))
    return shapes.BlacklistHead(
        checkpoint=head,
        witnesses=[
            shapes.WitnessShape(
                member_id=view.member.member_id, key=view.member.witness_key, size=view.size,
                at_ms=view.at_ms, checkpoint=view.note,
            )
            for view in witnesses(rows)
        ],
    )  # fmt: skip


def _size(call: Call) -> int:
    return list_key(call.platform.rows).size


def get_hashes(call: Call, query: shapes.HashQuery) -> shapes.BlacklistHashes:
    """Hashes of leaves."""
    end = min(query.end, query.begin + _HASHES_MAX, _size(call))
    found = leaf_hashes(call.platform.rows, query.begin, end) if query.begin < end else []
    return shapes.BlacklistHashes(begin=query.begin, hashes=[each.hex() for each in found])


def get_leaves(call: Call, query: shapes.LeafQuery) -> shapes.BlacklistLeaves:
    """Leaves themselves."""
    found = leaves_from(call.platform.rows, query.begin, query.limit)
    return shapes.BlacklistLeaves(begin=query.begin, leaves=[each.decode() for each in found])


def _proof(hashes: list[bytes]) -> shapes.BlacklistProof:
    return shapes.BlacklistProof(proof=[each.hex() for each in hashes])


def get_consistency(call: Call, query: shapes.ConsistencyQuery) -> shapes.BlacklistProof:
    """What proves that one size begins the other."""
    if not query.first <= query.second <= _size(call):
        raise Refused("INVALID_PARAMETER", "first is at most second, and that the log's size.")
    return _proof(consistency(call.platform.rows, query.first, query.second))


def get_inclusion(call: Call, query: shapes.InclusionQuery) -> shapes.BlacklistProof:
    """What proves that a leaf is there."""
    if not query.leaf < query.size <= _size(call):
        raise Refused("INVALID_PARAMETER", "leaf is below size, and that at most the log's size.")
    return _proof(inclusion(call.platform.rows, query.leaf, query.size))


def cosign(call: Call, body: shapes.BlacklistCosignature) -> CosignHead:
    """The command that keeps a witness's signature."""
    return CosignHead(note=body.checkpoint, member_id=body.member_id)


def _cosigned(done: Any) -> shapes.BlacklistCosigned:
    return shapes.BlacklistCosigned(member_id=done.member_id, size=done.size)


# The set.


def _rows(content: ListedSet) -> str:
    return base64.b64encode(content.to_bytes()[24:]).decode()


async def _published(call: Call) -> Published:
    """The set; a new version of many tags is put together beside the event loop."""
    own_member(call)

    def read() -> Published:
        with call.platform.reader() as rows:
            return call.platform.blacklist.published(rows)

    return await asyncio.to_thread(read)


async def get_set(call: Call, query: shapes.SetQuery) -> shapes.BlacklistSet:
    """Rows of the set, with the signed digest of all of it."""
    published = await _published(call)
    content = published.content
    if query.version not in (0, content.version):
        raise Refused("BLACKLIST_SET_CHANGED", f"The newest is {content.version}.")
    key = list_key(call.platform.rows)
    digest = base64.b64encode(await asyncio.to_thread(lambda: published.digest)).decode()
    text = f"{key.origin}/set\n{content.version}\n{digest}\n"
    cut = slice(query.begin, query.begin + query.limit)
    part = content._replace(
        tags=content.tags[cut], nonces=content.nonces[cut], hidden=content.hidden[cut]
    )
    return shapes.BlacklistSet(
        version=content.version, count=len(content.tags), bits=content.bits, begin=query.begin,
        rows=_rows(part),
        signed=write_note(text, log_signer(key, call.platform.sealer).signature(text)),
    )  # fmt: skip


async def get_bucket(call: Call, query: Query) -> shapes.BlacklistBucket:
    """The rows whose tags begin alike: whom they are for does not show.

    A usual bucket is cut from memory sooner than another thread would have begun.
    """
    own_member(call)
    cache = call.platform.blacklist.cache
    cache.refresh(call.platform.rows.connection, merge=False)
    bits, prefix = int(call.path["bits"]), int(call.path["prefix"])
    if bits > BITS_MAX or prefix >= 1 << bits:
        raise Refused("INVALID_PARAMETER", f"bits is at most {BITS_MAX}, prefix below 2^bits.")
    if (rows := cache.rows_expected(bits)) > _BUCKET_ROWS_MAX:
        raise Refused("INVALID_PARAMETER", f"bits: {rows} rows; copy the set instead.")
    if cache.overgrown:
        await asyncio.to_thread(cache.merge)
    content = cache.bucket(prefix, bits)
    return shapes.BlacklistBucket(version=content.version, bits=bits, rows=_rows(content))


_READ: Final[dict[str, Any]] = {"tag": "Blacklist", "scope": "blacklist:read", "for_apps": False}
_LOG: Final = "/v1/risk/blacklist/log"
_SET: Final = "/v1/risk/blacklist/set"
_NOT_OPEN: Final = ("BLACKLIST_NOT_OPEN",)
_MEMBER: Final = (*_NOT_OPEN, "BLACKLIST_NOT_A_MEMBER")
_EXAMPLE: Final = (
    "list.example\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n— list.example AA==\n"
)

BLACKLIST_LOG_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        f"{_LOG}/head", "getBlacklistHead", summary="See the log's signed head",
        description="A checkpoint of C2SP's tlog-checkpoint, with witnesses' cosignatures.",
        query=Query, find=get_head, answer=shapes.BlacklistHead, refusals=_NOT_OPEN, **_READ,
    ),
    look(
        f"{_LOG}/hashes", "getBlacklistHashes", summary="See the hashes of leaves",
        description="What a witness needs to follow the log; it tells nothing of the entries.",
        query=shapes.HashQuery, find=get_hashes, answer=shapes.BlacklistHashes,
        refusals=_NOT_OPEN, **_READ,
    ),
    look(
        f"{_LOG}/leaves", "getBlacklistLeaves", tag="Blacklist", scope="blacklist:audit",
        for_apps=False, summary="Read the log's leaves",
        description=(
            "What an audit needs: each change of each entry, by the entry's tag. They name no "
            "identifier, but tell what is said of people for whom nobody has asked."
        ),
        query=shapes.LeafQuery, find=get_leaves, answer=shapes.BlacklistLeaves,
        refusals=_NOT_OPEN,
    ),
    look(
        f"{_LOG}/consistency", "getBlacklistConsistency", summary="Prove that the log only grew",
        query=shapes.ConsistencyQuery, find=get_consistency, answer=shapes.BlacklistProof,
        refusals=(*_NOT_OPEN, "INVALID_PARAMETER"), **_READ,
    ),
    look(
        f"{_LOG}/inclusion", "getBlacklistInclusion", summary="Prove that a leaf is in the log",
        query=shapes.InclusionQuery, find=get_inclusion, answer=shapes.BlacklistProof,
        refusals=(*_NOT_OPEN, "INVALID_PARAMETER"), **_READ,
    ),
    change(
        f"{_LOG}/cosignatures", "cosignBlacklistHead", tag="Blacklist", scope="blacklist:write",
        for_apps=False, summary="Vouch for a head as a witness",
        body=shapes.BlacklistCosignature, command=cosign, show=_cosigned,
        answer=shapes.BlacklistCosigned, example={"checkpoint": _EXAMPLE},
        refusals=(*_MEMBER, "BLACKLIST_COSIGNATURE_INVALID", "INVALID_PARAMETER"),
    ),
    look(
        _SET, "getBlacklistSet", summary="Copy the set that questions are looked up in",
        description=(
            "What it says of a tag is hidden under a pad that only the answer to a question "
            "gives. `signed` is a note of the SHA-256 of the whole version."
        ),
        query=shapes.SetQuery, find=get_set, answer=shapes.BlacklistSet,
        refusals=(*_MEMBER, "BLACKLIST_SET_CHANGED"), **_READ,
    ),
    look(
        f"{_SET}/buckets/{{bits}}/{{prefix}}", "getBlacklistBucket",
        summary="See one bucket of the set",
        description="The tags that begin with `bits` bits of `prefix`.", query=Query,
        find=get_bucket, answer=shapes.BlacklistBucket,
        parameters={"bits": shapes.BucketWord, "prefix": shapes.BucketWord},
        refusals=(*_MEMBER, "INVALID_PARAMETER"), **_READ,
    ),
)  # fmt: skip
