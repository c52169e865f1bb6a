"""Texts of the pages about alerts of accounts, and of the notice in the wallet."""

from __future__ import annotations

from typing import Final

__all__ = ["ALERTS"]

ALERTS: Final[dict[str, tuple[str, str]]] = {
    "alerts.level": ("Level", "级别"),
    "alerts.what": ("It looks like", "类型"),
    "alerts.score": ("Score", "评分"),
    "alerts.count": ("Times", "次数"),
    "alerts.none": ("No alerts.", "没有预警。"),
    "alerts.status.all": ("Not closed", "未关闭"),
    "alerts.status.open": ("Open", "待处理"),
    "alerts.status.seen": ("Looked into", "处理中"),
    "alerts.status.closed": ("Closed", "已关闭"),
    "alerts.answer.me": ("the owner: it was me", "用户：是本人"),
    "alerts.answer.not_me": ("the owner: it was not me", "用户：非本人"),
    "alerts.owner": ("The owner's word", "用户答复"),
    "alerts.proved": ("Proved themselves", "已通过验证"),
    "alerts.case": ("Case", "案件"),
    "alerts.first": ("First seen", "首次发现"),
    "alerts.last": ("Last seen", "最近发现"),
    "alerts.see": ("I am looking into it", "开始处理"),
    "alerts.event": ("The event", "触发事件"),
    "alerts.device": ("Device", "设备"),
    "alerts.address": ("Address", "网络地址"),
    "alerts.usually": ("usually", "平常"),
    "alerts.of_known": ("{count} known", "已知 {count} 个"),
    "alerts.hours": ("When the account acts", "账户活动时段"),
    "alerts.hour_says": ("{hour}:00: {count} events", "{hour} 点：{count} 次"),
    "alerts.hour_of_event": ("the event", "本次事件"),
    "alerts.hours_sum": (
        "The event was at {hour}:00, China time, into which {count} of {all} events fall.",
        "本次事件发生在 {hour} 点（北京时间），{all} 次活动中有 {count} 次在此时段。",
    ),
    "alerts.no_habits": ("The watch knows nothing of this account.", "尚无该账户的行为画像。"),
    "alerts.policy": ("What the levels do", "各级别处置策略"),
    "alerts.policy_why": (
        "The watch is on once a level is set. Step-up wants a proof for what moves money out; "
        "freeze stops everything until the owner has proved themselves anew.",
        "设置任一级别后即启用监测。“加验”在资金转出时要求验证；“冻结”在用户重新验证前停止一切操作。",
    ),
    "alerts.from": ("From score", "起始评分"),
    "alerts.action": ("Action", "处置"),
    "alerts.action.nothing": ("alert only", "仅预警"),
    "alerts.action.step_up": ("step-up", "加验"),
    "alerts.action.freeze": ("freeze", "冻结"),
    "alerts.action.off": ("off", "关闭"),
    "alerts.more": ("Also", "同时"),
    "alerts.notify": ("tell the owner", "通知用户"),
    "alerts.open_case": ("open a case", "立案"),
    "alerts.set": ("Set", "设置"),
    # In the wallet.
    "alerts.wallet_device": ("A new device used your account", "新设备使用了您的账户"),
    "alerts.wallet_other": ("Something unusual on your account", "您的账户出现异常操作"),
    "alerts.wallet_ask": ("Was it you?", "是您本人吗？"),
    "alerts.was_me": ("It was me", "是我本人"),
    "alerts.was_not_me": ("It was not me", "不是我"),
    "alerts.wallet_frozen": (
        "Payments out of your account are stopped until you prove yourself.",
        "在您完成身份验证前，账户的付款已停止。",
    ),
    "alerts.wallet_step_up": (
        "Your next payment asks for a proof of yourself.", "下一次付款需要验证身份。",
    ),
    "alerts.prove": ("Prove yourself", "验证身份"),
    "notice.alert_mine": (
        "Thank you. Bind a way to prove yourself, so that nobody else can say so.",
        "已收到。请绑定验证方式，以防他人冒用。",
    ),
    "notice.alert_frozen": (
        "Payments are stopped, and we are looking into it. A way that you bind only now does not "
        "lift this; our service calls you.",
        "付款已停止，我们正在核查。此时新绑定的验证方式不能解除冻结，客服会与您联系。",
    ),
}  # fmt: skip
