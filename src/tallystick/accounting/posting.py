"""Posting for products of bookkeeping: one linked chain of transfers, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tallystick.ledger.model import Transfer, TransferFlags, TransferResult
from tallystick.pipeline.commands import Context
from tallystick.pipeline.refusals import Refused

__all__ = ["post_linked", "who"]

_LINKED = int(TransferFlags.LINKED)
_NS_PER_MS = 1_000_000
_SAYS_WHY = frozenset({TransferResult.CREATED, TransferResult.LINKED_EVENT_FAILED})


def who(context: Context) -> str:
    """The caller as a text: its kind and id."""
    return f"{context.caller.kind}:{context.caller.id}"


def post_linked(context: Context, transfers: Sequence[Transfer]) -> None:
    """Post transfers together.

    Raises:
        Refused: LEDGER_REFUSED with the ledger's own answer; nothing is posted then.
    """
    last = len(transfers) - 1
    chain = [
        replace(t, flags=t.flags | _LINKED) if at < last else t for at, t in enumerate(transfers)
    ]
    results = context.uow.books.create_transfers(chain, context.now_ms * _NS_PER_MS)
    for result in results:
        if result not in _SAYS_WHY:
            raise Refused("LEDGER_REFUSED", result.value)
