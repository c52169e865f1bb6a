"""The daily files of an institution: their columns, names, and the manifest that signs them.

Four files a day, each as CSV and as Parquet with the same rows; amounts are whole minor units. The
manifest is a signed note (C2SP signed-note, Ed25519) whose text is one JSON object.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

__all__ = [
    "AMOUNTS", "BALANCES", "DRAWDOWNS", "FORMAT", "KINDS", "LOANS", "PAYMENTS", "TEXTS",
    "FileEntry", "Manifest", "Standing", "digest_of", "file_name", "manifest_name",
]  # fmt: skip

FORMAT: Final = "tallystick.partner/1"

LOANS: Final = (
    "loan_id", "programme_id", "product_id", "day", "payments", "annual_rate", "whole_principal",
    "principal", "share_ppm", "shares", "place",
)  # fmt: skip
"""Loans that it came to fund; `shares` are the millionths of all, and `place` is which is its."""

DRAWDOWNS: Final = ("loan_id", "flow_no", "programme_id", "day", "principal", "net")
PAYMENTS: Final = (
    "loan_id", "flow_no", "programme_id", "kind", "day", "principal", "interest", "fee",
    "penalty", "servicing", "guarantee", "other", "net",
)  # fmt: skip
"""How its share of what borrowers owe changed, and what it is owed by the platform for it."""

BALANCES: Final = (
    "loan_id", "programme_id", "share_ppm", "principal", "interest", "fee", "penalty",
    "charged_interest", "charged_fee", "charged_penalty",
)  # fmt: skip
"""What borrowers owe it; `charged` is all that ever came to be owed to it."""

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "loans": LOANS, "drawdowns": DRAWDOWNS, "payments": PAYMENTS, "balances": BALANCES,
}  # fmt: skip
TEXTS: Final = frozenset(
    {"loan_id", "programme_id", "product_id", "kind", "day", "annual_rate", "shares"}
)
AMOUNTS: Final = frozenset(
    {
        "whole_principal", "principal", "interest", "fee", "penalty", "servicing", "guarantee",
        "other", "net", "charged_interest", "charged_fee", "charged_penalty",
    }
)  # fmt: skip
"""The columns of which a file has a control total."""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its name, rows, SHA-256 (hex) and control totals by column."""

    name: str
    kind: str
    rows: int
    sha256: str
    totals: dict[str, int]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What borrowers owe an institution, and the platform (less than 0: it owes the platform)."""

    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0
    settlement: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A day of an institution in a currency.

    Args:
        since: the day of the files before these; empty for the first.
        previous: SHA-256 (hex) of the manifest before this one, its signature included.
        cut_ns: the moment of the ledger at which the day ends.
        settled: what the bank moved since then: in for the platform, less than 0 out to the
            institution.
    """

    format: str = FORMAT
    institution_id: str
    name: str
    currency: str
    day: str
    since: str
    previous: str
    cut_ns: int
    opening: Standing
    closing: Standing
    settled: int
    files: tuple[FileEntry, ...]


def _stem(institution_id: str, currency: str, day: str) -> str:
    return f"{institution_id}-{currency}-{day}"


def file_name(manifest: Manifest, kind: str, form: str) -> str:
    """The name of a file; `form` is `csv` or `parquet`."""
    return f"{_stem(manifest.institution_id, manifest.currency, manifest.day)}-{kind}.{form}"


def manifest_name(institution_id: str, currency: str, day: str) -> str:
    """The name of a day's manifest."""
    return f"{_stem(institution_id, currency, day)}-manifest.txt"


def digest_of(file: Path) -> str:
    """SHA-256 of a file, hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
