"""What institutions send back: kept with what of it differs from the platform's own flows."""

from __future__ import annotations

import msgspec

from tallystick.credit.joint.model import Institution
from tallystick.pipeline.commands import CallerKind, Command, Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, event, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.table import Row, Table

__all__ = [
    "Difference", "PartnerReport", "PartnerReportDone", "RecordPartnerReport", "register",
]  # fmt: skip


class Difference(msgspec.Struct, frozen=True, array_like=True):
    """What only one side has: `institution` or `platform`; minor units."""

    side: str
    id: str
    reference: str
    amount: int


class PartnerReport(Row, frozen=True):
    """A file that an institution sent of a day; `differences` is JSON."""

    report_id: str
    institution_id: str
    currency: str
    day: str
    file_digest: bytes
    lines: int
    matched: int
    differences: str
    sent_by: str
    received_ms: int


REPORTS = Table("partner_report", PartnerReport, ("report_id",))


class RecordPartnerReport(Command, frozen=True, kw_only=True, tag="joint.record_report"):
    """Keep a report that was compared with the platform's flows."""

    institution_id: str
    currency: str
    day: str
    file_digest: bytes
    lines: int
    matched: int
    differences: tuple[Difference, ...]


class PartnerReportDone(Reply, frozen=True, kw_only=True):
    """The report as it was kept."""

    report_id: str
    currency: str
    lines: int
    matched: int
    differences: tuple[Difference, ...]


def record_report(command: RecordPartnerReport, context: Context) -> Reply:
    """Keep what came of a report; an institution reports for itself only."""
    caller = context.caller
    if caller.kind is CallerKind.INSTITUTION and caller.id != command.institution_id:
        raise Refused("NOT_PERMITTED", "An institution acts for itself only.")
    if context.uow.get(Institution, command.institution_id) is None:
        raise Refused("INSTITUTION_NOT_EXIST")
    row = PartnerReport(
        dated_number(context.now_ms, context.request_key, "report"), command.institution_id,
        command.currency, command.day, command.file_digest, command.lines, command.matched,
        msgspec.json.encode(command.differences).decode(), f"{caller.kind.value}:{caller.id}",
        context.now_ms,
    )  # fmt: skip
    reply = PartnerReportDone(
        report_id=row.report_id, currency=row.currency, lines=row.lines, matched=row.matched,
        differences=command.differences,
    )  # fmt: skip
    told = {"day": row.day, "lines": row.lines, "differences": len(command.differences)}
    happened = event("joint.reported", row.institution_id, told)
    return record(context, Decision(reply, (row,), events=(happened,)))


def register(registry: Registry) -> None:
    """Declare the command."""
    registry.add(
        RecordPartnerReport, record_report, reply=PartnerReportDone, scope="institution:write"
    )
