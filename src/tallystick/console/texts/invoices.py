"""Texts of the pages about invoices and other receivables."""

from __future__ import annotations

from typing import Final

__all__ = ["INVOICES"]

INVOICES: Final[dict[str, tuple[str, str]]] = {
    "invoices.title": ("Invoices", "应收账款"),
    "invoices.open": ("Your invoices", "我的应收账款"),
    "invoices.lead": (
        "Register what customers owe you. Once they have acknowledged an invoice you can assign "
        "it, and get most of it today.",
        "登记客户所欠款项；客户确认后可将应收账款转让，当天收到大部分款项。",
    ),
    "invoices.chart": ("What customers pay you, by month", "按月到期的应收账款"),
    "invoices.chart_lead": ("One bar a month, assigned on top.", "每月一柱，上部为已转让部分。"),
    "invoices.says_month": (
        "{month}: {free} yours, {assigned} assigned",
        "{month}：未转让 {free}，已转让 {assigned}",
    ),
    "invoices.legend_free": ("not assigned", "未转让"),
    "invoices.legend_assigned": ("assigned", "已转让"),
    "invoices.mine": ("What customers owe you", "客户欠款"),
    "invoices.none": ("You have registered no invoices.", "您尚未登记应收账款。"),
    "invoices.owing": ("What you owe", "我的应付账款"),
    "invoices.of_trade": ("Order", "交易"),
    "invoices.due": ("due", "到期日"),
    "invoices.due_day": ("Due day", "到期日"),
    "invoices.register": ("Register an invoice", "登记应收账款"),
    "invoices.register_do": ("Register, and give notice", "登记并通知付款人"),
    "invoices.number": ("Number of the invoice", "发票号码"),
    "invoices.debtor": ("Customer", "付款人"),
    "invoices.seller": ("Seller", "卖方"),
    "invoices.debtor_login": ("Customer's login name", "付款人登录名"),
    "invoices.debtor_hint": (
        "The customer is given notice here, and pays here.",
        "付款人将在此收到通知并付款。",
    ),
    "invoices.face": ("Amount of the invoice", "票面金额"),
    "invoices.face_left": ("Still to be paid by the customer", "付款人待付"),
    "invoices.advance": ("Advanced to you", "融资金额"),
    "invoices.fee": ("Fee", "费用"),
    "invoices.owed": ("Still owed to the lender", "待还融资方"),
    "invoices.offers": ("Money today", "融资方案"),
    "invoices.waits": (
        "The customer has been given notice and has not answered yet.",
        "已通知付款人，等待其确认。",
    ),
    "invoices.now": ("You get now", "立即到账"),
    "invoices.rest": ("Yours when it is paid", "付款后余款"),
    "invoices.recourse_yes": (
        "With recourse: what the customer has not paid {days} days after the due day is taken from "
        "your wallet.",
        "有追索权：到期后 {days} 天付款人仍未付的部分，从您的钱包扣还。",
    ),
    "invoices.recourse_no": (
        "Without recourse: what the customer has not paid {days} days after the due day is the "
        "lender's loss. For what is contested or credited you answer yourself.",
        "无追索权：到期后 {days} 天付款人仍未付的部分由融资方承担；争议或减价部分仍由您负责。",
    ),
    "invoices.sign_note": (
        "Signing assigns the invoice to the lender: the customer pays the lender from now on. The "
        "all-in rate counts the fee.",
        "签署即将该应收账款转让给融资方，付款人此后向融资方付款。综合年化利率已含费用。",
    ),
    "invoices.sign": ("Sign and get", "签署并收款"),
    "invoices.pay_lender": (
        "This invoice is assigned: what you pay here goes to the lender.",
        "该账款已转让：您在此支付的款项归融资方。",
    ),
    "invoices.recourse_debtor": ("assigned, overdue", "已转让，已逾期"),
    "invoices.pay": ("Pay the invoice", "付款"),
    "invoices.pay_do": ("Pay from the wallet", "用钱包付款"),
    "invoices.amount_all": ("Amount, empty for all of it", "金额（留空为全部）"),
    "invoices.repay": ("Repay the lender", "回购"),
    "invoices.repay_note": (
        "You may repay before the customer pays; what the customer pays is then yours.",
        "您可提前回购；此后付款人所付款项归您。",
    ),
    "invoices.repay_do": ("Repay from the wallet", "用钱包回购"),
    "invoices.reduce": ("Credit note: it is worth less", "减价通知"),
    "invoices.reduce_note": (
        "What the rest does not cover any more is taken from your wallet.",
        "剩余金额不足以覆盖融资的部分，将从您的钱包扣还。",
    ),
    "invoices.less": ("Less by", "减少金额"),
    "invoices.reason": ("Reason", "原因"),
    "invoices.reduce_do": ("Reduce", "确认减价"),
    "invoices.history": ("What happened", "账款记录"),
    "invoices.event.notice": ("Registered, notice given", "已登记并通知"),
    "invoices.event.acknowledged": ("Acknowledged by the customer", "付款人已确认"),
    "invoices.event.contested": ("Contested by the customer", "付款人有异议"),
    "invoices.event.advance": ("Assigned, advance paid", "已转让并放款"),
    "invoices.event.collected": ("Paid by the customer", "付款人付款"),
    "invoices.event.reduced": ("Worth less", "减价"),
    "invoices.event.repaid": ("Repaid by the seller", "卖方回购"),
    "invoices.event.lost": ("Lost", "损失"),
    "notice.invoice_registered": (
        "Registered: the customer has been given notice.",
        "已登记，并已通知付款人。",
    ),
    "notice.invoice_finance": ("Signed: the money is in your wallet.", "签署成功，款项已到账。"),
    "notice.invoice_pay": ("Paid.", "付款成功。"),
    "notice.invoice_repay": ("Repaid.", "回购成功。"),
    "notice.invoice_reduce": ("The invoice is worth less now.", "已减价。"),
    # Operators.
    "receivables.title": ("Receivables", "应收账款"),
    "receivables.chart": ("Advanced, by when it falls due", "按到期日的融资余额"),
    "receivables.chart_lead": ("Open receivables, from the books.", "未结清应收账款，取自账簿。"),
    "receivables.bucket.overdue": ("due", "已到期"),
    "receivables.bucket.30": ("30 days", "30 天"),
    "receivables.bucket.60": ("60 days", "60 天"),
    "receivables.bucket.90": ("90 days", "90 天"),
    "receivables.bucket.later": ("later", "更晚"),
    "receivables.says_bucket": (
        "{bucket}: {count} receivables, {amount}",
        "{bucket}：{count} 笔，{amount}",
    ),
    "receivables.terms": ("Terms", "融资条款"),
    "receivables.advance_rate": ("Advance", "融资比例"),
    "receivables.discount_rate": ("Yearly discount", "年贴现率"),
    "receivables.recourse": ("Recourse", "追索"),
    "receivables.recourse.yes": ("after {days} days", "到期后 {days} 天"),
    "receivables.recourse.no": ("none", "无"),
    "receivables.limits": ("Most of a seller, of a debtor", "卖方、付款人限额"),
    "receivables.number": ("Number", "编号"),
    "receivables.kind.invoice": ("invoice", "发票"),
    "receivables.kind.trade": ("trade", "交易"),
    "receivables.seller": ("Seller", "卖方"),
    "receivables.debtor": ("Debtor", "付款人"),
    "receivables.all_in": ("All-in yearly rate", "综合年化利率"),
    "receivables.lost": ("Lost, not recovered", "未收回损失"),
    "receivables.all": ("All receivables", "全部应收账款"),
}
