"""Operations on the marketplace: each both a request to the platform and a call of the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from tests.payments.market import (
    APP,
    APP_ID,
    BUYERS,
    CODES,
    DAY_MS,
    PARTIES,
    RECEIVERS,
    SELLERS,
    as_party,
)
from tests.payments.naive_market import NaiveMarket, Shares

from tallystick.payments.holds.model import FreezeFunds, UnfreezeFunds
from tallystick.payments.trades.model import (
    CancelTrade,
    CloseTrade,
    ConfirmReceipt,
    CreateTrade,
    OpenDispute,
    PayTrade,
    RefundTrade,
    ResolveDispute,
    ShipTrade,
    Split,
    SplitTrade,
)
from tallystick.payments.wallet.model import (
    BankAnswered,
    StartTopUp,
    StartWithdrawal,
    TransferBetweenWallets,
)
from tallystick.pipeline.commands import SYSTEM, Caller, Command, Request
from tallystick.pipeline.numbers import dated_number

__all__ = ["Operation", "Scribe", "opening", "operations"]

NOBODY = "2026000000000000000000000000"
LEFT = 10_000
"""An amount that stands for all that is left."""


@dataclass
class Scribe:
    """Writes requests, and knows the numbers that the platform will give what they make."""

    model: NaiveMarket
    written: int = 0
    trades: dict[str, str] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)

    def pick(self, which: int, wanted: str) -> str:
        """A trade's number, mostly of one in a wanted state, so that histories get somewhere."""
        trades = self.model.trades
        fit = [number for number, trade in trades.items() if trade.status in wanted.split()]
        if fit and which % 5:
            return fit[which % len(fit)]
        return f"T{which % (len(trades) + 1) + 1}"

    def request(self, caller: Caller, command: Command) -> Request:
        """The command under a request id of its own."""
        self.written += 1
        return Request(caller, f"q{self.written}", command)

    def number(self, request: Request, kind: str) -> str:
        """The number of what this request makes."""
        return dated_number(self.model.now, request.key, kind)


Operation = Callable[[Scribe], tuple[Request, str]]
"""Writes the request and says what should come of it: "" or the refusal's code."""


def _splits(shares: Shares) -> tuple[Split, ...]:
    return tuple(Split(receiver, amount) for receiver, amount in shares)


def _named(scribe: Scribe, number: str) -> dict[str, Any]:
    """A trade by either number, as partners do."""
    known = scribe.trades.get(number)
    if known is not None and scribe.written % 2:
        return {"app_id": APP_ID, "trade_no": known}
    return {"app_id": APP_ID, "out_trade_no": number}


def _create(which: int, seller: str, amount: int, plan: Shares, instant: bool,
            days: int) -> Operation:  # fmt: skip
    def run(scribe: Scribe) -> tuple[Request, str]:
        number = f"T{len(scribe.trades) + 1}" if which % 4 else scribe.pick(which, "wait")
        request = scribe.request(
            APP,
            CreateTrade(
                app_id=APP_ID, out_trade_no=number, amount=amount, subject="Tea",
                seller_id=seller, splits=_splits(plan), pay_within_ms=days * DAY_MS,
                settlement="instant" if instant else "escrow",
            ),
        )  # fmt: skip
        is_new = number not in scribe.model.trades
        expected = scribe.model.create(
            number, seller, amount, plan, instant=instant, within=days * DAY_MS
        )
        if is_new and not expected:
            scribe.trades[number] = scribe.number(request, "trade")
        return request, expected

    return run


def _pay(which: int, buyer: str, way: str) -> Operation:
    def run(scribe: Scribe) -> tuple[Request, str]:
        number = scribe.pick(which, "wait")
        trade_no = scribe.trades.get(number, NOBODY)
        if way == "wallet":
            command = PayTrade(app_id=APP_ID, trade_no=trade_no, buyer_id=buyer)
            return scribe.request(as_party(buyer), command), scribe.model.pay(number, buyer)
        if way == "code":
            command = PayTrade(app_id=APP_ID, trade_no=trade_no, payment_code_index=CODES[buyer])
            return scribe.request(APP, command), scribe.model.pay(number, buyer)
        command = PayTrade(app_id=APP_ID, trade_no=trade_no, hold_id=scribe.holds.get(way, NOBODY))
        return scribe.request(APP, command), scribe.model.pay(number, "", way)

    return run


