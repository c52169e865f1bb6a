"""Real-person check: factors, challenges, documents, account levels and their limits; commands.

A factor is something of the person's beside their password: a code generator (RFC 6238), a
passkey (WebAuthn), a phone that gets codes. A document and a face bind a person to the account
once. What was checked decides the account's level, and the level how much may go out of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "CHALLENGE_MS", "CODES_AN_HOUR_MAX", "CODE_TRIES_MAX", "COOLING_MS", "DOCUMENT_ACCOUNTS_MAX",
    "RECOVERY_MS", "STEP_UP_MS", "AddFactor", "AskProof", "CancelRecovery", "Challenge",
    "ChallengeStatus", "Factor", "FactorKind", "FactorStatus", "FinishRecovery", "LevelLimit",
    "Outflow", "PersonDocument", "PersonDone", "PersonLevel", "ProofRecorded", "Purpose",
    "RecordDocument", "RecordProof", "Recovery", "RemoveFactor", "RequestRecovery",
    "SetLevelLimit", "StartChallenge",
]  # fmt: skip

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS

CHALLENGE_MS: Final = 10 * _MINUTE_MS
"""How long a challenge may be answered."""
STEP_UP_MS: Final = 15 * _MINUTE_MS
"""How long what was proved lets risk's challenges pass."""
COOLING_MS: Final = 24 * _HOUR_MS
"""How long a phone that takes another's place, or whose SIM was changed, proves nothing."""
RECOVERY_MS: Final = 24 * _HOUR_MS
"""How long somebody who lost their factors waits, while the owner can still say no."""
CODE_TRIES_MAX: Final = 5
CODES_AN_HOUR_MAX: Final = 5
DOCUMENT_ACCOUNTS_MAX: Final = 3


class FactorKind(StrEnum):
    """What is proved with it: all are things that a person has."""

    TOTP = "totp"
    PASSKEY = "passkey"
    PHONE = "phone"


class FactorStatus(StrEnum):
    """A factor counts from the first time that it was proved."""

    PENDING = "pending"
    ACTIVE = "active"
    REMOVED = "removed"


class Purpose(StrEnum):
    """What a challenge is for."""

    STEP_UP = "step_up"
    CONFIRM = "confirm"
    """The first proof of a factor that was just added."""
    ADD = "add"
    """The ceremony in which a passkey is made."""


class ChallengeStatus(StrEnum):
    """A challenge is answered rightly once, or not at all."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"


class Factor(Row, frozen=True):
    """Something that a person proves to have.

    `secret_sealed` is a generator's secret or a phone's number; `public_key` a passkey's
    credential, which `credential_index` finds; `counter` the last time step or signature count.
    """

    factor_id: str
    party_id: str
    kind: FactorKind
    status: FactorStatus
    label: str
    secret_sealed: bytes
    public_key: bytes
    credential_index: bytes
    counter: int
    wrong_count: int
    locked_until_ms: int
    usable_from_ms: int
    added_ms: int
    used_ms: int


class Challenge(Row, frozen=True):
    """A question that waits for a proof; its id is 32 random hex digits.

    `state` belongs to `factor_id`: the digest of the code that was sent, or the WebAuthn
    challenge. `app_id` is the partner that asked, empty for our own pages; `sent_count` codes
    were sent for it.
    """

    challenge_id: str
    party_id: str
    app_id: str
    purpose: Purpose
    status: ChallengeStatus
    factor_id: str
    state: bytes
    wrong_count: int
    sent_count: int
    opened_ms: int
    expires_ms: int
    ended_ms: int


class PersonDocument(Row, frozen=True):
    """The document that a party showed, and whether its face was theirs."""

    party_id: str
    kind: str
    number_sealed: bytes
    number_index: bytes
    face_matched: bool
    checked_ms: int


class PersonLevel(Row, frozen=True):
    """An account's class, 0 to 3, from what was checked."""

    party_id: str
    level: int
    changed_ms: int


class LevelLimit(Row, frozen=True):
    """How much may go out of an account of a level, minor units; 0 is no limit."""

    level: int
    currency: str
    single: int
    day: int
    year: int
    lifetime: int


