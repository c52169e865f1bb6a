"""The kernel changes nothing that it is given and needs nothing but numbers."""

from __future__ import annotations

from tallystick.ledger.kernel import ABSENT, AccountColumns, TransferColumns, apply_transfers
from tallystick.ledger.model import TransferResult

RESULTS = tuple(TransferResult)


def test_columns_in_columns_out_and_the_arguments_stay() -> None:
    accounts = AccountColumns(
        book=(0, 0, 1, 1),
        flags=(0, 0, 2, 0),
        debits_pending=(0, 0, 0, 0),
        debits_posted=(0, 0, 0, 50),
        credits_pending=(0, 0, 0, 0),
        credits_posted=(0, 0, 50, 0),
    )
    nothing = (0, 0, 0)
    transfers = TransferColumns(
        id=(2, 3, 4),
        debit=(2, 2, 2),
        credit=(3, 3, 3),
        amount=(30, 30, 20),
        pending_id=nothing,
        user_data_128=nothing,
        user_data_64=nothing,
        user_data_32=nothing,
        timeout=nothing,
        book=(1, 1, 1),
        code=(1, 1, 1),
        flags=nothing,
        timestamp=nothing,
        state=nothing,
    )
    # Tuples throughout: an assignment to an argument would fail.
    outcome = apply_transfers(3, 100, accounts, transfers, (ABSENT,) * 5)
    assert [RESULTS[r].value for r in outcome.results] == ["created", "exceeds_credits", "created"]
    assert outcome.failed == [1]
    assert outcome.accounts.debits_posted == [0, 0, 50, 50]
    assert outcome.accounts.credits_posted == [0, 0, 50, 50]
    assert outcome.transfers.timestamp == [100, 0, 102]
