"""The reasons of a score in words, English and Chinese."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tallystick.money.amount import format_amount
from tallystick.risk.anomaly.scoring import Part

__all__ = ["KINDS", "LEVELS", "reason", "reasons"]

_Say = Callable[[Part], tuple[str, str]]


def _money(minor_units: float) -> str:
    return format_amount(round(minor_units), "CNY")


def _times(part: Part) -> str:
    return f"{part.seen / part.usual:.1f}" if part.usual else "?"


_SAY: Final[dict[str, _Say]] = {
    "device": lambda p: (
        ("a device never used before" if not p.seen else "a device used for less than a day"),
        ("从未使用过的设备" if not p.seen else "使用不足一天的设备"),
    ),
    "place": lambda p: (
        ("a network never seen before" if not p.seen else "a network seen for less than a day"),
        ("从未出现过的网络" if not p.seen else "出现不足一天的网络"),
    ),
    "stranger": lambda p: ("device and network are new together", "设备与网络同时是新的"),
    "hour": lambda p: (
        f"at {p.seen:.0f}:00, when the account hardly ever acts",
        f"{p.seen:.0f} 点，该账户很少在此时活动",
    ),
    "amount": lambda p: (
        f"{_money(p.seen)}, {_times(p)} times the usual {_money(p.usual)}",
        f"{_money(p.seen)}，是平常 {_money(p.usual)} 的 {_times(p)} 倍",
    ),
    "payee": lambda p: ("a payee never paid before", "从未付过款的收款方"),
    "speed": lambda p: (
        f"{p.seen:.0f} events within about ten minutes", f"约十分钟内 {p.seen:.0f} 次操作",
    ),
    "wrong": lambda p: (
        f"{p.seen:.0f} wrong passwords within about an hour", f"约一小时内 {p.seen:.0f} 次密码错误",
    ),
    "drain": lambda p: (
        f"{_money(p.seen)} left within about a day, {_times(p)} times a usual payment",
        f"约一天内转出 {_money(p.seen)}，是平常单笔的 {_times(p)} 倍",
    ),
    "pass_through": lambda p: (
        f"{_money(p.seen)} goes on out of {_money(p.usual)} that came in within about a day",
        f"约一天内转入 {_money(p.usual)}，随即转出 {_money(p.seen)}",
    ),
    "fresh": lambda p: (
        f"{_money(p.seen)} from an account with {p.usual:.0f} payments so far",
        f"仅有 {p.usual:.0f} 笔付款记录的账户转出 {_money(p.seen)}",
    ),
    "tainted": lambda p: (
        "the money came from what looks like a mule account", "资金来自疑似跑分账户",
    ),
    "shared": lambda p: (
        f"the device served {p.seen:.0f} other accounts within a day",
        f"一天内该设备登录过另外 {p.seen:.0f} 个账户",
    ),
}  # fmt: skip

KINDS: Final = {
    "takeover": ("It looks like a take-over", "疑似账户被盗用"),
    "mule": ("It looks like a mule account", "疑似洗钱跑分账户"),
    "unusual": ("It is unusual", "行为异常"),
    "reported": ("The owner says it was not they", "用户称非本人操作"),
}
LEVELS: Final = {
    1: ("Notice", "提示"), 2: ("Warning", "预警"), 3: ("Alarm", "警报"),
}  # fmt: skip


def reason(part: Part) -> tuple[str, str]:
    """A part in words: English, Chinese."""
    return _SAY[part.name](part)


def reasons(parts: tuple[Part, ...], most: int = 4) -> tuple[str, str]:
    """The weightiest parts as one sentence in each language."""
    told = [reason(part) for part in parts[:most]]
    return "; ".join(t[0] for t in told), "；".join(t[1] for t in told)
