"""Wallet and bank commands at work: load what a decision needs, decide, record."""

from __future__ import annotations

from collections.abc import Container

from tallystick.ledger.chart import transfer_id
from tallystick.parties.model import Party
from tallystick.parties.views import active_party, known_party
from tallystick.payments.accounts import platform_book, wallet
from tallystick.payments.banks.directory import BANKS
from tallystick.payments.callers import acting_app, wallet_owner_check
from tallystick.payments.wallet import decide
from tallystick.payments.wallet.model import (
    BankAnswered,
    BankOrder,
    BankOrderDone,
    BankOrderSent,
    StartTopUp,
    StartWithdrawal,
    TransferBetweenWallets,
    WalletTransfer,
    WalletTransferDone,
)
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused

__all__ = ["register"]


def _party_at_bank(
    command: StartTopUp | StartWithdrawal, context: Context, banks: Container[str]
) -> Party:
    """The active party that a bank order is for, if the caller may order it."""
    wallet_owner_check(context, command.party_id, acting_app(context, ""))
    platform_book(command.currency)
    if command.bank_id not in banks:
        raise Refused("BANK_NOT_EXIST")
    party = active_party(context.uow, command.party_id)
    wallet(party, command.currency)
    return party


def start_top_up(command: StartTopUp, context: Context, banks: Container[str] = BANKS) -> Reply:
    """Order money of the party's from its bank."""
    _party_at_bank(command, context, banks)
    order_id = dated_number(context.now_ms, context.request_key, "bank")
    return record(context, decide.top_up(command, order_id, context.now_ms))


def start_withdrawal(
    command: StartWithdrawal, context: Context, banks: Container[str] = BANKS
) -> Reply:
    """Hold the money and order the bank to pay it out."""
    party = _party_at_bank(command, context, banks)
    order_id = dated_number(context.now_ms, context.request_key, "bank")
    held = transfer_id(context.request_key + b"withdrawal", 0)
    return record(context, decide.withdraw(command, order_id, party, held, context.now_ms))


def _bank_order(context: Context, order_id: str) -> BankOrder:
    order = context.uow.get(BankOrder, order_id)
    if order is None:
        raise Refused("BANK_ORDER_NOT_EXIST")
    return order


def bank_order_sent(command: BankOrderSent, context: Context) -> Reply:
    """The bank has the order."""
    return record(context, decide.sent(_bank_order(context, command.order_id), context.now_ms))


def bank_answered(command: BankAnswered, context: Context) -> Reply:
    """The bank has answered; also for a party that was blocked meanwhile."""
    order = _bank_order(context, command.order_id)
    party = known_party(context.uow, order.party_id)
    return record(context, decide.answered(order, party, command, context.now_ms))


def transfer_between_wallets(command: TransferBetweenWallets, context: Context) -> Reply:
    """Move money between wallets, once for each number that the payer's side gives."""
    uow = context.uow
    app_id = acting_app(context, command.app_id)
    wallet_owner_check(context, command.payer_id, app_id)
    if not command.out_biz_no:
        raise Refused("INVALID_PARAMETER", "A transfer needs out_biz_no.")
    scope = f"app:{app_id}" if app_id else f"{context.caller.kind}:{context.caller.id}"
    known = uow.find(WalletTransfer, payer_scope=scope, out_biz_no=command.out_biz_no)
    if known is not None:
        if not decide.same_transfer(known, command):
            raise Refused("TRANSFER_MISMATCH")
        return decide.transfer_done(known)
    platform_book(command.currency)
    if uow.get(Party, command.payee_id) is None:
        raise Refused("PAYEE_NOT_EXIST")
    payer, payee = active_party(uow, command.payer_id), active_party(uow, command.payee_id)
    order_id = dated_number(context.now_ms, context.request_key, "transfer")
    return record(context, decide.transfer(command, scope, payer, payee, order_id, context.now_ms))


def register(registry: Registry) -> None:
    """Declare the wallet and bank commands."""
    registry.add(StartTopUp, start_top_up, reply=BankOrderDone, scope="wallet:write")
    registry.add(StartWithdrawal, start_withdrawal, reply=BankOrderDone, scope="wallet:write")
    registry.add(BankOrderSent, bank_order_sent, reply=BankOrderDone, scope="system")
    registry.add(BankAnswered, bank_answered, reply=BankOrderDone, scope="system")
    registry.add(
        TransferBetweenWallets, transfer_between_wallets, reply=WalletTransferDone,
        scope="wallet:write",
    )  # fmt: skip
