"""Parties: the people and merchants whose money the platform keeps; terms, rows, commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "ISSUE_PAYMENT_CODE_SCOPE",
    "BlockParty",
    "ForgetPaymentCodes",
    "IssuePaymentCode",
    "Party",
    "PartyDone",
    "PartyKind",
    "PartyStatus",
    "PaymentCode",
    "PaymentCodeIssued",
    "RecordPasswordTry",
    "RegisterParty",
    "PAYMENT_CODE_VALID_MS",
    "WRONG_TRIES_MAX",
    "LOCK_MS",
]

ISSUE_PAYMENT_CODE_SCOPE = "parties:codes"
WRONG_TRIES_MAX = 5
LOCK_MS = 3 * 60 * 60 * 1000
PAYMENT_CODE_VALID_MS = 2 * 60 * 1000
"""How long a buyer's one-time code may be shown."""


class PartyKind(StrEnum):
    """What a party is."""

    PERSON = "person"
    MERCHANT = "merchant"
    INSTITUTION = "institution"
    """A bank or guarantor that funds loans with others."""


class PartyStatus(StrEnum):
    """Whether a party may move money."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class Party(Row, frozen=True):
    """A person or merchant. `party_id` is 16 digits beginning with 2088."""

    party_id: str
    kind: PartyKind
    status: PartyStatus
    login_index: bytes
    login_sealed: bytes
    name_sealed: bytes
    login_hash: str
    login_wrong_count: int
    login_locked_until_ms: int
    payment_hash: str
    payment_wrong_count: int
    payment_locked_until_ms: int
    created_ms: int


class PaymentCode(Row, frozen=True):
    """A buyer's code (18 digits) by its keyed digest; `used_for` is the trade it paid."""

    code_index: bytes
    party_id: str
    expires_ms: int
    reusable: bool
    used_for: str


PARTIES = Table("party", Party, ("party_id",), unique=(("login_index",),))
PAYMENT_CODES = Table("payment_code", PaymentCode, ("code_index",))


class RegisterParty(Command, frozen=True, kw_only=True, tag="party.register"):
    """Open a party; what is personal arrives sealed, passwords as argon2 hashes."""

    party_id: str
    kind: PartyKind
    login_index: bytes
    login_sealed: bytes
    name_sealed: bytes
    login_hash: str
    payment_hash: str


class BlockParty(Command, frozen=True, kw_only=True, tag="party.block"):
    """Stop a party from moving money, or let it again."""

    party_id: str
    blocked: bool


class RecordPasswordTry(Command, frozen=True, kw_only=True, tag="party.password_try"):
    """Count a right or wrong password; the fifth wrong one in a row locks for three hours."""

    party_id: str
    password: Literal["login", "payment"]
    """Which one; never the password itself."""
    right: bool


class IssuePaymentCode(Command, frozen=True, kw_only=True, tag="party.issue_payment_code"):
    """Make a buyer's code known by its digest."""

    party_id: str
    code_index: bytes
    expires_ms: int
    reusable: bool = False


class ForgetPaymentCodes(Command, frozen=True, kw_only=True, tag="party.forget_payment_codes"):
    """Remove codes that ended long ago (asked for by a timer)."""


class PartyDone(Reply, frozen=True, kw_only=True):
    """The party as it is now."""

    party_id: str
    wrong_count: int = 0
    locked_until_ms: int = 0


class PaymentCodeIssued(Reply, frozen=True, kw_only=True):
    """When the code ends."""

    expires_ms: int
