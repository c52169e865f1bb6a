"""Where joint lending and reconciliation meet: an institution's report beside our own flows."""

from __future__ import annotations

import hashlib
from datetime import date

from tallystick.credit.joint.reports import Difference, RecordPartnerReport
from tallystick.credit.participation.model import ShareFlow
from tallystick.pipeline.refusals import Refused
from tallystick.reconciliation.days import day_number
from tallystick.reconciliation.matching.columns import frame_of
from tallystick.reconciliation.matching.engine import match
from tallystick.reconciliation.matching.entry import Entry
from tallystick.reconciliation.matching.rules import Rules
from tallystick.reconciliation.sides import ledger_side
from tallystick.reconciliation.statements.model import StatementError
from tallystick.store.rows import ReadSession

__all__ = ["compared"]

_DIGEST_BYTES = 16


def _ours(rows: ReadSession, institution_id: str, currency: str, day: str) -> list[Entry]:
    """What moved between the platform and an institution on a day, flow by flow."""
    flows = rows.query(
        ShareFlow,
        "WHERE institution_id = ? AND currency = ? AND day = ? AND net <> 0 "
        "ORDER BY loan_id, flow_no",
        (institution_id, currency, day),
    )
    number = day_number(date.fromisoformat(day))
    return [
        Entry(f"{f.loan_id}-{f.flow_no}", number, f.net, currency, f.loan_id) for f in flows
    ]  # fmt: skip


def compared(
    rows: ReadSession, institution_id: str, currency: str, day: str, data: bytes
) -> RecordPartnerReport:
    """The command that keeps a report, with what is in it and not here, and the other way.

    Raises:
        Refused: PARTNER_REPORT_MALFORMED, INVALID_PARAMETER.
    """
    try:
        ours = _ours(rows, institution_id, currency, day)
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", "day") from error
    try:
        theirs = ledger_side(data)
        outcome = match(theirs, frame_of(ours), Rules(window_days=0))
    except (StatementError, ValueError) as error:
        raise Refused("PARTNER_REPORT_MALFORMED", f"{error}") from error
    by_id = {entry.id: entry for entry in ours}
    sent = {row["id"]: row for row in theirs.iter_rows(named=True)}
    matched = {i for group in outcome.groups() if group.matched for i in (*group.bank,)}
    kept = {i for group in outcome.groups() if group.matched for i in group.ledger}
    differences = [
        Difference("institution", i, sent[i]["reference"], int(sent[i]["amount"]))
        for i in sorted(set(sent) - matched)
    ]
    differences += [
        Difference("platform", i, by_id[i].reference, by_id[i].amount)
        for i in sorted(set(by_id) - kept)
    ]
    return RecordPartnerReport(
        institution_id=institution_id, currency=currency, day=day,
        file_digest=hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest(),
        lines=theirs.height, matched=len(matched), differences=tuple(differences),
    )  # fmt: skip
