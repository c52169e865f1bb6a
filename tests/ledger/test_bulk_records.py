"""What a bulk call takes: record arrays, Arrow tables and sequences, and what it refuses."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.bulk_parts import Bulk

from tallystick.ledger.bulk import CALL_MAX
from tallystick.ledger.encoding import account_from, account_record, entry_from, entry_record
from tallystick.ledger.model import Account, Transfer
from tallystick.ledger.records import TRANSFERS, as_records, empty_records, records_of

_wide = st.integers(0, 2**128 - 1)
_transfers = st.builds(
    Transfer, _wide, _wide, _wide, st.integers(0, 2**63 - 1), _wide, _wide,
    st.integers(0, 2**64 - 1), *[st.integers(0, 2**32 - 1)] * 3, *[st.integers(0, 2**16 - 1)] * 2,
    st.integers(0, 2**63 - 1),
)  # fmt: skip


@given(_transfers)
def test_a_record_is_the_transfer_and_its_fields_are_numpys(transfer: Transfer) -> None:
    data = entry_record(transfer)
    assert entry_from(data) == transfer
    record = np.frombuffer(data, TRANSFERS)[0]
    for name in TRANSFERS.names or ():
        value = record[name]
        number = int(value[0]) << 64 | int(value[1]) if value.shape else int(value)
        assert number == getattr(transfer, name)


@given(st.builds(Account, _wide, st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)))
def test_an_opened_account_is_read_again(account: Account) -> None:
    assert account_from(account_record(account)) == account


EXPECTED = records_of(
    [Transfer(2**64 + 7, 1, 2, 50, book=3, code=4), Transfer(8, 2, 1, 2**63 - 1, book=3, code=4)]
).tobytes()


def test_arrays_with_named_fields_are_taken_in_any_order_and_width() -> None:
    given_records = np.zeros(
        2,
        [("amount", "u8"), ("id", "u8", (2,)), ("code", "i8"), ("ledger", "i2"),
         ("credit_account_id", "u4"), ("debit_account_id", "i1")],
    )  # fmt: skip
    given_records["id"] = [[1, 7], [0, 8]]
    given_records["amount"] = [50, 2**63 - 1]
    given_records["debit_account_id"], given_records["credit_account_id"] = [1, 2], [2, 1]
    given_records["ledger"], given_records["code"] = 3, 4
    assert as_records(given_records).tobytes() == EXPECTED


def test_records_of_the_ledgers_own_type_are_not_copied() -> None:
    records = empty_records(3)
    assert as_records(records) is records


def test_an_arrow_table_is_taken_by_its_stream() -> None:
    class Stream:
        """Nothing but the interface, as any Arrow library offers it."""

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return frame.__arrow_c_stream__(requested_schema)

    frame = pl.DataFrame(
        {
            "id": [(2**64 + 7).to_bytes(16, "big"), (8).to_bytes(16, "big")],
            "debit_account_id": [1, 2],
            "credit_account_id": [2, 1],
            "amount": [50, 2**63 - 1],
            "ledger": [3, 3],
            "code": [4, 4],
            "user_data_64": [None, None],
        },
        schema_overrides={"user_data_64": pl.UInt64},
    )
    assert as_records(Stream()).tobytes() == EXPECTED


@pytest.mark.parametrize(
    ("given_columns", "problem"),
    [
        ({"colour": [1]}, "colour is not a field"),
        ({"amount": [-1]}, "amount has a number"),
        ({"amount": [1.5]}, "amount must be a column of whole numbers"),
        ({"code": [65536]}, "code has a number"),
        ({"id": [-1]}, "id has a number"),
        ({"id": [b"short"]}, "id has an id that is not 16 bytes"),
    ],
)
def test_a_column_that_does_not_fit_is_refused_by_name(
    given_columns: dict[str, list[object]], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        as_records(pl.DataFrame(given_columns))


def test_numbers_of_128_bits_are_taken_for_ids_and_refused_for_amounts() -> None:
    wide = pl.Series([2**100 + 7, 0], dtype=pl.Int128)
    taken = as_records(pl.DataFrame({"id": wide, "amount": [1, 2]}))
    assert taken["id"].tolist() == [[2**36, 7], [0, 0]]
    with pytest.raises(ValueError, match="id has a number below 0"):
        as_records(pl.DataFrame({"id": pl.Series([-1], dtype=pl.Int128)}))
    with pytest.raises(ValueError, match="amount must be a column of whole numbers, not Int128"):
        as_records(pl.DataFrame({"id": wide, "amount": wide}))


def test_what_holds_no_transfers_is_refused() -> None:
    for nothing in (7, np.zeros(3), {1: 2}):
        with pytest.raises(ValueError, match="transfers"):
            as_records(nothing)
    with_fraction = Transfer(1, 1, 2, 5.0)  # type: ignore[arg-type]
    others: list[object] = ["abc", [{"id": 1}], [with_fraction]]
    for other in others:
        with pytest.raises(ValueError, match="no transfer"):
            as_records(other)
    negative = empty_records(1)
    negative["amount"] = -1
    with pytest.raises(ValueError, match="amount"):
        as_records(negative)


def test_a_long_call_is_cut_between_chains_and_answered_as_one() -> None:
    bulk = Bulk()
    bulk.open([Account(1, 1, 1), Account(2, 1, 1)], 1)
    count = 2 * CALL_MAX + 10
    records = empty_records(count)
    records["id"][:, 1] = np.arange(1, count + 1)
    records["debit_account_id"][:, 1], records["credit_account_id"][:, 1] = 1, 2
    records["amount"] = records["book"] = records["code"] = 1
    # A chain over the first cut, whose last transfer fails.
    records["flags"][CALL_MAX - 5 : CALL_MAX + 5] = 1
    records["code"][CALL_MAX + 5] = 0
    with bulk.session.transaction() as ledger:
        answers = ledger.create_transfers(records, 1)
    assert (answers != 0).nonzero()[0].tolist() == list(range(CALL_MAX - 5, CALL_MAX + 6))
    account = bulk.account(1)
    assert account is not None
    assert account.debits_posted == count - 11
    bulk.connection.close()


def test_a_chain_longer_than_a_batch_is_refused_whole() -> None:
    bulk = Bulk()
    records = empty_records(CALL_MAX + 2)
    records["flags"] = 1
    with pytest.raises(ValueError, match="chain"), bulk.session.transaction() as ledger:
        ledger.create_transfers(records, 1)
    bulk.connection.close()