def _on_trade(
    which: int,
    wanted: str,
    command: Callable[[dict[str, Any]], Command],
    expected: Callable[[NaiveMarket, str], str],
) -> Operation:
    def run(scribe: Scribe) -> tuple[Request, str]:
        number = scribe.pick(which, wanted)
        request = scribe.request(APP, command(_named(scribe, number)))
        return request, expected(scribe.model, number)

    return run


def _confirm(which: int, shares: Shares, settle_no: str) -> Operation:
    return _on_trade(
        which,
        "held shipped",
        lambda n: ConfirmReceipt(**n, splits=_splits(shares), out_request_no=settle_no),
        lambda m, number: m.confirm(number, shares, settle_no),
    )


def _split(which: int, shares: Shares, request: str) -> Operation:
    return _on_trade(
        which,
        "settled",
        lambda n: SplitTrade(**n, splits=_splits(shares), out_request_no=request),
        lambda m, number: m.split(number, shares, request),
    )


def _refund(which: int, amount: int, request: str, clawbacks: Shares) -> Operation:
    def run(scribe: Scribe) -> tuple[Request, str]:
        number = scribe.pick(which, "held shipped settled")
        trade, wanted = scribe.model.trades.get(number), amount
        if amount == LEFT and trade is not None:
            wanted = trade.amount - trade.refunded
        command = RefundTrade(
            **_named(scribe, number), amount=wanted, out_request_no=request,
            clawbacks=_splits(clawbacks),
        )  # fmt: skip
        expected = scribe.model.refund(number, wanted, request, clawbacks)
        return scribe.request(APP, command), expected

    return run


def _resolve(which: int, thousandths: int, slip: int) -> Operation:
    """Give the buyer so many thousandths of what is held, with a slip in the sum at times."""

    def run(scribe: Scribe) -> tuple[Request, str]:
        number = scribe.pick(which, "disputed")
        trade = scribe.model.trades.get(number)
        held = trade.held if trade is not None else 0
        to_buyer = held * thousandths // 1000
        to_seller = held - to_buyer + slip
        command = ResolveDispute(**_named(scribe, number), to_buyer=to_buyer, to_seller=to_seller)
        return scribe.request(APP, command), scribe.model.resolve(number, to_buyer, to_seller)

    return run


def _freeze(number: str, payer: str, amount: int, request: str, days: int) -> Operation:
    def run(scribe: Scribe) -> tuple[Request, str]:
        made = scribe.request(
            as_party(payer),
            FreezeFunds(
                app_id=APP_ID, out_order_no=number, out_request_no=request, amount=amount,
                title="Deposit", payer_id=payer, expires_within_ms=days * DAY_MS,
            ),
        )  # fmt: skip
        is_new = number not in scribe.model.holds
        expected = scribe.model.freeze(number, payer, SELLERS[0], amount, request, days * DAY_MS)
        if is_new and not expected:
            scribe.holds[number] = scribe.number(made, "hold")
        return made, expected

    return run


def _unfreeze(number: str, amount: int, request: str) -> Operation:
    def run(scribe: Scribe) -> tuple[Request, str]:
        hold_id = scribe.holds.get(number, NOBODY)
        command = UnfreezeFunds(
            app_id=APP_ID, hold_id=hold_id, amount=amount, out_request_no=request
        )
        return scribe.request(APP, command), scribe.model.unfreeze(number, amount, request)

    return run


def _transfer(payer: str, payee: str, amount: int, number: str) -> Operation:
    def run(scribe: Scribe) -> tuple[Request, str]:
        command = TransferBetweenWallets(
            payer_id=payer, payee_id=payee, amount=amount, out_biz_no=number
        )
        expected = scribe.model.transfer(payer, payee, amount, number)
        return scribe.request(as_party(payer), command), expected

    return run


