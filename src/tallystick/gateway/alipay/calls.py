"""What every method of the gateway is given, and what its business content means here."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Protocol

from tallystick.gateway.alipay.faults import Fault, fault, fault_of
from tallystick.gateway.alipay.schemas_trade import OrderContent, RoyaltyDetail, SettleInfo
from tallystick.money.amount import MoneyError, format_amount, parse_amount
from tallystick.money.china_time import china_midnight_ms, parse_china_time
from tallystick.parties.views import masked_login
from tallystick.payments.trades.model import CreateTrade, Split, Trade
from tallystick.payments.trades.views import find_trade
from tallystick.pipeline.commands import Caller, CallerKind, Command, Reply
from tallystick.pipeline.refusals import Refusal
from tallystick.platform import Platform

__all__ = [
    "CURRENCY", "Call", "Failed", "Method", "PayTerm", "create_order", "duration_ms",
    "expires_within_ms", "money", "notify_address", "pay_term", "royalty_splits", "settle_splits",
    "success", "yuan",
]  # fmt: skip

CURRENCY = "CNY"
"""The protocol's amounts carry no currency of their own; they are yuan."""

_SCOPES = frozenset({"payments:write", "payments:read", "wallet:write", "wallet:read"})
_DAY_MS = 86_400_000
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": _DAY_MS}
_TIMEOUT = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_ADDRESS = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)


class Failed(Exception):
    """Carries a fault from where it is found to the method's answer."""

    def __init__(self, found: Fault | Refusal) -> None:
        super().__init__(found)
        self.fault = found if isinstance(found, Fault) else fault_of(found)


class Call(NamedTuple):
    """A verified request for one method.

    `request_id` stands for the signed request itself: the same bytes again are the same
    request, and get the same answer. `asked_ms` is when the caller says that it asked.
    `auth_token` names a person's consent.
    """

    platform: Platform
    app_id: str
    content: Any
    request_id: str
    asked_ms: int
    notify_url: str = ""
    return_url: str = ""
    auth_token: str = ""

    @property
    def caller(self) -> Caller:
        """The app as the pipeline knows it."""
        return Caller(CallerKind.APP, self.app_id, _SCOPES)

    async def submit(self, command: Command) -> Any:
        """Run a command and give its reply; a refusal ends the method."""
        answer = await self.platform.submit(self.caller, command, self.request_id)
        if answer.refusal is not None:
            raise Failed(answer.refusal)
        reply: Reply | None = answer.reply
        assert reply is not None
        return reply

    def trade(self, trade_no: str | None, out_trade_no: str | None) -> Trade:
        """The app's trade by either number."""
        trade = find_trade(
            self.platform.rows,
            self.app_id,
            trade_no=trade_no or "",
            out_trade_no=out_trade_no or "",
        )
        if trade is None:
            raise Failed(Refusal("TRADE_NOT_EXIST"))
        return trade

    def login_of(self, party_id: str) -> str:
        """A party's masked login, empty when there is none."""
        return masked_login(self.platform.rows, self.platform.sealer, party_id) if party_id else ""


class Method(Protocol):
    """Does what a method is for and gives the answer's fields; raises Failed."""

    async def __call__(self, call: Call) -> dict[str, Any]:
        """Answer one call."""
        ...


def success(**fields: object) -> dict[str, Any]:
    """A done answer; fields that are empty are left out."""
    return {"code": "10000", "msg": "Success"} | {
        name: value for name, value in fields.items() if value not in ("", None, [])
    }


def money(text: str, name: str) -> int:
    """Minor units of an amount that must be greater than nothing."""
    try:
        return parse_amount(str(text), CURRENCY, allow_zero=False)
    except MoneyError as error:
        raise Failed(Refusal("INVALID_AMOUNT", f"{name}: {error}")) from error


def yuan(amount: int) -> str:
    """Minor units as the protocol writes them."""
    return format_amount(amount, CURRENCY)


class PayTerm(NamedTuple):
    """The time to pay: until a moment (`by_ms`), or so long after the order opens."""

    within_ms: int = 15 * _DAY_MS
    by_ms: int = 0


