"""What can be seen of bills: those that were issued, newest first."""

from __future__ import annotations

from tallystick.credit.pay_later.model import Bill
from tallystick.store.rows import ReadSession

__all__ = ["bills_of"]

_BILLS_MAX = 120


def bills_of(rows: ReadSession, borrower_id: str, product_id: str) -> list[Bill]:
    """A person's bills of a product, newest first; ten years of them at most."""
    return rows.query(
        Bill,
        "WHERE borrower_id = ? AND product_id = ? ORDER BY due_day DESC LIMIT ?",
        (borrower_id, product_id, _BILLS_MAX),
    )
