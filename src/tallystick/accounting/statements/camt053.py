"""Statements as camt.053.001.08 (ISO 20022): a `Stmt` for each day on which something moved.

Debit and credit are those of the books: a credit balance is what the platform owes. A day's
entries are set aside until its closing balance is known, which the form wants before them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final
from xml.sax.saxutils import escape

from tallystick.accounting.statements.document import (
    DayPeriod,
    StatementDay,
    StatementDocument,
    StatementEntry,
)
from tallystick.accounting.statements.words import kind_of_account, movement_of
from tallystick.pipeline.refusals import Refused

__all__ = ["CAMT_NAMESPACE", "NO_CURRENCY", "write_camt053"]

CAMT_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
NO_CURRENCY: Final = "XXX"
"""ISO 4217: no currency is involved."""

_KEPT_BYTES: Final = 1 << 20
_DIGITS_MAX: Final = 18
_NS_PER_S: Final = 1_000_000_000


def _number(document: StatementDocument, amount: int) -> str:
    if len(str(abs(amount))) > _DIGITS_MAX:
        raise Refused("STATEMENT_FORM_TOO_NARROW", "camt.053 has 18 digits for an amount.")
    return document.text(abs(amount))


def _amount(document: StatementDocument, amount: int) -> str:
    currency = document.currency or NO_CURRENCY
    return f'<Amt Ccy="{currency}">{_number(document, amount)}</Amt>'


def _side(credited: int) -> str:
    return f"<CdtDbtInd>{'CRDT' if credited >= 0 else 'DBIT'}</CdtDbtInd>"


def _balance(document: StatementDocument, kind: str, amount: int, day: date) -> str:
    credited = document.on_credit_side(amount)
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(document, credited)}"
        f"{_side(credited)}<Dt><Dt>{day.isoformat()}</Dt></Dt></Bal>\n"
    )


def _entry(document: StatementDocument, entry: StatementEntry, day: date, language: str) -> str:
    t = entry.transfer
    credited = document.on_credit_side(entry.change)
    if credited == 0 and t.debit_account_id == entry.account_id:
        credited = -1
    place = f"{entry.place.batch}:{entry.place.index}"
    reference = str(t.user_data_128) if t.user_data_128 else "NOTPROVIDED"
    if len(reference) > 35:
        reference = f"{t.user_data_128:x}"
    party = "Dbtr" if credited >= 0 else "Cdtr"
    said = escape(movement_of(t.code, t.book, language))
    amount = _amount(document, entry.change)
    return (
        f"<Ntry>{amount}{_side(credited)}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{day.isoformat()}</Dt></BookgDt><ValDt><Dt>{entry.value_day.isoformat()}</Dt></ValDt>"
        f"<AcctSvcrRef>{place}</AcctSvcrRef>"
        f"<BkTxCd><Prtry><Cd>{t.code}</Cd><Issr>tallystick</Issr></Prtry></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{t.id:032x}</AcctSvcrRef>"
        f"<EndToEndId>{reference}</EndToEndId></Refs>"
        f"{amount}{_side(credited)}"
        f"<RltdPties><{party}Acct><Id><Othr><Id>{entry.other_account_id:032x}</Id></Othr></Id>"
        f"</{party}Acct></RltdPties></TxDtls></NtryDtls>"
        f"<AddtlNtryInf>{said}</AddtlNtryInf></Ntry>\n"
    )


def _created(document: StatementDocument) -> str:
    """The moment after which nothing of the period can be posted: the same file every time."""
    at = datetime.fromtimestamp(document.period.before_ns // _NS_PER_S, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(document: StatementDocument, part: str) -> str:
    """A name of at most 35 characters for a part of this document."""
    digest = hashlib.blake2b(document.subject.encode(), digest_size=8).hexdigest()
    return f"{part}-{digest}"


@contextmanager
def _statement(
    document: StatementDocument, out: BinaryIO, days: DayPeriod, number: int
) -> Iterator[None]:
    day = days.first
    owner = f"<Nm>{document.owner}</Nm>" if document.owner else ""
    kind = kind_of_account(document.code, document.book, "en") if document.code else "Group"
    begin = f"{days.first.isoformat()}T00:00:00+08:00"
    end = f"{days.last.isoformat()}T23:59:59+08:00"
    out.write(
        f"<Stmt><Id>{_name(document, day.strftime('%Y%m%d'))}</Id>"
        f"<ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{_created(document)}</CreDtTm>"
        f"<FrToDt><FrDtTm>{begin}</FrDtTm><ToDtTm>{end}</ToDtTm></FrToDt>"
        f"<Acct><Id><Othr><Id>{escape(document.subject[:34])}</Id></Othr></Id>"
        f"<Ccy>{document.currency or NO_CURRENCY}</Ccy><Nm>{escape(kind)}</Nm>"
        f"{f'<Ownr>{owner}</Ownr>' if owner else ''}</Acct>\n".encode()
    )
    yield
    out.write(b"</Stmt>\n")


class _Sums:
    """The numbers and sums of a day's entries."""

    def __init__(self) -> None:
        self.counts, self.sums = [0, 0], [0, 0]

    def add(self, credited: int, on_debit: bool) -> None:
        """Take in an entry."""
        self.counts[on_debit] += 1
        self.sums[on_debit] += abs(credited)

    def text(self, document: StatementDocument) -> str:
        """The summary of the form."""

        def part(name: str, count: int, total: int) -> str:
            shown = _number(document, total)
            return f"<{name}><NbOfNtries>{count}</NbOfNtries><Sum>{shown}</Sum></{name}>"

        totals = [part("TtlCdtNtries", self.counts[0], self.sums[0]),
                  part("TtlDbtNtries", self.counts[1], self.sums[1])]  # fmt: skip
        return f"<TxsSummry>{''.join(totals)}</TxsSummry>\n"


def _write_day(
    document: StatementDocument, day: StatementDay, out: BinaryIO, number: int, language: str
) -> None:
    last, sums = day.opening, _Sums()
    with SpooledTemporaryFile(_KEPT_BYTES) as kept:
        for entry in day.entries:
            last = entry.balance
            sums.add(
                document.on_credit_side(entry.change),
                entry.transfer.debit_account_id == entry.account_id,
            )
            kept.write(_entry(document, entry, day.day, language).encode())
        with _statement(document, out, DayPeriod(day.day, day.day), number):
            out.write(_balance(document, "OPBD", day.opening, day.day).encode())
            out.write(_balance(document, "CLBD", last, day.day).encode())
            out.write(sums.text(document).encode())
            kept.seek(0)
            shutil.copyfileobj(kept, out)


def write_camt053(document: StatementDocument, out: BinaryIO, language: str) -> None:
    """The document; a period in which nothing moved is one statement without entries.

    Raises:
        Refused: STATEMENT_FORM_TOO_NARROW, for an amount of more digits than the form has.
    """
    message = _name(document, f"{document.period.first:%Y%m%d}-{document.period.last:%Y%m%d}")
    out.write(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{CAMT_NAMESPACE}">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>{message}</MsgId><CreDtTm>{_created(document)}</CreDtTm>"
        f"</GrpHdr>\n".encode()
    )
    number = 0
    for number, day in enumerate(document.days(), 1):
        _write_day(document, day, out, number, language)
    if number == 0:
        with _statement(document, out, document.period, 1):
            for kind, amount, day_ in (
                ("OPBD", document.opening, document.period.first),
                ("CLBD", document.closing, document.period.last),
            ):
                out.write(_balance(document, kind, amount, day_).encode())
    out.write(b"</BkToCstmrStmt></Document>\n")
