"""The bills of the Alipay protocol: a zip of two files, or its file of lines, in GBK or UTF-8.

An account bill (`signcustomer`) carries the balance after each movement, so it is checked line by
line. A trade bill has no balances: its lines are checked against the sums in the zip's other file.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from tallystick.reconciliation.statements.mapped_csv import decoded
from tallystick.reconciliation.statements.model import (
    Balance,
    BankLine,
    BankStatement,
    StatementError,
    exact_amount,
    shortened,
)

__all__ = ["BILL_BYTES_MAX", "is_alipay_bill", "read_alipay_bill"]

BILL_BYTES_MAX: Final = 512 * 1024 * 1024
"""The most that a zip may hold unpacked."""

_CURRENCY: Final = "CNY"
_FILES_MAX: Final = 4
_ACCOUNT: Final = re.compile(r"#账号：\[([0-9]{1,40})\]")
_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) [0-9]{2}:[0-9]{2}:[0-9]{2}")
_INCOME, _EXPENSE, _BALANCE = "收入金额（+元）", "支出金额（-元）", "账户余额（元）"
_RECEIVED, _FEE, _SHARE, _NET = "商家实收（元）", "服务费（元）", "分润（元）", "实收净额（元）"

Cells = dict[str, str]


def is_alipay_bill(data: bytes) -> bool:
    """Whether a file begins as such a bill does."""
    head = data[:32]
    return data[:4] == b"PK\x03\x04" or any(
        head.startswith("#支付宝".encode(encoding)) for encoding in ("gbk", "utf-8")
    )


def _encoding(data: bytes) -> str:
    return "gbk" if data.startswith("#支付宝".encode("gbk")) else "utf-8"


def _unpacked(data: bytes) -> list[bytes]:
    """The files of a zip, none of which may be larger than is allowed.

    Raises:
        StatementError: it is no zip, or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = archive.infolist()
            if len(files) > _FILES_MAX or sum(f.file_size for f in files) > BILL_BYTES_MAX:
                raise StatementError(0, "The zip holds too much for a bill.")
            found = []
            for info in files:
                with archive.open(info) as file:
                    found.append(file.read(info.file_size + 1))
            return found
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise StatementError(0, f"The zip cannot be read: {error}.") from error


def _table(text: str) -> Iterator[tuple[int, Cells]]:
    """The lines of a bill's table by the names in its head."""
    names: list[str] = []
    for number, raw in enumerate(text.splitlines(), 1):
        if raw.startswith("#") or not raw.strip():
            continue
        cells = [cell.strip() for cell in next(csv.reader([raw]))]
        if not names:
            names = cells
        elif len(cells) != len(names):
            raise StatementError(number, f"The line has {len(cells)} cells, the head {len(names)}.")
        else:
            yield number, dict(zip(names, cells, strict=True))


def _need(cells: Cells, name: str, line: int) -> str:
    if name not in cells:
        raise StatementError(line, f"The bill has no column {name}.")
    return cells[name]


def _yuan(cells: Cells, name: str, line: int) -> int:
    text = _need(cells, name, line)
    amount = exact_amount(text.removeprefix("-"), _CURRENCY, line)
    return -amount if text.startswith("-") else amount


def _day(cells: Cells, name: str, line: int) -> date:
    text = _need(cells, name, line)
    found = _TIME.fullmatch(text)
    try:
        if found is not None:
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    raise StatementError(line, f"{text[:40]!r} is not a time.")


def _account_line(cells: Cells, line: int) -> BankLine:
    return BankLine(
        line=line,
        day=_day(cells, "发生时间", line),
        amount=_yuan(cells, _INCOME, line) + _yuan(cells, _EXPENSE, line),
        currency=_CURRENCY,
        reference=_need(cells, "商户订单号", line) or _need(cells, "业务流水号", line),
        bank_reference=_need(cells, "业务流水号", line),
        counterparty=_need(cells, "对方账号", line),
        text=shortened(f"{_need(cells, '业务类型', line)} {_need(cells, '商品名称', line)}"),
    )


def _trade_line(cells: Cells, line: int) -> BankLine:
    """What a trade's line adds to what the merchant has: received, less fee and shares."""
    of = "退款批次号/请求号" if _need(cells, "业务类型", line) == "退款" else "商户订单号"
    return BankLine(
        line=line,
        day=_day(cells, "完成时间", line),
        amount=sum(_yuan(cells, name, line) for name in (_RECEIVED, _FEE, _SHARE)),
        currency=_CURRENCY,
        reference=_need(cells, of, line),
        bank_reference=_need(cells, "支付宝交易号", line),
        counterparty=_need(cells, "对方账户", line),
        text=shortened(f"{_need(cells, '业务类型', line)} {_need(cells, '商品名称', line)}"),
    )


def _balances(table: list[tuple[int, Cells]], lines: list[BankLine]) -> tuple[Balance, ...]:
    """The balances of an account bill, each line's checked.

    Raises:
        StatementError: a balance is not the one before and the movement.
    """
    opening = closing = 0
    for at, ((number, cells), movement) in enumerate(zip(table, lines, strict=True)):
        after = _yuan(cells, _BALANCE, number)
        if at == 0:
            opening = after - movement.amount
        elif closing + movement.amount != after:
            raise StatementError(number, "The balance is not the one before and the amount.")
        closing = after
    return (Balance(_CURRENCY, opening, closing, lines[-1].line),) if lines else ()


def _require_total(lines: list[BankLine], sums: str) -> None:
    """See that a trade bill's lines are its net total.

    Raises:
        StatementError: they are not.
    """
    for number, cells in _table(sums):
        if _NET in cells and _yuan(cells, _NET, number) != sum(line.amount for line in lines):
            raise StatementError(number, f"{_NET} is not the sum of the bill's lines.")


def read_alipay_bill(data: bytes) -> list[BankStatement]:
    """The one statement of a bill.

    Raises:
        StatementError: it is no such bill, a line is not of its form, or it does not add up.
    """
    files = _unpacked(data) if data[:4] == b"PK\x03\x04" else [data]
    texts = [decoded(file, _encoding(file)) for file in files]
    details = [t for t in texts if "汇总" not in t.partition("\n")[0]]
    if len(details) != 1 or not details[0].startswith("#支付宝"):
        raise StatementError(0, "This is no bill: it needs one file of lines.")
    account = _ACCOUNT.search(details[0])
    if account is None:
        raise StatementError(0, "The bill names no account.")
    table = list(_table(details[0]))
    of_account = "业务明细" not in details[0].partition("\n")[0]
    read: Callable[[Cells, int], BankLine] = _account_line if of_account else _trade_line
    lines = [read(cells, number) for number, cells in table]
    if not of_account:
        for text in texts:
            if text is not details[0]:
                _require_total(lines, text)
    balances = _balances(table, lines) if of_account else ()
    return [BankStatement(account[1], "", balances, tuple(lines))]
