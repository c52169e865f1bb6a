"""A bill as a zip of two CSV files: the lines, and their sums."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Final

from tallystick.ledger.model import Account
from tallystick.money.amount import format_amount
from tallystick.money.china_time import china_time
from tallystick.parties.model import Party
from tallystick.parties.views import known_party
from tallystick.partners.model import App
from tallystick.payments.accounts import wallet
from tallystick.payments.bills.layout import (
    ACCOUNT_COLUMNS,
    ACCOUNT_SUMMARY,
    TRADE_COLUMNS,
    TRADE_SUMMARY,
    Layout,
    cells,
    comment,
    head,
    identifier,
    stamp,
    words,
)
from tallystick.payments.bills.link import BILL_TYPES
from tallystick.payments.bills.period import BillPeriod, bill_period
from tallystick.payments.bills.trade_lines import (
    BILL_CURRENCY,
    TradeLine,
    TradeTotals,
    trade_lines,
)
from tallystick.payments.bills.wallet_lines import WalletLine, WalletTotals, wallet_lines
from tallystick.payments.wallet.views import snapshot
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["bill_account", "bill_file_name", "bill_stream", "bill_zip"]

_TRADE: Final = Layout("业务明细", TRADE_COLUMNS)
_TRADE_SUM: Final = Layout("业务汇总", TRADE_SUMMARY)
_ACCOUNT: Final = Layout("账务明细", ACCOUNT_COLUMNS)
_ACCOUNT_SUM: Final = Layout("账务汇总", ACCOUNT_SUMMARY)
_FILE_TITLES: Final = {
    "trade": ("业务明细", "业务明细(汇总)"),
    "signcustomer": ("账务明细", "账务明细(汇总)"),
}
_CURRENCY_NUMBER: Final = "0156"
"""Ends the account number in a bill: the yuan's number in ISO 4217."""

_ZERO: Final = "0.00"


def _yuan(amount: int) -> str:
    return format_amount(amount, BILL_CURRENCY)


class _GbkName(zipfile.ZipInfo):
    """An entry whose name is GBK without the mark for UTF-8, as the protocol's archives are."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


class _Chunks:
    """A file that is only written: holds what was written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing lies between."""

    def close(self) -> None:
        """Nothing to give back."""

    def take(self) -> bytes:
        """Everything that was written since the last call."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def bill_account(rows: ReadSession, app_id: str) -> Party:
    """The merchant whose bill an app downloads.

    Raises:
        Refused: APP_NOT_EXIST.
    """
    app = rows.get(App, app_id)
    if app is None:
        raise Refused("APP_NOT_EXIST")
    return known_party(rows, app.merchant_id)


def _trade_cells(line: TradeLine) -> bytes:
    trade, amount = line.trade, _yuan(line.amount)
    return cells(
        (
            identifier(trade.trade_no), identifier(trade.out_trade_no), identifier(line.kind),
            words(trade.subject), china_time(trade.created_ms), line.finished,
            "\t", "\t", "\t", "\t", identifier(trade.buyer_id), amount, amount,
            _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, "", _ZERO, _ZERO,
            identifier(line.request_no), _yuan(line.fee), _yuan(line.share), words(line.remark),
        )
    )  # fmt: skip


def _trade_sums(totals: TradeTotals) -> bytes:
    amount = _yuan(totals.paid + totals.refunded)
    return cells(
        (
            "合计\t", "\t", str(totals.paid_count), str(totals.refunded_count), amount, amount,
            _ZERO, _ZERO, _ZERO, _yuan(totals.fee), _yuan(totals.share), _yuan(totals.net),
        )
    )  # fmt: skip


def _wallet_cells(line: WalletLine) -> bytes:
    income, expense = (line.change, 0) if line.change >= 0 else (0, line.change)
    return cells(
        (
            identifier(str(line.entry_no)), identifier(line.reference), identifier(line.out_no),
            words(line.title), china_time(line.at_ms), identifier(line.counterparty_id),
            _yuan(income), _yuan(expense), _yuan(line.balance), "支付宝", words(line.kind), "",
        )
    )  # fmt: skip


def _wallet_sums(kind: str, totals: WalletTotals) -> bytes:
    return cells(
        (
            f"{kind}\t", str(totals.income_count), _yuan(totals.income),
            str(totals.expense_count), _yuan(totals.expense), _yuan(totals.net),
        )
    )  # fmt: skip


class _TradeBill:
    """Both files of a trade bill; `details` must be read to its end before `sums`."""

    layouts = (_TRADE, _TRADE_SUM)

    def __init__(self, rows: ReadSession, app_id: str, period: BillPeriod) -> None:
        self._lines = trade_lines(rows, app_id, period)
        self._totals = TradeTotals()

    def details(self) -> Iterator[bytes]:
        """The table's lines, then the comment with their sums."""
        for line in self._lines:
            self._totals = self._totals.plus(line)
            yield _trade_cells(line)
        totals = self._totals
        yield _TRADE.end
        yield comment(
            f"交易合计：{totals.paid_count}笔，商家实收共{_yuan(totals.paid)}元，商家优惠共0.00元"
        )
        yield comment(
            f"退款合计：{totals.refunded_count}笔，商家实收退款共{_yuan(totals.refunded)}元，"
            "商家优惠退款共0.00元"
        )

    def sums(self) -> Iterator[bytes]:
        """The table of sums."""
        yield _trade_sums(self._totals)
        yield _TRADE_SUM.end


