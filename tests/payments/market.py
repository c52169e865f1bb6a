"""A marketplace for tests of payments: an app, sellers, receivers and buyers with money.

It is seeded once a run, through the pipeline, and copied for each test.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.platform_parts import START_MS, Clock, Parts, opened_as
from tests.stores import chosen, database_for, run_folder

from tallystick.ledger.statements import available_of, balance_of
from tallystick.parties import service as parties
from tallystick.parties.model import IssuePaymentCode, Party, PartyKind, RegisterParty
from tallystick.partners import service as partners
from tallystick.partners.keyring import new_gateway_key
from tallystick.partners.model import AddSeller, CreateApp
from tallystick.payments.accounts import wallet
from tallystick.payments.holds import service as holds
from tallystick.payments.trades import service as trades
from tallystick.payments.trades.model import RelateReceivers, Trade
from tallystick.payments.wallet import service as wallets
from tallystick.payments.wallet.model import BankAnswered, StartTopUp
from tallystick.pipeline.commands import Caller, CallerKind, Registry
from tallystick.store.ledger_rows import SqlLedgerReader

__all__ = [
    "ALICE", "APP", "APP_ID", "BOB", "BUYERS", "CODES", "COURIER", "FEE_PERCENT", "FUNDED",
    "OTHER_SELLER", "OWN_MONEY", "PARTIES", "RECEIVERS", "REFUND_WITHIN_MS", "CONFIRM_WITHIN_MS",
    "SELLERS", "SHOP", "TEACHER", "Market", "as_party", "market",
]  # fmt: skip

APP_ID: Final = "2026000000000009"
SHOP, OTHER_SELLER, COURIER = "2088000000000201", "2088000000000202", "2088000000000203"
ALICE, BOB, TEACHER = "2088000000000301", "2088000000000302", "2088000000000303"
SELLERS: Final = (SHOP, OTHER_SELLER)
BUYERS: Final = (ALICE, BOB)
RECEIVERS: Final = (COURIER, TEACHER)
PARTIES: Final = (*SELLERS, COURIER, *BUYERS, TEACHER)
FUNDED: Final = {ALICE: 5000, BOB: 3000, SHOP: 1000}
OWN_MONEY: Final = sum(FUNDED.values())
CODES: Final = {buyer: bytes([n]) * 16 for n, buyer in enumerate(BUYERS)}
FEE_PERCENT: Final = 5
DAY_MS: Final = 86_400_000
CONFIRM_WITHIN_MS: Final = 10 * DAY_MS
REFUND_WITHIN_MS: Final = 90 * DAY_MS

APP: Final = Caller(
    CallerKind.APP, APP_ID, frozenset({"payments:write", "wallet:write", "disputes:resolve"})
)


def as_party(party_id: str) -> Caller:
    """A signed-in person or merchant."""
    return Caller(CallerKind.PARTY, party_id, frozenset({"payments:write", "wallet:write"}))


def _kind(party_id: str) -> PartyKind:
    return PartyKind.MERCHANT if party_id[-3] == "2" else PartyKind.PERSON


class Market(Parts):
    """Parts with what tests of payments ask for."""

    @property
    def ledger(self) -> SqlLedgerReader:
        """The committed ledger."""
        return SqlLedgerReader(self.rows.connection)

    def _account_sums(self, party_id: str) -> tuple[int, int]:
        party = self.rows.get(Party, party_id)
        assert party is not None, party_id
        found = self.ledger.accounts([wallet(party, "CNY").id])
        if not found:
            return 0, 0
        return available_of(found[0]), found[0].debits_pending

    def available(self, party_id: str) -> int:
        """What a party can pay, in fen."""
        return self._account_sums(party_id)[0]

    def frozen(self, party_id: str) -> int:
        """What is held of a party's money, in fen."""
        return self._account_sums(party_id)[1]

    def sum_of(self, code: int) -> int:
        """The balances of all accounts of a chart code in the yuan's book, added up."""
        return sum(balance_of(a) for a in self.ledger.accounts_where(book=1_000_156, code=code))

    def trade(self, out_trade_no: str) -> Trade:
        """A trade of the app, by its order number."""
        found = self.rows.find(Trade, app_id=APP_ID, out_trade_no=out_trade_no)
        assert found is not None, out_trade_no
        return found

    def fund(self, party_id: str, amount: int, name: str = "") -> None:
        """Have money of a party's arrive from the prompt bank."""
        order = self.accept(StartTopUp(party_id=party_id, amount=amount, bank_id="1"),
                            request_id=f"fund:{party_id}:{name}")  # fmt: skip
        self.accept(BankAnswered(order_id=order.order_id, accepted=True, bank_reference=f"B{name}"))


def _seed(parts: Market) -> None:
    for party_id in PARTIES:
        name = parts.sealer.seal("party.name", party_id)
        login = parts.sealer.seal("party.login", party_id)
        parts.accept(
            RegisterParty(
                party_id=party_id, kind=_kind(party_id), login_index=party_id.encode(),
                login_sealed=login, name_sealed=name, login_hash="$", payment_hash="$",
            )
        )  # fmt: skip
    key = new_gateway_key(parts.sealer, "g1")
    parts.accept(key)
    parts.accept(
        CreateApp(
            app_id=APP_ID, name="Market", merchant_id=SHOP, public_key=key.public_key, key_id="k1",
            gateway_key_id="g1", fee_rate=f"0.0{FEE_PERCENT}",
            confirm_within_ms=CONFIRM_WITHIN_MS, refund_within_ms=REFUND_WITHIN_MS,
        )
    )  # fmt: skip
    parts.accept(AddSeller(app_id=APP_ID, party_id=OTHER_SELLER))
    parts.accept(RelateReceivers(app_id=APP_ID, receivers=dict.fromkeys(RECEIVERS, "")))
    for party_id, amount in FUNDED.items():
        parts.fund(party_id, amount)
    for buyer, code in CODES.items():
        parts.accept(
            IssuePaymentCode(
                party_id=buyer, code_index=code, expires_ms=START_MS + 1000 * DAY_MS, reusable=True
            )
        )


_REGISTERS = (parties.register, partners.register, wallets.register, holds.register,
              trades.register)  # fmt: skip


Register = Callable[[Registry], None]


@functools.cache
def _seeded(store: str) -> Path:
    folder = run_folder(f"tallystick-market-{store}-")
    with opened_as(Market, folder, *_REGISTERS) as parts:
        _seed(parts)
    return folder


@contextmanager
def market(
    folder: Path, clock: Clock | None = None, *, more: tuple[Register, ...] = ()
) -> Iterator[Market]:
    """The marketplace in a folder: a fresh copy, or what was left there before.

    Args:
        more: further products that register there.
    """
    database_for(folder, copy_of=_seeded(chosen()))
    with opened_as(Market, folder, *_REGISTERS, *more, clock=clock) as parts:
        yield parts
