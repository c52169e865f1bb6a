"""camt.053 statements (ISO 20022, versions 1 to 14) by their element names.

The parser expands no entities, loads nothing and takes no document type: a statement needs none.
"""

from __future__ import annotations

import re
from collections.abc import Set
from datetime import date
from typing import Any, Final

from lxml import etree

from tallystick.reconciliation.statements.model import (
    Balance,
    BankLine,
    BankStatement,
    StatementError,
    exact_amount,
    shortened,
)

__all__ = ["read_camt053"]

_NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.[0-9]{2}")
_SIGNS: Final = {"CRDT": 1, "DBIT": -1}
_NOT_BOOKED: Final = frozenset({"PDNG", "INFO", "FUTR"})
_OPENING: Final = ("OPBD", "PRCD")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_REFERENCE: Final = frozenset({"NOTPROVIDED", "NONREF"})


def _line(element: etree._Element) -> int:
    line: Any = element.sourceline
    return int(line or 0)


def _text(element: etree._Element, path: str) -> str:
    """The text at a path of local names below an element; empty when it is not there."""
    found = element.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    return (found.text or "").strip() if found is not None else ""


def _needed(element: etree._Element, *paths: str) -> str:
    """The first text that is there.

    Raises:
        StatementError: none is.
    """
    for path in paths:
        if text := _text(element, path):
            return text
    name = etree.QName(element).localname
    raise StatementError(_line(element), f"{name} has no {' or '.join(paths)}.")


def _signed(element: etree._Element) -> tuple[str, int]:
    """Currency and signed minor units of an element's `Amt` and `CdtDbtInd`."""
    text = _needed(element, "Amt")
    amount = element.find("{*}Amt")
    currency = amount.get("Ccy", "") if amount is not None else ""
    mark = _needed(element, "CdtDbtInd")
    if mark not in _SIGNS:
        raise StatementError(_line(element), f"CdtDbtInd {mark[:10]!r} is neither CRDT nor DBIT.")
    return currency, _SIGNS[mark] * exact_amount(text, currency, _line(element))


def _day(element: etree._Element, *paths: str) -> date:
    text = _needed(element, *paths)[:10]
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise StatementError(_line(element), f"{text!r} is not a day.")


def _reference(entry: etree._Element) -> str:
    """The end-to-end id of an entry of one payment, or the number of its batch."""
    details = entry.findall("{*}NtryDtls/{*}TxDtls")
    paths: tuple[str, ...]
    if len(details) == 1:
        paths = ("Refs/EndToEndId", "Refs/InstrId", "Refs/TxId", "Refs/PmtInfId")
        found = [text for path in paths if (text := _text(details[0], path))]
    else:
        paths = ("NtryDtls/Btch/PmtInfId", "NtryDtls/Btch/MsgId")
        found = [text for path in paths if (text := _text(entry, path))]
    found.append(_text(entry, "NtryRef"))
    return next((text for text in found if text and text not in _NO_REFERENCE), "")


def _counterparty(entry: etree._Element, sign: int) -> str:
    """The other side's account or name: the debtor of what came in, the creditor of the rest."""
    parties = entry.find("{*}NtryDtls/{*}TxDtls/{*}RltdPties")
    if parties is None:
        return ""
    side = "Dbtr" if sign > 0 else "Cdtr"
    paths = (f"{side}Acct/Id/IBAN", f"{side}Acct/Id/Othr/Id", f"{side}/Nm", f"{side}/Pty/Nm")
    return next((text for path in paths if (text := _text(parties, path))), "")


def _movement(entry: etree._Element) -> BankLine:
    currency, amount = _signed(entry)
    remittance = entry.findall("{*}NtryDtls/{*}TxDtls/{*}RmtInf/{*}Ustrd")
    words = [_text(entry, "AddtlNtryInf"), *(element.text or "" for element in remittance[:10])]
    return BankLine(
        line=_line(entry),
        day=_day(entry, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"),
        amount=amount,
        currency=currency,
        reference=shortened(_reference(entry)),
        bank_reference=shortened(
            _text(entry, "AcctSvcrRef") or _text(entry, "NtryDtls/TxDtls/Refs/AcctSvcrRef")
        ),
        counterparty=shortened(_counterparty(entry, amount)),
        text=shortened(" ".join(words)),
    )


def _balances(statement: etree._Element, moved: Set[str]) -> tuple[Balance, ...]:
    """Booked opening and closing balances by currency.

    Args:
        moved: the currencies with entries.
    """
    opening: dict[str, int] = {}
    closing: dict[str, tuple[int, int, date | None]] = {}
    for element in statement.findall("{*}Bal"):
        kind = _needed(element, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry")
        if kind not in (*_OPENING, "CLBD"):
            continue
        currency, amount = _signed(element)
        if kind == "CLBD":
            day = None if currency in moved else _day(element, "Dt/Dt", "Dt/DtTm")
            closing[currency] = (amount, _line(element), day)
        elif kind == "OPBD" or currency not in opening:
            opening[currency] = amount
    if opening.keys() != closing.keys() or not opening:
        raise StatementError(
            _line(statement), "Each currency needs an opening (OPBD) and a closing (CLBD) balance."
        )
    return tuple(
        Balance(currency, opening[currency], *closing[currency]) for currency in sorted(opening)
    )


def _statement(element: etree._Element) -> BankStatement:
    booked: list[BankLine] = []
    unbooked = 0
    for entry in element.findall("{*}Ntry"):
        status = _needed(entry, "Sts/Cd", "Sts")
        if status in _NOT_BOOKED:
            unbooked += 1
        elif status == "BOOK":
            booked.append(_movement(entry))
        else:
            raise StatementError(_line(entry), f"Sts {status[:10]!r} is not known.")
    return BankStatement(
        account=_needed(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id"),
        number=_text(element, "ElctrncSeqNb") or _text(element, "Id"),
        balances=_balances(element, {line.currency for line in booked}),
        lines=tuple(booked),
        unbooked=unbooked,
    )


def read_camt053(data: bytes) -> list[BankStatement]:
    """The statements of a document, in its order. Entries that are not booked are counted only.

    Raises:
        StatementError: it is no such document, or an element is not of its form.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise StatementError(error.lineno or 0, f"This is not XML: {error.msg}.") from error
    document: Any = root.getroottree().docinfo
    if document.doctype:
        raise StatementError(1, "A document type is not taken.")
    namespace = etree.QName(root).namespace or ""
    if _NAMESPACE.fullmatch(namespace) is None:
        raise StatementError(_line(root), "This is no camt.053 document.")
    statements = root.findall("{*}BkToCstmrStmt/{*}Stmt")
    if not statements:
        raise StatementError(_line(root), "The document has no statement (Stmt).")
    return [_statement(element) for element in statements]
