"""Exchange: nothing is created, positions net, realised and unrealised are the whole difference."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.accounting.own_books import account, accounts, balance, name
from tests.platform_parts import START_MS, Parts, opened

from tallystick.accounting import products
from tallystick.accounting.corrections.model import ReverseTransfer
from tallystick.accounting.exchange.decide import Position, rounded, traded
from tallystick.accounting.exchange.model import (
    DefineDesk,
    ExchangeDone,
    ExecuteExchange,
    PutRates,
    QuoteExchange,
    RateDraft,
)
from tallystick.accounting.exchange.views import Revaluation, revaluation
from tallystick.accounting.views import stored_trial_balances
from tallystick.money.rate import Rounding
from tallystick.store.ledger_rows import id_bytes

HOME, DOLLARS, POUNDS = 7, 8, 9
YUAN_PURSE, DOLLAR_PURSE, POOR, POUND_PURSE = 71, 81, 82, 91


def prepare(parts: Parts, spread: str = "0") -> None:
    name(parts, HOME, currency="CNY")
    name(parts, DOLLARS, currency="USD")
    accounts(
        parts, account(YUAN_PURSE, HOME), account(DOLLAR_PURSE, DOLLARS),
        account(POOR, DOLLARS, flags=2),
    )  # fmt: skip
    desk = DefineDesk(
        desk_id="main", home_book=HOME, source="ecb", stale_after_ms=60_000, spread=spread
    )
    parts.accept(desk)


def put(parts: Parts, rate: str) -> None:
    drafts = (RateDraft("USD", "CNY", rate),)
    parts.accept(PutRates(source="ecb", as_of_ms=parts.clock.now_ms, rates=drafts))


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, products.register) as made:
        prepare(made)
        yield made


def sell(parts: Parts, dollars: int, from_id: int = DOLLAR_PURSE) -> ExchangeDone:
    ask = QuoteExchange(desk_id="main", sell_book=DOLLARS, buy_book=HOME, sell_amount=dollars)
    return take(parts, parts.accept(ask).quote_id, from_id, YUAN_PURSE)


def buy(parts: Parts, yuan: int) -> ExchangeDone:
    ask = QuoteExchange(desk_id="main", sell_book=HOME, buy_book=DOLLARS, sell_amount=yuan)
    return take(parts, parts.accept(ask).quote_id, YUAN_PURSE, DOLLAR_PURSE)


def take(parts: Parts, quote_id: str, from_id: int, to_id: int) -> ExchangeDone:
    done: ExchangeDone = parts.accept(ExecuteExchange(
        quote_id=quote_id, from_account_id=id_bytes(from_id), to_account_id=id_bytes(to_id)
    ))  # fmt: skip
    return done


def revalued(parts: Parts, at_ms: int | None = None) -> Revaluation:
    found = revaluation(parts.rows, "main", parts.clock.now_ms if at_ms is None else at_ms)
    assert found is not None
    return found


def test_a_realised_difference_is_posted_at_the_average_cost(parts: Parts) -> None:
    put(parts, "7")
    assert sell(parts, 100).buy_amount == 700
    parts.clock.pass_ms(1)
    put(parts, "7.5")
    assert buy(parts, 300).realised == 20
    found = revalued(parts)
    (position,) = found.positions
    assert (position.amount, position.cost, position.value) == (60, 420, 450)
    assert (position.unrealised, found.realised) == (30, 20)
    before = revalued(parts, START_MS)
    assert (before.positions[0].amount, before.positions[0].unrealised) == (100, 0)


trades = st.lists(
    st.tuples(st.booleans(), st.integers(100, 10**9), st.integers(10_000, 99_999)),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(trades=trades, spread=st.sampled_from(("0", "0.002", "0.1")))
def test_nothing_is_created_and_the_differences_are_whole(
    tmp_path_factory: pytest.TempPathFactory, trades: list[tuple[bool, int, int]], spread: str
) -> None:
    with opened(tmp_path_factory.mktemp("x"), products.register) as parts:
        prepare(parts, spread)
        dollars = yuan = realised = 0
        for sells, amount, rate in trades:
            parts.clock.pass_ms(1)
            put(parts, f"{Decimal(rate) / 10_000}")
            done = sell(parts, amount) if sells else buy(parts, amount)
            realised += done.realised
            dollars += done.sell_amount if sells else -done.buy_amount
            yuan += done.buy_amount if sells else -done.sell_amount
        assert (balance(parts, DOLLAR_PURSE), balance(parts, YUAN_PURSE)) == (-dollars, yuan)
        assert all(book.balanced for book in stored_trial_balances(parts.rows))
        found = revalued(parts)
        (position,) = found.positions
        assert (position.amount, found.realised) == (dollars, realised)
        assert position.value is not None
        assert position.unrealised is not None
        # What the position is worth, less what was paid for it, is realised or not yet.
        assert position.value - yuan == realised + position.unrealised
        assert position.amount != 0 or position.cost == 0


def pounds(parts: Parts) -> None:
    name(parts, POUNDS, currency="GBP")
    accounts(parts, account(POUND_PURSE, POUNDS))
    drafts = (RateDraft("USD", "CNY", "7.1"), RateDraft("GBP", "CNY", "9.4"))
    parts.accept(PutRates(source="ecb", as_of_ms=parts.clock.now_ms, rates=drafts))


def cross(parts: Parts, dollars: int) -> ExchangeDone:
    ask = QuoteExchange(desk_id="main", sell_book=DOLLARS, buy_book=POUNDS, sell_amount=dollars)
    return take(parts, parts.accept(ask).quote_id, DOLLAR_PURSE, POUND_PURSE)


def test_two_foreign_currencies_are_exchanged_in_one_chain_through_the_home_book(
    parts: Parts,
) -> None:
    pounds(parts)
    ask = QuoteExchange(desk_id="main", sell_book=DOLLARS, buy_book=POUNDS, sell_amount=1000)
    quote = parts.accept(ask)
    assert (quote.buy_amount, quote.rate) == (755, "0.755319148936")
    done = take(parts, quote.quote_id, DOLLAR_PURSE, POUND_PURSE)
    found = {p.currency: p for p in revalued(parts).positions}
    assert (found["USD"].amount, found["USD"].cost) == (1000, 7100)
    assert (found["GBP"].amount, found["GBP"].cost) == (-755, -7100)
    assert balance(parts, YUAN_PURSE) == 0
    legs = parts.rows.connection.execute(
        "SELECT COUNT(*) FROM ledger_transfer WHERE user_data_128 = ?",
        (id_bytes(int(done.exchange_id)),),
    ).fetchone()
    assert int(legs[0]) == 3


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(
    amounts=st.lists(st.integers(100, 10**9), min_size=1, max_size=4),
    rates=st.lists(st.tuples(st.integers(60_000, 80_000), st.integers(80_000, 99_999)),
                   min_size=4, max_size=4),
)  # fmt: skip
def test_a_cross_exchange_creates_nothing_and_its_differences_are_whole(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[int], rates: list[tuple[int, int]]
) -> None:
    with opened(tmp_path_factory.mktemp("x"), products.register) as parts:
        prepare(parts, "0.002")
        pounds(parts)
        realised = 0
        for amount, (dollar, pound) in zip(amounts, rates, strict=False):
            parts.clock.pass_ms(1)
            drafts = (RateDraft("USD", "CNY", f"{Decimal(dollar) / 10_000}"),
                      RateDraft("GBP", "CNY", f"{Decimal(pound) / 10_000}"))  # fmt: skip
            parts.accept(PutRates(source="ecb", as_of_ms=parts.clock.now_ms, rates=drafts))
            realised += cross(parts, amount).realised
        assert all(book.balanced for book in stored_trial_balances(parts.rows))
        found = revalued(parts)
        # No home money came in or went out: all that the positions are worth is a difference.
        worth = sum(p.value or 0 for p in found.positions)
        assert found.realised == realised
        assert worth == realised + sum(p.unrealised or 0 for p in found.positions)


def test_a_leg_that_is_refused_leaves_no_other(parts: Parts) -> None:
    pounds(parts)
    ask = QuoteExchange(desk_id="main", sell_book=DOLLARS, buy_book=POUNDS, sell_amount=1000)
    quote_id = parts.accept(ask).quote_id
    execute = ExecuteExchange(
        quote_id=quote_id, from_account_id=id_bytes(POOR), to_account_id=id_bytes(POUND_PURSE)
    )
    assert parts.refuse(execute) == "LEDGER_REFUSED"
    assert revalued(parts).positions == []


@given(
    held=st.integers(-(10**9), 10**9), cost=st.integers(1, 10**12),
    amount=st.integers(-(10**9), 10**9).filter(bool), paid=st.integers(1, 10**12),
    rounding=st.sampled_from(Rounding),
)  # fmt: skip
def test_cost_after_is_cost_before_and_paid_and_realised(
    held: int, cost: int, amount: int, paid: int, rounding: Rounding
) -> None:
    before = Position(held, 0 if held == 0 else cost if held > 0 else -cost)
    spent = paid if amount > 0 else -paid
    after, realised = traded(before, amount, spent, rounding)
    assert after.amount == held + amount
    assert after.cost == before.cost + spent + realised
    assert after.cost == 0 or (after.cost > 0) == (after.amount > 0)
    assert after.amount != 0 or after.cost == 0
    if held == 0 or (held > 0) == (amount > 0):
        assert realised == 0


@given(tenths=st.integers(-1000, 1000), rounding=st.sampled_from(Rounding))
def test_rounding_is_what_its_name_says(tenths: int, rounding: Rounding) -> None:
    expected = (Decimal(tenths) / 10).quantize(Decimal(1), rounding=rounding.value)
    assert rounded(Fraction(tenths, 10), rounding) == expected


def test_old_rates_and_old_quotes_are_refused(parts: Parts) -> None:
    ask = QuoteExchange(desk_id="main", sell_book=DOLLARS, buy_book=HOME, sell_amount=100)
    assert parts.refuse(ask) == "RATE_NOT_EXIST"
    put(parts, "7")
    quote = parts.accept(ask)
    parts.clock.pass_ms(60_000)
    late = ExecuteExchange(
        quote_id=quote.quote_id, from_account_id=id_bytes(DOLLAR_PURSE),
        to_account_id=id_bytes(YUAN_PURSE),
    )  # fmt: skip
    assert parts.refuse(late) == "QUOTE_OVER"
    parts.clock.pass_ms(1)
    assert parts.refuse(ask) == "RATE_STALE"
    other = PutRates(source="ecb", as_of_ms=START_MS, rates=(RateDraft("USD", "CNY", "8"),))
    assert parts.refuse(other) == "RATE_INVALID"
    for base, rate in (("USD", "0"), ("USD", "x"), ("ZZZ", "7"), ("CNY", "1")):
        wrong = PutRates(source="s", as_of_ms=START_MS, rates=(RateDraft(base, "CNY", rate),))
        assert parts.refuse(wrong) == "RATE_INVALID"


def test_a_quote_is_taken_once_and_all_or_nothing(parts: Parts) -> None:
    put(parts, "7")
    ask = QuoteExchange(desk_id="main", sell_book=DOLLARS, buy_book=HOME, sell_amount=100)
    quote_id = parts.accept(ask).quote_id
    poor = ExecuteExchange(
        quote_id=quote_id, from_account_id=id_bytes(POOR), to_account_id=id_bytes(YUAN_PURSE)
    )
    assert parts.refuse(poor) == "LEDGER_REFUSED"
    assert balance(parts, YUAN_PURSE) == 0
    take(parts, quote_id, DOLLAR_PURSE, YUAN_PURSE)
    again = ExecuteExchange(
        quote_id=quote_id, from_account_id=id_bytes(DOLLAR_PURSE),
        to_account_id=id_bytes(YUAN_PURSE),
    )  # fmt: skip
    assert parts.refuse(again) == "QUOTE_OVER"


def test_a_leg_is_not_reversed_by_itself(parts: Parts) -> None:
    put(parts, "7")
    sell(parts, 100)
    row = parts.rows.connection.execute(
        "SELECT id FROM ledger_transfer WHERE book = ?", (DOLLARS,)
    ).fetchone()
    back = ReverseTransfer(transfer_id=bytes(row[0]), reversal_id=id_bytes(5), reason="wrong")
    assert parts.refuse(back) == "REVERSAL_OF_EXCHANGE"
