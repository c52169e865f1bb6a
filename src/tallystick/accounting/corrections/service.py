"""Reversals at work: find the transfer and what was reversed of it, decide, post, record."""

from __future__ import annotations

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.corrections import decide
from tallystick.accounting.corrections.model import Reversal, ReverseTransfer, TransferReversed
from tallystick.accounting.decide import ID_BYTES
from tallystick.accounting.exchange.model import CurrencyExchange
from tallystick.accounting.periods.guard import require_open_days
from tallystick.accounting.posting import post_linked, who
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Transfer
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import record
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register"]


def _number(data: bytes) -> int:
    if len(data) != ID_BYTES:
        raise Refused("INVALID_PARAMETER", "A 128-bit number must be 16 bytes.")
    return int.from_bytes(data, "big")


def _is_leg(uow: UnitOfWork, original: Transfer) -> bool:
    """Whether a transfer is part of an exchange, whose number it carries."""
    return uow.get(CurrencyExchange, str(original.user_data_128)) is not None


def reverse(command: ReverseTransfer, context: Context) -> Reply:
    """Take a posted transfer back, however it was posted."""
    uow = context.uow
    original = uow.books.transfer(_number(command.transfer_id))
    _number(command.reversal_id)
    if original is None:
        raise Refused("TRANSFER_NOT_EXIST")
    transfer, decision = decide.reverse(
        command, original, uow.select(Reversal, transfer_id=id_bytes(original.id)),
        is_reversal=uow.get(Reversal, id_bytes(original.id)) is not None,
        is_leg=_is_leg(uow, original), by=who(context), now_ms=context.now_ms,
    )  # fmt: skip
    book = uow.get(LedgerBook, original.book)
    if command.effective_day and (book is None or not book.value_dated):
        raise Refused("EFFECTIVE_DATE_INVALID", f"Book {original.book} is not value-dated.")
    require_open_days(uow, (transfer,))
    post_linked(context, (transfer,))
    return record(context, decision)


def register(registry: Registry) -> None:
    """Declare the command."""
    registry.add(ReverseTransfer, reverse, reply=TransferReversed, scope="ledger:write")
