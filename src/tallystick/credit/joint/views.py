"""What can be seen of joint lending: quotas live, and an institution's own loans and days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from tallystick.credit.joint.model import (
    FundingClass,
    FundingDecision,
    Institution,
    PartnerDay,
    Programme,
    ProgrammeDay,
    ProgrammeTerms,
)
from tallystick.credit.participation.model import (
    FundingPlan,
    JointLoan,
    Participant,
    ShareFlow,
    plan_of,
)
from tallystick.credit.participation.share import owed_parts
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.decoding import decode_json
from tallystick.ledger.chart import (
    GUARANTEE_PROVISION,
    INSTITUTION_SETTLEMENT,
    PARTICIPATION_INCOME,
    PARTICIPATION_PRINCIPAL,
    SHARE_ALLOWANCE,
    SHARE_COVER,
    SHARE_PRINCIPAL,
    ChartEntry,
    Side,
    account_id,
    book_id,
)
from tallystick.payments.accounts import platform_book
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = [
    "ExpectedLoss", "Lender", "LoanShare", "Quota", "expected_loss", "institution_flows",
    "institution_loans", "institution_of", "lenders_of", "loan_share", "owed_now", "partner_days",
    "quotas", "recent_decisions",
]  # fmt: skip

_OWED: Final = ("principal", "interest", "fee", "penalty")


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """A programme and how much of it is in use now; minor units, 0 for no ceiling."""

    programme: Programme
    terms: ProgrammeTerms
    name: str
    used: int
    reserved: int
    income: int
    day_used: int
    classes: tuple[tuple[str, int], ...] = ()


class ExpectedLoss(msgspec.Struct, frozen=True):
    """What an institution's own book says of loss that is expected, in minor units.

    Args:
        shares: of its shares, whoever bears it.
        covered: what others would bear of that.
        guaranteed: what it would bear of others' losses.
    """

    shares: int
    covered: int
    guaranteed: int


class LoanShare(msgspec.Struct, frozen=True, kw_only=True):
    """An institution's share of a loan, and all that happened to it."""

    loan_id: str
    currency: str
    programme_id: str
    share_ppm: int
    bought_back: bool
    owed: Mapping[str, int]
    flows: tuple[ShareFlow, ...]


class Lender(NamedTuple):
    """Who has a share of a loan; without a name it is the platform."""

    name: str
    share_ppm: int


def lenders_of(rows: ReadSession, loan_id: str) -> list[Lender]:
    """Who funds a loan now, the platform included; nobody where it does so alone."""
    joint = rows.get(JointLoan, loan_id)
    if joint is None:
        return []
    row = rows.get(FundingPlan, joint.plan_id)
    assert row is not None, joint
    names = {i.institution_id: i.name for i in rows.select(Institution)}
    return [
        Lender(names.get(p.institution_id, "") if p.is_outside else "", p.share_ppm)
        for p in plan_of(row).participants
    ]


class _Ledger:
    """Accounts of many owners, asked for at once."""

    def __init__(self, rows: ReadSession, wanted: Sequence[tuple[int, ChartEntry, str]]) -> None:
        ids = [account_id(*one) for one in wanted]
        found = SqlLedgerReader(rows.connection).accounts(ids)
        self._accounts = {account.id: account for account in found}

    def balance(self, book: int, entry: ChartEntry, owner: str) -> tuple[int, int]:
        """What an account holds on its side, and what is pending there beside it."""
        account = self._accounts.get(account_id(book, entry, owner))
        if account is None:
            return 0, 0
        if entry.side is Side.CREDIT:
            return account.credits_posted - account.debits_posted, account.credits_pending
        return account.debits_posted - account.credits_posted, account.debits_pending


def _classes(
    rows: ReadSession, programme: Programme, owner: Institution, currency: str
) -> tuple[tuple[str, int], ...]:
    """What is in use of each kind of loan that the programme counts by itself."""
    book = book_id(owner.entity, currency)
    known = rows.select(FundingClass, programme_id=programme.programme_id)
    wanted = [(book, SHARE_PRINCIPAL, f"{programme.number}{c.class_no:06d}") for c in known]
    ledger = _Ledger(rows, wanted)
    return tuple((c.value, sum(ledger.balance(*w))) for c, w in zip(known, wanted, strict=True))


def quotas(rows: ReadSession, day: date, institution_id: str = "") -> list[Quota]:
    """Every programme of institutions (or of one) with what of it is in use."""
    known = {i.institution_id: i for i in rows.select(Institution)}
    programmes = [
        p for p in rows.select(Programme)
        if not institution_id or p.institution_id == institution_id
    ]  # fmt: skip
    terms = {
        p.programme_id: decode_json(p.terms, ProgrammeTerms) for p in programmes
    }  # fmt: skip
    books = {p.programme_id: platform_book(terms[p.programme_id].currency) for p in programmes}
    ledger = _Ledger(
        rows,
        [
            (books[p.programme_id], entry, str(p.number))
            for p in programmes
            for entry in (PARTICIPATION_PRINCIPAL, PARTICIPATION_INCOME)
        ],
    )
    found = []
    for p in programmes:
        owner, book = known.get(p.institution_id), books[p.programme_id]
        used, reserved = ledger.balance(book, PARTICIPATION_PRINCIPAL, str(p.number))
        today = rows.get(ProgrammeDay, p.programme_id, day.isoformat())
        own = terms[p.programme_id]
        counted = _classes(rows, p, owner, own.currency) if owner and own.concentration else ()
        found.append(
            Quota(
                programme=p, terms=own, name=owner.name if owner else "", used=used,
                reserved=reserved,
                income=ledger.balance(book, PARTICIPATION_INCOME, str(p.number))[0],
                day_used=today.used if today else 0, classes=counted,
            )
        )  # fmt: skip
    return found


