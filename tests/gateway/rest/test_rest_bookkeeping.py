"""Bookkeeping over HTTP: named books, closes and reversals, as its page describes them."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.gateway.rest.rest_client import Rest, new_book


@pytest.fixture
def book() -> int:
    return new_book()


def today() -> date:
    return (datetime.now(UTC) + timedelta(hours=8)).date()


def make_book(rest: Rest, book: int, *, value_dated: bool = True) -> tuple[int, int]:
    """A named book with two accounts; their ids."""
    named = {"name": "Head office", "currency": "CNY", "value_dated": value_dated}
    assert rest.done(f"/v1/ledger/books/{book}", named)["closed_through"] is None
    first = time.time_ns()
    drafts = [{"id": first + n, "ledger": book, "code": 10 + n} for n in (0, 1)]
    assert rest.done("/v1/ledger/accounts", drafts) == ["created", "created"]
    return first, first + 1


def move(book: int, ends: tuple[int, int], amount: int, **more: object) -> list[dict[str, object]]:
    return [
        {"id": time.time_ns(), "debit_account_id": ends[0], "credit_account_id": ends[1],
         "amount": amount, "ledger": book, "code": 1} | more
    ]  # fmt: skip


def test_a_day_is_closed_proved_and_opened_again_by_two(rest: Rest, book: int) -> None:
    ends = make_book(rest, book)
    yesterday = (today() - timedelta(days=1)).isoformat()
    dated = move(book, ends, 700, effective_date=yesterday)
    assert rest.done("/v1/ledger/transfers", dated) == ["created"]
    done = rest.done(f"/v1/ledger/books/{book}/closes", {"period": yesterday})
    late = move(book, ends, 1, effective_date=yesterday)
    assert rest.refused("/v1/ledger/transfers", late) == "PERIOD_CLOSED"
    assert rest.done("/v1/ledger/transfers", move(book, ends, 5)) == ["created"]
    found = rest.get(f"/v1/ledger/closes/{done['close_id']}")
    assert hashlib.sha256(found["snapshot"].encode()).hexdigest() == done["sha256"]
    assert (found["debits_posted"], found["digest_fits"], found["totals_fit"]) == (
        "700",
        True,
        True,
    )
    assert rest.get(f"/v1/ledger/books/{book}")["closed_through"] == yesterday
    where = f"/v1/ledger/closes/{done['close_id']}/reopening"
    rest.done(where, {"reason": "an invoice came late"})
    assert rest.refused(f"{where}/approve") == "PERIOD_SAME_PERSON"
    assert rest.with_key("ledger:close").done(f"{where}/approve")["status"] == "reopened"
    assert rest.done("/v1/ledger/transfers", late) == ["created"]


def test_a_month_is_closed_through_its_last_day(rest: Rest, book: int) -> None:
    make_book(rest, book)
    month = today().replace(day=1) - timedelta(days=1)
    done = rest.done(f"/v1/ledger/books/{book}/closes", {"period": f"{month:%Y-%m}"})
    assert done["closed_through"] == month.isoformat()
    this = rest.refused(f"/v1/ledger/books/{book}/closes", {"period": f"{today():%Y-%m}"})
    assert this == "PERIOD_NOT_OVER"
    wrong = rest.refused(f"/v1/ledger/books/{book}/closes", {"period": "2026-13"})
    assert wrong == "INVALID_PARAMETER"


def test_a_date_needs_a_book_that_is_value_dated(rest: Rest, book: int) -> None:
    ends = make_book(rest, book, value_dated=False)
    dated = move(book, ends, 1, effective_date=today().isoformat())
    assert rest.refused("/v1/ledger/transfers", dated) == "EFFECTIVE_DATE_INVALID"


def test_a_reversal_is_shown_from_both_ends(rest: Rest, book: int) -> None:
    ends = make_book(rest, book)
    body = move(book, ends, 100)
    rest.done("/v1/ledger/transfers", body)
    original, back = str(body[0]["id"]), str(time.time_ns())
    where = f"/v1/ledger/transfers/{original}/reversals"
    part = {"reversal_id": back, "reason": "booked twice", "amount": "40"}
    assert rest.done(where, part, key=f"rev-{back}")["left"] == "60"
    assert rest.post(where, part, key=f"rev-{back}").replayed
    found = rest.get(where)
    assert (found["reversed"], found["reversals"][0]["reversal_id"]) == ("40", back)
    shown = rest.get(f"/v1/ledger/transfers/{original}")
    assert (shown["reversed"], shown["reversals"], shown["reverses"]) == ("40", [str(back)], None)
    assert rest.get(f"/v1/ledger/transfers/{back}")["reverses"] == str(original)
    mirrored = rest.get(f"/v1/ledger/transfers/{back}/reversals")
    assert mirrored["reverses"]["transfer_id"] == original
    more = {"reversal_id": str(time.time_ns()), "reason": "x", "amount": "61"}
    assert rest.refused(where, more) == "REVERSAL_EXCEEDS"


def test_a_schedule_is_made_seen_paused_and_ended(rest: Rest, book: int) -> None:
    ends = make_book(rest, book)
    moves = {"ledger": book, "debit_account_id": str(ends[0]), "credit_account_id": str(ends[1]),
             "amount": "120"}  # fmt: skip
    rule = {"unit": "month", "first_day": "2030-01-31", "at": "09:30",
            "business_days": "modified_following"}  # fmt: skip
    body = {"name": "Rent", "rule": rule, "transfer": moves, "retry_after_s": [60]}
    made = rest.done("/v1/ledger/schedules", body)
    where = f"/v1/ledger/schedules/{made['schedule_id']}"
    found = rest.get(where)
    assert found["runs"] == []
    assert (found["schedule"]["at"], found["schedule"]["next_ms"]) == ("09:30", made["next_ms"])
    assert rest.done(f"{where}/pause")["status"] == "paused"
    assert rest.done(f"{where}/resume", {"missed": "run"})["status"] == "active"
    assert rest.done(f"{where}/end")["status"] == "ended"
    assert rest.refused(f"{where}/pause") == "SCHEDULE_STATE"
    assert rest.refused("/v1/ledger/schedules", {"name": "x", "rule": rule}) == "SCHEDULE_INVALID"
    listed = rest.get("/v1/ledger/schedules", status="ended", limit=200)["items"]
    assert made["schedule_id"] in [one["schedule_id"] for one in listed]


def test_a_sweep_runs_when_it_is_asked_for(rest: Rest, book: int) -> None:
    source, header = make_book(rest, book)
    shop = time.time_ns()
    rest.done("/v1/ledger/accounts", [{"id": shop, "ledger": book, "code": 12}])
    rest.done("/v1/ledger/transfers", move(book, (source, shop), 900))
    made = rest.done("/v1/ledger/sweeps", {
        "name": "Shops", "ledger": book, "header_account_id": str(header),
        "account_ids": [str(shop)], "target": "150",
    })  # fmt: skip
    where = f"/v1/ledger/sweeps/{made['sweep_id']}"
    assert rest.done(f"{where}/run")["to_header"] == "750"
    assert rest.get(f"/v1/ledger/accounts/{shop}")["balance"] == "150"
    assert [run["to_header"] for run in rest.get(where)["runs"]] == ["750"]
    assert rest.done(f"{where}/end")["active"] is False


def test_a_monitor_tells_a_webhook(rest: Rest, book: int) -> None:
    source, shop = make_book(rest, book)
    wanted = {"url": "https://127.0.0.1:1/", "topics": ["monitor.crossed"]}
    hook = rest.done("/v1/webhooks", wanted, key=f"hook-{book}")
    again = rest.post("/v1/webhooks", wanted, key=f"hook-{book}")
    assert (again.replayed, again.body) == (True, hook)
    assert hook["secret"].startswith("whsec_")
    body = {"name": "much", "account_id": str(shop), "direction": "above", "threshold": "100"}
    made = rest.done("/v1/ledger/monitors", body)
    rest.done("/v1/ledger/transfers", move(book, (source, shop), 150))
    where = f"/v1/ledger/monitors/{made['monitor_id']}"
    found = rest.get(where)
    assert (found["monitor"]["fired"], found["changes"][0]["value"]) == (True, "150")
    sent = rest.get("/v1/webhook-messages", endpoint_id=hook["endpoint_id"])["items"]
    assert [m["topic"] for m in sent] == ["monitor.crossed"]
    told = rest.get(f"/v1/webhook-messages/{sent[0]['message_id']}")["body"]
    assert '"value":"150"' in told
    assert rest.done(f"{where}/end")["active"] is False
    rest.done(f"/v1/webhooks/{hook['endpoint_id']}/end")
    both = body | {"ledger": book, "code": 10}
    assert rest.refused("/v1/ledger/monitors", both) == "INVALID_PARAMETER"


def test_an_exchange_is_quoted_taken_and_revalued(rest: Rest, book: int) -> None:
    yuan, _ = make_book(rest, book)
    other = book + 1
    rest.done(f"/v1/ledger/books/{other}", {"name": "Dollars", "currency": "USD"})
    dollars = time.time_ns()
    rest.done("/v1/ledger/accounts", [{"id": dollars, "ledger": other, "code": 10}])
    desk, source = f"/v1/ledger/desks/d{book}", f"s{book}"
    rest.done(desk, {"ledger": book, "source": source, "stale_after_ms": 3_600_000})
    rates = [{"base": "USD", "quote": "CNY", "rate": "7.1234"}]
    now_ms = time.time_ns() // 1_000_000 - 1000
    rest.done("/v1/ledger/rates", {"source": source, "as_of_ms": now_ms, "rates": rates})
    ask = {"sell_ledger": other, "buy_ledger": book, "sell_amount": "10000"}
    quote = rest.done(f"{desk}/quotes", ask)
    assert quote["buy_amount"] == "71234"
    ends = {"from_account_id": str(dollars), "to_account_id": str(yuan)}
    taken = f"/v1/ledger/quotes/{quote['quote_id']}/execute"
    assert rest.done(taken, ends)["realised"] == "0"
    assert rest.refused(taken, ends) == "QUOTE_OVER"
    (position,) = rest.get(f"{desk}/revaluation")["positions"]
    assert (position["amount"], position["cost"], position["unrealised"]) == ("10000", "71234", "0")
    earlier = rest.get(f"{desk}/revaluation", as_of_ms=now_ms - 1)["positions"]
    assert (earlier[0]["amount"], earlier[0]["value"]) == ("0", None)
    (rate,) = rest.get(f"/v1/ledger/rates/{source}/USD/CNY")["items"]
    assert (rate["rate"], rate["as_of_ms"]) == ("7.1234", now_ms)
    desks = {d["desk_id"]: d for d in rest.walk("/v1/ledger/desks", limit=1)}
    assert (desks[f"d{book}"]["ledger"], desks[f"d{book}"]["currency"]) == (book, "CNY")
    third = book + 2
    rest.done(f"/v1/ledger/books/{third}", {"name": "Pounds", "currency": "GBP"})
    pounds = [{"base": "GBP", "quote": "CNY", "rate": "9.5"}]
    rest.done("/v1/ledger/rates", {"source": source, "as_of_ms": now_ms, "rates": pounds})
    crossed = rest.done(f"{desk}/quotes", ask | {"buy_ledger": third})
    assert (crossed["buy_amount"], crossed["rate"]) == ("7498", "0.749831578947")
