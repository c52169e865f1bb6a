"""Whether a history of calls and answers is one that a bank without faults could have given.

Many clients call at once; each call has the moment at which it was sent and the one at which it was
answered. The history is right when there is an order of the calls, each taking effect at one moment
between those two, in which a bank that does one thing after another gives the same answers
(linearisability, Herlihy and Wing 1990). It is looked for as Wing and Gong did, a call at a time as
its answer arrives (Lowe 2017, "just in time"): all orders that can still be right are kept.

Each account's own history is checked first, since that says most plainly what is wrong; then all
accounts together, where a transfer that another call saw half done has no place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Call", "Leg", "Read", "Transfer", "faults_of"]

S = TypeVar("S")
A = TypeVar("A")

_ORDERS_MAX = 200_000


class Leg(NamedTuple):
    """An amount from one account to another."""

    debit: int
    credit: int
    amount: int


class Transfer(NamedTuple):
    """Legs that are done together or not at all; the answer is whether they were done."""

    legs: tuple[Leg, ...]


class Read(NamedTuple):
    """A look at some accounts in one moment; the answer is their balances in this order."""

    accounts: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """A call and its answer.

    Args:
        client: who called, for whoever reads what is wrong.
        sent, answered: moments of one clock; never answered is None, and then the call may have
            been done at any time since, or never.
        answer: whether a transfer was done, or the balances that were read.
    """

    client: str
    sent: float
    answered: float | None
    action: Transfer | Read
    answer: bool | tuple[int, ...] | None


Balances = tuple[tuple[int, int], ...]


class _Bank:
    """The sequential model: accounts that may not be overdrawn, but for some.

    Args:
        overdraft: accounts without a limit.
    """

    def __init__(self, overdraft: frozenset[int]) -> None:
        self._overdraft = overdraft

    def transfer(self, balances: Mapping[int, int], legs: Iterable[Leg]) -> dict[int, int] | None:
        """The balances after all legs in order, or None when one of them cannot be done."""
        after = dict(balances)
        for debit, credit, amount in legs:
            after[debit] = after.get(debit, 0) - amount
            if after[debit] < 0 and debit not in self._overdraft:
                return None
            after[credit] = after.get(credit, 0) + amount
        return after

    def after(self, state: Balances, call: Call) -> Balances | None:
        """The balances after a call; None when its answer would have been another."""
        balances = dict(state)
        if isinstance(call.action, Read):
            seen = tuple(balances.get(account, 0) for account in call.action.accounts)
            return state if seen == call.answer else None
        done = self.transfer(balances, call.action.legs)
        if call.answer is False:
            return state if done is None else None
        return None if done is None else tuple(sorted(done.items()))


class _Change(NamedTuple):
    """What a call says of one account: steps that were taken, or could not be, or a balance."""

    call: Call
    steps: tuple[int, ...] = ()
    balance: int | None = None


def _of_account(account: int, call: Call) -> _Change | None:
    """What a call says of an account; None when nothing."""
    if isinstance(call.action, Read):
        if account not in call.action.accounts:
            return None
        assert isinstance(call.answer, tuple), call
        return _Change(call, balance=call.answer[call.action.accounts.index(account)])
    legs = call.action.legs
    if call.answer is False:  # Of several legs nobody knows which one could not be done.
        refused = len(legs) == 1 and legs[0].debit == account
        return _Change(call, (-legs[0].amount,)) if refused else None
    steps = tuple(
        -leg.amount if leg.debit == account else leg.amount
        for leg in legs if account in (leg.debit, leg.credit)
    )  # fmt: skip
    return _Change(call, steps) if steps else None


def _account_after(limited: bool) -> Callable[[int, _Change], int | None]:
    """The sequential model of one account."""

    def after(balance: int, change: _Change) -> int | None:
        if change.balance is not None:
            return balance if balance == change.balance else None
        done = balance
        for step in change.steps:
            done += step
            if limited and step < 0 and done < 0:
                return balance if change.call.answer is False else None
        return None if change.call.answer is False else done

    return after


class _Orders(Generic[S, A]):
    """All orders of the calls so far that explain every answer so far.

    An order is kept as the state that it leads to, and which of the calls that are still open it
    has in it already.
    """

    def __init__(self, start: S, after: Callable[[S, A], S | None]) -> None:
        self._after = after
        self._open: dict[int, A] = {}
        self._orders: set[tuple[frozenset[int], S]] = {(frozenset(), start)}

    def sent(self, number: int, action: A) -> None:
        """A call begins."""
        self._open[number] = action

    def answered(self, number: int) -> bool:
        """A call ends: only orders that have it stay. Says whether there is one."""
        waiting = [self._settled(taken, state) for taken, state in self._orders]
        seen = set(waiting)
        kept: set[tuple[frozenset[int], S]] = set()
        while waiting:
            taken, state = waiting.pop()
            if number in taken:
                kept.add((taken - {number}, state))
                continue
            for order in self._longer(taken, state):
                if order not in seen:
                    seen.add(order)
                    waiting.append(order)
            if len(seen) > _ORDERS_MAX:
                raise OverflowError("too many calls are open at once to try all orders")
        self._orders = kept
        del self._open[number]
        return bool(kept)

    def _settled(self, taken: frozenset[int], state: S) -> tuple[frozenset[int], S]:
        """The order with every open call that fits and changes nothing: it is never too early."""
        fits = (
            n for n, a in self._open.items() if n not in taken and self._after(state, a) == state
        )
        return taken.union(fits), state

    def _longer(self, taken: frozenset[int], state: S) -> Iterable[tuple[frozenset[int], S]]:
        """The order with one more of the open calls."""
        for number, action in self._open.items():
            if number not in taken:
                after = self._after(state, action)
                if after is not None:
                    yield self._settled(taken | {number}, after)

    @property
    def states(self) -> list[S]:
        """What the orders lead to."""
        return [state for _, state in self._orders]


def _fault(
    calls: Sequence[tuple[Call, A]], start: S, after: Callable[[S, A], S | None]
) -> tuple[Call, list[S]] | None:
    """The first call whose answer no order explains, with the states that it could have met."""
    orders = _Orders(start, after)
    moments = [(call.sent, 0, number) for number, (call, _) in enumerate(calls)]
    moments += [
        (call.answered, 1, number)
        for number, (call, _) in enumerate(calls) if call.answered is not None
    ]  # fmt: skip
    for _, ends, number in sorted(moments):
        call, action = calls[number]
        if not ends:
            orders.sent(number, action)
            continue
        before = orders.states
        if not orders.answered(number):
            return call, before
    return None


def _shown(call: Call) -> str:
    what = f"{call.client} {type(call.action).__name__} {tuple(call.action[0])}"
    return f"{what} from {call.sent} to {call.answered} was answered {call.answer}"


def faults_of(
    calls: Sequence[Call], *, opening: Mapping[int, int], overdraft: frozenset[int] = frozenset()
) -> list[str]:
    """What no bank without faults would have answered, a sentence each; empty when all is right.

    Args:
        opening: the accounts and their balances before the first call.
        overdraft: accounts that may be below 0.

    Raises:
        OverflowError: so many calls overlap that not all orders can be tried.
    """
    found = []
    for account, balance in opening.items():
        named = ((call, _of_account(account, call)) for call in calls)
        own = [(call, change) for call, change in named if change is not None]
        fault = _fault(own, balance, _account_after(account not in overdraft))
        if fault is not None:
            found.append(
                f"account {account}: {_shown(fault[0])}, but it had {sorted(set(fault[1]))}"
            )
    if found:
        return found
    whole = _fault(
        [(call, call) for call in calls], tuple(sorted(opening.items())),
        _Bank(overdraft).after,
    )  # fmt: skip
    if whole is None:
        return []
    return [f"all accounts: {_shown(whole[0])}, but they had {[dict(s) for s in whole[1][:3]]}"]
