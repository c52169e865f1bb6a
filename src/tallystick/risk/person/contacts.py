"""Where a person is reached: the phones that are bound to the account, else its login name.

Numbers are sealed at rest and opened for a message alone; who is shown one sees it masked.
"""

from __future__ import annotations

from typing import NamedTuple

from tallystick.parties.model import Party
from tallystick.parties.views import mask_login, party_login
from tallystick.risk.person.model import COOLING_MS, Factor, FactorKind, FactorStatus
from tallystick.risk.person.providers import MessageChannel, MessageProvider
from tallystick.risk.person.views import FACTOR_PURPOSE
from tallystick.store.rows import Rows
from tallystick.store.sealing import Sealer

__all__ = ["Contact", "Contacts", "contacts_by", "phones_of"]


class Contact(NamedTuple):
    """An address for a message, and how it is shown to others than its owner."""

    address: str
    masked: str
    is_phone: bool = False


class Contacts(NamedTuple):
    """The addresses that a message may go to, the best first.

    Args:
        cooling: whether a bound phone was left out since it cools down.
    """

    known: tuple[Contact, ...]
    cooling: bool

    def told_by(self, messages: MessageProvider, now_ms: int) -> Contact | None:
        """The first whose SIM was not changed lately; asks the provider, which may block.

        Raises:
            OSError: the provider cannot tell.
        """
        for contact in self.known:
            changed_ms = messages.sim_changed_ms(contact.address) if contact.is_phone else 0
            if not changed_ms or changed_ms + COOLING_MS <= now_ms:
                return contact
        return None


def _phones(rows: Rows, party_id: str) -> list[Factor]:
    bound = [
        factor
        for factor in rows.select(Factor, party_id=party_id)
        if factor.kind is FactorKind.PHONE and factor.status is FactorStatus.ACTIVE
    ]
    bound.sort(key=lambda factor: (factor.added_ms, factor.factor_id), reverse=True)
    return bound


def phones_of(rows: Rows, sealer: Sealer, party_id: str) -> list[str]:
    """The numbers that were proved and are bound to an account, the newest first."""
    bound = _phones(rows, party_id)
    return [sealer.open(FACTOR_PURPOSE, factor.secret_sealed) for factor in bound]


def _is_number(login: str) -> bool:
    return login.removeprefix("+").isdecimal() and len(login) > 4


def _phone(number: str) -> Contact:
    return Contact(number, mask_login(number), is_phone=True)


def contacts_by(
    rows: Rows, sealer: Sealer, party_id: str, channel: MessageChannel, now_ms: int
) -> Contacts:
    """Where a message of a channel may go; none when the person has no such address.

    An SMS goes to the newest bound phone that does not cool down, since a new number may be in
    the hands of who took the account over. While there is none, it goes to a login name that is a
    number.
    """
    party = rows.get(Party, party_id)
    if party is None:
        return Contacts((), cooling=False)
    login = party_login(sealer, party)
    if channel is not MessageChannel.SMS:
        return Contacts((Contact(login, mask_login(login)),), cooling=False)
    bound = _phones(rows, party_id)
    usable = [factor for factor in bound if factor.usable_from_ms <= now_ms]
    numbers = [sealer.open(FACTOR_PURPOSE, factor.secret_sealed) for factor in usable]
    if not numbers and _is_number(login):
        numbers = [login]
    return Contacts(tuple(map(_phone, numbers)), cooling=len(usable) < len(bound))
