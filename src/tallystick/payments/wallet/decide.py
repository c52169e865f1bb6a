"""What wallet and bank commands do: pure functions from state and command to a decision."""

from __future__ import annotations

from msgspec.structs import replace

from tallystick.ledger.model import TransferFlags
from tallystick.parties.model import Party
from tallystick.payments.accounts import account_at_banks, bank_reserve, wallet
from tallystick.payments.amounts import require_amount
from tallystick.payments.movements import Movement
from tallystick.payments.wallet.model import (
    BankAnswered,
    BankOrder,
    BankOrderDone,
    BankOrderKind,
    BankOrderStatus,
    StartTopUp,
    StartWithdrawal,
    TransferBetweenWallets,
    WalletTransfer,
    WalletTransferDone,
)
from tallystick.pipeline.decisions import Decision, Posting, event
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event

__all__ = [
    "answered", "order_done", "same_transfer", "sent", "top_up", "transfer", "transfer_done",
    "withdraw",
]  # fmt: skip

_ID_BYTES = 16


def order_done(order: BankOrder) -> BankOrderDone:
    """The order as a reply."""
    return BankOrderDone(
        order_id=order.order_id,
        kind=order.kind,
        party_id=order.party_id,
        currency=order.currency,
        amount=order.amount,
        status=order.status,
    )


def _happened(topic: str, order: BankOrder) -> Event:
    return event(
        topic,
        order.order_id,
        {
            "kind": order.kind,
            "bank_id": order.bank_id,
            "party_id": order.party_id,
            "currency": order.currency,
            "amount": order.amount,
            "status": order.status,
        },
    )


def _new_order(
    command: StartTopUp | StartWithdrawal, kind: BankOrderKind, order_id: str, now_ms: int
) -> BankOrder:
    require_amount(command.amount)
    return BankOrder(
        order_id=order_id,
        kind=kind,
        party_id=command.party_id,
        bank_id=command.bank_id,
        currency=command.currency,
        amount=command.amount,
        status=BankOrderStatus.NEW,
        hold_transfer_id=b"",
        bank_reference="",
        reason="",
        created_ms=now_ms,
        sent_ms=0,
        answered_ms=0,
    )


def top_up(command: StartTopUp, order_id: str, now_ms: int) -> Decision:
    """An order to the bank; nothing moves until the bank accepts."""
    order = _new_order(command, BankOrderKind.TOP_UP, order_id, now_ms)
    return Decision(order_done(order), (order,), events=(_happened("bank.order_created", order),))


def withdraw(
    command: StartWithdrawal, order_id: str, party: Party, hold_transfer_id: int, now_ms: int
) -> Decision:
    """An order to the bank, with its money held from now on."""
    order = replace(
        _new_order(command, BankOrderKind.WITHDRAWAL, order_id, now_ms),
        hold_transfer_id=hold_transfer_id.to_bytes(_ID_BYTES, "big"),
    )
    hold = Posting(
        account_at_banks(party, order.currency),
        bank_reserve(order.bank_id, order.currency),
        order.amount,
        Movement.WITHDRAW,
        int(order_id),
        "BALANCE_NOT_ENOUGH",
        TransferFlags.PENDING,
        id=hold_transfer_id,
    )
    return Decision(
        order_done(order), (order,), (hold,), events=(_happened("bank.order_created", order),)
    )


def sent(order: BankOrder, now_ms: int) -> Decision:
    """The bank has the order. After its answer this is no news."""
    if order.status is not BankOrderStatus.NEW:
        return Decision(order_done(order))
    order = replace(order, status=BankOrderStatus.SENT, sent_ms=now_ms)
    return Decision(order_done(order), (order,))


def _settlement(order: BankOrder, party: Party, accepted: bool) -> tuple[Posting, ...]:
    """What an answer moves: a top-up when accepted, a withdrawal's held money either way."""
    reserve = bank_reserve(order.bank_id, order.currency)
    purse = account_at_banks(party, order.currency)
    if order.kind is BankOrderKind.TOP_UP:
        paid = Posting(reserve, purse, order.amount, Movement.TOP_UP, int(order.order_id))
        return (paid,) if accepted else ()
    return (
        Posting(
            purse,
            reserve,
            order.amount if accepted else 0,
            Movement.WITHDRAW,
            int(order.order_id),
            flags=TransferFlags.POST_PENDING if accepted else TransferFlags.VOID_PENDING,
            pending_id=int.from_bytes(order.hold_transfer_id, "big"),
        ),
    )


def answered(order: BankOrder, party: Party, command: BankAnswered, now_ms: int) -> Decision:
    """The bank's answer, whether or not it was known that the bank has the order.

    Raises:
        Refused: BANK_ANSWER_CONFLICT when an earlier answer, or its reference, was another.
    """
    status = BankOrderStatus.ACCEPTED if command.accepted else BankOrderStatus.REJECTED
    if order.answered_ms:
        if (order.status, order.bank_reference) != (status, command.bank_reference):
            raise Refused("BANK_ANSWER_CONFLICT", f"It was {order.status.value} before.")
        return Decision(order_done(order))
    order = replace(
        order,
        status=status,
        bank_reference=command.bank_reference,
        reason=command.reason,
        sent_ms=order.sent_ms or now_ms,
        answered_ms=now_ms,
    )
    return Decision(
        order_done(order),
        (order,),
        _settlement(order, party, command.accepted),
        events=(_happened("bank.answered", order),),
    )


def transfer_done(row: WalletTransfer) -> WalletTransferDone:
    """The transfer as a reply."""
    return WalletTransferDone(
        order_id=row.order_id,
        out_biz_no=row.out_biz_no,
        payer_id=row.payer_id,
        payee_id=row.payee_id,
        currency=row.currency,
        amount=row.amount,
        transferred_ms=row.transferred_ms,
    )


def same_transfer(row: WalletTransfer, command: TransferBetweenWallets) -> bool:
    """Whether a command repeats the one that made this transfer."""
    return (row.payer_id, row.payee_id, row.currency, row.amount, row.title, row.remark) == (
        command.payer_id,
        command.payee_id,
        command.currency,
        command.amount,
        command.title,
        command.remark,
    )


def transfer(
    command: TransferBetweenWallets,
    payer_scope: str,
    payer: Party,
    payee: Party,
    order_id: str,
    now_ms: int,
) -> Decision:
    """Money from one wallet to another."""
    require_amount(command.amount)
    if payer.party_id == payee.party_id:
        raise Refused("PAYER_IS_PAYEE")
    row = WalletTransfer(
        order_id,
        payer_scope,
        command.out_biz_no,
        payer.party_id,
        payee.party_id,
        command.currency,
        command.amount,
        command.title,
        command.remark,
        now_ms,
    )
    moved = Posting(
        wallet(payer, row.currency),
        wallet(payee, row.currency),
        row.amount,
        Movement.WALLET_TRANSFER,
        int(order_id),
        "BALANCE_NOT_ENOUGH",
    )
    happened = event("wallet.transferred", order_id, transfer_done(row))
    return Decision(transfer_done(row), (row,), (moved,), events=(happened,))
