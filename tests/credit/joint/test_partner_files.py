"""An institution's daily files: made from the books, and checked by themselves."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from tests.credit.joint.desk import CASH, EAST, GUARD, WEST, desk, draw, programme
from tests.credit.joint.partner_days import Files
from tests.payments.market import ALICE, BOB, Market, as_party

from tallystick.cli import answer
from tallystick.credit.joint.files.errors import PartnerFileError
from tallystick.credit.joint.files.verify import verify_files
from tallystick.credit.joint.model import Institution, PartnerDay
from tallystick.credit.joint.views import ExpectedLoss, expected_loss
from tallystick.credit.loans.model import (
    ChargeOffLoan,
    DefineLoanProduct,
    DrawMore,
    PayLoan,
    PaymentMode,
    ReverseLoanPayment,
)
from tallystick.credit.participation.model import BuyBackBy, LossSharing, ShareFlow
from tallystick.credit.participation.share import owed_parts
from tallystick.ledger.chart import (
    INSTITUTION_SETTLEMENT,
    LOAN_ALLOWANCE,
    SHARE_CASH,
    account_id,
    book_id,
)
from tallystick.ledger.statements import balance_of
from tallystick.payments.wallet.model import (
    BankOrder,
    BankOrderKind,
    TransferBetweenWallets,
)
from tallystick.proofs.keys import new_key, public_text


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    with desk(tmp_path) as shop:
        programme(
            shop, "east", EAST, share=Decimal("0.3"), keeps=Decimal("0.7"), buy_back_days=20
        )  # fmt: skip
        programme(
            shop, "west", WEST, guarantor_id=GUARD, guarantee=Decimal("0.1"), keeps=Decimal("0.8"),
            losses=LossSharing.GUARANTOR_FIRST, cap=10**8,
        )  # fmt: skip
        yield Files(shop, tmp_path / "files")


def _life(files: Files) -> None:
    """Some weeks in which everything happens that files tell of."""
    shop = files.shop
    loans = [draw(shop, 100_001), draw(shop, 99_997, BOB), draw(shop, 50_003)]
    files.next_day()
    paid = shop.accept(
        PayLoan(loan_id=loans[0], amount=10_007, mode=PaymentMode.EARLY), as_party(ALICE)
    )
    files.next_day()
    shop.accept(ReverseLoanPayment(loan_id=loans[0], step=paid.step))
    files.settle()
    files.next_day()
    shop.accept(ChargeOffLoan(loan_id=loans[2]))
    files.next_day()
    shop.accept(PayLoan(loan_id=loans[2], amount=7_777), as_party(ALICE))
    draw(shop, 33_331, BOB)
    files.next_day()


def _move(shop: Market, payer: str, payee: str, amount: int) -> None:
    move = TransferBetweenWallets(
        payer_id=payer, payee_id=payee, amount=amount, out_biz_no=f"{payer}{amount}"
    )
    shop.accept(move, as_party(payer))


def _expected(shop: Market) -> dict[str, ExpectedLoss]:
    return {
        who.institution_id: expected_loss(shop.rows, who, "CNY")
        for who in shop.rows.select(Institution)
    }


def test_every_day_follows_from_the_files_alone(files: Files) -> None:
    _life(files)
    checked = verify_files([files.folder / EAST])
    assert [one.problems for one in checked] == [()]
    assert len(checked[0].days) == 5
    every = verify_files([files.folder / who for who in (EAST, WEST, GUARD)][:1])
    assert every == checked
    for who in (WEST, GUARD):
        assert [one.problems for one in verify_files([files.folder / who])] == [()], who
    held = files.shop.ledger.accounts([account_id(1_000_156, INSTITUTION_SETTLEMENT, EAST)])
    assert checked[0].closing.settlement == balance_of(held[0])
    kinds = {f.kind.value for f in files.shop.rows.select(ShareFlow)}
    assert kinds >= {"drawn", "paid", "reversed", "lost", "compensated", "recovered", "claim"}


def test_loans_that_are_drawn_in_parts_follow_from_the_files(files: Files) -> None:
    shop = files.shop
    terms = msgspec.structs.replace(CASH, drawdowns_max=5)
    shop.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=terms))
    loan_id = draw(shop, 100_001)
    shop.accept(DrawMore(loan_id=loan_id, amount=1_003), as_party(ALICE))
    files.next_day()
    early = PayLoan(loan_id=loan_id, amount=10_007, mode=PaymentMode.EARLY)
    paid = shop.accept(early, as_party(ALICE))
    files.next_day()
    shop.accept(ReverseLoanPayment(loan_id=loan_id, step=paid.step))
    files.next_day()
    for amount in (19_180, 1):
        shop.accept(DrawMore(loan_id=loan_id, amount=amount), as_party(ALICE))
        files.next_day()
    for who in (EAST, WEST):
        (checked,) = verify_files([files.folder / who])
        assert checked.problems == (), who
        assert len(checked.days) == 5
    paths = sorted((files.folder / EAST).glob("*-loans.parquet"))
    rows = pl.concat([pl.read_parquet(path) for path in paths]).sort("whole_principal")
    assert rows["whole_principal"].to_list()[:2] == [100_001, 101_004]
    assert rows["principal"].to_list()[:2] == [30_000, 30_301]
    assert rows.height == 4


def test_a_settled_share_that_owes_again_follows_from_what_was_charged_before(
    files: Files,
) -> None:
    shop = files.shop
    loan_id = draw(shop, 100_001)
    files.next_day()
    files.next_day()
    paid = shop.accept(PayLoan(loan_id=loan_id, mode=PaymentMode.ALL), as_party(ALICE))
    files.next_day()
    draw(shop, 5_003, BOB)
    files.next_day()
    shop.accept(ReverseLoanPayment(loan_id=loan_id, step=paid.step))
    files.next_day()
    files.next_day()
    for who in (EAST, WEST):
        (checked,) = verify_files([files.folder / who])
        assert (checked.problems, len(checked.days)) == ((), 6), who
        for first in range(5):
            kept = [p for p in (files.folder / who).iterdir() if p.suffix == ".key"]
            for day in checked.days[first:]:
                kept += (files.folder / who).glob(f"*-{day}-*")
            assert verify_files(kept)[0].problems == (), (who, first)


def test_a_share_that_is_long_past_due_is_bought_back_and_the_files_say_so(files: Files) -> None:
    shop = files.shop
    programme(
        shop, "west", WEST, guarantor_id=GUARD, guarantee=Decimal("0.1"), keeps=Decimal("0.8"),
        losses=LossSharing.GUARANTOR_FIRST, cap=500, buy_back_days=22,
        buy_back_by=BuyBackBy.GUARANTOR,
    )  # fmt: skip
    loan_id = draw(shop, 100_001)
    away = shop.available(ALICE)
    _move(shop, ALICE, BOB, away)
    for _ in range(40):
        files.next_day()
    # What is expected to be lost is in each book by its share, and others bear what they would.
    allowance = shop.ledger.accounts([account_id(1_000_156, LOAN_ALLOWANCE, loan_id)])
    parts = owed_parts(balance_of(allowance[0]), 0, [300_000, 700_000])
    assert _expected(shop) == {
        EAST: ExpectedLoss(parts[0], 0, 0), WEST: ExpectedLoss(parts[1], 500, 0),
        GUARD: ExpectedLoss(0, 0, 500),
    }  # fmt: skip
    for _ in range(14):
        files.next_day()
    bought = [f for f in shop.rows.select(ShareFlow) if f.kind.value == "bought_back"]
    assert [(f.institution_id, f.principal) for f in bought] == [(EAST, -30_000), (WEST, -70_001)]
    taken = [f for f in shop.rows.select(ShareFlow) if f.kind.value == "taken_over"]
    assert [(f.institution_id, f.principal, f.net) for f in taken] == [
        (GUARD, 70_001, -bought[1].net)
    ]
    parts = owed_parts(balance_of(allowance[0]), 0, [300_000, 700_000])
    held = _expected(shop)
    assert (held[EAST], held[WEST]) == (ExpectedLoss(0, 0, 0), ExpectedLoss(0, 0, 0))
    assert held[GUARD].shares > 0
    assert held[GUARD].guaranteed == 0
    _move(shop, BOB, ALICE, away)
    shop.accept(PayLoan(loan_id=loan_id, amount=40_003, mode=PaymentMode.DUE), as_party(ALICE))
    files.next_day()
    shop.accept(ChargeOffLoan(loan_id=loan_id))
    files.next_day()
    shop.accept(PayLoan(loan_id=loan_id, amount=7_777), as_party(ALICE))
    files.next_day()
    for who in (EAST, WEST, GUARD):
        checked = verify_files([files.folder / who])
        assert [one.problems for one in checked] == [()], who
        assert checked[0].closing.principal == 0
    recovered = [f for f in shop.rows.select(ShareFlow) if f.kind.value == "recovered"]
    assert [(f.institution_id, f.net) for f in recovered] == [(GUARD, 5_444)]


def test_what_a_day_ends_with_is_settled_net_by_the_bank(files: Files) -> None:
    shop = files.shop
    loan_id = draw(shop, 100_000)
    files.next_day()
    orders = {o.party_id: o for o in shop.rows.query(BankOrder, "WHERE status = 'new'")}
    assert {who: (o.kind, o.amount) for who, o in orders.items()} == {
        EAST: (BankOrderKind.TOP_UP, 30_000), WEST: (BankOrderKind.TOP_UP, 70_000),
    }  # fmt: skip
    # Nothing more is asked for while an order is open.
    files.next_day()
    assert len(shop.rows.query(BankOrder, "WHERE status = 'new'")) == 2
    files.settle()
    own = shop.ledger.accounts([account_id(book_id(2001, "CNY"), SHARE_CASH, EAST)])
    assert balance_of(own[0]) == 0
    shop.accept(PayLoan(loan_id=loan_id, mode=PaymentMode.ALL), as_party(ALICE))
    files.next_day()
    paid_out = [
        o for o in shop.rows.query(BankOrder, "WHERE status = 'new'")
        if o.kind is BankOrderKind.WITHDRAWAL
    ]  # fmt: skip
    assert {o.party_id for o in paid_out} == {EAST, WEST, GUARD}
    files.settle()
    files.next_day()
    for who in (EAST, WEST, GUARD):
        held = shop.ledger.accounts([account_id(1_000_156, INSTITUTION_SETTLEMENT, who)])
        assert balance_of(held[0]) == 0
        assert [one.problems for one in verify_files([files.folder / who])] == [()]


def test_a_day_is_made_and_settled_once(files: Files) -> None:
    draw(files.shop, 100_000)
    assert files.next_day() == 3
    assert asyncio.run(files.worker.run_once()) == 0
    assert len(files.shop.rows.select(PartnerDay)) == 3


def _tampered(files: Files, tmp_path: Path) -> Path:
    _life(files)
    copy = tmp_path / "copy"
    shutil.copytree(files.folder / EAST, copy)
    return copy


def _names(folder: Path) -> set[str]:
    return {p.name for one in verify_files([folder]) for p in one.problems}


def _day(folder: Path, at: int, kind: str) -> Path:
    return sorted(folder.glob(f"*-{kind}"))[at]


def test_what_is_wrong_is_named_with_its_place(files: Files, tmp_path: Path) -> None:
    folder = _tampered(files, tmp_path)
    payments = _day(folder, 1, "payments.csv")
    good = payments.read_text("utf-8")
    assert ",-2992," in good
    payments.write_text(good.replace(",-2992,", ",-2991,", 1), "utf-8")
    problems = [p for one in verify_files([folder]) for p in one.problems]
    assert ("total", payments.name, "principal") in {p[:3] for p in problems}
    assert "The total is -2991, and the manifest says -2992." in {p.sentence for p in problems}
    payments.write_text(good.replace("\n", "\n\n", 1), "utf-8")
    assert _names(folder) & {"digest", "columns"}
    payments.write_text(good, "utf-8")
    assert _names(folder) == set()
    manifest = _day(folder, 2, "manifest.txt")
    text = manifest.read_text("utf-8")
    manifest.write_text(text.replace('"settled": ', '"settled": 1', 1), "utf-8")
    assert "signature" in _names(folder)
    manifest.write_text(text, "utf-8")
    other = manifest.rename(manifest.with_name(f"{EAST}-CNY-2027-09-09-manifest.txt"))
    assert "manifest" in _names(folder)
    other.rename(manifest)
    manifest.unlink()
    missing = [p for one in verify_files([folder]) for p in one.problems]
    assert {p.name for p in missing} >= {"missing_day"}
    manifest.write_text(text, "utf-8")
    for path in folder.glob("*-balances.*"):
        path.unlink()
    assert _names(folder) == {"missing_file"}


def test_a_manifest_signed_by_another_key_is_refused(files: Files, tmp_path: Path) -> None:
    from tallystick.transparency.notes import NoteSigner, read_note, write_note

    folder = _tampered(files, tmp_path)
    manifest = _day(folder, 0, "manifest.txt")
    name = (folder / "tallystick.key").read_text("utf-8").split("+")[0]
    text = read_note(manifest.read_text("utf-8")).text
    manifest.write_text(write_note(text, NoteSigner(name, bytes(32)).signature(text)), "utf-8")
    assert "signature" in _names(folder)


def test_csv_and_parquet_are_the_same_rows(files: Files) -> None:
    _life(files)
    for csv in (files.folder / EAST).glob("*.csv"):
        parquet = pl.read_parquet(csv.with_suffix(".parquet"))
        assert pl.read_csv(csv, schema=dict(parquet.schema)).equals(parquet), csv.name


def test_the_command_line_needs_no_database(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _tampered(files, tmp_path)
    assert answer(["verify-partner", str(folder)]) == 0
    assert "holds: 2088000000000801 CNY" in capsys.readouterr().out
    assert answer(["verify-partner", str(folder), "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["problems"] == []
    only_parquet = tmp_path / "parquet"
    only_parquet.mkdir()
    for path in [*folder.glob("*.parquet"), *folder.glob("*.txt")]:
        shutil.copy(path, only_parquet)
    key = str(folder / "tallystick.key")
    assert answer(["verify-partner", str(only_parquet), "--key", key]) == 0
    _day(only_parquet, 1, "manifest.txt").unlink()
    assert answer(["verify-partner", str(only_parquet), "--key", key]) == 1
    assert "wrong: missing_day:" in capsys.readouterr().out
    assert answer(["verify-partner", str(only_parquet)]) == 2
    assert "public key" in capsys.readouterr().err
    (tmp_path / "no.key").write_bytes(b"\xff\xfe")
    assert answer(["verify-partner", str(only_parquet), "--key", str(tmp_path / "no.key")]) == 2
    assert "key cannot be read" in capsys.readouterr().err


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    with pytest.raises(PartnerFileError, match="no manifest"):
        verify_files([tmp_path])
    with pytest.raises(PartnerFileError, match="nowhere: there is no such file or folder"):
        verify_files([tmp_path / "nowhere"])
    (tmp_path / "a-manifest.txt").write_text("")
    with pytest.raises(PartnerFileError, match="key"):
        verify_files([tmp_path])


def test_files_are_checked_across_a_change_of_the_key_and_not_back(files: Files) -> None:
    shop = files.shop
    draw(shop, 100_000)
    files.next_day()
    old = (files.folder / EAST / "tallystick.key").read_text("utf-8")
    key = new_key(shop.sealer, 2, old.partition("+")[0])
    connection = shop.database.connect()
    connection.execute(
        "INSERT INTO ledger_key (key_id, name, public_key, private_sealed, created_ms) "
        "VALUES (?, ?, ?, ?, ?)",
        (key.key_id, key.name, key.public_key, key.private_sealed, key.created_ms),
    )
    connection.close()
    files.next_day()
    (checked,) = verify_files([files.folder / EAST])
    assert checked.problems == ()
    assert checked.key == key.name
    both = (files.folder / EAST / "tallystick.key").read_text("utf-8")
    assert both.splitlines() == [old.strip(), public_text(key)]
    assert {p.name for one in verify_files([files.folder / EAST], old) for p in one.problems} == {
        "signature"
    }
    turned = "\n".join(reversed(both.splitlines()))
    (checked,) = verify_files([files.folder / EAST], turned)
    assert [p.name for p in checked.problems] == ["signature"]
    assert "replaced" in checked.problems[0].sentence
