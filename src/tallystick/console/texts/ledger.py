"""Texts of the ledger's pages: statements, reports, groups, search."""

from __future__ import annotations

from typing import Final

__all__ = ["LEDGER"]

LEDGER: Final[dict[str, tuple[str, str]]] = {
    "statement.first": ("From", "起始日"),
    "statement.last": ("To", "截止日"),
    "statement.form": ("Form", "格式"),
    "statement.form.json": ("JSON", "JSON"),
    "statement.form.csv": ("CSV", "CSV"),
    "statement.form.pdf": ("PDF", "PDF"),
    "statement.form.camt053": ("camt.053 (ISO 20022)", "camt.053（ISO 20022）"),
    "statement.form.mt940": ("MT940 (English only)", "MT940（仅英文）"),
    "statement.download": ("Download", "下载"),
}
