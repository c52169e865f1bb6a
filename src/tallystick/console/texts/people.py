"""Texts of the cashier and the buyer's wallet."""

from __future__ import annotations

from typing import Final

__all__ = ["PEOPLE"]

PEOPLE: Final[dict[str, tuple[str, str]]] = {
    # The cashier.
    "cashier.title": ("Pay your order", "付款"),
    "cashier.order": ("Your order", "订单信息"),
    "cashier.shop": ("Shop", "商家"),
    "cashier.subject": ("For", "商品"),
    "cashier.protection": ("Protection", "保障"),
    "cashier.escrow": (
        "The shop is paid after you confirm receipt",
        "确认收货后才付款给商家",
    ),
    "cashier.pay_by": ("Pay before", "付款截止"),
    "cashier.time_left": ("Time left", "剩余时间"),
    "cashier.sign_in": ("Sign in to pay", "登录后付款"),
    "cashier.pay_with": ("Pay from your wallet", "用钱包余额付款"),
    "cashier.account": ("Account", "账户"),
    "cashier.pay": ("Pay", "确认付款"),
    "cashier.short": ("Your balance is not enough.", "余额不足。"),
    "cashier.short_by": ("Missing:", "还差："),
    "cashier.top_up": ("Top up your wallet", "去充值"),
    "cashier.looks_again": ("This page looks again in", "页面即将刷新："),
    "cashier.other_account": ("Use another account", "使用其他账户"),
    "cashier.locked": ("Your payment password is locked.", "支付密码已锁定。"),
    "cashier.locked_until": ("Try again after", "请在此时间后重试："),
    "cashier.done": ("Paid", "付款成功"),
    "cashier.held": (
        "We keep the money until you confirm that the goods have arrived.",
        "货款由平台托管，待您确认收货后付给商家。",
    ),
    "cashier.instant": ("The shop has received the money.", "商家已收到货款。"),
    "cashier.back_to_shop": ("Back to the shop", "返回商家"),
    "cashier.leaving": ("You go back by yourself in", "自动返回商家："),
    "cashier.see_order": ("See the order", "查看订单"),
    "cashier.to_wallet": ("Go to your wallet", "前往钱包"),
    "cashier.scan": ("Scan to pay", "扫码付款"),
    "cashier.open_here": ("Open the cashier here", "在此打开收银台"),
    "advice.TRADE_EXPIRED": (
        "Nothing was charged. Place the order again at the shop.",
        "未扣款。请回商家重新下单。",
    ),
    "advice.TRADE_CLOSED": (
        "Nothing can be paid any more. Place the order again at the shop.",
        "该订单已无法付款，请回商家重新下单。",
    ),
    "advice.TRADE_ALREADY_PAID": (
        "You do not have to do anything. You are not charged twice.",
        "无需再次操作，不会重复扣款。",
    ),
    "advice.BUYER_MISMATCH": (
        "Sign in with the account that placed the order.",
        "请使用下单的账户登录。",
    ),
    "advice.TRADE_NOT_EXIST": (
        "Check the address, or go back to the shop and start again.",
        "请检查链接，或回商家重新发起付款。",
    ),
    "advice.TRADE_DISPUTED": (
        "The order was paid; the money is held until the dispute is decided.",
        "订单已付款，争议解决前货款将继续托管。",
    ),
    "advice.other": ("Nothing was charged.", "未扣款。"),
    # Passwords.
    "wallet.login": ("Login name", "登录名"),
    "wallet.password": ("Password", "登录密码"),
    "wallet.payment_password": ("Payment password", "支付密码"),
    "wallet.six_digits": ("Six digits", "六位数字"),
    "wallet.sign_in": ("Sign in", "登录"),
    "wallet.sign_out": ("Sign out", "退出"),
    "wallet.welcome": ("Your wallet", "我的钱包"),
    "tries.left": ("Tries left: {count}", "还可尝试 {count} 次"),
    "tries.until": ("Try again after {moment}.", "请在 {moment} 后重试。"),
    # The wallet.
    "wallet.title": ("Wallet", "钱包"),
    "wallet.balance": ("Balance", "可用余额"),
    "wallet.frozen": ("Frozen", "冻结"),
    "wallet.in_orders": ("Held for your orders", "订单托管中"),
    "wallet.after": ("Balance", "余额"),
    "wallet.all": ("See all", "查看全部"),
    "wallet.latest": ("Latest movements", "最近收支"),
    "wallet.no_lines": ("No money has moved yet.", "暂无收支记录。"),
    "wallet.no_orders": ("No orders yet.", "暂无订单。"),
    "wallet.at_bank": ("At the bank", "银行处理中"),
    "wallet.place.home": ("Wallet", "钱包"),
    "wallet.place.orders": ("Orders", "订单"),
    "wallet.place.statement": ("Statement", "账单明细"),
    "wallet.place.code": ("Payment code", "付款码"),
    "wallet.place.transfer": ("Transfer", "转账"),
    "wallet.place.top_up": ("Top up", "充值"),
    "wallet.place.withdraw": ("Withdraw", "提现"),
    "wallet.bank.top_up": ("Top up", "充值"),
    "wallet.bank.withdrawal": ("Withdrawal", "提现"),
    "wallet.bank_status.new": ("Waits to be sent", "待发送"),
    "wallet.bank_status.sent": ("Waits for the bank", "等待银行"),
    "wallet.bank_status.accepted": ("Done", "已完成"),
    "wallet.bank_status.rejected": ("Refused by the bank", "银行拒绝"),
    # Orders.
    "order.unpaid": ("This order waits for your payment", "订单等待您付款"),
    "order.confirm": ("Have the goods arrived?", "收到货了吗？"),
    "order.confirm_why": (
        "Confirm only when you have what you ordered: the shop is then paid.",
        "请在收到货物后再确认，确认后货款将付给商家。",
    ),
    "order.confirm_do": ("Confirm receipt", "确认收货"),
    "order.dispute": ("Something is wrong with this order", "订单有问题"),
    "order.dispute_reason": ("What is wrong?", "问题描述"),
    "order.dispute_why": (
        "The money stays held until somebody has decided.",
        "在争议解决之前，货款将继续托管。",
    ),
    "order.dispute_do": ("Open a dispute", "发起争议"),
    "order.disputed": ("Your dispute is open", "争议处理中"),
    "order.disputed_why": (
        "The money is held. We look at both sides and decide.",
        "货款处于托管中，我们会核实双方情况后处理。",
    ),
    "order.closed": ("This order is closed", "订单已关闭"),
    "order.closed_paid": ("The money went back to your wallet.", "货款已退回您的钱包。"),
    "order.closed_unpaid": ("Nothing was paid.", "订单未付款。"),
    "order.complete": ("This order is complete", "订单已完成"),
    "order.complete_why": ("The shop has been paid.", "货款已付给商家。"),
    # The payment code.
    "code.why": (
        "The shop scans this code to take a payment. It works once, and only for a short while.",
        "商家扫描付款码收款。付款码短时间内有效，仅限使用一次。",
    ),
    "code.show_do": ("Show my code", "显示付款码"),
    "code.show": (
        "Show it to the shop. Never send it to anybody.",
        "请向商家出示，切勿发送给他人。",
    ),
    "code.ends": ("A new code comes in", "付款码更新倒计时"),
    "code.new": ("New code", "刷新付款码"),
    # The bank and transfers.
    "bank.amount": ("Amount", "金额"),
    "bank.bank": ("Bank", "银行"),
    "bank.hint.top_up": ("Like 100 or 12.50", "例如 100 或 12.50"),
    "bank.hint.withdraw": (
        "Like 100 or 12.50. The money is frozen until the bank answers.",
        "例如 100 或 12.50。银行处理完成前资金将被冻结。",
    ),
    "bank.do.top_up": ("Top up", "充值"),
    "bank.do.withdraw": ("Withdraw", "提现"),
    "transfer.payee": ("To whom", "收款人"),
    "transfer.payee_hint": ("Their login name", "对方的登录名"),
    "transfer.remark": ("Message", "备注"),
    "transfer.do": ("Transfer", "确认转账"),
    # What has been done.
    "notice.topped_up": (
        "The bank has your order; the balance grows when it accepts.",
        "已提交银行，银行处理成功后余额将增加。",
    ),
    "notice.withdrawn": (
        "The bank has your order; the money is frozen until it answers.",
        "已提交银行，处理完成前资金将被冻结。",
    ),
    "notice.transferred": ("The money has arrived.", "转账成功。"),
    "notice.confirmed": (
        "You confirmed receipt; the shop is paid.",
        "已确认收货，货款已付给商家。",
    ),
    "notice.disputed": (
        "The dispute is open; the money stays held.",
        "争议已提交，货款继续托管。",
    ),
    "notice.signed_out": ("You are signed out.", "您已退出登录。"),
}
