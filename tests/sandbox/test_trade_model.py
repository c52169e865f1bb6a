"""The model of a trade: what answers amount to, and which answers cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tallystick.sandbox.history import Call
from tallystick.sandbox.model import HoldModel, TradeModel

SELLER, BUYER, COURIER = "2088000000000001", "2088000000000101", "2088000000000003"


def calls(*steps: tuple[str, dict[str, Any]] | str, code: str = "") -> list[Call]:
    """Accepted calls one after another; `code` refuses the last one."""
    made = []
    for at, step in enumerate(steps, 1):
        what, facts = (step, {}) if isinstance(step, str) else (step[0], dict(step[1]))
        told = {"trade_no": "1"} | facts.pop("told", {}) if facts else {"trade_no": "1"}
        refused = bool(code) and at == len(steps)
        made.append(
            Call(number=at, what=what, subject="t", facts=facts, sent_s=at, answered_s=at + 0.5,
                 accepted=not refused, code=code if refused else "", told=told)
        )  # fmt: skip
    return made


def pay(**more: Any) -> tuple[str, dict[str, Any]]:
    """A payment of 10.00."""
    return "pay", {"amount": 1000, "seller_id": SELLER, "buyer_id": BUYER} | more


def refund(amount: int, number: str, **told: str) -> tuple[str, dict[str, Any]]:
    """A refund."""
    return "refund", {"amount": amount, "request_no": number, "told": told}


CONFIRM = ("confirm", {"request_no": "c"})


def followed(*steps: Any, code: str = "") -> TradeModel:
    """The model after the calls."""
    return TradeModel("t", Decimal("0.006")).follow(calls(*steps, code=code))


def balances(model: TradeModel) -> dict[str, int]:
    """What each wallet gained."""
    found: dict[str, int] = {}
    for move in model.moves:
        found[move.party_id] = found.get(move.party_id, 0) + move.change
    return found


def test_a_confirmed_trade_pays_the_seller_all_but_the_fee() -> None:
    model = followed(pay(), "ship", CONFIRM)
    assert (model.status, model.held, model.differences) == ("settled", 0, [])
    assert balances(model) == {BUYER: -1000, SELLER: 994}


def test_refunds_before_and_after_settlement_come_from_where_the_money_is() -> None:
    split = ("split", {"request_no": "s", "amount": 100, "receiver_id": COURIER})
    model = followed(pay(), refund(250, "r1"), CONFIRM, refund(333, "r2"), split)
    assert model.differences == []
    # 750 settled with a fee of 5 (4.5 half up); 417 stay, whose fee is 3 (2.5 half up).
    assert balances(model) == {BUYER: -417, SELLER: 417 - 3 - 100, COURIER: 100}


def test_the_same_refund_again_changes_nothing() -> None:
    model = followed(pay(), refund(250, "r1"), refund(250, "r1"))
    assert (model.refunded, model.held, model.differences) == (250, 750, [])


def test_a_whole_refund_closes_and_a_resolution_shares() -> None:
    assert followed(pay(), refund(1000, "r")).status == "closed"
    resolve = ("resolve", {"to_buyer": 400, "to_seller": 600})
    model = followed(pay(), "ship", "dispute", resolve)
    assert (model.status, balances(model)) == ("settled", {BUYER: -600, SELLER: 596})


def test_an_order_whose_time_is_over_closes_itself() -> None:
    model = followed(("create", {"amount": 1000, "seller_id": SELLER, "pay_by_ms": 5_000}))
    model.let_time_pass(4_999)
    assert model.status == "wait_buyer_pay"
    model.let_time_pass(5_000)
    assert (model.status, model.notices) == ("closed", 1)


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((pay(), pay()), ""),
        ((pay(), "dispute", "ship"), ""),
        ((pay(), refund(1001, "r")), ""),
        ((pay(), refund(600, "r1"), refund(600, "r2")), ""),
        ((pay(), refund(250, "r", refund_fee="2.51")), ""),
        ((pay(), "ship"), "TRADE_NOT_PAID"),
        ((pay(), refund(250, "r"), refund(250, "r")), "ACQ.SYSTEM_ERROR"),
        ((pay(), ("ship", {"told": {"status": "held"}})), ""),
        ((pay(), ("ship", {"told": {"trade_no": "2"}})), ""),
    ],
)
def test_an_answer_that_cannot_be_is_found(steps: Any, code: str) -> None:
    assert followed(*steps, code=code).differences


def test_a_refusal_for_want_of_money_may_be() -> None:
    model = followed(pay(), code="ACQ.BUYER_BALANCE_NOT_ENOUGH")
    assert (model.status, model.differences) == ("", [])


def test_a_command_without_an_answer_is_a_difference() -> None:
    call = calls(pay())[0]
    call.accepted = None
    assert TradeModel("t", Decimal(0)).follow([call]).differences


def test_a_hold_gives_free_what_it_froze_and_no_more() -> None:
    freeze = ("freeze", {"request_no": "f", "amount": 500, "buyer_id": BUYER,
                         "told": {"auth_no": "9"}})  # fmt: skip
    part = ("unfreeze", {"request_no": "u1", "amount": 200})
    rest = ("pay", {"request_no": "t", "amount": 300})
    model = HoldModel("h").follow(calls(freeze, part, part, rest))
    assert (model.frozen, model.differences) == (0, [])
    too_much = calls(freeze, ("unfreeze", {"request_no": "u", "amount": 501}))
    assert HoldModel("h").follow(too_much).differences
