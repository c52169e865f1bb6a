"""Texts of the fraud graph's page."""

from __future__ import annotations

from typing import Final

__all__ = ["FRAUD_GRAPH"]

FRAUD_GRAPH: Final[dict[str, tuple[str, str]]] = {
    "graph.lead": (
        "People, accounts and devices, and the money between them. Choose one to see what is "
        "around it.",
        "人、账户、设备及其资金往来。选择一个对象即可查看其周边关系。",
    ),
    "graph.find": ("Login, number, device or address", "登录名、编号、设备或地址"),
    "graph.not_found": ("Nothing of that name is in the graph.", "图谱中没有找到该对象。"),
    "graph.picture": ("Picture of the graph", "图谱画面"),
    "graph.until": ("Money up to", "资金截至"),
    "graph.selected": ("Selected", "当前选择"),
    "graph.nothing_selected": (
        "Choose a point in the picture or a line in the table.",
        "请在画面或下表中选择一个对象。",
    ),
    "graph.expand": ("Expand", "展开"),
    "graph.path_from": ("Path from here", "以此为起点"),
    "graph.path_to": ("Path to here", "查找到此的路径"),
    "graph.no_path": ("There is no way of money between the two.", "两者之间没有资金路径。"),
    "graph.path_found": ("Transfers on the path", "路径上的转账数"),
    "graph.export": ("Export the case", "导出案件"),
    "graph.clear": ("Clear", "清空"),
    "graph.received": ("Received", "收入"),
    "graph.sent": ("Sent", "支出"),
    "graph.kind": ("Kind", "类型"),
    "graph.number": ("Number", "编号"),
    "graph.name": ("Name", "名称"),
    "graph.flows": ("Largest flows shown", "当前最大的资金流"),
    "graph.from": ("From", "付方"),
    "graph.to": ("To", "收方"),
    "graph.transfers": ("Transfers", "笔数"),
    "graph.amount": ("Amount", "金额"),
    "graph.no_flows": ("No money is shown.", "当前没有资金往来。"),
    "graph.partial": ("There is more than is shown.", "数据较多，未全部显示。"),
    "graph.blocked": ("Blocked", "已冻结"),
    "graph.next_to_blocked": ("Next to a blocked one", "与冻结对象直接相连"),
    "graph.two_away": ("Two steps from a blocked one", "与冻结对象相隔两步"),
    "graph.other": ("Others", "其它"),
    "graph.failed": ("The server did not answer; try again.", "服务器未响应，请重试。"),
    "graph.kind.Person": ("Person", "个人"),
    "graph.kind.Company": ("Company", "企业"),
    "graph.kind.Account": ("Account", "账户"),
    "graph.kind.Loan": ("Loan", "贷款"),
    "graph.kind.Medium": ("Device", "设备"),
}
