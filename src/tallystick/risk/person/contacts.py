"""Where a person is reached: the phones that are bound to the account, else its login name.

Numbers are sealed at rest and opened for a message alone; who is shown one sees it masked.
"""

from __future__ import annotations

from typing import NamedTuple

from tallystick.parties.model import Party
from tallystick.parties.views import mask_login, party_login
from tallystick.risk.person.model import Factor, FactorKind, FactorStatus
from tallystick.risk.person.providers import MessageChannel
from tallystick.risk.person.views import FACTOR_PURPOSE
from tallystick.store.rows import Rows
from tallystick.store.sealing import Sealer

__all__ = ["Contact", "contact_by", "phones_of"]


class Contact(NamedTuple):
    """An address for a message, and how it is shown to others than its owner."""

    address: str
    masked: str


def phones_of(rows: Rows, sealer: Sealer, party_id: str) -> list[str]:
    """The numbers that were proved and are bound to an account, the newest first."""
    bound = [
        factor
        for factor in rows.select(Factor, party_id=party_id)
        if factor.kind is FactorKind.PHONE and factor.status is FactorStatus.ACTIVE
    ]
    bound.sort(key=lambda factor: (factor.added_ms, factor.factor_id), reverse=True)
    return [sealer.open(FACTOR_PURPOSE, factor.secret_sealed) for factor in bound]


def _is_number(login: str) -> bool:
    return login.removeprefix("+").isdecimal() and len(login) > 4


def contact_by(
    rows: Rows, sealer: Sealer, party_id: str, channel: MessageChannel
) -> Contact | None:
    """Where a message of a channel goes; None when the person has no such address.

    An SMS goes to the newest bound phone, or to a login name that is a number.
    """
    party = rows.get(Party, party_id)
    if party is None:
        return None
    login = party_login(sealer, party)
    if channel is not MessageChannel.SMS:
        return Contact(login, mask_login(login))
    numbers = phones_of(rows, sealer, party_id) or ([login] if _is_number(login) else [])
    return Contact(numbers[0], mask_login(numbers[0])) if numbers else None