class _AccountBill:
    """Both files of an account bill; `details` must be read to its end before `sums`."""

    layouts = (_ACCOUNT, _ACCOUNT_SUM)

    def __init__(
        self, rows: ReadSession, ledger: SqlLedgerReader, account: Account | None,
        period: BillPeriod,
    ) -> None:  # fmt: skip
        found = wallet_lines(rows, ledger, account, period) if account is not None else iter(())
        self._lines: Iterator[WalletLine] = found
        self._totals = WalletTotals()
        self._by_kind: dict[str, WalletTotals] = {}

    def details(self) -> Iterator[bytes]:
        """The table's lines, then the comment with their sums."""
        for line in self._lines:
            self._totals = self._totals.plus(line.change)
            of_kind = self._by_kind.get(line.kind, WalletTotals())
            self._by_kind[line.kind] = of_kind.plus(line.change)
            yield _wallet_cells(line)
        totals = self._totals
        yield _ACCOUNT.end
        yield comment(f"支出合计：{totals.expense_count}笔，共{_yuan(totals.expense)}元")
        yield comment(f"收入合计：{totals.income_count}笔，共{_yuan(totals.income)}元")

    def sums(self) -> Iterator[bytes]:
        """The table of sums, a line a kind of movement and one for all."""
        for kind, totals in sorted(self._by_kind.items()):
            yield _wallet_sums(kind, totals)
        yield _wallet_sums("合计", self._totals)
        yield _ACCOUNT_SUM.end


def _wallet_account(ledger: SqlLedgerReader, merchant: Party) -> Account | None:
    found = ledger.accounts([wallet(merchant, BILL_CURRENCY).id])
    return found[0] if found else None


def _stem(merchant: Party, period: BillPeriod) -> str:
    return f"{merchant.party_id}{_CURRENCY_NUMBER}_{period.text.replace('-', '')}"


def bill_file_name(rows: ReadSession, app_id: str, day: str) -> str:
    """The name under which a bill is saved (ASCII).

    Raises:
        Refused: APP_NOT_EXIST, INVALID_PARAMETER.
    """
    return f"{_stem(bill_account(rows, app_id), bill_period(day))}.csv.zip"


def bill_stream(
    rows: ReadSession,
    ledger: SqlLedgerReader,
    app_id: str,
    bill_type: str,
    day: str,
    *,
    now_ms: int = 0,
) -> Iterator[bytes]:
    """The bill's zip in pieces. All is read in one snapshot, held until the last piece.

    Args:
        rows: a session that nobody else uses meanwhile, over the same connection as `ledger`.
        bill_type: `trade`: the app's trades, refunds, settlements and splits; `signcustomer`:
            every movement of the merchant's wallet.
        day: `yyyy-MM-dd` or `yyyy-MM` in China time.
        now_ms: when it is made; 0 for a period that is over, whose bill is always the same.

    Raises:
        Refused: APP_NOT_EXIST, INVALID_PARAMETER.
    """
    if bill_type not in BILL_TYPES:
        raise Refused("INVALID_PARAMETER", "bill_type is trade or signcustomer.")
    period = bill_period(day)
    merchant = bill_account(rows, app_id)
    return _pieces(rows, ledger, app_id, bill_type, period, merchant, now_ms or period.end_ms)


def _pieces(
    rows: ReadSession, ledger: SqlLedgerReader, app_id: str, bill_type: str, period: BillPeriod,
    merchant: Party, made_ms: int,
) -> Iterator[bytes]:  # fmt: skip
    with snapshot(ledger):
        bill = (
            _TradeBill(rows, app_id, period)
            if bill_type == "trade"
            else _AccountBill(rows, ledger, _wallet_account(ledger, merchant), period)
        )
        stem = _stem(merchant, period)
        chunks = _Chunks()
        with zipfile.ZipFile(chunks, "w") as archive:
            parts = zip(_FILE_TITLES[bill_type], bill.layouts, (bill.details, bill.sums),
                        strict=True)  # fmt: skip
            for title, layout, lines in parts:
                info = _GbkName(f"{stem}_{title}.csv", _date_time(made_ms))
                info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w") as file:
                    file.write(head(layout, f"{merchant.party_id}{_CURRENCY_NUMBER}",
                                    period.start_ms, period.end_ms))  # fmt: skip
                    for line in lines():
                        file.write(line)
                        if piece := chunks.take():
                            yield piece
                    file.write(comment(f"导出时间：[{stamp(made_ms)}]"))
        yield chunks.take()


def _date_time(at_ms: int) -> tuple[int, int, int, int, int, int]:
    text = china_time(at_ms)
    return (
        max(1980, int(text[:4])), int(text[5:7]), int(text[8:10]),
        int(text[11:13]), int(text[14:16]), int(text[17:19]),
    )  # fmt: skip


def bill_zip(
    rows: ReadSession,
    ledger: SqlLedgerReader,
    app_id: str,
    bill_type: str,
    day: str,
    *,
    now_ms: int = 0,
) -> bytes:
    """The whole bill as `bill_stream` gives it.

    Raises:
        Refused: APP_NOT_EXIST, INVALID_PARAMETER.
    """
    return b"".join(bill_stream(rows, ledger, app_id, bill_type, day, now_ms=now_ms))
