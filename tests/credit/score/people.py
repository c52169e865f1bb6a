"""People for tests: made up by a seed, and the two public files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from tests.server_process import ROOT

from tallystick.credit.score.binning import Attribute, bin_attribute
from tallystick.credit.score.columns import Column, Floats, Numbers, Words

__all__ = ["CLIENTS", "GERMAN", "binned", "made_up", "write_people"]

GERMAN = ROOT / "tests" / "data" / "lending" / "german_credit.csv"
CLIENTS = ROOT / "tests" / "data" / "lending" / "uci_credit_card_clients.csv.gz"


def made_up(seed: int, rows: int) -> tuple[dict[str, Column], Floats]:
    """Columns of people, some values missing, and who of them turned out bad."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=rows)
    bad = (hidden + random.normal(size=rows) > 1.0).astype(np.float64)
    bad[:2] = (0.0, 1.0)
    debts = np.where(random.random(rows) < 0.1, np.nan, np.round(hidden * 3 + 5))
    income = np.round(1000 - 200 * hidden + random.normal(size=rows) * 300)
    homes = np.array(["own", "rent", "free", ""])[random.integers(0, 4, rows)]
    columns: dict[str, Column] = {
        "debts": Numbers(debts, np.isnan(debts).astype(np.int64)),
        "income": Numbers(income, np.zeros(rows, np.int64)),
        "home": Words(np.where(hidden > 1.5, "rent", homes)),
    }
    return columns, bad


def binned(columns: dict[str, Column], bad: Floats) -> tuple[Attribute, ...]:
    """The attributes of all columns."""
    return tuple(bin_attribute(name, column, bad) for name, column in columns.items())


def write_people(path: Path, seed: int = 1, rows: int = 600) -> Path:
    """A file of made-up people: an id, a month, sex, some columns and the outcome."""
    columns, bad = made_up(seed, rows)
    debts, income, home = columns["debts"], columns["income"], columns["home"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "month", "sex", "debts", "income", "home", "outcome"])
        for row in range(rows):
            number = debts.values[row]
            writer.writerow([
                f"p{row}", f"2026-{1 + row % 6:02}-15", "FM"[row % 2],
                "" if np.isnan(number) else f"{number:g}", f"{income.values[row]:g}",
                home.values[row], "default" if bad[row] else "paid",
            ])  # fmt: skip
    return path
