"""The list as its keeper has it in a running platform: the secret, the log's key, the memory.

The keeper can ask for itself without blinding, since it has the secret; that is how the decision
engine is told of a command's people, their devices and cards, in memory alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from tallystick.parties.model import Party
from tallystick.pipeline.commands import Context, Registry
from tallystick.pipeline.refusals import Refused
from tallystick.risk.blacklist.cache import ListCache, Published
from tallystick.risk.blacklist.log import signed_head
from tallystick.risk.blacklist.model import (
    LIST_KEY,
    SEALED_LOG_KEY,
    SEALED_SECRET,
    ListKey,
    OpenList,
)
from tallystick.risk.blacklist.protocol.group import RISTRETTO255, ElementError
from tallystick.risk.blacklist.protocol.identifiers import (
    IdentifierError,
    IdentifierKind,
    input_of,
)
from tallystick.risk.blacklist.protocol.listed import Finding, pad_key_of, tag_of
from tallystick.risk.blacklist.protocol.oprf import Evaluation, Keeper, derive_key
from tallystick.risk.blacklist.reasons import reason_numbered
from tallystick.risk.blacklist.views import keeper_of, list_key, log_signer
from tallystick.risk.decision.facts import SHARED
from tallystick.store.rows import ReadSession, Rows
from tallystick.store.sealing import Sealer
from tallystick.transparency.notes import NoteSigner

__all__ = ["IdentifiersOf", "ListKeeping", "SealedIdentifier", "new_list"]

_PEOPLE: Final = ("party", "payee")
_THINGS: Final = {"device": IdentifierKind.DEVICE, "card": IdentifierKind.CARD}
_REMEMBERED: Final = 65_536
_SEED_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class SealedIdentifier(NamedTuple):
    """An identifier of somebody's as it is stored: sealed for a purpose."""

    kind: IdentifierKind
    purpose: str
    sealed: bytes


IdentifiersOf = Callable[[Rows, str], Iterable[SealedIdentifier]]
"""What else than their login a party is known by."""


def _nothing_else(rows: Rows, party_id: str) -> Iterable[SealedIdentifier]:
    return ()


def new_list(
    origin: str, sealer: Sealer, random: Callable[[int], bytes] = secrets.token_bytes
) -> OpenList:
    """The command that begins a list with fresh keys.

    Args:
        random: gives so many bytes that nobody can know; the same twice makes the same command.
    """
    secret = derive_key(random(_SEED_BYTES), b"tallystick blacklist")
    seed = random(_SEED_BYTES)
    sealed = RISTRETTO255.scalar_bytes(secret).hex()
    return OpenList(
        origin=origin, public=Keeper(secret).public, log_key=NoteSigner(origin, seed).key.text,
        secret_sealed=sealer.seal(SEALED_SECRET, sealed, random(_NONCE_BYTES)),
        log_key_sealed=sealer.seal(SEALED_LOG_KEY, seed.hex(), random(_NONCE_BYTES)),
    )  # fmt: skip


