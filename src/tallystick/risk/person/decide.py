"""What commands of the real-person check do: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from tallystick.money.china_time import china_time
from tallystick.parties.decide import Tries, tried
from tallystick.pipeline.decisions import Decision, Timer, event
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.model import StepUp
from tallystick.risk.person.model import (
    CHALLENGE_MS,
    CODE_TRIES_MAX,
    CODES_AN_HOUR_MAX,
    COOLING_MS,
    DOCUMENT_ACCOUNTS_MAX,
    RECOVERY_MS,
    STEP_UP_MS,
    AddFactor,
    AskProof,
    CancelRecovery,
    Challenge,
    ChallengeStatus,
    Factor,
    FactorKind,
    FactorStatus,
    FinishRecovery,
    LevelLimit,
    Outflow,
    PersonDocument,
    PersonDone,
    PersonLevel,
    ProofRecorded,
    Purpose,
    RecordDocument,
    RecordProof,
    Recovery,
    RequestRecovery,
    StartChallenge,
)

__all__ = [
    "LEVEL_MAX", "Person", "add_factor", "ask_proof", "cancel_recovery", "finish_recovery",
    "level_of", "periods", "record_document", "record_proof", "remove_factor",
    "request_recovery", "start_challenge", "take_from_limits",
]  # fmt: skip

LEVEL_MAX: Final = 3
_STRONG: Final = frozenset({FactorKind.TOTP, FactorKind.PASSKEY})
_FACTORS_MAX: Final = 20


class Person(NamedTuple):
    """What is known of a party's person: factors that were not removed, document, level."""

    party_id: str
    factors: tuple[Factor, ...] = ()
    document: PersonDocument | None = None
    level: PersonLevel | None = None

    @property
    def active(self) -> tuple[Factor, ...]:
        """The factors that count."""
        return tuple(f for f in self.factors if f.status is FactorStatus.ACTIVE)


def level_of(factors: Sequence[Factor], document: PersonDocument | None) -> int:
    """The account's class: 1 with a factor, 2 with a document, 3 with the face and a strong factor.

    The three classes and that more checks allow more are those of the People's Bank of China's
    rules for payment accounts (notice 43 of 2015, article 11).
    """
    if not factors:
        return 0
    if document is None:
        return 1
    strong = any(factor.kind in _STRONG for factor in factors)
    return 3 if document.face_matched and strong else 2


def _levelled(person: Person, now_ms: int) -> tuple[PersonLevel, ...]:
    """The row of a level that has changed."""
    level = level_of(person.active, person.document)
    known = 0 if person.level is None else person.level.level
    return (PersonLevel(person.party_id, level, now_ms),) if level != known else ()


def _need_proof(person: Person, step_up: StepUp | None, now_ms: int) -> None:
    """What changes who controls an account takes a fresh proof, once there is a factor.

    Raises:
        Refused: PROOF_NEEDED.
    """
    if person.active and (step_up is None or step_up.until_ms <= now_ms):
        raise Refused("PROOF_NEEDED")


def _in_ceremony(challenge: Challenge | None, command: AddFactor, now_ms: int) -> Challenge:
    if challenge is None or challenge.party_id != command.party_id:
        raise Refused("CHALLENGE_NOT_EXIST")
    if challenge.purpose is not Purpose.ADD or _is_over(challenge, now_ms):
        raise Refused("CHALLENGE_ENDED")
    return replace(challenge, status=ChallengeStatus.PASSED, ended_ms=now_ms)


def _is_over(challenge: Challenge, now_ms: int) -> bool:
    return challenge.status is not ChallengeStatus.OPEN or challenge.expires_ms <= now_ms


