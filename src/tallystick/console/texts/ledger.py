"""Texts of the ledger's pages: statements, reports, groups, search."""

from __future__ import annotations

from typing import Final

__all__ = ["LEDGER"]

LEDGER: Final[dict[str, tuple[str, str]]] = {
    "statement.first": ("From", "起始日"),
    "statement.last": ("To", "截止日"),
    "statement.form": ("Form", "格式"),
    "statement.form.json": ("JSON", "JSON"),
    "statement.form.csv": ("CSV", "CSV"),
    "statement.form.pdf": ("PDF", "PDF"),
    "statement.form.camt053": ("camt.053 (ISO 20022)", "camt.053（ISO 20022）"),
    "statement.form.mt940": ("MT940 (English only)", "MT940（仅英文）"),
    "statement.download": ("Download", "下载"),
    "ops.place.reports": ("Reports", "财务报表"),
    "ops.place.groups": ("Account groups", "账户组"),
    "ops.place.search": ("Search entries", "分录查询"),
    "report.report": ("Report", "报表"),
    "report.show": ("Show", "查看"),
    "report.part": ("Part", "类别"),
    "report.amount": ("Amount", "金额"),
    "report.empty": ("Nothing is booked yet.", "尚无账目。"),
    "find.reference": ("Reference", "参考号"),
    "find.account": ("Account id", "账户编号"),
    "find.code": ("Code of the movement", "摘要代码"),
    "find.least": ("At least, minor units", "最小金额（最小单位）"),
    "find.most": ("At most, minor units", "最大金额（最小单位）"),
    "find.metadata": ("Metadata, name:value", "元数据，名称:值"),
    "find.place": ("In the journal", "日记账位置"),
    "find.none": ("Nothing was found among the entries looked at.", "已查找的分录中无匹配。"),
    "group.none": (
        "There are no groups yet.",
        "尚无账户组。",
    ),
    "group.name": ("Group", "账户组"),
    "group.balance": ("Credits less debits", "贷方减借方"),
    "group.accounts": ("Accounts", "账户"),
    "group.first": ("The first {shown} of {count}", "共 {count} 个，显示前 {shown} 个"),
    "group.book": ("Book", "账簿"),
    "audit.command.ledger.set_metadata": ("Set metadata", "设置元数据"),
    "audit.command.ledger.save_group": ("Save an account group", "保存账户组"),
    "audit.command.ledger.delete_group": ("Delete an account group", "删除账户组"),
}
