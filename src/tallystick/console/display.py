"""How amounts, moments and spans are written for people."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from tallystick.console.texts import Language
from tallystick.money.amount import format_amount
from tallystick.money.china_time import china_time, parse_china_time

__all__ = [
    "DAY_MS", "china_day_start_ms", "china_time_of_day", "day_text", "hour_text", "iso_day",
    "moment", "money", "money_short", "money_text", "parse_day", "refused_moment",
    "share_text", "signed_money", "span_text",
]  # fmt: skip

CHINA_OFFSET_MS: Final = 8 * 3_600_000
DAY_MS: Final = 86_400_000
_SYMBOLS: Final = {"CNY": "¥"}
_MINUS: Final = "\N{MINUS SIGN}"


def _grouped(amount: int, currency: str) -> str:
    """The absolute amount with a comma between each three digits; no currency: whole units."""
    if not currency:
        return f"{abs(amount):,}"
    whole, point, fraction = format_amount(abs(amount), currency).partition(".")
    return f"{int(whole):,}{point}{fraction}"


def _currency(currency: str) -> str:
    return _SYMBOLS.get(currency, currency)


def _html(sign: str, amount: int, currency: str) -> Markup:
    pattern = Markup('<span class="money">{}<span class="currency">{}</span>{}</span>')
    return pattern.format(sign, _currency(currency), _grouped(amount, currency))


def money(amount: int, currency: str) -> Markup:
    """An amount of minor units with its currency, as HTML."""
    return _html(_MINUS if amount < 0 else "", amount, currency)


def signed_money(amount: int, currency: str) -> Markup:
    """A change of a balance: with its sign, also when it is a gain."""
    return _html(_MINUS if amount < 0 else "+", amount, currency)


def money_text(amount: int, currency: str) -> str:
    """The same as plain text."""
    sign = _MINUS if amount < 0 else ""
    symbol = _currency(currency)
    space = "" if symbol in _SYMBOLS.values() else " "
    return f"{sign}{symbol}{space}{_grouped(amount, currency)}"


def share_text(millionths: int) -> str:
    """A share of the whole in percent, to a tenth."""
    return f"{millionths / Decimal(10_000):.1f} %"


def money_short(amount: int, currency: str) -> str:
    """A round amount for an axis: without a fraction that is nothing, thousands as k and M."""
    text = format_amount(amount, currency)
    whole, _, fraction = text.partition(".")
    if fraction.strip("0"):
        return text
    number = int(whole)
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size and number % (size // 10) == 0:
            tenths = number * 10 // size
            return f"{tenths // 10}{f'.{tenths % 10}' if tenths % 10 else ''}{letter}"
    return f"{number:,}"


def _china(at_ms: int) -> time.struct_time:
    return time.gmtime((at_ms + CHINA_OFFSET_MS) // 1000)


def moment(at_ms: int) -> Markup:
    """A moment as HTML that machines can read too."""
    if not at_ms:
        return Markup("")
    utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms // 1000))
    return Markup('<time datetime="{}">{}</time>').format(utc, china_time(at_ms))


def refused_moment(at_ms: int) -> str:
    """When something may be tried again: never earlier than the true moment."""
    return china_time(at_ms + 999)


def china_time_of_day(at_ms: int) -> str:
    """`hh:mm:ss` in China time."""
    return china_time(at_ms)[11:]


def hour_text(at_ms: int) -> str:
    """`hh:00` of the China hour in which the moment lies."""
    return time.strftime("%H:00", _china(at_ms))


def day_text(at_ms: int, language: Language) -> str:
    """Month and day: `11-05` in English, `11月5日` in Chinese."""
    day = _china(at_ms)
    return language.pick(f"{day.tm_mon:02}-{day.tm_mday:02}", f"{day.tm_mon}月{day.tm_mday}日")


def iso_day(at_ms: int) -> str:
    """`yyyy-mm-dd` in China time."""
    return time.strftime("%Y-%m-%d", _china(at_ms))


def china_day_start_ms(at_ms: int) -> int:
    """The China midnight before or at a moment."""
    return (at_ms + CHINA_OFFSET_MS) // DAY_MS * DAY_MS - CHINA_OFFSET_MS


def parse_day(text: str) -> int | None:
    """The China midnight that begins a day `yyyy-mm-dd`; None for anything else."""
    return parse_china_time(f"{text} 00:00:00") if len(text) == 10 else None


def span_text(span_ms: int, language: Language) -> str:
    """A span in its largest fitting unit: `0 s`, `42 s`, `3 min`, `5 h`, `2 d`."""
    seconds = max(0, span_ms) // 1000
    units = ((86_400, "d", "天"), (3_600, "h", "小时"), (60, "min", "分钟"))
    for size, english, chinese in units:
        if seconds >= size:
            return f"{seconds // size} {language.pick(english, chinese)}"
    return f"{seconds} {language.pick('s', '秒')}"