def recent_decisions(rows: ReadSession, limit: int) -> list[FundingDecision]:
    """The newest funding decisions."""
    return rows.query(FundingDecision, "ORDER BY decided_ms DESC, decision_id LIMIT ?", (limit,))


# What an institution sees.


def expected_loss(rows: ReadSession, institution: Institution, currency: str) -> ExpectedLoss:
    """The loss that is expected, as it stands in the institution's book."""
    entries = (SHARE_ALLOWANCE, SHARE_COVER, GUARANTEE_PROVISION)
    found = rows.connection.execute(
        "SELECT code, SUM(credits_posted - debits_posted) FROM ledger_account "
        "WHERE book = ? AND code IN (?, ?, ?) GROUP BY code",
        (book_id(institution.entity, currency), *(entry.code for entry in entries)),
    )
    sums = {int(code): int(amount) for code, amount in found}
    shares, covered, guaranteed = (sums.get(entry.code, 0) for entry in entries)
    return ExpectedLoss(shares, -covered, guaranteed)


def institution_of(rows: ReadSession, institution_id: str) -> Institution | None:
    """The institution."""
    return rows.get(Institution, institution_id)


def owed_now(rows: ReadSession, institution_id: str, currency: str) -> int:
    """What the platform owes an institution; less than 0 when it is the other way."""
    wanted = (platform_book(currency), INSTITUTION_SETTLEMENT, institution_id)
    return _Ledger(rows, [wanted]).balance(*wanted)[0]


def institution_loans(
    rows: ReadSession, institution_id: str, limit: int, before: tuple[int, str, int] | None = None
) -> list[ShareFlow]:
    """The drawdowns of loans that it funds and the shares that it took over, newest first.

    Args:
        before: moment, loan and number of the last one of the page before.
    """
    where, values = "institution_id = ? AND kind IN ('drawn', 'taken_over')", [institution_id]
    if before is not None:
        where += " AND (at_ns, loan_id, flow_no) < (?, ?, ?)"
    return rows.query(
        ShareFlow, f"WHERE {where} ORDER BY at_ns DESC, loan_id DESC, flow_no DESC LIMIT ?",
        (*values, *(before or ()), limit),
    )  # fmt: skip


def institution_flows(rows: ReadSession, institution_id: str, limit: int) -> list[ShareFlow]:
    """What happened last to what it funds or guarantees."""
    return rows.query(
        ShareFlow, "WHERE institution_id = ? ORDER BY at_ns DESC, loan_id, flow_no DESC LIMIT ?",
        (institution_id, limit),
    )  # fmt: skip


def loan_share(rows: ReadSession, institution_id: str, loan_id: str) -> LoanShare | None:
    """Its share of a loan; None for a loan that it has no share in, as for one that is not."""
    joint = rows.get(JointLoan, loan_id)
    if joint is None:
        return None
    row = rows.get(FundingPlan, joint.plan_id)
    assert row is not None, joint
    plan = plan_of(row)
    parts = list(enumerate(plan.participants))
    # A guarantor may have taken over several shares, and is in the places of those who had them.
    places = [n for n, p in parts if p.institution_id == institution_id] or [
        n for n, p in parts if p.taken_from == institution_id
    ]
    if not places:
        return None
    named = [plan.participants[place] for place in places]
    held = [n for n in places if _is_held_by(plan.participants[n], institution_id)]
    owed = dict.fromkeys(_OWED, 0)
    if held:
        book = platform_book(joint.currency)
        ids = {b: account_id(book, RECEIVABLES[b], loan_id) for b in Bucket}
        accounts = {
            a.id: a for a in SqlLedgerReader(rows.connection).accounts(list(ids.values()))
        }  # fmt: skip
        for bucket, number in ids.items():
            if account := accounts.get(number):
                totals = (account.debits_posted, account.credits_posted)
                whole = owed_parts(*totals, plan.shares)
                owed[bucket.value] = sum(whole[place] for place in held)
    flows = tuple(
        flow for flow in rows.select(ShareFlow, loan_id=loan_id)
        if flow.institution_id == institution_id
    )  # fmt: skip
    return LoanShare(
        loan_id=loan_id, currency=joint.currency,
        programme_id=", ".join(p.programme_id for p in named),
        share_ppm=sum(p.share_ppm for p in named), bought_back=not held, owed=owed, flows=flows,
    )  # fmt: skip


def _is_held_by(participant: Participant, institution_id: str) -> bool:
    return participant.institution_id == institution_id and participant.is_outside


def partner_days(rows: ReadSession, institution_id: str, limit: int) -> list[PartnerDay]:
    """The days of its files, newest first."""
    return rows.query(
        PartnerDay, "WHERE institution_id = ? ORDER BY day DESC, currency LIMIT ?",
        (institution_id, limit),
    )  # fmt: skip
