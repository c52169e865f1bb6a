"""Wallets: topping up, withdrawing and transferring; terms, rows, commands."""

from __future__ import annotations

from enum import StrEnum

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "BankAnswered", "BankOrder", "BankOrderDone", "BankOrderKind", "BankOrderSent",
    "BankOrderStatus", "StartTopUp", "StartWithdrawal", "TransferBetweenWallets",
    "WalletTransfer", "WalletTransferDone",
]  # fmt: skip


class BankOrderKind(StrEnum):
    """Which way the money goes at the bank."""

    TOP_UP = "top_up"
    WITHDRAWAL = "withdrawal"


class BankOrderStatus(StrEnum):
    """What is known of an order at the bank."""

    NEW = "new"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class BankOrder(Row, frozen=True):
    """An order to a bank. A withdrawal's money is a pending transfer until the answer."""

    order_id: str
    kind: BankOrderKind
    party_id: str
    bank_id: str
    currency: str
    amount: int
    status: BankOrderStatus
    hold_transfer_id: bytes
    bank_reference: str
    reason: str
    created_ms: int
    sent_ms: int
    answered_ms: int


class WalletTransfer(Row, frozen=True):
    """Money that went from one wallet to another. `payer_scope` is the app or party asking."""

    order_id: str
    payer_scope: str
    out_biz_no: str
    payer_id: str
    payee_id: str
    currency: str
    amount: int
    title: str
    remark: str
    transferred_ms: int


BANK_ORDERS = Table("bank_order", BankOrder, ("order_id",))
WALLET_TRANSFERS = Table(
    "wallet_transfer", WalletTransfer, ("order_id",), unique=(("payer_scope", "out_biz_no"),)
)


class StartTopUp(Command, frozen=True, kw_only=True, tag="wallet.top_up"):
    """Ask the bank for money of the party's; the wallet grows when the bank accepts."""

    party_id: str
    amount: int
    bank_id: str
    currency: str = "CNY"


class StartWithdrawal(Command, frozen=True, kw_only=True, tag="wallet.withdraw"):
    """Hold the money and ask the bank to pay it out."""

    party_id: str
    amount: int
    bank_id: str
    currency: str = "CNY"


class BankOrderSent(Command, frozen=True, kw_only=True, tag="bank.sent"):
    """The order reached the bank; its answer may come later."""

    order_id: str


class BankAnswered(Command, frozen=True, kw_only=True, tag="bank.answered"):
    """The bank's answer; the same one again changes nothing, another one is refused."""

    order_id: str
    accepted: bool
    bank_reference: str
    reason: str = ""


class TransferBetweenWallets(Command, frozen=True, kw_only=True, tag="wallet.transfer"):
    """Move money from one wallet to another; the same number again is the same transfer."""

    payer_id: str
    payee_id: str
    amount: int
    out_biz_no: str
    currency: str = "CNY"
    title: str = ""
    remark: str = ""
    app_id: str = ""


class BankOrderDone(Reply, frozen=True, kw_only=True):
    """The bank order as it is now."""

    order_id: str
    kind: BankOrderKind
    party_id: str
    currency: str
    amount: int
    status: BankOrderStatus


class WalletTransferDone(Reply, frozen=True, kw_only=True):
    """The transfer that was made, now or by an earlier request with the same number."""

    order_id: str
    out_biz_no: str
    payer_id: str
    payee_id: str
    currency: str
    amount: int
    transferred_ms: int
