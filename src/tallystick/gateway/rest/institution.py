"""An institution's own API: its quotas, loans and files, and what it sends back.

Everything is asked for by the key's own institution, so that another's is not there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tallystick.credit.joint.files.worker import files_folder
from tallystick.credit.joint.model import Institution, PartnerDay
from tallystick.credit.joint.reports import (
    PartnerReportDone,
    RecordPartnerReport,
)
from tallystick.credit.joint.views import (
    ExpectedLoss,
    expected_loss,
    institution_loans,
    institution_of,
    loan_share,
    owed_now,
    partner_days,
    quotas,
)
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.participation.model import ShareFlow
from tallystick.decoding import decode_json
from tallystick.gateway.rest.fields import OrderNo, Query, text_of
from tallystick.gateway.rest.funding import quota_shape
from tallystick.gateway.rest.funding_shapes import (
    FileContents,
    FileName,
    InstitutionShape,
    OwnBook,
    OwnDay,
    OwnExpectedLoss,
    OwnFlow,
    OwnLoan,
    OwnLoanShape,
    OwnLoansQuery,
    PartnerReportBody,
    PartnerReportShape,
    ReportDifference,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Page
from tallystick.pipeline.refusals import Refused

__all__ = ["INSTITUTION_OPERATIONS"]

_TAG: Final = "Institution"
_DAYS_SHOWN: Final = 100
_FILE_BYTES_MAX: Final = 64 * 1024 * 1024


def _signed(amount: int, currency: str) -> str:
    return f"-{text_of(-amount, currency)}" if amount < 0 else text_of(amount, currency)


def _who(call: Call) -> Institution:
    found = institution_of(call.platform.rows, call.identity.institution())
    if found is None:
        raise Refused("INSTITUTION_NOT_EXIST")
    return found


def _expected(loss: ExpectedLoss, currency: str) -> OwnExpectedLoss:
    return OwnExpectedLoss(
        shares=_signed(loss.shares, currency),
        covered=_signed(loss.covered, currency),
        guaranteed=_signed(loss.guaranteed, currency),
    )


def own_book(call: Call, query: Query) -> OwnBook:
    """The institution with its quotas."""
    rows, who = call.platform.rows, _who(call)
    day = loan_day(call.platform.clock_ms())
    found = quotas(rows, day, who.institution_id)
    currencies = dict.fromkeys(q.terms.currency for q in found) or {"CNY": None}
    return OwnBook(
        institution=InstitutionShape(
            institution_id=who.institution_id, kind=who.kind, name=who.name, entity=who.entity
        ),
        owed={c: _signed(owed_now(rows, who.institution_id, c), c) for c in currencies},
        expected_loss={c: _expected(expected_loss(rows, who, c), c) for c in currencies},
        quotas=[quota_shape(quota) for quota in found],
    )


def own_loans(call: Call, query: OwnLoansQuery) -> Page[OwnLoan]:
    """The loans that it came to fund, newest first."""
    who = _who(call).institution_id
    scope = f"institution {who} shares of loans"
    place: Any = call.read_cursor(scope, query.cursor)
    found = institution_loans(call.platform.rows, who, query.limit + 1, place)
    page = found[: query.limit]
    more = len(found) > query.limit
    last = (page[-1].at_ns, page[-1].loan_id, page[-1].flow_no) if more else None
    return Page(
        items=[
            OwnLoan(loan_id=f.loan_id, programme_id=f.programme_id, day=f.day,
                    principal=text_of(f.principal, f.currency))
            for f in page
        ],
        next_cursor=call.write_cursor(scope, last),
    )  # fmt: skip


def _flow(flow: ShareFlow) -> OwnFlow:
    def text(amount: int) -> str:
        return _signed(amount, flow.currency)

    return OwnFlow(
        flow_no=flow.flow_no, kind=flow.kind, day=flow.day, principal=text(flow.principal),
        interest=text(flow.interest), fee=text(flow.fee), penalty=text(flow.penalty),
        servicing=text(flow.servicing), guarantee=text(flow.guarantee), other=text(flow.other),
        net=text(flow.net),
    )  # fmt: skip


def own_loan(call: Call, query: Query) -> OwnLoanShape:
    """Its share of one loan."""
    found = loan_share(call.platform.rows, _who(call).institution_id, call.path["loan_id"])
    if found is None:
        raise Refused("LOAN_NOT_EXIST")
    return OwnLoanShape(
        loan_id=found.loan_id, programme_id=found.programme_id, currency=found.currency,
        share_ppm=found.share_ppm, bought_back=found.bought_back,
        owed={name: text_of(amount, found.currency) for name, amount in found.owed.items()},
        flows=[_flow(flow) for flow in found.flows],
    )  # fmt: skip


class _Named(msgspec.Struct):
    name: str


class _Files(msgspec.Struct):
    files: tuple[_Named, ...]


def _file_names(row: PartnerDay) -> list[str]:
    text = row.manifest.rpartition("\n\n")[0]
    return [file.name for file in decode_json(text, _Files).files]


def own_days(call: Call, query: Query) -> Page[OwnDay]:
    """The days of its files, newest first."""
    rows = partner_days(call.platform.rows, _who(call).institution_id, _DAYS_SHOWN)
    return Page(
        items=[
            OwnDay(
                day=row.day, currency=row.currency,
                settlement=_signed(row.settlement, row.currency), manifest=row.manifest,
                files=_file_names(row),
            )
            for row in rows
        ],
        next_cursor=None,
    )  # fmt: skip


def own_file(call: Call, query: Query) -> FileContents:
    """One file, by its name; a name says whose it is and of which day."""
    who, name = _who(call).institution_id, call.path["name"]
    owner, currency, rest = name.split("-", 2)
    row = call.platform.rows.get(PartnerDay, owner, currency, rest[:10])
    if owner != who or row is None:
        raise Refused("PARTNER_FILE_NOT_EXIST")
    if name.endswith("-manifest.txt"):
        data = row.manifest.encode()
    elif name in _file_names(row):
        path = files_folder(call.platform.settings.data) / who / name
        if not path.is_file() or path.stat().st_size > _FILE_BYTES_MAX:
            raise Refused("PARTNER_FILE_NOT_EXIST")
        data = path.read_bytes()
    else:
        raise Refused("PARTNER_FILE_NOT_EXIST")
    return FileContents(name=name, content_base64=base64.b64encode(data).decode())


async def send_report(call: Call, body: PartnerReportBody) -> RecordPartnerReport:
    """The command that keeps what its own files have of a day, compared with the platform's."""
    import asyncio

    from tallystick.partner_reports import compared

    who = _who(call).institution_id
    try:
        data = base64.b64decode(body.content_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("INVALID_PARAMETER", "content_base64 is not base64.") from error

    def work() -> RecordPartnerReport:
        with call.platform.reader() as rows:
            return compared(rows, who, body.currency, body.day, data)

    return await asyncio.to_thread(work)


def _reported(done: PartnerReportDone) -> PartnerReportShape:
    return PartnerReportShape(
        report_id=done.report_id, lines=done.lines, matched=done.matched,
        differences=[
            ReportDifference(side=d.side, id=d.id, reference=d.reference,
                             amount=_signed(d.amount, done.currency))
            for d in done.differences
        ],
    )  # fmt: skip


_READ: Final[Mapping[str, Any]] = {
    "tag": _TAG, "scope": "institution:read", "for_apps": False, "query": Query,
}  # fmt: skip
_BASE: Final = "/v1/institution"

INSTITUTION_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        _BASE, "ownBook", summary="An institution's own position and quotas",
        description="With a key of the institution.", find=own_book, answer=OwnBook,
        refusals=("INSTITUTION_NOT_EXIST",), **_READ,
    ),
    look(
        f"{_BASE}/loans", "ownLoans", summary="Loans that it funds", tag=_TAG,
        scope="institution:read", for_apps=False, query=OwnLoansQuery, find=own_loans,
        answer=Page[OwnLoan], refusals=("INSTITUTION_NOT_EXIST", "CURSOR_INVALID"),
    ),
    look(
        f"{_BASE}/loans/{{loan_id}}", "ownLoan", summary="Its share of a loan",
        description="Another institution's loan is not there.", find=own_loan,
        answer=OwnLoanShape, parameters={"loan_id": OrderNo},
        refusals=("INSTITUTION_NOT_EXIST", "LOAN_NOT_EXIST"), **_READ,
    ),
    look(
        f"{_BASE}/files", "ownDays", summary="The days of its files", find=own_days,
        answer=Page[OwnDay], refusals=("INSTITUTION_NOT_EXIST",), **_READ,
    ),
    look(
        f"{_BASE}/files/{{name}}", "ownFile", summary="One of its files", find=own_file,
        answer=FileContents, parameters={"name": FileName},
        refusals=("INSTITUTION_NOT_EXIST", "PARTNER_FILE_NOT_EXIST"), **_READ,
    ),
    change(
        f"{_BASE}/reports", "sendReport", summary="Send back what its own books have of a day",
        description="CSV with the columns day, amount, currency and reference (the loan). It is "
        "matched with the platform's flows of that day; what differs is answered and kept.",
        tag=_TAG, scope="institution:write", for_apps=False, status=201, body=PartnerReportBody,
        command=send_report, show=_reported, answer=PartnerReportShape,
        body_bytes_max=8 * 1024 * 1024,
        refusals=("INSTITUTION_NOT_EXIST", "PARTNER_REPORT_MALFORMED", "INVALID_PARAMETER"),
        example={"day": "2026-11-25", "content_base64": "ZGF5LGFtb3VudAo="},
    ),
)  # fmt: skip
