"""Generated ledger histories: few ids, so that they meet; amounts small or at the very edge."""

from __future__ import annotations

from hypothesis import strategies as st

from tallystick.ledger.books import Books, Changes
from tallystick.ledger.memory import InMemoryReader
from tallystick.ledger.model import AMOUNT_MAX, Account, Transfer

ACCOUNT_IDS = range(1, 7)
TRANSFER_IDS = range(1, 25)
START_NS = 1_000_000_000_000

accounts = st.lists(
    st.sampled_from([0, 0, 2, 4, 8, 32]), min_size=len(ACCOUNT_IDS), max_size=len(ACCOUNT_IDS)
).map(
    lambda flags: [
        Account(id=i, book=2 if i == ACCOUNT_IDS[-1] else 1, code=10, flags=f)
        for i, f in zip(ACCOUNT_IDS, flags, strict=True)
    ]
)

_FLAGS = [0, 0, 0, 2, 2, 2, 4, 4, 4, 8, 8, 16, 32, 48, 18, 34, 66, 130, 194, 64, 12, 6, 256]
_amounts = st.sampled_from([0, 1, 5, 10, 10, 100, AMOUNT_MAX // 2, AMOUNT_MAX - 5, AMOUNT_MAX])


@st.composite
def _one_transfer(draw: st.DrawFn, linked: bool) -> Transfer:
    flags = draw(st.sampled_from(_FLAGS))
    settling = bool(flags & 12)
    stray = draw(st.integers(0, 11)) == 0
    account = st.integers(0, ACCOUNT_IDS[-1] + 1)
    inherit = settling and not draw(st.booleans())
    return Transfer(
        id=draw(st.sampled_from(TRANSFER_IDS)),
        debit_account_id=0 if inherit else draw(account),
        credit_account_id=0 if inherit else draw(account),
        amount=draw(_amounts),
        pending_id=draw(st.sampled_from(TRANSFER_IDS)) if settling != stray else 0,
        user_data_128=draw(st.sampled_from([0, 0, 2**127 + 1])),
        user_data_64=draw(st.sampled_from([0, 0, 2**64 - 1])),
        timeout=draw(st.sampled_from([0, 1, 2])) if bool(flags & 2) != stray else 0,
        book=0 if inherit else 1,
        code=0 if inherit else 7,
        flags=flags | (1 if linked and draw(st.integers(0, 2)) == 0 else 0),
    )


def transfers(*, linked: bool = True) -> st.SearchStrategy[list[Transfer]]:
    """One call."""
    return st.lists(_one_transfer(linked), min_size=1, max_size=10)


calls = st.lists(st.tuples(st.sampled_from([0, 0, 1, 700_000_000, 10**9]), transfers()), max_size=6)
"""Calls, each with the nanoseconds that pass before it."""


def opened(given: list[Account]) -> tuple[Books, InMemoryReader, list[Account]]:
    """A working set over committed accounts."""
    reader = InMemoryReader()
    books = Books(reader, last_timestamp=START_NS)
    assert {r.value for r in books.create_accounts(given, START_NS)} == {"created"}
    changes = books.drain()
    reader.keep(changes)
    fresh = Books(reader, last_timestamp=books.last_timestamp)
    return fresh, reader, changes.new_accounts


def state_of(books: Books) -> tuple[object, ...]:
    """Everything that can be asked of a working set."""
    return (
        [books.account(i) for i in ACCOUNT_IDS],
        [books.transfer(i) for i in TRANSFER_IDS],
        [books.pending_state(i) for i in TRANSFER_IDS],
        books.last_timestamp,
    )


def comparable(changes: Changes) -> tuple[object, ...]:
    """Changes without the order of those whose order says nothing."""
    return (
        changes.new_accounts,
        {a.id: a for a in changes.changed_accounts},
        changes.new_transfers,
        changes.pending_states,
        set(changes.failed_ids),
    )