def pay_term(content: OrderContent, asked_ms: int) -> PayTerm:
    """The time to pay: `time_expire`, or `timeout_express` (`90m`, `1c`: till midnight).

    It depends on the request alone, so that the same request again is the same order.

    Args:
        asked_ms: when the caller says that it asked, milliseconds since 1970 UTC.
    """
    if content.time_expire:
        text = content.time_expire
        by_ms = parse_china_time(text if len(text) == 19 else f"{text}:00")
        if by_ms is None:
            raise Failed(fault("isv.invalid-parameter", "time_expire"))
        return PayTerm(by_ms=by_ms)
    if not content.timeout_express:
        return PayTerm()
    if content.timeout_express == "1c":
        return PayTerm(by_ms=china_midnight_ms(asked_ms))
    within_ms = duration_ms(content.timeout_express)
    if within_ms is None or within_ms > 15 * _DAY_MS:
        raise Failed(fault("isv.invalid-parameter", "timeout_express"))
    return PayTerm(within_ms)


def duration_ms(text: str) -> int | None:
    """Milliseconds of `5m`, `2h` or `1d`; None when it is none of these."""
    match = _TIMEOUT.fullmatch(text)
    return int(match[1]) * _UNITS_MS[match[2]] if match else None


def expires_within_ms(text: str | None) -> int:
    """How long an authorisation stands, from `timeout_express`; 0 where nothing is said.

    Raises:
        Failed: it is no span.
    """
    within_ms = duration_ms(text) if text else 0
    if within_ms is None:
        raise Failed(fault("isv.invalid-parameter", "timeout_express"))
    return within_ms


def settle_splits(info: SettleInfo | None, seller_id: str) -> tuple[Split, ...]:
    """The receivers other than the seller that a settlement names."""
    splits = []
    for at, detail in enumerate(info.settle_detail_infos if info else ()):
        if detail.trans_in_type == "defaultSettle" or detail.trans_in in (None, seller_id):
            continue
        if detail.trans_in_type not in (None, "userId"):
            raise Failed(fault("isv.invalid-parameter", f"settle_detail_infos[{at}].trans_in_type"))
        assert detail.trans_in is not None
        splits.append(Split(detail.trans_in, money(detail.amount, "amount")))
    return tuple(splits)


def royalty_splits(details: list[RoyaltyDetail], total: int, party: str) -> tuple[Split, ...]:
    """Receivers of a split (`party` = `trans_in`), or who gives back (`trans_out`)."""
    splits = []
    for at, detail in enumerate(details):
        where = f"royalty_parameters[{at}]"
        party_id = getattr(detail, party)
        if not party_id:
            raise Failed(fault("isv.missing-parameter", f"{where}.{party}"))
        kind = getattr(detail, f"{party}_type")
        if kind not in (None, "userId"):
            raise Failed(fault("isv.invalid-parameter", f"{where}.{party}_type"))
        if detail.amount:
            amount = money(detail.amount, f"{where}.amount")
        elif detail.amount_percentage:
            amount = total * money(detail.amount_percentage, f"{where}.amount_percentage") // 10_000
        else:
            raise Failed(fault("isv.missing-parameter", f"{where}.amount"))
        splits.append(Split(party_id, amount, detail.desc or ""))
    return tuple(splits)


def _address(text: str | None, name: str) -> str:
    """An http or https address, or empty."""
    if text and not _ADDRESS.fullmatch(text):
        raise Failed(fault("isv.invalid-parameter", name))
    return text or ""


def notify_address(call: Call) -> str:
    """Where the shop wants to be told; whether it may be reached shows when it is told."""
    return _address(call.notify_url or call.content.notify_url, "notify_url")


def create_order(call: Call, *, code_index: bytes = b"", buyer_id: str = "") -> CreateTrade:
    """The order that a method's content describes."""
    content: OrderContent = call.content
    term = pay_term(content, call.asked_ms)
    seller_id = (content.sub_merchant and content.sub_merchant.merchant_id) or content.seller_id
    return CreateTrade(
        app_id=call.app_id,
        out_trade_no=content.out_trade_no,
        amount=money(content.total_amount, "total_amount"),
        subject=content.subject,
        currency=CURRENCY,
        seller_id=seller_id or "",
        buyer_id=buyer_id,
        body=content.body or "",
        product_code=content.product_code or "",
        settlement="escrow" if content.settle_info or content.sub_merchant else "",
        splits=settle_splits(content.settle_info, seller_id or ""),
        code_index=code_index,
        notify_url=notify_address(call),
        return_url=_address(call.return_url or content.return_url, "return_url"),
        passback_params=content.passback_params or "",
        pay_within_ms=term.within_ms,
        pay_by_ms=term.by_ms,
    )
