"""What can be seen of inquiries: a person's consents, who asked, and what they may owe."""

from __future__ import annotations

from tallystick.credit.inquiries.exposure import newest_score
from tallystick.credit.inquiries.model import (
    Consent,
    CreditScore,
    DepositFree,
    DepositOperation,
    Inquiry,
)
from tallystick.store.rows import ReadSession, Rows

__all__ = ["consents_of", "find_deposit", "inquiries_about", "operations_of", "standing_of"]


def consents_of(rows: Rows, party_id: str) -> list[Consent]:
    """A person's consents, newest first."""
    found = rows.select(Consent, party_id=party_id)
    return sorted(found, key=lambda one: (-one.granted_ms, one.consent_id))


def inquiries_about(rows: ReadSession, party_id: str, limit: int = 50) -> list[Inquiry]:
    """Who asked about a person, newest first, answered or not."""
    return rows.query(
        Inquiry, "WHERE party_id = ? ORDER BY at_ms DESC, inquiry_id LIMIT ?", (party_id, limit)
    )


def find_deposit(
    rows: Rows, app_id: str, *, hold_id: str = "", out_order_no: str = ""
) -> DepositFree | None:
    """An app's deposit-free hold by either number."""
    hold = (
        rows.get(DepositFree, hold_id)
        if hold_id
        else rows.find(DepositFree, app_id=app_id, out_order_no=out_order_no)
    )
    return hold if hold is not None and hold.app_id == app_id else None


def operations_of(rows: Rows, hold: DepositFree) -> list[DepositOperation]:
    """What was done to it, oldest first."""
    found = rows.select(DepositOperation, hold_id=hold.hold_id)
    return sorted(found, key=lambda one: (one.at_ms, one.operation_id))


def standing_of(rows: Rows, party_id: str) -> CreditScore | None:
    """A person's newest score."""
    return newest_score(rows, party_id)