def add_factor(
    person: Person, step_up: StepUp | None, same: Factor | None, challenge: Challenge | None,
    command: AddFactor, now_ms: int, *, challenged: bool = False,
) -> Decision:  # fmt: skip
    """Bind a factor.

    A phone that comes beside another cools down: who took over a number gains nothing today. So
    does the first factor of somebody whom risk has challenged before: who has the passwords alone
    does not answer risk with what they bind for it.

    Args:
        same: a factor of anybody's with the same credential.
        challenged: whether risk wanted a proof of the party within the last day.

    Raises:
        Refused: PROOF_NEEDED, FACTOR_EXISTS, CHALLENGE_NOT_EXIST, CHALLENGE_ENDED,
            INVALID_PARAMETER (too many factors).
    """
    _need_proof(person, step_up, now_ms)
    if same is not None:
        raise Refused("FACTOR_EXISTS")
    if len(person.factors) >= _FACTORS_MAX:
        raise Refused("INVALID_PARAMETER", f"At most {_FACTORS_MAX} factors.")
    rows: list[Challenge | PersonLevel] = []
    status = FactorStatus.PENDING
    if command.kind is FactorKind.PASSKEY:
        rows.append(_in_ceremony(challenge, command, now_ms))
        status = FactorStatus.ACTIVE
    known_face = person.document is not None and person.document.face_matched
    first_too_late = challenged and not person.active and not known_face
    later = first_too_late or (command.kind is FactorKind.PHONE and bool(person.active))
    factor = Factor(
        factor_id=command.factor_id, party_id=command.party_id, kind=command.kind, status=status,
        label=command.label, secret_sealed=command.secret_sealed, public_key=command.public_key,
        credential_index=command.credential_index, counter=command.counter, wrong_count=0,
        locked_until_ms=0, usable_from_ms=now_ms + COOLING_MS if later else 0, added_ms=now_ms,
        used_ms=0,
    )  # fmt: skip
    after = person._replace(factors=(*person.factors, factor))
    rows.extend(_levelled(after, now_ms))
    happened = event("person.factor_added", command.party_id, {"kind": command.kind})
    return Decision(
        PersonDone(id=factor.factor_id, level=level_of(after.active, after.document)),
        rows=(factor, *rows), events=(happened,),
    )  # fmt: skip


def remove_factor(person: Person, factor: Factor, step_up: StepUp | None, now_ms: int) -> Decision:
    """Unbind a factor; one that never counted goes without proof.

    Raises:
        Refused: PROOF_NEEDED.
    """
    if factor.status is FactorStatus.ACTIVE:
        _need_proof(person, step_up, now_ms)
    gone = replace(factor, status=FactorStatus.REMOVED, secret_sealed=b"")
    left = tuple(f for f in person.factors if f.factor_id != factor.factor_id)
    after = person._replace(factors=left)
    happened = event("person.factor_removed", person.party_id, {"kind": factor.kind})
    return Decision(
        PersonDone(id=factor.factor_id, level=level_of(after.active, after.document)),
        rows=(gone, *_levelled(after, now_ms)), events=(happened,),
    )  # fmt: skip


def ask_proof(known: Challenge | None, command: AskProof, now_ms: int) -> Decision:
    """Open a challenge.

    Raises:
        Refused: INVALID_PARAMETER, when the id is taken.
    """
    if known is not None:
        raise Refused("INVALID_PARAMETER", "challenge_id")
    challenge = Challenge(
        challenge_id=command.challenge_id, party_id=command.party_id, app_id=command.app_id,
        purpose=command.purpose, status=ChallengeStatus.OPEN, factor_id="", state=b"",
        wrong_count=0, sent_count=0, opened_ms=now_ms, expires_ms=now_ms + CHALLENGE_MS, ended_ms=0,
    )  # fmt: skip
    reply = PersonDone(id=challenge.challenge_id, due_ms=challenge.expires_ms)
    return Decision(reply, rows=(challenge,))


def start_challenge(
    challenge: Challenge, factor: Factor | None, sent_lately: int, command: StartChallenge,
    now_ms: int,
) -> Decision:  # fmt: skip
    """Keep what an answer is held against.

    Args:
        sent_lately: how many codes the party was sent within the last hour.

    Raises:
        Refused: CHALLENGE_ENDED, FACTOR_NOT_EXIST, FACTOR_LOCKED, FACTOR_COOLING,
            CODES_TOO_MANY.
    """
    if _is_over(challenge, now_ms):
        raise Refused("CHALLENGE_ENDED")
    if factor is not None:
        _usable(challenge, factor, now_ms)
        if factor.kind is FactorKind.PHONE and sent_lately >= CODES_AN_HOUR_MAX:
            raise Refused("CODES_TOO_MANY")
    sends = factor is not None and factor.kind is FactorKind.PHONE
    started = replace(challenge, factor_id=command.factor_id, state=command.state,
                      sent_count=challenge.sent_count + sends)  # fmt: skip
    return Decision(PersonDone(id=challenge.challenge_id, due_ms=challenge.expires_ms),
                    rows=(started,))  # fmt: skip


