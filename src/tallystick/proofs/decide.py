"""Whether there is a head to sign, and the rows of one: pure functions."""

from __future__ import annotations

from tallystick.ledger.encoding import PAGE_LEAVES
from tallystick.proofs.keys import SigningKey, signed_note
from tallystick.proofs.model import Prepared, TreeHead, TreePage
from tallystick.verify import Head

__all__ = ["next_head", "pages_of"]


def next_head(
    last: TreeHead | None, prepared: Prepared | None, key: SigningKey, now_ms: int
) -> TreeHead | None:
    """The head that follows the last one; None when nothing has come since."""
    if prepared is None or (last is not None and prepared.journal <= last.journal):
        return None
    head = Head(
        key.signer.key.name,
        prepared.size,
        prepared.root,
        prepared.journal,
        prepared.journal_hash,
        now_ms,
    )
    number = 1 if last is None else last.number + 1
    return TreeHead(number, head.size, head.journal, key.key_id, signed_note(head, key), now_ms)


def pages_of(last: TreeHead | None, head: TreeHead, prepared: Prepared) -> list[TreePage]:
    """The pages that the new head covers and the last one did not."""
    first = 0 if last is None else last.size // PAGE_LEAVES
    return [
        TreePage(number, prepared.pages[number - prepared.first_page])
        for number in range(first, head.size // PAGE_LEAVES)
    ]
