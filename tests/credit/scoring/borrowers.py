"""Borrowers for tests: who pays, who does not, and the platform's own rows of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from tests.payments.market import DAY_MS, SHOP, Market

from tallystick.credit.loans.model import DrawLoan, GrantCreditLine
from tallystick.credit.score.dataset import Roles
from tallystick.credit.score.release import train
from tallystick.credit.score.training import Settings
from tallystick.credit.scoring.facts import COLUMNS
from tallystick.credit.scoring.history import HEADINGS, OUTCOME, training_rows
from tallystick.credit.scoring.model import PutScoreModel
from tallystick.decoding import convert
from tallystick.parties.model import PartyKind, RegisterParty
from tallystick.payments.wallet.model import TransferBetweenWallets

__all__ = [
    "MONTH_MS",
    "bundle_of",
    "join",
    "live_on",
    "model_of_incomes",
    "train_on",
    "write_history",
]

MONTH_MS = 30 * DAY_MS


def join(shop: Market, number: int, *, pays: bool, amount: int = 600) -> str:
    """A person who draws a loan of six payments, earns and spends; some spend all of it."""
    party_id = f"20889{number:011}"
    shop.accept(
        RegisterParty(
            party_id=party_id, kind=PartyKind.PERSON, login_index=party_id.encode(),
            login_sealed=b"l", name_sealed=b"n", login_hash="$", payment_hash="$",
        )
    )  # fmt: skip
    shop.accept(GrantCreditLine(borrower_id=party_id, product_id="cash", amount=2 * amount))
    shop.accept(DrawLoan(borrower_id=party_id, product_id="cash", amount=amount, count=6))
    wages = amount + number * 379 % 2_000
    shop.fund(party_id, wages, "wages")
    spend(shop, party_id, wages - amount // 3 if pays else wages + amount)
    return party_id


def spend(shop: Market, party_id: str, amount: int) -> None:
    shop.accept(
        TransferBetweenWallets(
            payer_id=party_id, payee_id=SHOP, amount=amount, out_biz_no=f"spent-{party_id}"
        )
    )


def live_on(shop: Market, days: int) -> None:
    """Let days pass, with all that their timers do."""
    for _ in range(days):
        shop.clock.pass_ms(DAY_MS)
        while shop.run_timers():
            pass


def write_history(shop: Market, path: Path, at_ms: int, *, months: int, days: int) -> Path:
    """The platform's rows to train on."""
    found = training_rows(
        shop.rows, "CNY", at_ms, months=months, days=days, now_ms=shop.clock.now_ms
    )
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        writer.writerows(found)
    return path


def train_on(history: Path, out: Path) -> Path:
    """A small model of such rows."""
    train(history, Roles(OUTCOME, identifier="party_id"), Settings(folds=2, repeats=1), out)
    return out


def bundle_of(model: Path) -> PutScoreModel:
    """What puts a model to service."""
    files = {name: (model / f"{name}.json").read_text() for name in ("manifest", "model", "card")}
    return convert(files, PutScoreModel)


def model_of_incomes(folder: Path) -> PutScoreModel:
    """A model of made-up people, of whom those pay who earn well."""
    random = np.random.default_rng(7)
    path = folder / "incomes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for number in range(400):
            income = int(random.integers(0, 1_000_000))
            bad = income + random.normal(0, 150_000) < 300_000
            cells = {"income": income, "months_known": int(random.integers(0, 60))}
            row = [str(cells.get(name, 0)) for name in COLUMNS]
            writer.writerow([f"p{number}", *row, int(bad)])
    return bundle_of(train_on(path, folder / "incomes"))