def _usable(challenge: Challenge, factor: Factor, now_ms: int) -> None:
    """Whether the factor may answer the challenge at all.

    Raises:
        Refused: FACTOR_NOT_EXIST, FACTOR_LOCKED, FACTOR_COOLING.
    """
    confirms = challenge.purpose is Purpose.CONFIRM
    wanted = FactorStatus.PENDING if confirms else FactorStatus.ACTIVE
    if factor.party_id != challenge.party_id or factor.status is not wanted:
        raise Refused("FACTOR_NOT_EXIST")
    if factor.locked_until_ms > now_ms:
        raise Refused("FACTOR_LOCKED")
    if factor.usable_from_ms > now_ms and not confirms:
        raise Refused("FACTOR_COOLING")


def _is_replay(factor: Factor, counter: int) -> bool:
    """Whether this very proof was seen before.

    A time step counts once. A passkey that counts signatures counts up; some never count
    (WebAuthn level 2, section 6.1.1).
    """
    if factor.kind is FactorKind.TOTP:
        return counter <= factor.counter
    if factor.kind is FactorKind.PASSKEY:
        return (counter or factor.counter) > 0 and counter <= factor.counter
    return False


def record_proof(
    person: Person, challenge: Challenge, factor: Factor, command: RecordProof, now_ms: int
) -> Decision:
    """Count an answer: a right one ends the challenge, five wrong ones lock the factor.

    Raises:
        Refused: CHALLENGE_ENDED, FACTOR_NOT_EXIST, FACTOR_LOCKED, FACTOR_COOLING.
    """
    if _is_over(challenge, now_ms):
        raise Refused("CHALLENGE_ENDED")
    _usable(challenge, factor, now_ms)
    right = command.right and not _is_replay(factor, command.counter)
    tries = tried(Tries(factor.wrong_count, factor.locked_until_ms), right=right, now_ms=now_ms,
                  locked_code="FACTOR_LOCKED")  # fmt: skip
    counted = replace(factor, wrong_count=tries.wrong_count, locked_until_ms=tries.locked_until_ms)
    if not right:
        return _wrong(challenge, counted, now_ms)
    confirms = challenge.purpose is Purpose.CONFIRM
    proved = replace(
        counted, counter=max(command.counter, factor.counter), used_ms=now_ms,
        status=FactorStatus.ACTIVE,
    )  # fmt: skip
    passed = replace(challenge, status=ChallengeStatus.PASSED, state=b"", ended_ms=now_ms,
                     factor_id=factor.factor_id)  # fmt: skip
    others = tuple(f for f in person.factors if f.factor_id != factor.factor_id)
    after = person._replace(factors=(*others, proved))
    topic = "person.factor_confirmed" if confirms else "person.proved"
    # A factor that was only now bound proves nothing about who bound it.
    lets_pass = () if confirms else (StepUp(person.party_id, now_ms + STEP_UP_MS),)
    return Decision(
        ProofRecorded(challenge_id=challenge.challenge_id, status=ChallengeStatus.PASSED,
                      expires_ms=0 if confirms else now_ms + STEP_UP_MS),
        rows=(proved, passed, *_levelled(after, now_ms), *lets_pass),
        events=(event(topic, person.party_id, {"kind": factor.kind}),),
    )  # fmt: skip


def _wrong(challenge: Challenge, counted: Factor, now_ms: int) -> Decision:
    wrong_count = challenge.wrong_count + 1
    over = wrong_count >= CODE_TRIES_MAX
    after = replace(
        challenge, wrong_count=wrong_count, ended_ms=now_ms if over else 0,
        status=ChallengeStatus.FAILED if over else ChallengeStatus.OPEN,
    )  # fmt: skip
    reply = ProofRecorded(
        challenge_id=challenge.challenge_id, status=after.status,
        tries_left=CODE_TRIES_MAX - wrong_count, locked_until_ms=counted.locked_until_ms,
        expires_ms=challenge.expires_ms,
    )  # fmt: skip
    return Decision(reply, rows=(counted, after))


