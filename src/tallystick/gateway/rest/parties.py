"""Parties: registering people and merchants, blocking them, and codes to try things with."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from msgspec import Meta

from tallystick.gateway.rest.fields import (
    Body,
    Cursor,
    Limit,
    Ms,
    PartyId,
    PaymentCodeText,
    Query,
    Shape,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.parties.model import (
    ISSUE_PAYMENT_CODE_SCOPE,
    BlockParty,
    IssuePaymentCode,
    Party,
    PartyDone,
    PartyKind,
    PartyStatus,
    PaymentCodeIssued,
    RegisterParty,
)
from tallystick.parties.passwords import PasswordHasher
from tallystick.parties.views import (
    login_index,
    party_login,
    party_name,
    payment_code_index,
    seal_login,
    seal_name,
)
from tallystick.pipeline.numbers import party_number
from tallystick.pipeline.refusals import Refused

__all__ = ["PARTY_OPERATIONS"]

_TAG: Final = "Parties"
_ONE: Final = {"party_id": PartyId}

Login = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=100,
        pattern=r"^[!-~]+\Z",
        description="An address or number, in ASCII; nobody else has it.",
        examples=["carol@shop.example"],
    ),
]
Name = Annotated[str, Meta(min_length=1, max_length=100, examples=["Carol Chen 陈卡罗"])]


class NewParty(Body, frozen=True, kw_only=True):
    """Somebody whose money is to be kept. Passwords are hashed before anything is stored."""

    kind: PartyKind
    login: Login
    name: Name
    password: Annotated[str, Meta(min_length=8, max_length=128, examples=["correct-horse-7"])]
    payment_password: Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", examples=["135790"])]


class Blocking(Body, frozen=True, kw_only=True):
    """Whether money may not move."""

    blocked: bool


class NewPaymentCode(Body, frozen=True, kw_only=True):
    """When the code ends (within two minutes unless it is reusable), and whether it is reusable."""

    expires_ms: Ms
    reusable: bool = False


class PartyQuery(Query, frozen=True, kw_only=True):
    """Which parties; what is left out does not filter. A login is looked up whole."""

    kind: PartyKind | None = None
    status: PartyStatus | None = None
    login: Annotated[str, Meta(max_length=100, examples=["alice@sandbox.test"])] = ""
    limit: Limit = 20
    cursor: Cursor = ""


class PartyShape(Shape, frozen=True, kw_only=True):
    """A person or merchant."""

    party_id: PartyId
    kind: PartyKind
    status: PartyStatus
    login: str
    name: str
    created_ms: Ms


class PartyState(Shape, frozen=True, kw_only=True):
    """The party that was made or changed."""

    party_id: PartyId


class CodeState(Shape, frozen=True, kw_only=True):
    """A code that pays, until it ends."""

    payment_code: PaymentCodeText
    expires_ms: Ms


def _party(call: Call) -> Party:
    party = call.platform.rows.get(Party, call.path["party_id"])
    if party is None:
        raise Refused("PARTY_NOT_EXIST")
    return party


async def register(call: Call, body: NewParty) -> RegisterParty:
    """The command that opens a party; salts and nonces stand for the request, so that it
    can be repeated."""
    hasher = PasswordHasher.of(call.platform.settings)
    sealer = call.platform.sealer
    told = (body.login, body.name, body.password, body.payment_password)
    login_hash, payment_hash = await asyncio.gather(
        asyncio.to_thread(hasher.hash_password, body.password, call.derived("login", *told)),
        asyncio.to_thread(
            hasher.hash_password, body.payment_password, call.derived("payment", *told)
        ),
    )
    return RegisterParty(
        party_id=party_number(call.derived("party")),
        kind=body.kind,
        login_index=login_index(sealer, body.login),
        login_sealed=seal_login(sealer, body.login, call.derived("login nonce", *told)[:12]),
        name_sealed=seal_name(sealer, body.name, call.derived("name nonce", *told)[:12]),
        login_hash=login_hash,
        payment_hash=payment_hash,
    )


def block(call: Call, body: Blocking) -> BlockParty:
    """The command that blocks or unblocks."""
    return BlockParty(party_id=call.path["party_id"], blocked=body.blocked)


def _done(done: PartyDone) -> PartyState:
    return PartyState(party_id=done.party_id)


def _code(call: Call) -> str:
    number = int.from_bytes(call.derived("payment code", call.path["party_id"]), "big")
    return f"28{number % 10**16:016d}"


def issue_code(call: Call, body: NewPaymentCode) -> IssuePaymentCode:
    """The command that makes a code known; only where nothing is real."""
    if not call.platform.settings.sandbox:
        raise Refused("NOT_PERMITTED", "Codes are issued over this API in a sandbox only.")
    return IssuePaymentCode(
        party_id=call.path["party_id"],
        code_index=payment_code_index(call.platform.sealer, _code(call)),
        expires_ms=body.expires_ms,
        reusable=body.reusable,
    )


def _issued(call: Call, done: PaymentCodeIssued) -> CodeState:
    return CodeState(payment_code=_code(call), expires_ms=done.expires_ms)


def _shape(call: Call, party: Party) -> PartyShape:
    sealer = call.platform.sealer
    return PartyShape(
        party_id=party.party_id,
        kind=party.kind,
        status=party.status,
        login=party_login(sealer, party),
        name=party_name(sealer, party),
        created_ms=party.created_ms,
    )


def get_party(call: Call, query: Query) -> PartyShape:
    """A party as it is now."""
    return _shape(call, _party(call))


_PARTIES: Final = Listing(Party, "created_ms", "party_id")


def list_parties(call: Call, query: PartyQuery) -> Page[PartyShape]:
    """Parties, newest first."""
    login = query.login.strip()
    return page_of(
        call,
        _PARTIES,
        lambda party: _shape(call, party),
        limit=query.limit,
        cursor=query.cursor,
        kind=query.kind or "",
        status=query.status or "",
        login_index=login_index(call.platform.sealer, login) if login else "",
    )


PARTY_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/parties", "registerParty", tag=_TAG, scope="parties:write", for_apps=False,
        status=201, summary="Register a person or merchant",
        description="Name and login are encrypted at rest; passwords are stored as hashes.",
        body=NewParty, command=register, show=_done, answer=PartyState,
        refusals=("LOGIN_TAKEN", "INVALID_PARAMETER"),
        example={"kind": "person", "login": "carol@shop.example", "name": "Carol Chen",
                 "password": "correct-horse-7", "payment_password": "135790"},
    ),
    look(
        "/v1/parties", "listParties", tag=_TAG, scope="parties:read", for_apps=False,
        summary="List parties", description="Newest first.", query=PartyQuery, find=list_parties,
        answer=Page[PartyShape],
    ),
    look(
        "/v1/parties/{party_id}", "getParty", tag=_TAG, scope="parties:read", for_apps=False,
        summary="See a party", parameters=_ONE, query=Query, find=get_party, answer=PartyShape,
        refusals=("PARTY_NOT_EXIST",),
    ),
    change(
        "/v1/parties/{party_id}/block", "blockParty", tag=_TAG, scope="parties:write",
        for_apps=False, parameters=_ONE, summary="Block or unblock a party",
        description="A blocked party's money does not move.", body=Blocking, command=block,
        show=_done, answer=PartyState, refusals=("PARTY_NOT_EXIST",), example={"blocked": True},
    ),
    change(
        "/v1/parties/{party_id}/payment-codes", "issuePaymentCode", tag=_TAG,
        scope=ISSUE_PAYMENT_CODE_SCOPE, for_apps=False, status=201, parameters=_ONE,
        summary="Issue a payment code (sandbox)",
        description="Stands for the code that a buyer's phone shows.", body=NewPaymentCode,
        command=issue_code, show=_issued, shows_call=True, answer=CodeState,
        refusals=("PARTY_NOT_EXIST", "PARTY_BLOCKED", "INVALID_PARAMETER"),
        example={"expires_ms": 4102444800000, "reusable": True},
    ),
)  # fmt: skip
