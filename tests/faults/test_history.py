"""The history checker finds what a faulty bank does, and takes whatever a right one may do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.faults.history import Call, Leg, Read, Transfer, faults_of

OPENING = {1: 100, 2: 0, 3: 0}


def pay(
    sent: float, answered: float | None, debit: int, credit: int, amount: int, *, done: bool = True
) -> Call:
    """A transfer of one leg."""
    action = Transfer((Leg(debit, credit, amount),))
    return Call("payer", sent, answered, action, None if answered is None else done)


def look(sent: float, answered: float, **seen: int) -> Call:
    """A look at accounts `a1`, `a2`, …."""
    accounts = tuple(int(name[1:]) for name in seen)
    return Call("reader", sent, answered, Read(accounts), tuple(seen.values()))


def wrong(*calls: Call) -> str:
    """What is found wrong, as one text."""
    return "; ".join(faults_of(calls, opening=OPENING))


def test_calls_one_after_another_are_right() -> None:
    assert not wrong(pay(0, 1, 1, 2, 30), look(2, 3, a1=70, a2=30), pay(4, 5, 2, 3, 31, done=False))


def test_a_call_counts_at_any_moment_while_it_is_open() -> None:
    payment = pay(0, 10, 1, 2, 30)
    assert not wrong(payment, look(1, 2, a1=100, a2=0), look(3, 4, a1=70, a2=30))
    assert not wrong(payment, look(1, 2, a1=70, a2=30), look(3, 4, a1=70, a2=30))


def test_what_was_seen_once_is_not_unseen() -> None:
    found = wrong(pay(0, 10, 1, 2, 30), look(1, 2, a1=70), look(3, 4, a1=100))
    assert "account 1" in found


def test_one_that_was_never_answered_may_count_late_or_never() -> None:
    open_call = pay(0, None, 1, 2, 30)
    assert not wrong(open_call, look(1, 2, a2=0), look(3, 4, a2=0))
    assert not wrong(open_call, look(1, 2, a2=0), look(3, 4, a2=30))
    assert "account 2" in wrong(open_call, look(1, 2, a2=30), look(3, 4, a2=60))


def test_a_lost_update_is_found() -> None:
    found = wrong(pay(0, 1, 1, 2, 30), pay(2, 3, 1, 3, 20), look(4, 5, a1=80))
    assert "account 1" in found


def test_a_stale_read_is_found() -> None:
    assert "account 2" in wrong(pay(0, 1, 1, 2, 30), look(2, 3, a2=0))


def test_a_read_of_the_future_is_found() -> None:
    assert "account 2" in wrong(look(0, 1, a2=30), pay(2, 3, 1, 2, 30))


def test_a_double_apply_is_found() -> None:
    assert "account 2" in wrong(pay(0, 1, 1, 2, 30), look(2, 3, a2=60))


def test_a_refused_transfer_that_was_done_is_found() -> None:
    assert "account 1" in wrong(pay(0, 1, 1, 2, 130, done=False), look(2, 3, a1=-30))


def test_a_refusal_without_a_reason_is_found() -> None:
    assert "account 1" in wrong(pay(0, 1, 1, 2, 30, done=False))


def test_an_overdraft_is_found() -> None:
    assert "account 1" in wrong(pay(0, 1, 1, 2, 80), pay(2, 3, 1, 3, 80))


def test_a_torn_transfer_is_found_though_each_account_by_itself_is_right() -> None:
    payment = pay(0, 10, 1, 2, 30)
    assert not wrong(payment, look(1, 2, a1=70), look(3, 4, a2=30))
    assert "all accounts" in wrong(payment, look(1, 2, a1=70, a2=0))


def test_a_chain_that_was_half_done_is_found() -> None:
    legs = (Leg(1, 2, 30), Leg(2, 3, 30))
    chain = Call("payer", 0, 10, Transfer(legs), True)
    assert not wrong(chain, look(11, 12, a1=70, a2=0, a3=30))
    assert "all accounts" in wrong(chain, look(1, 2, a1=70, a3=0))


def test_two_who_see_two_payments_in_different_orders_are_found() -> None:
    one, two = pay(0, 10, 1, 2, 30), pay(0, 10, 1, 3, 20)
    assert not wrong(one, two, look(1, 8, a2=30, a3=0), look(1, 8, a2=30, a3=20))
    assert "all accounts" in wrong(one, two, look(1, 8, a2=30, a3=0), look(1, 8, a2=0, a3=20))


def test_too_many_open_calls_are_said() -> None:
    calls = [pay(0, None, 1, 2, 2**i) for i in range(20)]
    with pytest.raises(OverflowError, match="open at once"):
        faults_of([*calls, look(1, 2, a2=2**20 - 1)], opening={1: 2**30, 2: 0, 3: 0})


# Beside a search that tries every order there is.

ACTIONS = st.one_of(
    st.builds(
        lambda debit, step, amount: Transfer((Leg(debit, (debit + step - 1) % 3 + 1, amount),)),
        st.integers(1, 3), st.integers(1, 2), st.integers(1, 60),
    ),
    st.builds(
        lambda debit, amount: Transfer((Leg(debit, debit % 3 + 1, amount), Leg(1, 2, 10))),
        st.integers(1, 3), st.integers(1, 60),
    ),
    st.sampled_from([Read((1,)), Read((2, 3)), Read((1, 2, 3))]),
)  # fmt: skip


def answer_of(balances: dict[int, int], action: Transfer | Read) -> bool | tuple[int, ...]:
    """What a bank answers that does one thing after another, and how it stands after that."""
    if isinstance(action, Read):
        return tuple(balances[a] for a in action.accounts)
    after = dict(balances)
    for debit, credit, amount in action.legs:
        after[debit] -= amount
        if after[debit] < 0:
            return False
        after[credit] += amount
    balances.update(after)
    return True


def some_order_explains(calls: list[Call]) -> bool:
    """Try them all."""
    for order in itertools.permutations(calls):
        late = (
            b.answered is not None and b.answered < a.sent
            for i, a in enumerate(order) for b in order[i + 1 :]
        )  # fmt: skip
        balances = dict(OPENING)
        if not any(late) and all(answer_of(balances, c.action) == c.answer for c in order):
            return True
    return False


@given(st.data())
def test_it_says_the_same_as_a_search_of_all_orders(data: st.DataObject) -> None:
    balances, calls = dict(OPENING), []
    for at in range(data.draw(st.integers(1, 5))):
        action = data.draw(ACTIONS)
        sent = at - data.draw(st.integers(0, 2)) - 0.4
        answered = at + data.draw(st.integers(0, 2)) + 0.4
        calls.append(Call(f"client {at}", sent, answered, action, answer_of(balances, action)))
    assert faults_of(calls, opening=OPENING) == []
    at = data.draw(st.integers(0, len(calls) - 1))
    spoilt = calls[at]
    if isinstance(spoilt.answer, tuple):
        other: bool | tuple[int, ...] = (data.draw(st.integers(0, 100)), *spoilt.answer[1:])
    else:
        other = not spoilt.answer
    calls[at] = Call(spoilt.client, spoilt.sent, spoilt.answered, spoilt.action, other)
    assert (faults_of(calls, opening=OPENING) == []) == some_order_explains(calls)
