"""A second, plain ledger to compare with: slow, dictionaries only, copies itself for chains.

It is written rule by rule from the documented semantics, in another shape than the kernel, so
that a slip in one is unlikely to be in the other.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from msgspec.structs import replace

from tallystick.ledger.model import AMOUNT_MAX, ID_MAX, Account, PendingState, Transfer
from tallystick.ledger.model import TransferFlags as F

Rules = Iterator[tuple[bool, str]]

TRANSIENT = {
    "debit_account_not_found",
    "credit_account_not_found",
    "pending_transfer_not_found",
    "exceeds_credits",
    "exceeds_debits",
    "debit_account_already_closed",
    "credit_account_already_closed",
}
SETTLING = F.POST_PENDING | F.VOID_PENDING
SECOND_NS = 10**9


def first_broken(rules: Rules) -> str:
    return next((name for broken, name in rules if broken), "created")


class NaiveLedger:
    def __init__(self, accounts: list[Account]) -> None:
        self.accounts = {a.id: a for a in accounts}
        self.transfers: dict[int, Transfer] = {}
        self.states: dict[int, PendingState] = {}
        self.failed: set[int] = set()

    def call(self, transfers: list[Transfer], first_timestamp: int) -> list[str]:
        results: list[str] = []
        position = 0
        while position < len(transfers):
            end = position
            while end < len(transfers) - 1 and F(transfers[end].flags) & F.LINKED:
                end += 1
            chain = transfers[position : end + 1]
            results += self._chain(chain, first_timestamp + position)
            position = end + 1
        return results

    def _chain(self, chain: list[Transfer], timestamp: int) -> list[str]:
        before = copy.deepcopy(self.__dict__)
        chain_open = bool(F(chain[-1].flags) & F.LINKED)
        for i, transfer in enumerate(chain):
            if chain_open and i == len(chain) - 1:
                result = "linked_event_chain_open"
            else:
                result = self._one(transfer, timestamp + i)
            if result != "created":
                self.__dict__.update(before)
                if result in TRANSIENT:
                    self.failed.add(transfer.id)
                results = ["linked_event_failed"] * len(chain)
                if chain_open:
                    results[-1] = "linked_event_chain_open"
                results[i] = result
                return results
        return ["created"] * len(chain)

    def _one(self, t: Transfer, now: int) -> str:
        result = first_broken(self._identity_rules(t))
        if result != "created":
            return result
        if t.id in self.transfers:
            return first_broken(self._exists_rules(t, self.transfers[t.id]))
        if t.id in self.failed:
            return "id_already_failed"
        if F(t.flags) & SETTLING:
            result = first_broken(self._settling_rules(t, now))
            if result == "created":
                self._settle(t, now)
            return result
        result = first_broken(self._form_rules(t))
        if result == "created":
            amount = self._amount(t)
            result = first_broken(self._move_rules(t, amount, now))
            if result == "created":
                self._move(replace(t, amount=amount, timestamp=now))
        return result

    def _identity_rules(self, t: Transfer) -> Rules:
        yield t.timestamp != 0, "timestamp_must_be_zero"
        yield t.flags >= 256, "reserved_flag"
        yield t.id == 0, "id_must_not_be_zero"
        yield t.id == ID_MAX, "id_must_not_be_int_max"

    def _exists_rules(self, t: Transfer, e: Transfer) -> Rules:
        settling = bool(F(t.flags) & SETTLING)
        yield t.flags != e.flags, "exists_with_different_flags"
        yield t.pending_id != e.pending_id, "exists_with_different_pending_id"
        yield t.timeout != e.timeout, "exists_with_different_timeout"
        p = self.transfers[t.pending_id] if settling else None
        for name in ("debit_account_id", "credit_account_id"):
            given = getattr(t, name) or (getattr(p, name) if p else 0)
            yield given != getattr(e, name), f"exists_with_different_{name}"
        if p is not None:
            yield self._settled(t, p) != e.amount, "exists_with_different_amount"
        elif F(t.flags) & (F.BALANCING_DEBIT | F.BALANCING_CREDIT):
            yield t.amount < e.amount, "exists_with_different_amount"
        else:
            yield t.amount != e.amount, "exists_with_different_amount"
        for name in ("user_data_128", "user_data_64", "user_data_32", "book", "code"):
            given = getattr(t, name) or (getattr(p, name) if p else 0)
            word = "ledger" if name == "book" else name
            yield given != getattr(e, name), f"exists_with_different_{word}"
        yield True, "exists"

    def _form_rules(self, t: Transfer) -> Rules:
        for side in ("debit", "credit"):
            given = getattr(t, f"{side}_account_id")
            yield given == 0, f"{side}_account_id_must_not_be_zero"
            yield given == ID_MAX, f"{side}_account_id_must_not_be_int_max"
        yield t.debit_account_id == t.credit_account_id, "accounts_must_be_different"
        yield t.pending_id != 0, "pending_id_must_be_zero"
        pending = bool(F(t.flags) & F.PENDING)
        yield not pending and t.timeout != 0, "timeout_reserved_for_pending_transfer"
        closing = bool(F(t.flags) & (F.CLOSING_DEBIT | F.CLOSING_CREDIT))
        yield not pending and closing, "closing_transfer_must_be_pending"
        yield t.book == 0, "ledger_must_not_be_zero"
        yield t.code == 0, "code_must_not_be_zero"
        yield t.debit_account_id not in self.accounts, "debit_account_not_found"
        yield t.credit_account_id not in self.accounts, "credit_account_not_found"
        debit, credit = self.accounts[t.debit_account_id], self.accounts[t.credit_account_id]
        yield debit.book != credit.book, "accounts_must_have_the_same_ledger"
        yield debit.book != t.book, "transfer_must_have_the_same_ledger_as_accounts"
        yield debit.closed, "debit_account_already_closed"
        yield credit.closed, "credit_account_already_closed"

    def _amount(self, t: Transfer) -> int:
        limits = [t.amount]
        if F(t.flags) & F.BALANCING_DEBIT:
            a = self.accounts[t.debit_account_id]
            limits.append(max(0, a.credits_posted - a.debits_posted - a.debits_pending))
        if F(t.flags) & F.BALANCING_CREDIT:
            a = self.accounts[t.credit_account_id]
            limits.append(max(0, a.debits_posted - a.credits_posted - a.credits_pending))
        return min(limits)

    def _move_rules(self, t: Transfer, amount: int, now: int) -> Rules:
        dr, cr = self.accounts[t.debit_account_id], self.accounts[t.credit_account_id]
        if F(t.flags) & F.PENDING:
            yield dr.debits_pending + amount > AMOUNT_MAX, "overflows_debits_pending"
            yield cr.credits_pending + amount > AMOUNT_MAX, "overflows_credits_pending"
        yield dr.debits_posted + amount > AMOUNT_MAX, "overflows_debits_posted"
        yield cr.credits_posted + amount > AMOUNT_MAX, "overflows_credits_posted"
        debits = dr.debits_pending + dr.debits_posted + amount
        credits = cr.credits_pending + cr.credits_posted + amount
        yield debits > AMOUNT_MAX, "overflows_debits"
        yield credits > AMOUNT_MAX, "overflows_credits"
        yield now + t.timeout * SECOND_NS > AMOUNT_MAX, "overflows_timeout"
        yield bool(dr.flags & 2) and debits > dr.credits_posted, "exceeds_credits"
        yield bool(cr.flags & 4) and credits > cr.debits_posted, "exceeds_debits"

    def _settling_rules(self, t: Transfer, now: int) -> Rules:
        flags = F(t.flags)
        yield (flags & SETTLING) == SETTLING, "flags_are_mutually_exclusive"
        others = flags & ~(SETTLING | F.LINKED)
        yield bool(others), "flags_are_mutually_exclusive"
        yield t.pending_id == 0, "pending_id_must_not_be_zero"
        yield t.pending_id == ID_MAX, "pending_id_must_not_be_int_max"
        yield t.pending_id == t.id, "pending_id_must_be_different"
        yield t.timeout != 0, "timeout_reserved_for_pending_transfer"
        yield t.pending_id not in self.transfers, "pending_transfer_not_found"
        p = self.transfers[t.pending_id]
        yield not F(p.flags) & F.PENDING, "pending_transfer_not_pending"
        for name in ("debit_account_id", "credit_account_id", "book", "code"):
            given, word = getattr(t, name), "ledger" if name == "book" else name
            yield given not in (0, getattr(p, name)), f"pending_transfer_has_different_{word}"
        amount, void = self._settled(t, p), bool(flags & F.VOID_PENDING)
        yield amount > p.amount, "exceeds_pending_transfer_amount"
        yield void and amount < p.amount, "pending_transfer_has_different_amount"
        state = self.states[p.id]
        yield state is PendingState.POSTED, "pending_transfer_already_posted"
        yield state is PendingState.VOIDED, "pending_transfer_already_voided"
        late = p.timeout != 0 and now >= p.timestamp + p.timeout * SECOND_NS
        yield state is PendingState.EXPIRED or late, "pending_transfer_expired"
        yield not void and self.accounts[p.debit_account_id].closed, "debit_account_already_closed"
        closed = self.accounts[p.credit_account_id].closed
        yield not void and closed, "credit_account_already_closed"

    @staticmethod
    def _settled(t: Transfer, p: Transfer) -> int:
        if F(t.flags) & F.VOID_PENDING:
            return t.amount or p.amount
        return p.amount if t.amount == AMOUNT_MAX else t.amount

    def _add(self, account_id: int, *, closed: bool | None = None, **changes: int) -> None:
        a = self.accounts[account_id]
        totals = {name: getattr(a, name) + by for name, by in changes.items()}
        flags = a.flags if closed is None else (a.flags | 32 if closed else a.flags & ~32)
        self.accounts[account_id] = replace(a, flags=flags, **totals)

    def _move(self, t: Transfer) -> None:
        self.transfers[t.id] = t
        if not F(t.flags) & F.PENDING:
            self._add(t.debit_account_id, debits_posted=t.amount)
            self._add(t.credit_account_id, credits_posted=t.amount)
            return
        self.states[t.id] = PendingState.PENDING
        closing = True if F(t.flags) & F.CLOSING_DEBIT else None
        self._add(t.debit_account_id, closed=closing, debits_pending=t.amount)
        closing = True if F(t.flags) & F.CLOSING_CREDIT else None
        self._add(t.credit_account_id, closed=closing, credits_pending=t.amount)

    def _settle(self, t: Transfer, now: int) -> None:
        p = self.transfers[t.pending_id]
        amount = self._settled(t, p)
        inherited = {
            name: getattr(t, name) or getattr(p, name)
            for name in ("user_data_128", "user_data_64", "user_data_32")
        }
        sides = {n: getattr(p, n) for n in ("debit_account_id", "credit_account_id")}
        self.transfers[t.id] = replace(
            t, amount=amount, book=p.book, code=p.code, timestamp=now, **sides, **inherited
        )
        if F(t.flags) & F.VOID_PENDING:
            self._release(p, PendingState.VOIDED)
            return
        self.states[p.id] = PendingState.POSTED
        self._add(p.debit_account_id, debits_pending=-p.amount, debits_posted=amount)
        self._add(p.credit_account_id, credits_pending=-p.amount, credits_posted=amount)

    def _release(self, p: Transfer, state: PendingState) -> None:
        self.states[p.id] = state
        reopened = False if F(p.flags) & F.CLOSING_DEBIT else None
        self._add(p.debit_account_id, closed=reopened, debits_pending=-p.amount)
        reopened = False if F(p.flags) & F.CLOSING_CREDIT else None
        self._add(p.credit_account_id, closed=reopened, credits_pending=-p.amount)

    def expire(self, transfer_id: int, now: int) -> bool:
        p = self.transfers.get(transfer_id)
        if p is None or self.states.get(p.id) is not PendingState.PENDING or not p.timeout:
            return False
        if now < p.timestamp + p.timeout * SECOND_NS:
            return False
        self._release(p, PendingState.EXPIRED)
        return True