def _order_bank(kind: str, party: str, amount: int) -> Operation:
    def run(scribe: Scribe) -> tuple[Request, str]:
        order = StartTopUp if kind == "top_up" else StartWithdrawal
        request = scribe.request(as_party(party), order(party_id=party, amount=amount, bank_id="1"))
        name = f"B{len(scribe.orders)}"
        expected = scribe.model.order_bank(name, kind, party, amount)
        if not expected:
            scribe.orders[name] = scribe.number(request, "bank")
        return request, expected

    return run


def _bank_answers(which: int, accepted: bool, reference: str) -> Operation:
    def run(scribe: Scribe) -> tuple[Request, str]:
        name = f"B{which % max(1, len(scribe.orders))}"
        command = BankAnswered(
            order_id=scribe.orders.get(name, NOBODY), accepted=accepted, bank_reference=reference
        )
        expected = scribe.model.bank_answers(name, f"{'yes' if accepted else 'no'}:{reference}")
        return scribe.request(SYSTEM, command), expected

    return run


_which = st.integers(0, 99)
_hold = st.sampled_from(["H1", "H2"])
_request = st.sampled_from(["R1", "R2", "R3", "settle", "dispute", "cancel", ""])
_amount = st.one_of(st.integers(1, 60), st.integers(1, 900), st.integers(-1, 1), st.just(LEFT))
_order_amount = st.one_of(st.integers(20, 900), st.integers(20, 900), st.integers(0, 7000))
_days = st.integers(1, 20)
_share = st.tuples(st.sampled_from(RECEIVERS), st.one_of(st.integers(1, 9), st.integers(0, 60)))
_some_shares = st.lists(_share, min_size=1, max_size=3).map(tuple)
_shares = st.one_of(st.just(()), st.just(()), _some_shares)


def _simple(command: type[Command], name: str, wanted: str) -> st.SearchStrategy[Operation]:
    more = {"reason": "broken"} if command is OpenDispute else {}

    def of(which: int) -> Operation:
        return _on_trade(
            which,
            wanted,
            lambda n: command(**n, **more),
            lambda m, number: str(getattr(m, name)(number)),
        )

    return _which.map(of)


_ways = st.sampled_from(["wallet", "wallet", "wallet", "code", "H1", "H2"])
_pays = st.builds(_pay, _which, st.sampled_from(BUYERS), _ways)
_creates = st.builds(
    _create, _which, st.sampled_from(SELLERS), _order_amount, _shares,
    st.sampled_from([False, False, True]), _days,
)  # fmt: skip
_confirms = st.builds(_confirm, _which, _shares, _request)
_refunds = st.builds(_refund, _which, _amount, _request, st.one_of(st.just(()), _shares))
_party = st.sampled_from(PARTIES)

opening: st.SearchStrategy[Operation] = st.one_of(_creates, _pays)
"""How histories begin: orders, and buyers who pay."""

operations: st.SearchStrategy[Operation] = st.one_of(
    _creates,
    _pays,
    _pays,
    _simple(ShipTrade, "ship", "held"),
    _simple(CloseTrade, "close", "wait"),
    _simple(CancelTrade, "cancel", "held settled"),
    _simple(OpenDispute, "dispute", "held shipped"),
    _confirms,
    _confirms,
    st.builds(_split, _which, _some_shares, _request.filter(len)),
    _refunds,
    _refunds,
    st.builds(
        _resolve, _which, st.sampled_from([0, 1000, 500, 333]), st.sampled_from([0, 0, 0, 1])
    ),
    st.builds(
        _freeze, _hold, st.sampled_from(BUYERS), _order_amount, _request.filter(len),
        st.sampled_from([0, 3, 12]),
    ),
    st.builds(_unfreeze, _hold, _amount, _request.filter(len)),
    st.builds(_transfer, _party, _party, _amount, _request.filter(len)),
    st.builds(_order_bank, st.sampled_from(["top_up", "withdrawal"]), _party, _order_amount),
    st.builds(_bank_answers, st.integers(0, 9), st.booleans(), st.sampled_from(["a", "b"])),
)  # fmt: skip
