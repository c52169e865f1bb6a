"""Reading parties: who may act, who a code or a login belongs to, and names fit to be shown."""

from __future__ import annotations

import functools
import secrets
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.parties.model import Party, PartyKind, PartyStatus, PaymentCode
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import Rows
from tallystick.store.sealing import Sealer

__all__ = [
    "PartyView", "active_party", "known_party", "login_index", "mask_login", "mask_name",
    "masked_login", "new_payment_code", "party_by_login", "party_login", "party_name", "party_view",
    "payment_code_index", "seal_login", "seal_name", "take_payment_code",
]  # fmt: skip

_LOGIN: Final = "party.login"
_NAME: Final = "party.name"
_CODE: Final = "party.payment_code"


class PartyView(msgspec.Struct, frozen=True, kw_only=True):
    """A party as others may see it: name and login masked. Moments in ms, 0 for never."""

    party_id: str
    kind: PartyKind
    status: PartyStatus
    name: str
    login: str
    login_locked_until_ms: int
    payment_locked_until_ms: int
    created_ms: int


# Finding.


def active_party(rows: Rows, party_id: str) -> Party:
    """The party, if it may move money.

    Raises:
        Refused: PARTY_NOT_EXIST, PARTY_BLOCKED.
    """
    party = rows.get(Party, party_id)
    if party is None:
        raise Refused("PARTY_NOT_EXIST")
    if party.status is not PartyStatus.ACTIVE:
        raise Refused("PARTY_BLOCKED")
    return party


def known_party(rows: Rows, party_id: str) -> Party:
    """A party that a row of ours names: it is there, blocked or not."""
    party = rows.get(Party, party_id)
    assert party is not None, party_id
    return party


def _same_login(login: str) -> str:
    return login.strip().casefold()


def login_index(sealer: Sealer, login: str) -> bytes:
    """The digest by which a login is found; case and outer blanks do not count."""
    return sealer.index(_LOGIN, _same_login(login))


def party_by_login(rows: Rows, sealer: Sealer, login: str) -> Party | None:
    """The party with this login, or None."""
    return rows.find(Party, login_index=login_index(sealer, login))


# Payment codes.


def new_payment_code() -> str:
    """A fresh code: 18 digits beginning with 28, as scanners know them."""
    return f"28{secrets.randbelow(10**16):016d}"


def payment_code_index(sealer: Sealer, code: str) -> bytes:
    """The digest by which a payment code is found."""
    return sealer.lasting_index(_CODE, code.strip())


def take_payment_code(
    rows: Rows, code_index: bytes, now_ms: int, used_for: str
) -> tuple[Party, PaymentCode]:
    """Whose code this is, and the code marked as used, which the caller is to store.

    The order that a one-time code has paid may show it again.

    Args:
        used_for: the number of the order that is to be paid.

    Raises:
        Refused: PAYMENT_CODE_INVALID (unknown, ended, or used for another order),
            PARTY_BLOCKED.
    """
    code = rows.get(PaymentCode, code_index)
    if code is None:
        raise Refused("PAYMENT_CODE_INVALID")
    if code.used_for and code.used_for != used_for:
        raise Refused("PAYMENT_CODE_INVALID")
    if not code.used_for and code.expires_ms <= now_ms:
        raise Refused("PAYMENT_CODE_INVALID")
    party = active_party(rows, code.party_id)
    return party, code if code.reusable else replace(code, used_for=used_for)


# Names.


def seal_name(sealer: Sealer, name: str, nonce: bytes | None = None) -> bytes:
    """A name as it is stored; a nonce that is given must stand for this very name."""
    return sealer.seal(_NAME, name, nonce)


def seal_login(sealer: Sealer, login: str, nonce: bytes | None = None) -> bytes:
    """A login as it is stored; a nonce that is given must stand for this very login."""
    return sealer.seal(_LOGIN, login.strip(), nonce)


def party_name(sealer: Sealer, party: Party) -> str:
    """The party's whole name: for itself, and for who may see it."""
    return sealer.open(_NAME, party.name_sealed)


def party_login(sealer: Sealer, party: Party) -> str:
    """The party's whole login: for itself, and for who may see it."""
    return sealer.open(_LOGIN, party.login_sealed)


def _is_han(text: str) -> bool:
    return all("\u4e00" <= character <= "\u9fff" for character in text)


def mask_name(name: str) -> str:
    """A name with its middle hidden: `张*三`, `J***n`; a short one keeps its first letter."""
    if len(name) < 2:
        return "*" * len(name)
    if len(name) == 2:
        return f"{name[0]}*"
    stars = len(name) - 2 if _is_han(name) else 3
    return f"{name[0]}{'*' * stars}{name[-1]}"


def mask_login(login: str) -> str:
    """A login with most of it hidden: `ali***@shop.example`, `138****5678`."""
    name, at, domain = login.partition("@")
    if at:
        return f"{name[: min(3, len(name) - 1)]}***@{domain}"
    if len(login) >= 8:
        return f"{login[:3]}****{login[-4:]}"
    return f"{login[:1]}***"


def masked_login(rows: Rows, sealer: Sealer, party_id: str) -> str:
    """A party's login as partners see it; empty when there is no such party."""
    party = rows.get(Party, party_id)
    return "" if party is None else _masked(sealer, party.login_sealed)


@functools.lru_cache(maxsize=10_000)
def _masked(sealer: Sealer, login_sealed: bytes) -> str:
    """What may be shown of a sealed login; opening it anew for each answer takes time."""
    return mask_login(sealer.open(_LOGIN, login_sealed))


def party_view(sealer: Sealer, party: Party) -> PartyView:
    """The party as others may see it."""
    return PartyView(
        party_id=party.party_id,
        kind=party.kind,
        status=party.status,
        name=mask_name(party_name(sealer, party)),
        login=mask_login(party_login(sealer, party)),
        login_locked_until_ms=party.login_locked_until_ms,
        payment_locked_until_ms=party.payment_locked_until_ms,
        created_ms=party.created_ms,
    )
