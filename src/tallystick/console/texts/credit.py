"""Texts of the loan calculator."""

from __future__ import annotations

from typing import Final

__all__ = ["CREDIT"]

CREDIT: Final[dict[str, tuple[str, str]]] = {
    "quote.title": ("Loan calculator", "贷款计算器"),
    "quote.lead": (
        "What a loan costs, to the cent: every payment, and the yearly rate with all fees.",
        "一笔贷款的真实成本：逐期还款明细，以及包含全部费用的综合年化利率，精确到分。",
    ),
    "quote.principal": ("Amount drawn", "借款金额"),
    "quote.percent": ("Yearly rate, %", "年利率（%）"),
    "quote.start": ("Drawn on", "放款日"),
    "quote.count": ("Number of payments", "还款期数"),
    "quote.number": ("Every", "每期间隔"),
    "quote.unit": ("Unit", "单位"),
    "quote.unit.day": ("days", "天"),
    "quote.unit.week": ("weeks", "周"),
    "quote.unit.month": ("months", "个月"),
    "quote.unit.year": ("years", "年"),
    "quote.method": ("Repaid by", "还款方式"),
    "quote.method.equal_instalment": ("Equal instalments", "等额本息"),
    "quote.method.equal_principal": ("Equal principal", "等额本金"),
    "quote.method.interest_first": ("Interest first, principal at the end", "先息后本"),
    "quote.method.balloon": ("Equal instalments and a balloon", "气球贷"),
    "quote.method.flat_rate": ("Flat rate on the amount drawn", "等本等息"),
    "quote.day_count": ("Days of a year", "计息天数"),
    "quote.balloon": ("Balloon", "尾款"),
    "quote.grace": ("First payments without principal", "首期免还本金期数"),
    "quote.up_front": ("Fee up front", "一次性费用"),
    "quote.per_period": ("Fee each payment", "每期费用"),
    "quote.calculate": ("Calculate", "计算"),
    "quote.all_in": ("All-in yearly rate", "综合年化利率"),
    "quote.nominal": ("Nominal yearly rate", "名义年利率"),
    "quote.cost": ("Cost in money", "总成本"),
    "quote.payments": ("Paid in all", "还款总额"),
    "quote.no_rate": (
        "none: nothing, or next to nothing, is left of what is drawn",
        "无：扣除费用后没有或几乎没有实际到账",
    ),
    "quote.all_in_note": (
        "The internal rate of return of all that is got and paid, with fees, compounded yearly.",
        "以全部收付现金流（含费用）的内部收益率计算，按年复利。",
    ),
    "quote.chart": ("Principal and interest of each payment", "每期本金与利息"),
    "quote.chart_balance": ("What is left after each payment", "每期后剩余本金"),
    "quote.says": (
        "{day}: principal {principal}, interest {interest}",
        "{day}：本金 {principal}，利息 {interest}",
    ),
    "quote.says_balance": ("{day}: {balance} left", "{day}：剩余 {balance}"),
    "quote.schedule": ("Schedule", "还款计划"),
    "quote.row.day": ("Due", "还款日"),
    "quote.row.principal": ("Principal", "本金"),
    "quote.row.interest": ("Interest", "利息"),
    "quote.row.fee": ("Fee", "费用"),
    "quote.row.payment": ("Payment", "应还"),
    "quote.row.balance": ("Left", "剩余本金"),
}
