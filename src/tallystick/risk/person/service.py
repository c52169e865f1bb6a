"""Commands of the real-person check at work: load, decide, record."""

from __future__ import annotations

from typing import Final

from tallystick.parties.model import Party
from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, event, record
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.model import StepUp
from tallystick.risk.decision.rules import Outcome
from tallystick.risk.person import decide
from tallystick.risk.person.model import (
    COOLING_MS,
    AddFactor,
    AskProof,
    CancelRecovery,
    Challenge,
    Factor,
    FactorKind,
    FinishRecovery,
    LevelLimit,
    PersonDocument,
    PersonDone,
    ProofRecorded,
    RecordDocument,
    RecordProof,
    Recovery,
    RemoveFactor,
    RequestRecovery,
    SetLevelLimit,
    StartChallenge,
)
from tallystick.risk.person.views import person_of

__all__ = ["CHALLENGE_SCOPE", "LIMIT_SET", "register"]

CHALLENGE_SCOPE: Final = "parties:challenge"
LIMIT_SET: Final = "person.limit_set"
_HOUR_MS: Final = 3_600_000


def _person(context: Context, party_id: str) -> decide.Person:
    """The party's person; somebody signed in acts for themselves only."""
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != party_id:
        raise Refused("NOT_PERMITTED", "A person acts for itself only.")
    if context.uow.get(Party, party_id) is None:
        raise Refused("PARTY_NOT_EXIST")
    return person_of(context.uow, party_id)


def _challenge(context: Context, challenge_id: str) -> Challenge:
    challenge = context.uow.get(Challenge, challenge_id)
    if challenge is None:
        raise Refused("CHALLENGE_NOT_EXIST")
    return challenge


def _factor(context: Context, factor_id: str) -> Factor:
    factor = context.uow.get(Factor, factor_id)
    if factor is None:
        raise Refused("FACTOR_NOT_EXIST")
    return factor


def add_factor(command: AddFactor, context: Context) -> Reply:
    """Bind a factor."""
    uow = context.uow
    person = _person(context, command.party_id)
    same = None
    if command.credential_index:
        held = uow.select(Factor, credential_index=command.credential_index)
        same = next(iter(held), None)
    challenge = uow.get(Challenge, command.challenge_id) if command.challenge_id else None
    step_up = uow.get(StepUp, command.party_id)
    challenged = not person.active and _challenged_lately(context, command.party_id)
    decision = decide.add_factor(
        person, step_up, same, challenge, command, context.now_ms, challenged=challenged
    )
    return record(context, decision)


def _challenged_lately(context: Context, party_id: str) -> bool:
    """Whether risk wanted a proof of the party within the last day."""
    found = context.uow.connection.execute(
        "SELECT 1 FROM risk_decision WHERE party = ? AND at_ms > ? AND outcome = ? LIMIT 1",
        (party_id, context.now_ms - COOLING_MS, Outcome.CHALLENGE.word),
    ).fetchone()
    return found is not None


def remove_factor(command: RemoveFactor, context: Context) -> Reply:
    """Unbind a factor."""
    person = _person(context, command.party_id)
    factor = next((f for f in person.factors if f.factor_id == command.factor_id), None)
    if factor is None:
        raise Refused("FACTOR_NOT_EXIST")
    step_up = context.uow.get(StepUp, command.party_id)
    return record(context, decide.remove_factor(person, factor, step_up, context.now_ms))


def ask_proof(command: AskProof, context: Context) -> Reply:
    """Open a challenge."""
    _person(context, command.party_id)
    known = context.uow.get(Challenge, command.challenge_id)
    return record(context, decide.ask_proof(known, command, context.now_ms))


def start_challenge(command: StartChallenge, context: Context) -> Reply:
    """Keep what an answer is held against."""
    challenge = _challenge(context, command.challenge_id)
    factor = _factor(context, command.factor_id) if command.factor_id else None
    sent = 0
    if factor is not None and factor.kind is FactorKind.PHONE:
        sent = _codes_since(context, challenge.party_id, context.now_ms - _HOUR_MS)
    return record(context, decide.start_challenge(challenge, factor, sent, command,
                                                  context.now_ms))  # fmt: skip


def _codes_since(context: Context, party_id: str, since_ms: int) -> int:
    """How many codes were sent to the party lately."""
    asked = context.uow.select(Challenge, party_id=party_id)
    return sum(c.sent_count for c in asked if c.opened_ms > since_ms)


def record_proof(command: RecordProof, context: Context) -> Reply:
    """Count an answer."""
    challenge = _challenge(context, command.challenge_id)
    person = person_of(context.uow, challenge.party_id)
    factor = _factor(context, command.factor_id)
    return record(context, decide.record_proof(person, challenge, factor, command, context.now_ms))


def record_document(command: RecordDocument, context: Context) -> Reply:
    """Keep a document that was checked."""
    person = _person(context, command.party_id)
    same = context.uow.select(PersonDocument, number_index=command.number_index)
    others = sum(found.party_id != command.party_id for found in same)
    return record(context, decide.record_document(person, others, command, context.now_ms))


def set_level_limit(command: SetLevelLimit, context: Context) -> Reply:
    """Change what accounts of a level may pay out."""
    values = (command.single, command.day, command.year, command.lifetime)
    if not 0 <= command.level <= decide.LEVEL_MAX:
        raise Refused("INVALID_PARAMETER", f"level is 0 to {decide.LEVEL_MAX}.")
    if min(values) < 0:
        raise Refused("INVALID_AMOUNT", "A limit is not negative.")
    row = LevelLimit(command.level, command.currency, *values)
    happened = event(LIMIT_SET, command.currency, {"level": command.level})
    return record(
        context, Decision(PersonDone(id=command.currency, level=command.level), rows=(row,),
                          events=(happened,))
    )  # fmt: skip


def request_recovery(command: RequestRecovery, context: Context) -> Reply:
    """Begin the waiting time."""
    person = _person(context, command.party_id)
    waiting = context.uow.get(Recovery, command.party_id)
    return record(context, decide.request_recovery(person, waiting, command, context.now_ms))


def cancel_recovery(command: CancelRecovery, context: Context) -> Reply:
    """Keep the factors."""
    person = _person(context, command.party_id)
    waiting = context.uow.get(Recovery, person.party_id)
    return record(context, decide.cancel_recovery(waiting, command))


def finish_recovery(command: FinishRecovery, context: Context) -> Reply:
    """Take the factors away."""
    person = _person(context, command.party_id)
    waiting = context.uow.get(Recovery, command.party_id)
    return record(context, decide.finish_recovery(person, waiting, command, context.now_ms))


def register(registry: Registry) -> None:
    """Declare the commands. What was checked outside is the system's to say."""
    for command, handler, scope in (
        (AddFactor, add_factor, "system"), (StartChallenge, start_challenge, "system"),
        (RecordDocument, record_document, "system"),
        (RequestRecovery, request_recovery, "system"),
        (FinishRecovery, finish_recovery, "system"), (RemoveFactor, remove_factor, "party"),
        (CancelRecovery, cancel_recovery, "party"), (AskProof, ask_proof, CHALLENGE_SCOPE),
        (SetLevelLimit, set_level_limit, "risk:write"),
    ):  # fmt: skip
        registry.add(command, handler, reply=PersonDone, scope=scope)  # type: ignore[arg-type]
    registry.add(RecordProof, record_proof, reply=ProofRecorded, scope="system")