def record_document(
    person: Person, same_number: int, command: RecordDocument, now_ms: int
) -> Decision:
    """Keep a document.

    Args:
        same_number: how many other accounts showed the same one.

    Raises:
        Refused: DOCUMENT_IN_USE; DOCUMENT_MISMATCH, when the account showed another before.
    """
    known = person.document
    if known is not None and known.number_index != command.number_index:
        raise Refused("DOCUMENT_MISMATCH")
    if same_number >= DOCUMENT_ACCOUNTS_MAX:
        raise Refused("DOCUMENT_IN_USE")
    matched = command.face_matched or (known is not None and known.face_matched)
    document = PersonDocument(command.party_id, command.kind, command.number_sealed,
                              command.number_index, matched, now_ms)  # fmt: skip
    # A generator or passkey cools only because nobody knew whose it was; the face tells.
    told = tuple(
        replace(f, usable_from_ms=0)
        for f in person.factors
        if matched and f.kind in _STRONG and f.usable_from_ms
    )
    after = person._replace(document=document)
    happened = event("person.document_checked", command.party_id, {"face_matched": matched})
    return Decision(
        PersonDone(id=command.party_id, level=level_of(after.active, document)),
        rows=(document, *told, *_levelled(after, now_ms)), events=(happened,),
    )  # fmt: skip


def request_recovery(
    person: Person, waiting: Recovery | None, command: RequestRecovery, now_ms: int
) -> Decision:
    """Begin the waiting time after which the factors are gone.

    Raises:
        Refused: DOCUMENT_MISMATCH (also without a document: then there is nothing to go by),
            FACTOR_NOT_EXIST (nothing to recover), RECOVERY_WAITING.
    """
    document = person.document
    if document is None or not document.face_matched:
        raise Refused("DOCUMENT_MISMATCH")
    if document.number_index != command.number_index:
        raise Refused("DOCUMENT_MISMATCH")
    if not person.active:
        raise Refused("FACTOR_NOT_EXIST")
    if waiting is not None and waiting.status == "waiting":
        raise Refused("RECOVERY_WAITING")
    due_ms = now_ms + RECOVERY_MS
    timer = Timer(_timer_of(person.party_id), due_ms, FinishRecovery(party_id=person.party_id))
    return Decision(
        PersonDone(id=person.party_id, due_ms=due_ms),
        rows=(Recovery(person.party_id, "waiting", now_ms, due_ms),), timers=(timer,),
        events=(event("person.recovery_requested", person.party_id, {"due_ms": due_ms}),),
    )  # fmt: skip


def _timer_of(party_id: str) -> str:
    return f"person.recovery:{party_id}"


def cancel_recovery(waiting: Recovery | None, command: CancelRecovery) -> Decision:
    """Keep the factors.

    Raises:
        Refused: RECOVERY_NOT_EXIST.
    """
    if waiting is None or waiting.status != "waiting":
        raise Refused("RECOVERY_NOT_EXIST")
    return Decision(
        PersonDone(id=command.party_id), rows=(replace(waiting, status="cancelled"),),
        cancelled_timers=(_timer_of(command.party_id),),
        events=(event("person.recovery_cancelled", command.party_id, {}),),
    )  # fmt: skip


def finish_recovery(
    person: Person, waiting: Recovery | None, command: FinishRecovery, now_ms: int
) -> Decision:
    """Take the factors away; with them the level falls until new ones are bound."""
    if waiting is None or waiting.status != "waiting":
        return Decision(PersonDone(id=command.party_id))
    gone = tuple(replace(f, status=FactorStatus.REMOVED, secret_sealed=b"") for f in person.factors)
    after = person._replace(factors=())
    return Decision(
        PersonDone(id=command.party_id),
        rows=(*gone, replace(waiting, status="done"), *_levelled(after, now_ms)),
        events=(event("person.recovered", command.party_id, {}),),
    )  # fmt: skip


# Limits.


def periods(now_ms: int) -> tuple[str, str, str]:
    """The day, the year and all time, by China's clock, in which an amount counts."""
    day = china_time(now_ms)[:10]
    return day, day[:4], "all"


def take_from_limits(
    limit: LevelLimit, spent: Sequence[Outflow], amount: int
) -> tuple[Outflow, ...]:
    """What has gone out once this amount has, too.

    Args:
        spent: of the day, the year and all time, in this order.

    Raises:
        Refused: LEVEL_LIMIT, with which limit and what is left of it.
    """
    allowed = (limit.day, limit.year, limit.lifetime)
    if limit.single and amount > limit.single:
        raise Refused("LEVEL_LIMIT", f"single: {limit.single} at most.")
    for name, most, out in zip(("day", "year", "lifetime"), allowed, spent, strict=True):
        if most and out.amount + amount > most:
            left = max(0, most - out.amount)
            raise Refused("LEVEL_LIMIT", f"{name}: {left} of {most} left.")
    return tuple(replace(out, amount=out.amount + amount) for out in spent)
