"""A merchant's loan on its sales that five banks fund together: shared with every settlement."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.credit.joint.desk import institution, programme
from tests.credit.joint.partner_days import Files
from tests.credit.merchant.shop import (
    OFFER,
    PRODUCT,
    draw,
    go_to,
    history,
    sell,
    shop_at,
)
from tests.payments.market import ALICE, SHOP, Market, as_party

from tallystick.credit.joint import service as joint
from tallystick.credit.joint.files.verify import verify_files
from tallystick.credit.joint.model import (
    DecideFunding,
    DrawFunded,
    FundingDecided,
    FundingStatus,
    InstitutionKind,
)
from tallystick.credit.merchant.model import MerchantLoan
from tallystick.credit.participation.model import ShareFlow
from tallystick.credit.participation.share import owed_parts
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import (
    PARTICIPATION_INCOME,
    PARTICIPATION_PRINCIPAL,
    SHARE_PRINCIPAL,
    account_id,
    book_id,
)
from tallystick.ledger.statements import balance_of

_BANKS = [f"208800000000081{n}" for n in range(5)]
_SHARES = ["0.3", "0.25", "0.2", "0.150001", "0.05"]
_PPM = [300_000, 250_000, 200_000, 150_001, 50_000, 49_999]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    with shop_at(tmp_path, more=(joint.register,)) as made:
        for place, (bank, share) in enumerate(zip(_BANKS, _SHARES, strict=True)):
            institution(made, bank, InstitutionKind.FUNDER, "1")
            programme(
                made, f"bank-{place}", bank, products=(PRODUCT,), share=Decimal(share),
                preference=place, keeps=Decimal("0.7"), eligible="is_merchant && sales >= 90000",
            )  # fmt: skip
        programme(made, "own", "", preference=9)
        history(made)
        go_to(made, "2027-06-05")
        yield made


def _apply(shop: Market, amount: int = OFFER) -> FundingDecided:
    # What the platform knows of a merchant's sales does not come from the application.
    command = DecideFunding(
        borrower_id=SHOP, product_id=PRODUCT, amount=amount, count=6, facts={"sales": 1}
    )
    reply = shop.accept(command, as_party(SHOP))
    assert isinstance(reply, FundingDecided)
    return reply


def _draw(shop: Market) -> str:
    decided = _apply(shop)
    assert [s.share_ppm for s in decided.shares] == _PPM, decided
    done = shop.accept(DrawFunded(decision_id=decided.decision_id), as_party(SHOP))
    return str(done.loan_id)


def _require_shares_are_the_whole(shop: Market, loan_id: str) -> None:
    sums = [0] * len(_PPM), [0] * len(_PPM)
    for bucket, entry in RECEIVABLES.items():
        found = shop.ledger.accounts([account_id(1_000_156, entry, loan_id)])
        if not found:
            continue
        parts = owed_parts(found[0].debits_posted, found[0].credits_posted, _PPM)
        assert sum(parts) == balance_of(found[0])
        of = sums[0 if bucket is Bucket.PRINCIPAL else 1]
        of[:] = [a + b for a, b in zip(of, parts, strict=True)]
    for parts, entry in zip(sums, (PARTICIPATION_PRINCIPAL, PARTICIPATION_INCOME), strict=True):
        held = {
            a.user_data_128: balance_of(a)
            for a in shop.ledger.accounts_where(book=1_000_156, code=entry.code)
        }
        numbers = [(2001 + place) * 1000 + 1 for place in range(len(_BANKS))]
        assert [held.get(number, 0) for number in numbers] == parts[:-1], entry
    own = [
        sum(balance_of(a) for a in shop.ledger.accounts_where(
            book=book_id(2001 + place, "CNY"), code=SHARE_PRINCIPAL.code))
        for place in range(len(_BANKS))
    ]  # fmt: skip
    assert own == sums[0][:-1]


def test_five_banks_share_what_sales_repay_to_the_cent(shop: Market, tmp_path: Path) -> None:
    files = Files(shop, tmp_path / "files")
    before = shop.available(SHOP)
    loan_id = _draw(shop)
    assert shop.available(SHOP) == before + OFFER
    _require_shares_are_the_whole(shop, loan_id)
    row = shop.rows.get(MerchantLoan, loan_id)
    assert row is not None
    assert row.is_open
    for day in range(34):
        sell(shop, f"S{day}", 10_000 + 37 * day)
        _require_shares_are_the_whole(shop, loan_id)
        files.next_day()
        _require_shares_are_the_whole(shop, loan_id)
        if day % 9 == 0:
            files.settle()
    paid = [f for f in shop.rows.select(ShareFlow, loan_id=loan_id) if f.kind.value == "paid"]
    assert len({f.day for f in paid}) == 34
    while (row := shop.rows.get(MerchantLoan, loan_id)) is not None and row.is_open:
        sell(shop, f"L{row.settled}", 400_000)
        files.next_day()
        _require_shares_are_the_whole(shop, loan_id)
    assert shop.sum_of(PARTICIPATION_PRINCIPAL.code) == 0
    for bank in _BANKS:
        (checked,) = verify_files([files.folder / bank])
        assert checked.problems == ()
        assert (checked.closing.principal, checked.closing.interest) == (0, 0)
        got = [f for f in shop.rows.select(ShareFlow, loan_id=loan_id) if f.institution_id == bank]
        assert sum(f.principal for f in got) == 0


def test_what_is_reserved_is_held_to_what_sales_allow_when_it_is_drawn(shop: Market) -> None:
    too_much = DecideFunding(borrower_id=SHOP, product_id=PRODUCT, amount=OFFER + 1, count=6)
    assert shop.refuse(too_much, as_party(SHOP)) == "MERCHANT_OFFER_EXCEEDED"
    person = DecideFunding(borrower_id=ALICE, product_id=PRODUCT, amount=OFFER, count=6)
    assert shop.refuse(person, as_party(ALICE)) == "NOT_PERMITTED"
    decided = _apply(shop)
    assert decided.status is FundingStatus.RESERVED
    # It draws on its own meanwhile.
    draw(shop, 10_000)
    command = DrawFunded(decision_id=decided.decision_id)
    assert shop.refuse(command, as_party(SHOP)) == "MERCHANT_LOAN_OPEN"
    pending = shop.ledger.accounts_where(book=1_000_156, code=PARTICIPATION_PRINCIPAL.code)
    assert sum(a.credits_pending for a in pending) == OFFER - 7_500
    assert shop.refuse(DecideFunding(borrower_id=SHOP, product_id=PRODUCT, amount=1_000, count=6),
                       as_party(SHOP)) == "MERCHANT_LOAN_OPEN"  # fmt: skip


def test_a_condition_on_sales_leaves_no_plan(shop: Market) -> None:
    for place, bank in enumerate(_BANKS):
        programme(
            shop, f"bank-{place}", bank, share=Decimal(_SHARES[place]), eligible="sales > 100000"
        )
    decided = _apply(shop)
    assert (decided.status, decided.rule) == (FundingStatus.RESERVED, "")
    assert [s.institution_id for s in decided.shares] == [""]
