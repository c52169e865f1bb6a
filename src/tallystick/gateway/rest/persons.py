"""The real-person check: factors, levels and their limits, and challenges for partners."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from tallystick.gateway.rest.fields import (
    AmountText,
    Body,
    Currency,
    Ms,
    PartyId,
    Query,
    Shape,
    amount_of,
    moment,
    text_of,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.parties.model import Party
from tallystick.pipeline.refusals import Refused
from tallystick.risk.person.model import (
    AskProof,
    Challenge,
    ChallengeStatus,
    FactorKind,
    LevelLimit,
    PersonDone,
    SetLevelLimit,
)
from tallystick.risk.person.service import CHALLENGE_SCOPE
from tallystick.risk.person.views import level_limits, person_of

__all__ = ["PERSON_OPERATIONS"]

_TAG: Final = "Real-person check"
_ONE: Final = {"party_id": PartyId}
ChallengeId = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{32}\Z", description="A challenge's id.",
         examples=["3f9a0c5b7d1e4a6f8b2c9d0e1f3a5b7c"]),
]  # fmt: skip
Level = Annotated[int, Meta(ge=0, le=3, description="An account's class.", examples=[1])]


class FactorShape(Shape, frozen=True, kw_only=True):
    """A way in which a person proves themselves."""

    kind: FactorKind
    added_ms: Ms
    used_ms: Ms | None
    usable_from_ms: Ms | None


class PersonShape(Shape, frozen=True, kw_only=True):
    """What was checked of a party's person; nothing that was shown is told."""

    party_id: PartyId
    level: Level
    document_checked: bool
    face_checked: bool
    factors: list[FactorShape]


class ChallengeShape(Shape, frozen=True, kw_only=True):
    """A challenge: where the person answers it, and what became of it."""

    challenge_id: ChallengeId
    url: str
    expires_ms: Ms
    status: ChallengeStatus


class LevelLimitBody(Body, frozen=True, kw_only=True):
    """How much may go out of accounts of a level; "0" is no limit."""

    level: Level
    currency: Currency
    single: AmountText = "0"
    day: AmountText = "0"
    year: AmountText = "0"
    lifetime: AmountText = "0"


class LevelLimitShape(Shape, frozen=True, kw_only=True):
    """What accounts of a level may pay out; "0" is no limit."""

    level: Level
    currency: Currency
    single: str
    day: str
    year: str
    lifetime: str


class LevelLimitState(Shape, frozen=True, kw_only=True):
    """The limit that was set."""

    level: Level
    currency: Currency


def get_person(call: Call, query: Query) -> PersonShape:
    """What was checked of a party's person."""
    rows, party_id = call.platform.rows, call.path["party_id"]
    if rows.get(Party, party_id) is None:
        raise Refused("PARTY_NOT_EXIST")
    person = person_of(rows, party_id)
    return PersonShape(
        party_id=party_id, level=0 if person.level is None else person.level.level,
        document_checked=person.document is not None,
        face_checked=person.document is not None and person.document.face_matched,
        factors=[
            FactorShape(kind=f.kind, added_ms=f.added_ms, used_ms=moment(f.used_ms),
                        usable_from_ms=moment(f.usable_from_ms))
            for f in person.active
        ],
    )  # fmt: skip


def _challenge_id(call: Call) -> str:
    return call.derived("challenge", call.path["party_id"]).hex()


def ask(call: Call, body: Body) -> AskProof:
    """The command that opens a challenge; its id cannot be guessed."""
    return AskProof(party_id=call.path["party_id"], challenge_id=_challenge_id(call),
                    app_id=call.identity.app_id)  # fmt: skip


def _url(call: Call, challenge_id: str) -> str:
    return f"{call.platform.settings.public_base}/verify/{challenge_id}"


def _asked(call: Call, done: PersonDone) -> ChallengeShape:
    return ChallengeShape(challenge_id=done.id, url=_url(call, done.id), expires_ms=done.due_ms,
                          status=ChallengeStatus.OPEN)  # fmt: skip


def get_challenge(call: Call, query: Query) -> ChallengeShape:
    """What became of a challenge; an app sees its own."""
    found = call.platform.rows.get(Challenge, call.path["challenge_id"])
    app_id = call.identity.app_id
    if found is None or (app_id and found.app_id != app_id):
        raise Refused("CHALLENGE_NOT_EXIST")
    late = found.status is ChallengeStatus.OPEN and found.expires_ms <= call.platform.clock_ms()
    status = ChallengeStatus.FAILED if late else found.status
    return ChallengeShape(
        challenge_id=found.challenge_id, url=_url(call, found.challenge_id),
        expires_ms=found.expires_ms, status=status,
    )  # fmt: skip


def set_limit(call: Call, body: LevelLimitBody) -> SetLevelLimit:
    """The command that sets a level's limits."""
    amounts = {
        name: amount_of(getattr(body, name), body.currency, allow_zero=True)
        for name in ("single", "day", "year", "lifetime")
    }
    return SetLevelLimit(level=body.level, currency=body.currency, **amounts)


def _limit_set(done: PersonDone) -> LevelLimitState:
    return LevelLimitState(level=done.level, currency=done.id)


def _limit(limit: LevelLimit) -> LevelLimitShape:
    currency = limit.currency
    return LevelLimitShape(
        level=limit.level, currency=currency, single=text_of(limit.single, currency),
        day=text_of(limit.day, currency), year=text_of(limit.year, currency),
        lifetime=text_of(limit.lifetime, currency),
    )  # fmt: skip


def list_limits(call: Call, query: Query) -> list[LevelLimitShape]:
    """All limits."""
    return [_limit(each) for each in level_limits(call.platform.rows)]


PERSON_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/parties/{party_id}/person", "getPerson", tag=_TAG, scope="parties:read",
        for_apps=False, parameters=_ONE, summary="See what was checked of a person", query=Query,
        find=get_person, answer=PersonShape, refusals=("PARTY_NOT_EXIST",),
    ),
    change(
        "/v1/parties/{party_id}/challenges", "askProof", tag=_TAG, scope=CHALLENGE_SCOPE,
        status=201, parameters=_ONE, summary="Ask a person for a proof",
        description="Send the person to `url`; after they have signed in and proved themselves "
        "with what is bound to their account, commands that were refused with RISK_CHALLENGE "
        "pass for fifteen minutes.",
        command=ask, show=_asked, shows_call=True, answer=ChallengeShape,
        refusals=("PARTY_NOT_EXIST", "INVALID_PARAMETER"),
    ),
    look(
        "/v1/challenges/{challenge_id}", "getChallenge", tag=_TAG, scope=CHALLENGE_SCOPE,
        parameters={"challenge_id": ChallengeId}, summary="See what became of a challenge",
        query=Query, find=get_challenge, answer=ChallengeShape,
        refusals=("CHALLENGE_NOT_EXIST",),
    ),
    change(
        "/v1/level-limits", "setLevelLimit", tag=_TAG, scope="risk:write", for_apps=False,
        summary="Limit what accounts of a level pay out",
        description="Payments, transfers and freezes count; a withdrawal to the person's own "
        "bank does not.",
        body=LevelLimitBody, command=set_limit, show=_limit_set, answer=LevelLimitState,
        refusals=("INVALID_PARAMETER", "INVALID_AMOUNT"),
        example={"level": 1, "currency": "CNY", "lifetime": "1000"},
    ),
    look(
        "/v1/level-limits", "listLevelLimits", tag=_TAG, scope="risk:read", for_apps=False,
        summary="List the limits of levels", query=Query, find=list_limits,
        answer=list[LevelLimitShape],
    ),
)  # fmt: skip
