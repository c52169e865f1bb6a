"""A bill's text as partners' programs read it: comment lines, a table, sums, in GBK.

Line marks, column names and their order are the protocol's own; values that a spreadsheet
would take for numbers end in a tab, as they do there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tallystick.money.china_time import china_time

__all__ = ["ACCOUNT_COLUMNS", "ACCOUNT_SUMMARY", "TRADE_COLUMNS", "TRADE_SUMMARY",
           "Layout", "cells", "comment", "head", "identifier", "stamp", "words"]  # fmt: skip

TRADE_COLUMNS: Final = (
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号",
    "门店名称", "操作员", "终端号", "对方账户", "订单金额（元）", "商家实收（元）",
    "支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）",
    "券名称", "商家红包消费金额（元）", "卡消费金额（元）", "退款批次号/请求号", "服务费（元）",
    "分润（元）", "备注",
)  # fmt: skip
TRADE_SUMMARY: Final = (
    "门店编号", "门店名称", "交易订单总笔数", "退款订单总笔数", "订单金额（元）", "商家实收（元）",
    "支付宝优惠（元）", "商家优惠（元）", "卡消费金额（元）", "服务费（元）", "分润（元）",
    "实收净额（元）",
)  # fmt: skip
ACCOUNT_COLUMNS: Final = (
    "账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号", "收入金额（+元）",
    "支出金额（-元）", "账户余额（元）", "交易渠道", "业务类型", "备注",
)  # fmt: skip
ACCOUNT_SUMMARY: Final = (
    "类型", "收入笔数", "收入金额（+元）", "支出笔数", "支出金额（-元）", "总金额（元）",
)  # fmt: skip

_NEWLINE: Final = "\r\n"
# What would break a line apart for a program that splits at commas.
_UNSAFE: Final = {ord(","): "，", ord('"'): "＂"} | dict.fromkeys(range(32), " ")
_FORMULA: Final = ("=", "+", "-", "@")


def words(text: str) -> str:
    """Free text for a cell: no commas, quotes or line ends, and never a formula."""
    plain = text.translate(_UNSAFE).strip()
    return f"'{plain}" if plain.startswith(_FORMULA) else plain


def identifier(text: str) -> str:
    """A number or name that stays text in a spreadsheet."""
    return f"{words(text)}\t"


def comment(text: str) -> bytes:
    """A line that programs pass over."""
    return f"#{text}{_NEWLINE}".encode("gbk", "replace")


def cells(values: Iterable[str]) -> bytes:
    """A line of the table."""
    return f"{','.join(values)}{_NEWLINE}".encode("gbk", "replace")


def stamp(at_ms: int) -> str:
    """`2026年06月05日 00:00:00`."""
    text = china_time(at_ms)
    return f"{text[:4]}年{text[5:7]}月{text[8:10]}日 {text[11:]}"


class Layout:
    """One of a bill's two files.

    Args:
        subject: `业务明细` and so on: names the file, its title and its table.
    """

    def __init__(self, subject: str, columns: Sequence[str]) -> None:
        self.subject = subject
        self.columns = columns

    @property
    def begin(self) -> bytes:
        """The mark before the table, and its head."""
        return comment(f"{'-' * 41}{self.subject}列表{'-' * 40}") + cells(self.columns)

    @property
    def end(self) -> bytes:
        """The mark after the table."""
        return comment(f"{'-' * 41}{self.subject}列表结束{'-' * 36}")


def head(layout: Layout, account: str, start_ms: int, end_ms: int) -> bytes:
    """The comment lines with which a file begins."""
    return (
        comment(f"支付宝{layout.subject}查询")
        + comment(f"账号：[{account}]")
        + comment(f"起始日期：[{stamp(start_ms)}]   终止日期：[{stamp(end_ms)}]")
        + layout.begin
    )
