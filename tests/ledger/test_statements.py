"""Trial balances and statements add up to the accounts they are drawn from."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.ledger.histories import ACCOUNT_IDS, START_NS, TRANSFER_IDS, accounts, calls, opened

from tallystick.ledger.chart import (
    BANK_RESERVE,
    CUSTOMER_WALLET,
    PLATFORM_ENTITY,
    TRADE_ESCROW,
    account_id,
    book_id,
    open_account,
)
from tallystick.ledger.memory import memory_books
from tallystick.ledger.model import Account, Transfer, TransferFlags
from tallystick.ledger.statements import available_of, balance_of, statement, trial_balances

BOOK = book_id(PLATFORM_ENTITY, "CNY")
RESERVE = account_id(BOOK, BANK_RESERVE, "1")
WALLET = account_id(BOOK, CUSTOMER_WALLET, "2088")
ESCROW = account_id(BOOK, TRADE_ESCROW, "77")


def move(id_: int, debit: int, credit: int, amount: int, flags: int = 0, of: int = 0) -> Transfer:
    return Transfer(id_, debit, credit, amount, pending_id=of, book=BOOK, code=1, flags=flags)


def posted() -> tuple[dict[int, Account], list[Transfer]]:
    books = memory_books()
    owners = ((BANK_RESERVE, "1"), (CUSTOMER_WALLET, "2088"), (TRADE_ESCROW, "77"))
    books.create_accounts([open_account(BOOK, entry, owner) for entry, owner in owners], 1)
    post = int(TransferFlags.POST_PENDING)
    transfers = [
        move(1, RESERVE, WALLET, 1000),
        move(2, WALLET, ESCROW, 300, int(TransferFlags.PENDING)),
        move(3, WALLET, ESCROW, 250, post, of=2),
        move(4, WALLET, ESCROW, 100, int(TransferFlags.PENDING)),
    ]
    assert {r.value for r in books.create_transfers(transfers, 10)} == {"created"}
    changes = books.drain()
    return {a.id: a for a in changes.new_accounts}, changes.new_transfers


def test_a_statement_runs_on_the_accounts_normal_side() -> None:
    accounts_by_id, transfers = posted()
    of_wallet = [t for t in transfers if WALLET in (t.debit_account_id, t.credit_account_id)]
    lines = list(statement(accounts_by_id[WALLET], of_wallet))
    assert [(line.change, line.balance, line.other_account_id) for line in lines] == [
        (1000, 1000, RESERVE),
        (-250, 750, ESCROW),
    ]
    (line,) = statement(accounts_by_id[RESERVE], transfers[:1], opening=5)
    assert (line.change, line.balance) == (1000, 1005)


def test_a_hold_is_off_what_is_available_but_not_off_the_balance() -> None:
    accounts_by_id, _ = posted()
    assert balance_of(accounts_by_id[WALLET]) == 750
    assert available_of(accounts_by_id[WALLET]) == 650
    assert available_of(accounts_by_id[ESCROW]) == balance_of(accounts_by_id[ESCROW]) == 250
    assert available_of(accounts_by_id[RESERVE]) == balance_of(accounts_by_id[RESERVE]) == 1000


def test_a_statement_refuses_another_accounts_transfer() -> None:
    accounts_by_id, transfers = posted()
    with pytest.raises(ValueError, match="is not of account"):
        list(statement(accounts_by_id[ESCROW], transfers))


def test_a_trial_balance_totals_each_code_and_says_whether_it_balances() -> None:
    accounts_by_id, _ = posted()
    (trial,) = trial_balances(accounts_by_id.values())
    assert [(line.code, line.accounts) for line in trial.lines] == [
        (BANK_RESERVE.code, 1),
        (CUSTOMER_WALLET.code, 1),
        (TRADE_ESCROW.code, 1),
    ]
    assert (trial.book, trial.debits_posted, trial.credits_posted) == (BOOK, 1250, 1250)
    assert (trial.debits_pending, trial.credits_pending) == (100, 100)
    assert trial.balanced
    (broken,) = trial_balances([accounts_by_id[WALLET], accounts_by_id[ESCROW]])
    assert not broken.balanced
    assert trial_balances([]) == []


@given(accounts, calls)
def test_every_statement_ends_in_its_accounts_balance(
    given_accounts: list[Account], history: list[tuple[int, list[Transfer]]]
) -> None:
    books, _, _ = opened(given_accounts)
    for passed_ns, call in history:
        books.create_transfers(call, START_NS + passed_ns)
    stamped = [t for i in TRANSFER_IDS if (t := books.transfer(i)) is not None]
    stamped.sort(key=lambda t: t.timestamp)
    present = [a for i in ACCOUNT_IDS if (a := books.account(i)) is not None]
    for account in present:
        own = [t for t in stamped if account.id in (t.debit_account_id, t.credit_account_id)]
        lines = list(statement(account, own))
        assert (lines[-1].balance if lines else 0) == balance_of(account)
    assert all(trial.balanced for trial in trial_balances(present))