class Outflow(Row, frozen=True):
    """What has gone out in a period (`2026-11-25`, `2026`, `all`), minor units.

    A count for limits, not a balance: refunds do not give it back.
    """

    party_id: str
    currency: str
    period: str
    amount: int


class Recovery(Row, frozen=True):
    """Somebody lost their factors; `status` is waiting, cancelled or done."""

    party_id: str
    status: str
    asked_ms: int
    due_ms: int


FACTORS: Final = Table("person_factor", Factor, ("factor_id",))
CHALLENGES: Final = Table("person_challenge", Challenge, ("challenge_id",))
DOCUMENTS: Final = Table("person_document", PersonDocument, ("party_id",))
LEVELS: Final = Table("person_level", PersonLevel, ("party_id",))
LIMITS: Final = Table("person_level_limit", LevelLimit, ("level", "currency"))
OUTFLOWS: Final = Table("person_outflow", Outflow, ("party_id", "currency", "period"))
RECOVERIES: Final = Table("person_recovery", Recovery, ("party_id",))


class AddFactor(Command, frozen=True, kw_only=True, tag="person.add_factor"):
    """Bind a factor; it counts when it was proved. A passkey proves itself by being made.

    `challenge_id` is the ceremony of a passkey, empty for others.
    """

    party_id: str
    factor_id: str
    kind: FactorKind
    label: str = ""
    secret_sealed: bytes = b""
    public_key: bytes = b""
    credential_index: bytes = b""
    counter: int = 0
    challenge_id: str = ""


class RemoveFactor(Command, frozen=True, kw_only=True, tag="person.remove_factor"):
    """Unbind a factor."""

    party_id: str
    factor_id: str


class AskProof(Command, frozen=True, kw_only=True, tag="person.ask_proof"):
    """Open a challenge for a party."""

    party_id: str
    challenge_id: str
    purpose: Purpose = Purpose.STEP_UP
    app_id: str = ""


class StartChallenge(Command, frozen=True, kw_only=True, tag="person.start_challenge"):
    """Say with which factor a challenge will be answered, and what the answer is held against."""

    challenge_id: str
    factor_id: str = ""
    state: bytes = b""


class RecordProof(Command, frozen=True, kw_only=True, tag="person.record_proof"):
    """Count an answer that was checked beside the executor.

    `counter` is the code's time step or the passkey's signature count: one that was seen before
    is a replay.
    """

    challenge_id: str
    factor_id: str
    right: bool
    counter: int = 0


class RecordDocument(Command, frozen=True, kw_only=True, tag="person.record_document"):
    """Keep a document that its issuer says is the party's, and whether the face is."""

    party_id: str
    kind: str
    number_sealed: bytes
    number_index: bytes
    face_matched: bool


class SetLevelLimit(Command, frozen=True, kw_only=True, tag="person.set_level_limit"):
    """Say how much may go out of accounts of a level; all zero takes the limit away."""

    level: int
    currency: str
    single: int = 0
    day: int = 0
    year: int = 0
    lifetime: int = 0


class RequestRecovery(Command, frozen=True, kw_only=True, tag="person.request_recovery"):
    """Take a party's factors away after the waiting time; document and face were right."""

    party_id: str
    number_index: bytes


class CancelRecovery(Command, frozen=True, kw_only=True, tag="person.cancel_recovery"):
    """The owner says that it was not they who asked."""

    party_id: str


class FinishRecovery(Command, frozen=True, kw_only=True, tag="person.finish_recovery"):
    """The waiting time is over (asked for by a timer)."""

    party_id: str


class PersonDone(Reply, frozen=True, kw_only=True):
    """What was made or changed; `level` is the account's by now, `due_ms` when it takes effect."""

    id: str
    level: int = 0
    due_ms: int = 0


class ProofRecorded(Reply, frozen=True, kw_only=True):
    """What became of an answer: the challenge's state, and the factor's lock."""

    challenge_id: str
    status: ChallengeStatus
    tries_left: int = 0
    locked_until_ms: int = 0
    expires_ms: int = 0
