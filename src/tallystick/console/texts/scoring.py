"""Texts of scores by themselves: a person's applications, and the operators' page."""

from __future__ import annotations

from typing import Final

__all__ = ["SCORING"]

SCORING: Final[dict[str, tuple[str, str]]] = {
    # A person's.
    "apply.title": ("Apply for a line", "申请额度"),
    "apply.lead": (
        "The answer comes at once. It follows from how you paid so far, what came into your "
        "wallet, your income and what you owe. Sex, age, family and origin play no part.",
        "提交后立即得到结果。审批依据您的还款记录、钱包收支、收入与现有负债；"
        "性别、年龄、婚姻与籍贯均不作为依据。",
    ),
    "apply.product": ("For what", "申请产品"),
    "apply.income": ("Monthly income", "月收入"),
    "apply.income_hint": (
        "Without a proof a part of it counts. Leave it empty if you do not want to say.",
        "未经核实的收入按一定比例计入；可不填写。",
    ),
    "apply.income_verified": ("Verified monthly income", "已核实月收入"),
    "apply.go": ("Apply", "提交申请"),
    "apply.closed": (
        "Nothing can be applied for now.",
        "当前暂不接受申请。",
    ),
    "apply.before": ("Applications", "申请记录"),
    "apply.none": ("You have not applied yet.", "暂无申请记录。"),
    "apply.granted": ("granted", "已通过"),
    "apply.refused": ("refused", "未通过"),
    "apply.yes": ("Your line is open", "额度已开通"),
    "apply.no": ("We cannot grant this now", "本次申请未通过"),
    "apply.line": ("Your line", "您的额度"),
    "apply.score": ("Your score", "您的信用分"),
    "apply.limit": ("You may owe in all", "总授信额度"),
    "apply.exposure": ("You owe now", "现有负债"),
    "apply.decided": ("Decided", "审批时间"),
    "apply.model": ("Decided by model", "审批模型版本"),
    "apply.why": ("Why", "原因"),
    "apply.cost_points": ("What cost points", "影响信用分的因素"),
    "apply.draw": ("See what you may draw", "查看可借额度"),
    "apply.again": (
        "You may apply again when this has changed. If something is wrong, tell us: a person looks "
        "at it.",
        "情况变化后可再次申请。如认为结果有误，请联系我们，由人工复核。",
    ),
    "apply.held.score_low": ("The score is too low for a line.", "信用分未达到授信要求。"),
    "apply.held.no_score": (
        "You have no score yet: apply for a line first.",
        "您尚无信用分，请先申请额度。",
    ),
    "apply.held.score_old": (
        "Your score is too old: apply for a line, so that it is worked out anew.",
        "您的信用分已过期，请重新申请额度以更新。",
    ),
    "apply.held.income": (
        "The income that we know allows no more than you owe already.",
        "按目前已知收入，可授信额度不足。",
    ),
    "apply.held.band": (
        "At this score nobody may owe more than you owe already.",
        "该信用分对应的额度已用完。",
    ),
    "apply.held.person": (
        "Nobody may owe more than this over all products.",
        "已达到个人总授信上限。",
    ),
    "apply.about.late": (
        "Payments were late in the last six months, or a loan was written off.",
        "近六个月有逾期还款，或有贷款被核销。",
    ),
    "apply.about.owed": ("Much is owed on loans already.", "现有贷款负债较多。"),
    "apply.about.many_loans": (
        "Several loans were drawn in a short time.",
        "短期内借款次数较多。",
    ),
    "apply.about.received": (
        "Little money came into the wallet, or it came unsteadily.",
        "钱包入账较少或不稳定。",
    ),
    "apply.about.spent": (
        "The spending from the wallet is unusual.",
        "钱包支出情况不利于评分。",
    ),
    "apply.about.repaid": ("Little was repaid on loans so far.", "历史还款较少。"),
    "apply.about.short_past": ("We have not known you for long.", "使用时间较短。"),
    "apply.about.income": (
        "The income is low, or we do not know it.",
        "收入较低或未提供收入信息。",
    ),
    "apply.about.other": ("Other facts of your account.", "账户的其他情况。"),
    # The operators'.
    "ops.place.scoring": ("Scoring", "信用评分"),
    "scoring.serving": ("The model that serves", "当前模型"),
    "scoring.nothing": (
        "No model is in service: lines are granted by hand. Train one from the platform's own "
        "books (tallystick credit score history, train), then put it to service by POST "
        "/v1/credit/score-models with what tallystick credit score bundle prints.",
        "尚无在用模型，额度需人工授予。可用 tallystick credit score history 与 train "
        "基于平台数据训练，再将 tallystick credit score bundle 的输出"
        "提交至 POST /v1/credit/score-models。",
    ),
    "scoring.auc": ("AUC held out", "留出 AUC"),
    "scoring.ks": ("KS", "KS"),
    "scoring.rows": ("Trained on", "训练样本"),
    "scoring.bad_rows": ("of them bad", "其中坏样本"),
    "scoring.attributes": ("Attributes", "入模变量"),
    "scoring.limits": ("What it leaves out", "局限"),
    "scoring.protected": ("Not inputs", "不入模字段"),
    "scoring.fair": ("Fair lending, held out", "公平性（留出样本）"),
    "scoring.group": ("Group", "组别"),
    "scoring.people": ("People", "人数"),
    "scoring.bad_share": ("Bad", "坏账率"),
    "scoring.accepted": ("Accepted", "通过率"),
    "scoring.good_refused": ("Good refused", "好人误拒率"),
    "scoring.bad_accepted": ("Bad accepted", "坏人误通过率"),
    "scoring.models": ("Versions", "模型版本"),
    "scoring.model": ("Model", "模型"),
    "scoring.serves": ("serves", "在用"),
    "scoring.served": ("served", "曾用"),
    "scoring.serve_again": ("Serve again", "重新启用"),
    "scoring.applications": ("Applications", "申请"),
    "scoring.no_applications": ("Nobody has applied yet.", "暂无申请。"),
    "scoring.applicant": ("Applicant", "申请人"),
    "scoring.product": ("Product", "产品"),
    "scoring.decision": ("Decision", "结果"),
    "scoring.held_by": ("Held by", "限制因素"),
    "scoring.held.score_low": ("score", "信用分"),
    "scoring.held.income": ("income", "收入"),
    "scoring.held.band": ("band", "分段上限"),
    "scoring.held.person": ("person", "个人上限"),
    "scoring.line": ("Line", "额度"),
    "scoring.chart": ("Scores of applications", "申请信用分分布"),
    "scoring.chart_sum": ("The latest {count} applications.", "最近 {count} 笔申请。"),
    "scoring.chart_says": (
        "{low} to {high}: {granted} granted, {refused} refused",
        "{low}–{high}：通过 {granted}，拒绝 {refused}",
    ),
    "scoring.reasons": ("What took points away", "扣分原因"),
    "scoring.no_reasons": ("Nothing did.", "无。"),
    "scoring.points": ("Points", "分值"),
    "scoring.facts": ("Facts, as they were seen", "审批时数据"),
    "scoring.fact": ("Column", "字段"),
    "scoring.meaning": ("Meaning", "含义"),
    "scoring.score": ("Score", "信用分"),
    "scoring.limit": ("Limit over all products", "总授信额度"),
    "scoring.exposure": ("Owed then", "当时负债"),
    "scoring.month": ("Month {month}", "第 {month} 月"),
    "scoring.months_note": (
        "Months of thirty days, the latest first; amounts in minor units.",
        "每月按三十天计，由近及远；金额单位为分。",
    ),
    "scoring.fact.received": ("Money in, without loans", "钱包收入（不含借款）"),
    "scoring.fact.spent": ("Money out, without repayments", "钱包支出（不含还款）"),
    "scoring.fact.owed": ("Owed at the month's end", "月末负债"),
    "scoring.fact.days_late": ("Days past due at the month's end", "月末逾期天数"),
    "scoring.fact.repaid": ("Repaid", "还款"),
    "scoring.fact.months_known": ("Months since registration", "注册月数"),
    "scoring.fact.loans_drawn": ("Loans drawn in six months", "近六个月借款笔数"),
    "scoring.fact.loans_open": ("Loans open", "在贷笔数"),
    "scoring.fact.loans_closed": ("Loans repaid, ever", "累计结清笔数"),
    "scoring.fact.charged_off": ("Loans written off, ever", "累计核销笔数"),
    "scoring.fact.income": ("Monthly income", "月收入"),
    "notice.model_serves": (
        "The model serves. People are scored anew by it.",
        "模型已启用，将重新评分。",
    ),
}
