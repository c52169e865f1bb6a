"""Every refusal of the platform: one table of codes, sentences and where they map to.

A refusal changes nothing. Its code is stable: clients may test for it. The sentences are for
people; `alipay_code` and `sub_code` are what the OpenAPI gateway answers, `http_status` what
REST answers as an RFC 9457 problem.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.store.connection import ConnectionLost, StoreError

__all__ = ["REFUSALS", "Refusal", "RefusalKind", "Refused", "refusal_of"]


class RefusalKind(NamedTuple):
    """One row of the table."""

    code: str
    http_status: int
    alipay_code: str
    sub_code: str
    english: str
    chinese: str


BUSINESS = "40004"
MISSING = "40001"
INVALID = "40002"
FORBIDDEN = "40006"
UNAVAILABLE = "20000"

_ROWS: Final = [
    # The request itself.
    ("FORM_NOT_OURS", 403, FORBIDDEN, "isv.insufficient-user-permissions",
     "This form is out of date or was not sent from this site; load the page again.",
     "表单已失效或来源不正确，请刷新页面后重试。"),
    ("IDEMPOTENCY_MISMATCH", 422, BUSINESS, "ACQ.CONTEXT_INCONSISTENT",
     "This request id was used before with other contents.",
     "该请求号已被使用，且内容不一致。"),
    ("INVALID_AMOUNT", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The amount is not a valid amount of its currency.", "金额不合法。"),
    ("INVALID_PARAMETER", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "A parameter is missing or not valid.", "参数缺失或无效。"),
    ("NOT_PERMITTED", 403, FORBIDDEN, "isv.insufficient-isv-permissions",
     "The caller is not allowed to do this.", "调用方没有此权限。"),
    ("NOT_SIGNED_IN", 401, FORBIDDEN, "isv.insufficient-user-permissions",
     "Sign in first.", "请先登录。"),
    ("NOT_FOUND", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is nothing of that name here.", "未找到该对象。"),
    ("REPLAYED_REQUEST", 400, INVALID, "isv.invalid-nonce",
     "This signed request was received before.", "该签名请求已被接收过。"),
    ("TOO_MANY_REQUESTS", 429, UNAVAILABLE, "aop.ACQ.SYSTEM_ERROR",
     "Too many requests from this address; wait a little.", "请求过于频繁，请稍后再试。"),
    ("TOO_LARGE", 413, INVALID, "isv.request-too-large",
     "The request is larger than allowed.", "请求超过允许的大小。"),
    # REST requests that cannot be read.
    ("API_KEY_INVALID", 401, FORBIDDEN, "isv.insufficient-isv-permissions",
     "The Authorization header does not carry a valid API key.",
     "Authorization 请求头中没有有效的 API 密钥。"),
    ("CURSOR_INVALID", 422, INVALID, "isv.invalid-parameter",
     "This cursor does not belong to this list; start again without one.",
     "分页游标无效，请不带游标重新开始。"),
    ("IDEMPOTENCY_KEY_INVALID", 400, INVALID, "isv.invalid-parameter",
     "An Idempotency-Key is 1 to 64 letters, digits and the signs - _ . :",
     "Idempotency-Key 须为1至64位字母、数字或 - _ . : 符号。"),
    ("IDEMPOTENCY_KEY_MISSING", 400, MISSING, "isv.missing-parameter",
     "A request that changes something needs an Idempotency-Key header.",
     "变更类请求须带 Idempotency-Key 请求头。"),
    ("MALFORMED_REQUEST", 400, INVALID, "isv.invalid-parameter",
     "The request does not have the documented form.", "请求格式与文档不符。"),
    ("MEDIA_TYPE_UNSUPPORTED", 415, INVALID, "isv.invalid-content-type",
     "The body must be application/json.", "请求体须为 application/json。"),
    ("METHOD_NOT_ALLOWED", 405, INVALID, "isv.invalid-method",
     "This address does not take this method.", "该地址不支持此请求方法。"),
    # The fraud graph.
    ("GRAPH_NOT_READY", 503, UNAVAILABLE, "aop.ACQ.SYSTEM_ERROR",
     "The fraud graph is still being rebuilt; try again soon.", "风险图谱正在重建，请稍后重试。"),
    ("GRAPH_VERTEX_EXISTS", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The fraud graph has this vertex already.", "风险图谱中已有该节点。"),
    ("GRAPH_VERTEX_UNKNOWN", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The fraud graph does not have this vertex.", "风险图谱中没有该节点。"),
    # The platform.
    ("INTERNAL_ERROR", 500, UNAVAILABLE, "isp.unknow-error",
     "Something went wrong here; nothing was changed. Try again.",
     "系统繁忙，未做任何更改，请重试。"),
    ("STORE_UNAVAILABLE", 503, UNAVAILABLE, "aop.ACQ.SYSTEM_ERROR",
     "The store cannot write now; nothing was changed. Try again.",
     "存储暂不可用，未做任何更改，请重试。"),
    ("SYSTEM_BUSY", 503, UNAVAILABLE, "aop.ACQ.SYSTEM_ERROR",
     "Too many requests are waiting; nothing was changed. Try again.", "系统繁忙，请稍后重试。"),
    # Parties.
    ("LOGIN_TAKEN", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "This login name belongs to another party.", "该登录名已被占用。"),
    ("PARTY_BLOCKED", 403, BUSINESS, "ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT",
     "This account is blocked.", "该账户已被限制。"),
    ("PARTY_NOT_EXIST", 404, BUSINESS, "ACQ.USER_NOT_EXIST",
     "There is no such party.", "用户不存在。"),
    ("PAYMENT_CODE_INVALID", 422, BUSINESS, "ACQ.PAYMENT_AUTH_CODE_INVALID",
     "The payment code is not valid or no longer valid; ask the buyer for a new one.",
     "支付码无效或已过期，请买家刷新后重试。"),
    ("PAYMENT_PASSWORD_LOCKED", 423, BUSINESS, "ACQ.BUYER_ENABLE_STATUS_FORBID",
     "The payment password is locked after five wrong tries; try again later.",
     "支付密码已连续输错五次，已锁定，请稍后再试。"),
    ("PAYMENT_PASSWORD_WRONG", 401, BUSINESS, "ACQ.PAYMENT_FAIL",
     "The payment password is wrong.", "支付密码错误。"),
    ("SIGN_IN_FAILED", 401, FORBIDDEN, "isv.insufficient-user-permissions",
     "The login name or the password is wrong.", "登录名或密码错误。"),
    ("SIGN_IN_LOCKED", 423, FORBIDDEN, "isv.insufficient-user-permissions",
     "This login is locked after five wrong tries; try again later.",
     "登录已连续输错五次，已锁定，请稍后再试。"),
    # Partners.
    ("APP_NOT_EXIST", 404, INVALID, "isv.invalid-app-id",
     "There is no such app.", "应用不存在。"),
    ("APP_DISABLED", 403, FORBIDDEN, "isv.app-disabled",
     "This app is disabled.", "应用已停用。"),
    ("KEY_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such key.", "密钥不存在。"),
    ("KEY_INVALID", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "This is not an RSA public key of at least 2048 bits.",
     "公钥无效，须为不少于2048位的RSA公钥。"),
    ("KEY_IS_LAST", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The last active key cannot be retired; add the new one first.",
     "不能停用最后一把有效密钥，请先添加新密钥。"),
    ("NOTIFICATION_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such notification.", "通知不存在。"),
    ("NOTIFY_URL_NOT_ALLOWED", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "Notifications cannot be sent to this address.", "不允许向该地址发送通知。"),
    # Risk.
    ("RISK_CHALLENGE", 403, BUSINESS, "ACQ.PAYMENT_REQUEST_HAS_RISK",
     "The party must prove itself once more before this can be done.",
     "需要进一步验证身份后才能继续。"),
    ("RISK_DENIED", 403, BUSINESS, "ACQ.PAYMENT_REQUEST_HAS_RISK",
     "Risk control does not allow this.", "该操作存在风险，已被拒绝。"),
    ("RISK_HELD", 409, BUSINESS, "ACQ.PAYMENT_REQUEST_HAS_RISK",
     "This is held for review; it runs when it is released. Nothing has changed yet.",
     "该操作已转人工审核，审核通过后自动执行，目前未做任何更改。"),
    ("RISK_REVIEW_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such held command.", "没有该待审核操作。"),
    ("RISK_REVIEW_ENDED", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "This held command has been released or rejected before.", "该待审核操作已处理。"),
    ("RISK_RULE_INVALID", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The rule or feature does not fit the catalogue.", "规则或特征与特征目录不符。"),
    ("RISK_RULE_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such rule, feature, model or list entry.", "规则、特征、模型或名单条目不存在。"),
    ("RISK_SAME_REVIEWER", 403, BUSINESS, "ACQ.INVALID_PARAMETER",
     "Another person must agree, too.", "须由另一位人员复核。"),
    ("RISK_UNAVAILABLE", 503, UNAVAILABLE, "aop.ACQ.SYSTEM_ERROR",
     "Risk control cannot answer now; nothing was changed. Try again.",
     "风控暂不可用，未做任何更改，请稍后重试。"),
    # Trades.
    ("BUYER_BALANCE_NOT_ENOUGH", 422, BUSINESS, "ACQ.BUYER_BALANCE_NOT_ENOUGH",
     "The buyer's balance is not enough.", "买家余额不足。"),
    ("BUYER_IS_SELLER", 422, BUSINESS, "ACQ.BUYER_SELLER_EQUAL",
     "Buyer and seller are the same.", "买卖家不能相同。"),
    ("BUYER_MISMATCH", 422, BUSINESS, "ACQ.TRADE_BUYER_NOT_MATCH",
     "This trade belongs to another buyer.", "交易买家不匹配。"),
    ("DISPUTE_NOT_OPEN", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "This trade has no open dispute.", "该交易没有进行中的争议。"),
    ("DISPUTE_SUM_WRONG", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "What goes to buyer and seller together must be what is held.",
     "退给买家与付给卖家的金额之和必须等于托管金额。"),
    ("REFUND_AMOUNT_EXCEEDED", 422, BUSINESS, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
     "Refunds together would exceed what the buyer paid.", "退款金额超过可退金额。"),
    ("REFUND_MISMATCH", 409, BUSINESS, "ACQ.DISCORDANT_REPEAT_REQUEST",
     "A refund with this request number exists with other contents.",
     "同一退款请求号的退款内容不一致。"),
    ("REFUND_NOT_EXIST", 404, BUSINESS, "ACQ.TRADE_NOT_EXIST",
     "There is no such refund.", "退款不存在。"),
    ("ROYALTY_RELATION_MISSING", 422, BUSINESS, "ACQ.ROYALTY_RECEIVER_INVALID",
     "The receiver of the split is not bound to the seller.", "分账接收方未与卖家绑定分账关系。"),
    ("SELLER_BALANCE_NOT_ENOUGH", 422, BUSINESS, "ACQ.SELLER_BALANCE_NOT_ENOUGH",
     "The seller's balance is not enough.", "卖家余额不足。"),
    ("SELLER_NOT_EXIST", 422, BUSINESS, "ACQ.SELLER_NOT_EXIST",
     "There is no such seller, or it does not belong to this app.", "卖家不存在或不属于该应用。"),
    ("SPLIT_EXCEEDS_AMOUNT", 422, BUSINESS, "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR",
     "The split gives away more than there is.", "分账金额超过可分金额。"),
    ("SETTLE_MISMATCH", 409, BUSINESS, "ACQ.DISCORDANT_REPEAT_REQUEST",
     "A settlement with this request number exists with other contents.",
     "同一结算请求号的内容不一致。"),
    ("TRADE_ALREADY_PAID", 409, BUSINESS, "ACQ.TRADE_HAS_SUCCESS",
     "The trade has been paid already.", "交易已被支付。"),
    ("TRADE_CLOSED", 409, BUSINESS, "ACQ.TRADE_HAS_CLOSE",
     "The trade is closed.", "交易已经关闭。"),
    ("TRADE_DISPUTED", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "The trade is in dispute; it waits for its resolution.", "交易存在争议，须先解决争议。"),
    ("TRADE_EXPIRED", 409, BUSINESS, "ACQ.TRADE_HAS_CLOSE",
     "The time to pay this order is over.", "订单已超过支付期限。"),
    ("TRADE_FINISHED", 409, BUSINESS, "ACQ.TRADE_HAS_FINISHED",
     "The trade is finished and can no longer change.", "交易已经完结。"),
    ("TRADE_MISMATCH", 409, BUSINESS, "ACQ.CONTEXT_INCONSISTENT",
     "An order with this number exists with other contents.", "同一商户订单号的交易信息不一致。"),
    ("TRADE_NOT_EXIST", 404, BUSINESS, "ACQ.TRADE_NOT_EXIST",
     "There is no such trade.", "交易不存在。"),
    ("TRADE_NOT_HELD", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "The trade's money is not held, so this cannot be done.",
     "交易资金未处于托管状态，无法进行该操作。"),
    ("TRADE_NOT_PAID", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "The trade has not been paid.", "交易未支付。"),
    ("TRADE_NOT_SETTLED", 409, BUSINESS, "ACQ.TRADE_SETTLE_ERROR",
     "The seller has not been paid yet, so there is nothing to split.",
     "交易尚未结算给卖家，无法分账。"),
    ("TRADE_STATE_REFUSED", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "The trade's state does not allow this.", "交易状态不允许该操作。"),
    # Wallet, transfers and holds.
    ("BALANCE_NOT_ENOUGH", 422, BUSINESS, "PAYER_BALANCE_NOT_ENOUGH",
     "The balance is not enough.", "余额不足。"),
    ("BANK_NOT_EXIST", 422, BUSINESS, "INVALID_PARAMETER",
     "There is no such bank.", "银行不存在。"),
    ("BANK_ORDER_NOT_EXIST", 404, BUSINESS, "ORDER_NOT_EXIST",
     "There is no such bank order.", "银行订单不存在。"),
    ("BANK_ANSWER_CONFLICT", 409, BUSINESS, "ORDER_STATUS_ERROR",
     "The bank answered this order before, and otherwise.", "银行对该订单的应答与此前不一致。"),
    ("HOLD_AMOUNT_EXCEEDED", 422, BUSINESS, "UNFREEZE_AMOUNT_EXCEEDED",
     "More than what is still frozen.", "金额超过剩余冻结金额。"),
    ("HOLD_CLOSED", 409, BUSINESS, "ORDER_ALREADY_CLOSED",
     "Nothing is frozen under this authorisation any more.", "该授权已无冻结资金。"),
    ("HOLD_MISMATCH", 409, BUSINESS, "ORDER_ALREADY_EXIST_DIFFERENT",
     "An authorisation with this number exists with other contents.",
     "同一授权单号的内容不一致。"),
    ("HOLD_NOT_EXIST", 404, BUSINESS, "AUTH_ORDER_NOT_EXIST",
     "There is no such authorisation.", "授权订单不存在。"),
    ("PAYEE_NOT_EXIST", 422, BUSINESS, "PAYEE_NOT_EXIST",
     "There is no such payee.", "收款方不存在。"),
    ("PAYER_IS_PAYEE", 422, BUSINESS, "PAYER_PAYEE_EQUAL",
     "Payer and payee are the same.", "收付款方不能相同。"),
    ("TRANSFER_MISMATCH", 409, BUSINESS, "PARAM_ILLEGAL_DUPLICATE",
     "A transfer with this number exists with other contents.", "同一转账单号的内容不一致。"),
    ("STATEMENT_FORM_TOO_NARROW", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "An amount does not fit this form of statement; ask for another form.",
     "金额超出该对账单格式的容量，请选择其他格式。"),
    ("STATEMENT_TOO_LONG", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The statement is too long for this form; ask for fewer days or another form.",
     "对账单过长，请缩短期间或选择其他格式。"),
    ("TRANSFER_NOT_EXIST", 404, BUSINESS, "ORDER_NOT_EXIST",
     "There is no such transfer.", "转账单不存在。"),
    # Credit.
    ("BORROWER_BALANCE_NOT_ENOUGH", 422, BUSINESS, "ACQ.BUYER_BALANCE_NOT_ENOUGH",
     "The borrower's balance is not enough.", "借款人余额不足。"),
    ("CREDIT_LINE_EXCEEDED", 422, BUSINESS, "ACQ.BUYER_ENABLE_STATUS_FORBID",
     "This is more than the borrower may still draw.", "超过可用额度。"),
    ("CREDIT_PREPAYMENT_AMOUNT", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "This amount cannot be paid early on that day.", "该日不能按此金额提前还款。"),
    ("CREDIT_PRODUCT_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such credit product, or nothing is drawn of it any more.",
     "信贷产品不存在或已停止放款。"),
    ("CREDIT_RATE_ABOVE_CEILING", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The all-in yearly rate is above the product's ceiling.", "综合年化利率超过产品上限。"),
    ("CREDIT_TERMS_INVALID", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The loan's terms are not valid.", "贷款条款无效。"),
    ("LOAN_NOT_EXIST", 404, BUSINESS, "ACQ.TRADE_NOT_EXIST",
     "There is no such loan.", "贷款不存在。"),
    ("LOAN_NOTHING_TO_PAY", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "Nothing of this kind is owed on the loan now.", "该贷款当前没有可还款项。"),
    ("LOAN_PAYMENT_NOT_EXIST", 404, BUSINESS, "ACQ.TRADE_NOT_EXIST",
     "The loan has no such payment, or it was taken back before.", "还款记录不存在或已冲正。"),
    ("LOAN_STATE_REFUSED", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "The loan's state does not allow this.", "贷款状态不允许该操作。"),
    # Joint lending.
    ("FUNDING_EXPIRED", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "The time of this funding decision is over; its quota was given back.",
     "资金方案已过期，额度已释放。"),
    ("FUNDING_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such funding decision.", "资金方案不存在。"),
    ("FUNDING_PLAN_INVALID", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The funding plan does not share the whole loan.", "资金方案的份额合计不是100%。"),
    ("FUNDING_STATE_REFUSED", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "The funding decision's state does not allow this.", "资金方案状态不允许该操作。"),
    ("FUNDING_TERMS_INVALID", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The funding programme's terms are not valid.", "资金方案条款无效。"),
    ("INSTITUTION_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such institution.", "机构不存在。"),
    ("PARTNER_FILE_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such file for this institution.", "该机构没有此文件。"),
    ("PARTNER_REPORT_MALFORMED", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The institution's file cannot be read, or does not add up.",
     "机构对账文件无法解析或合计不符。"),
    # Reconciliation.
    ("BREAK_CLOSED", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "This break is not open.", "该差异不是待处理状态。"),
    ("BREAK_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such break.", "差异不存在。"),
    ("DIFFERENCE_ACCOUNT_NEEDED", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "Name the account for the difference: 5001 (channel cost) or 2901 (suspense).",
     "请指定差额入账科目：5001（渠道成本）或 2901（挂账）。"),
    ("PROPOSAL_DECIDED", 409, BUSINESS, "ACQ.TRADE_STATUS_ERROR",
     "This proposal was decided before.", "该匹配建议已处理。"),
    ("PROPOSAL_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such proposal.", "匹配建议不存在。"),
    ("STATEMENT_IMPORTED_BEFORE", 409, BUSINESS, "ACQ.CONTEXT_INCONSISTENT",
     "This file was imported before.", "该对账单文件已导入。"),
    ("STATEMENT_MALFORMED", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The bank statement cannot be read, or does not add up.", "银行对账单无法解析或收支不平。"),
    # The ledger.
    ("ACCOUNT_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such account.", "账户不存在。"),
    ("HEAD_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no signed head of that size.", "没有该大小的签名树头。"),
    ("PROOF_NOT_YET", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "No signed head covers this yet; ask again after the next one.",
     "尚无签名树头覆盖该记录，请在下一个树头签署后重试。"),
    ("BILL_NOT_READY", 422, BUSINESS, "isp.bill_not_exist",
     "There is no bill for that day yet.", "该日账单尚未生成。"),
    ("ACCOUNT_GROUP_CYCLE", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "A group of accounts cannot contain itself.", "账户组不能包含自身。"),
    ("ACCOUNT_GROUP_IN_USE", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "Another group contains this group of accounts.", "该账户组正被其他账户组引用。"),
    ("ACCOUNT_GROUP_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such group of accounts.", "账户组不存在。"),
    ("ACCOUNT_GROUP_TOO_LARGE", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The group has more accounts than this can be answered for.", "账户组内账户过多，无法处理。"),
    ("BOOK_RESERVED", 403, FORBIDDEN, "isv.insufficient-isv-permissions",
     "This book is kept by the platform; its entries come from products only.",
     "该账簿由平台维护，只能由业务产品记账。"),
    ("BOOK_IN_USE", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "Money has moved in this book; its currency and dating stay what they are.",
     "该账簿已有资金变动，币种与记账日期方式不可更改。"),
    ("BOOK_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such book.", "账簿不存在。"),
    ("EFFECTIVE_DATE_INVALID", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "An effective date is a day up to today, in a book that is value-dated.",
     "生效日期须不晚于今日，且账簿须按生效日期记账。"),
    ("PERIOD_CLOSED", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "This day is closed in the book; nothing is booked in it.", "该账簿此日已关账，不可再记账。"),
    ("PERIOD_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such close.", "关账记录不存在。"),
    ("PERIOD_NOT_LATEST", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "Only the book's latest close can be opened again.", "只能重开该账簿最近一次关账。"),
    ("PERIOD_NOT_OVER", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "A day can be closed once it is over.", "只能对已结束的日期关账。"),
    ("PERIOD_SAME_PERSON", 403, BUSINESS, "ACQ.INVALID_PARAMETER",
     "Another person than who asked must agree.", "须由申请人以外的人员批准。"),
    ("PERIOD_STATE", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The close is not in a state for this.", "该关账记录当前状态不允许此操作。"),
    ("REVERSAL_EXCEEDS", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "No more can be reversed than was moved and is not reversed yet.",
     "冲正金额超过尚可冲正的金额。"),
    ("REVERSAL_NOT_POSTED", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "This transfer moved nothing; a hold is voided, not reversed.",
     "该分录未发生资金变动；冻结请撤销，不可冲正。"),
    ("REVERSAL_OF_EXCHANGE", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "This is a leg of an exchange; exchange back instead.",
     "该分录属于货币兑换，请以反向兑换更正。"),
    ("REVERSAL_OF_PRODUCT", 403, BUSINESS, "ACQ.INVALID_PARAMETER",
     "This entry belongs to a product of the platform and is taken back by it only.",
     "该分录由平台产品生成，只能由该产品冲回。"),
    ("REVERSAL_OF_REVERSAL", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "A reversal is not reversed; post the transfer anew.", "冲正分录不可再冲正，请重新记账。"),
    ("SCHEDULE_INVALID", 422, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The schedule's rule is not valid.", "计划规则无效。"),
    ("SCHEDULE_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such schedule.", "计划不存在。"),
    ("SCHEDULE_STATE", 409, BUSINESS, "ACQ.INVALID_PARAMETER",
     "The schedule is not in a state for this.", "该计划当前状态不允许此操作。"),
    ("SWEEP_NOT_EXIST", 404, BUSINESS, "ACQ.INVALID_PARAMETER",
     "There is no such sweep, or it has ended.", "归集规则不存在或已终止。"),
    ("LEDGER_REFUSED", 409, BUSINESS, "ACQ.SYSTEM_ERROR",
     "The ledger refused the entry.", "账务系统拒绝了该分录。"),
]  # fmt: skip

REFUSALS: Final[dict[str, RefusalKind]] = {row[0]: RefusalKind(*row) for row in _ROWS}


class Refusal(NamedTuple):
    """What a caller is told: a code of the table, and what in particular was wrong.

    `detail` is one more English sentence or a name (a parameter, a ledger result); it never
    holds secrets or personal data.
    """

    code: str
    detail: str = ""

    @property
    def kind(self) -> RefusalKind:
        """The table's row for this refusal."""
        return REFUSALS[self.code]


class Refused(Exception):
    """Carries a refusal from where it is found to the executor, which undoes the command."""

    def __init__(self, code: str, detail: str = "") -> None:
        assert code in REFUSALS, code
        super().__init__(code, detail)
        self.refusal = Refusal(code, detail)


def refusal_of(error: Exception) -> Refusal:
    """What a caller is told of a failure: a database that has gone will be there again."""
    gone = isinstance(error, (ConnectionLost, StoreError))
    return Refusal("STORE_UNAVAILABLE" if gone else "INTERNAL_ERROR")
