"""The words of statements and reports, in English and Chinese."""

from __future__ import annotations

from typing import Final

from tallystick.ledger.chart import PLATFORM_BOOK_MIN, chart_entry
from tallystick.payments.movement_names import movement_name

__all__ = ["LANGUAGES", "WORDS", "kind_of_account", "movement_of", "word"]

LANGUAGES: Final = ("en", "zh")

WORDS: Final[dict[str, tuple[str, str]]] = {
    "statement": ("Statement of account", "账户对账单"),
    "account": ("Account", "账户"),
    "owner": ("Owner's number", "户主编号"),
    "kind": ("Kind", "科目"),
    "book": ("Book", "账簿"),
    "currency": ("Currency", "币种"),
    "units": ("whole units", "整数单位"),
    "period": ("Period", "期间"),
    "times": (
        "Days and times are those of China (UTC+8).",
        "日期与时间均为中国标准时间（UTC+8）。",
    ),
    "day": ("Day", "日期"),
    "time": ("Time", "时间"),
    "row": ("Row", "行类型"),
    "opening": ("Opening balance", "期初余额"),
    "closing": ("Closing balance", "期末余额"),
    "movement": ("Movement", "摘要"),
    "other_account": ("Other account", "对方账户"),
    "reference": ("Reference", "参考号"),
    "debit": ("Debit", "借方"),
    "credit": ("Credit", "贷方"),
    "balance": ("Balance", "余额"),
    "transfer": ("Transfer", "转账编号"),
    "place": ("In the journal", "日记账位置"),
    "value_day": ("Value day", "起息日"),
    "nothing": ("Nothing moved in this period.", "本期间无发生额。"),
    "page": ("Page", "页"),
    "free_kind": ("Kind", "科目"),
    "grows_debit": ("Balances are debit balances.", "余额方向：借。"),
    "grows_credit": ("Balances are credit balances.", "余额方向：贷。"),
    "trial_balance": ("Trial balance", "试算平衡表"),
    "balance_sheet": ("Balance sheet", "资产负债表"),
    "income_statement": ("Income statement", "利润表"),
    "as_of": ("As of", "截至"),
    "entity": ("Legal entity", "法律主体"),
    "code": ("Code", "科目代码"),
    "amount": ("Amount", "金额"),
    "accounts": ("Accounts", "账户数"),
    "total": ("Total", "合计"),
    "assets": ("Assets", "资产"),
    "liabilities": ("Liabilities", "负债"),
    "equity": ("Equity", "所有者权益"),
    "earnings": ("Earnings to date", "累计损益"),
    "other": ("Not classified", "未分类"),
    "income": ("Income", "收入"),
    "expenses": ("Expenses", "费用"),
    "result": ("Result", "净损益"),
    "claims": ("Liabilities, equity and earnings", "负债、权益与损益合计"),
}


def word(key: str, language: str) -> str:
    """A word of the list in a language of `LANGUAGES`."""
    return WORDS[key][LANGUAGES.index(language)]


def kind_of_account(code: int, book: int, language: str) -> str:
    """What accounts of a code are for; books of others may use the codes as they like."""
    entry = chart_entry(code, book)
    if entry is None:
        return f"{word('free_kind', language)} {code}"
    return entry.name if language == "en" else entry.chinese


def movement_of(code: int, book: int, language: str) -> str:
    """Why money moved; books of others may use the codes as they like."""
    if book < PLATFORM_BOOK_MIN:
        return f"{word('code', language)} {code}"
    name = movement_name(code)
    return name.english if language == "en" else name.chinese
