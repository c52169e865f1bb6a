"""A platform of an attack's own: on a scripted clock, command by command, the same each time.

It is the platform that serves, with its pipeline, its books and its watch; only the clock is
scripted, so that days pass in seconds, and banks answer at once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, TypeVar

from tallystick.accounting.views import stored_trial_balances
from tallystick.parties.model import PartyKind, RegisterParty
from tallystick.partners.keyring import new_gateway_key
from tallystick.partners.model import AddSeller, CreateApp
from tallystick.payments.accounts import wallet
from tallystick.payments.wallet.model import BankAnswered, BankOrderDone, StartTopUp
from tallystick.pipeline.commands import (
    SYSTEM,
    Answer,
    Caller,
    CallerKind,
    Command,
    Origin,
    Reply,
    Request,
)
from tallystick.platform import Platform
from tallystick.risk.decision.model import GrantStepUp, PublishRule, RiskDone, SaveRule
from tallystick.sandbox.attack.defence import RULES, features_and_policies
from tallystick.settings import load_settings
from tallystick.store.engine import StoreError

__all__ = ["APP", "APP_ID", "START_MS", "World"]

APP_ID: Final = "2026000000000002"
APP: Final = Caller(CallerKind.APP, APP_ID, frozenset({"payments:write", "wallet:write"}))
START_MS: Final = 1_790_000_000_000
_PARTY_SCOPES: Final = frozenset({"party", "payments:write", "wallet:write"})
_BEFORE_MS: Final = 201 * 86_400_000
_MERCHANT: Final = "2088000000000900"
_ENVIRONMENT: Final = {
    "TALLYSTICK_LOG_LEVEL": "error", "TALLYSTICK_PASSWORD_MEMORY_KIB": "8192",
    "TALLYSTICK_PASSWORD_PASSES": "1", "TALLYSTICK_RISK_BUDGET_MS": "60000",
}  # fmt: skip
"""Passwords of people who do not exist are hashed as cheaply as it goes; risk may take its time,
so that one seed ends the same on a busy machine."""

R = TypeVar("R", bound=Reply)


class World:
    """A platform in a folder, with risk on or off.

    Args:
        database: the address of PostgreSQL, for books that are not to be in the folder.
        app_key: the public key of the app that sells; without one nobody signs for it.

    Attributes:
        gateway_public: the key with which the gateway's answers are verified.
    """

    def __init__(
        self, folder: Path, *, guarded: bool, database: str = "", app_key: str = ""
    ) -> None:
        self.now_ms = START_MS - _BEFORE_MS
        self.guarded = guarded
        self._number = 0
        self._app_key = app_key
        self.gateway_public = ""
        settings = load_settings(None, _ENVIRONMENT, data=folder, database=database)
        self.platform = Platform.open(settings, clock_ms=lambda: self.now_ms)
        with self.platform.reader() as rows:
            self.platform.decisions.warm(rows)
        self.platform.executor.start()
        self.platform.anomaly.begin()
        self._build()

    def close(self) -> None:
        """Let go of the folder."""
        self.platform.executor.stop()
        self.platform.anomaly.close()
        self.platform.close()

    # Asking.

    def ask(self, caller: Caller, command: Command, origin: Origin | None = None) -> Answer:
        """Have a command run, and the watch look at it."""
        self._number += 1
        request = Request(
            caller, f"attack:{self._number}", command, remembered=False,
            origin=Origin() if origin is None else origin,
        )  # fmt: skip
        answer = self.platform.executor.submit_and_wait(request)
        if self.guarded:
            for found in self.platform.anomaly.catch_up():
                self.platform.executor.submit_and_wait(found)
        return answer

    def as_party(self, party: str, command: Command, origin: Origin) -> Answer:
        """A command of somebody who is signed in."""
        return self.ask(Caller(CallerKind.PARTY, party, _PARTY_SCOPES), command, origin)

    def must(self, command: Command, reply: type[R]) -> R:
        """A step of the world's own that is not refused."""
        answer = self.ask(SYSTEM, command)
        if not isinstance(answer.reply, reply):
            raise StoreError(f"The attack cannot be played: {answer.refusal}.")
        return answer.reply

    # Building.

    def _build(self) -> None:
        self.register(_MERCHANT, PartyKind.MERCHANT)
        key = new_gateway_key(self.platform.sealer, "g1")
        self.must(key, Reply)
        self.gateway_public = key.public_key
        self.must(
            CreateApp(app_id=APP_ID, name="Market", merchant_id=_MERCHANT,
                      public_key=self._app_key or key.public_key, key_id="k1", gateway_key_id="g1"),
            Reply,
        )  # fmt: skip
        if not self.guarded:
            return
        for command in features_and_policies():
            self.must(command, Reply)
        for rule in RULES:
            saved = self.must(SaveRule(rule=rule), RiskDone)
            self.must(PublishRule(name=rule.name, version=saved.number), Reply)

    def register(self, party: str, kind: PartyKind = PartyKind.PERSON) -> None:
        """Open an account; a shop also sells through the app."""
        sealer = self.platform.sealer
        sealed = sealer.seal("party.name", party)
        index = hashlib.blake2b(party.encode(), digest_size=16).digest()
        self.must(
            RegisterParty(party_id=party, kind=kind, login_index=index, login_sealed=sealed,
                          name_sealed=sealed, login_hash="$", payment_hash="$"),
            Reply,
        )  # fmt: skip
        if kind is PartyKind.MERCHANT and party != _MERCHANT:
            self.must(AddSeller(app_id=APP_ID, party_id=party), Reply)

    def bank_says_yes(self, order: BankOrderDone) -> None:
        """The bank answers an order at once."""
        told = BankAnswered(order_id=order.order_id, accepted=True,
                            bank_reference=order.order_id[-8:])  # fmt: skip
        self.must(told, Reply)

    def fund(self, party: str, amount: int) -> None:
        """Money of somebody's from their bank, in minor units; not an event of the story."""
        self.bank_says_yes(
            self.must(StartTopUp(party_id=party, amount=amount, bank_id="1"), BankOrderDone)
        )

    def prove(self, party: str) -> None:
        """The owner passes a real-person check."""
        self.must(GrantStepUp(party_id=party), Reply)

    def available(self, party: str) -> int:
        """What a party can pay, in minor units."""
        found = self.platform.ledger.accounts([wallet_id(self, party)])
        return max(0, int(found[0].credits_posted - found[0].debits_posted
                          - found[0].debits_pending)) if found else 0  # fmt: skip

    def balanced(self) -> bool:
        """Whether debits equal credits in every book."""
        return all(book.balanced for book in stored_trial_balances(self.platform.rows))


def wallet_id(world: World, party: str) -> int:
    """The ledger's id of a party's wallet in CNY."""
    from tallystick.parties.model import Party

    row = world.platform.rows.get(Party, party)
    assert row is not None, party
    return wallet(row, "CNY").id