class ListKeeping:
    """What a process keeps of the list; any thread may ask.

    Args:
        identifiers_of: what else than their login people are known by.
    """

    def __init__(self, sealer: Sealer, identifiers_of: IdentifiersOf = _nothing_else) -> None:
        self._sealer = sealer
        self._identifiers_of = identifiers_of
        self.cache = ListCache()
        self._key: ListKey | None = None
        self._keeper: Keeper | None = None
        self._tag_of_person = lru_cache(maxsize=_REMEMBERED)(self._tag_of_sealed)
        self._tag_of_thing = lru_cache(maxsize=_REMEMBERED)(self._tag)

    def register(self, registry: Registry) -> None:
        """Follow what happens to the list."""
        registry.follow("blacklist.", lambda event: self.cache.tell())

    def keeper(self, rows: Rows) -> Keeper:
        """The secret's side (Refused BLACKLIST_NOT_OPEN)."""
        if self._keeper is None:
            self._key = list_key(rows)
            self._keeper = keeper_of(self._key, self._sealer)
        return self._keeper

    def pad_key(self, rows: Rows, kind: IdentifierKind, text: str) -> bytes:
        """The pad key of an identifier that the keeper knows itself.

        Raises:
            Refused: BLACKLIST_IDENTIFIER_INVALID, BLACKLIST_NOT_OPEN.
        """
        keeper = self.keeper(rows)
        try:
            return pad_key_of(keeper.output(input_of(kind, text)))
        except IdentifierError as error:
            raise Refused("BLACKLIST_IDENTIFIER_INVALID", f"{error}.") from error

    def evaluate(self, rows: Rows, elements: Sequence[bytes]) -> Evaluation:
        """The answer to blinded elements (Refused INVALID_PARAMETER for what is none)."""
        try:
            return self.keeper(rows).evaluate(elements)
        except ElementError as error:
            raise Refused("INVALID_PARAMETER", f"elements: {error}.") from error

    def head(self, rows: Rows) -> str:
        """The log's head, signed."""
        return signed_head(rows, log_signer(list_key(rows), self._sealer))

    def published(self, rows: ReadSession) -> Published:
        """The set that members copy."""
        list_key(rows)
        return self.cache.published(rows.connection)

    def tags_of(self, rows: Rows, party_id: str) -> list[bytes]:
        """The tags of everything that a party is known by.

        Raises:
            Refused: BLACKLIST_NOT_OPEN.
        """
        self.keeper(rows)
        known = self._known_by(rows, party_id)
        found = dict.fromkeys(self._tag_of_person(identifier) for identifier in known)
        return [tag for tag in found if tag is not None]

    # For the decision engine.

    def _tag(self, kind: IdentifierKind, text: str) -> bytes | None:
        assert self._keeper is not None
        try:
            return tag_of(pad_key_of(self._keeper.output(input_of(kind, text))))
        except IdentifierError:
            return None  # An e-mail address as login, say: nobody can be listed under it.

    def _tag_of_sealed(self, identifier: SealedIdentifier) -> bytes | None:
        opened = self._sealer.open(identifier.purpose, identifier.sealed)
        return self._tag(identifier.kind, opened)

    def _known_by(self, rows: Rows, party_id: str) -> Iterable[SealedIdentifier]:
        """Everything that a party is known by: the login, and what was proved to be theirs."""
        party = rows.get(Party, party_id) if party_id else None
        if party is None:
            return
        yield SealedIdentifier(IdentifierKind.PHONE, "party.login", party.login_sealed)
        yield from self._identifiers_of(rows, party_id)

    def _tags(self, facts: Mapping[str, int | str | bool], context: Context) -> list[bytes]:
        found = []
        for name in _PEOPLE:
            known = self._known_by(context.uow, str(facts[name]))
            found += [self._tag_of_person(identifier) for identifier in known]
        for name, kind in _THINGS.items():
            if facts[name]:
                found.append(self._tag_of_thing(kind, str(facts[name])))
        return [tag for tag in found if tag is not None]

    def about(
        self, facts: Mapping[str, int | str | bool], context: Context
    ) -> dict[str, int | str | bool]:
        """What is said of a command's party, payee, device and card: the gravest of it."""
        self.cache.refresh(context.uow.connection, merge=False)
        if self.cache.empty or context.uow.get(ListKey, LIST_KEY) is None:
            return dict(SHARED)
        self.keeper(context.uow)
        found = [self.cache.find(tag, context.now_ms) for tag in self._tags(facts, context)]
        said: list[Finding] = [finding for finding in found if finding is not None]
        if not said:
            return dict(SHARED)
        gravest = max(said)
        reason = reason_numbered(gravest.reason)
        return {
            "blacklist_hit": True, "blacklist_severity": gravest.severity,
            "blacklist_reason": reason.code if reason is not None else "",
        }  # fmt: skip
