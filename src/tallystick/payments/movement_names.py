"""What people read for each movement of money, in English and Chinese."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.payments.movements import Movement

__all__ = ["MOVEMENT_NAMES", "MovementName", "movement_name"]


class MovementName(NamedTuple):
    """A movement in both languages."""

    english: str
    chinese: str


MOVEMENT_NAMES: Final[dict[int, MovementName]] = {
    Movement.TRADE_PAY: MovementName("Payment", "交易付款"),
    Movement.TRADE_SETTLE: MovementName("Settlement", "交易结算"),
    Movement.TRADE_FEE: MovementName("Fee", "收费"),
    Movement.TRADE_SPLIT: MovementName("Split", "分账"),
    Movement.TRADE_REFUND: MovementName("Refund", "交易退款"),
    Movement.FEE_RETURN: MovementName("Fee returned", "退费"),
    Movement.SPLIT_RETURN: MovementName("Split returned", "分账退回"),
    Movement.TOP_UP: MovementName("Top-up", "充值"),
    Movement.WITHDRAW: MovementName("Withdrawal", "提现"),
    Movement.WALLET_TRANSFER: MovementName("Transfer", "转账"),
    Movement.HOLD: MovementName("Frozen", "资金冻结"),
    Movement.HOLD_CAPTURE: MovementName("Payment of frozen money", "冻结资金支付"),
    Movement.LOAN_DRAWDOWN: MovementName("Loan drawn", "贷款放款"),
    Movement.LOAN_ACCRUAL: MovementName("Interest and fees of a loan", "贷款计息计费"),
    Movement.LOAN_PAYMENT: MovementName("Loan payment", "贷款还款"),
    Movement.LOAN_WAIVER: MovementName("Waived", "息费减免"),
    Movement.LOAN_REVERSAL: MovementName("Loan payment taken back", "还款冲正"),
    Movement.LOAN_REALLOCATION: MovementName("Loan payments allocated anew", "还款重分配"),
    Movement.LOAN_PROVISION: MovementName("Provision", "计提减值"),
    Movement.LOAN_CHARGE_OFF: MovementName("Written off", "贷款核销"),
    Movement.LOAN_RECOVERY: MovementName("Recovered", "核销收回"),
    Movement.LOAN_FEE: MovementName("Loan fee", "贷款费用"),
    Movement.LOAN_CAPITALISED: MovementName("Made principal", "息费转本金"),
    Movement.LOAN_SALE: MovementName("Loan sold", "贷款转让"),
    Movement.SHARE_DRAWDOWN: MovementName("Share of a drawdown", "放款份额"),
    Movement.SHARE_ACCRUAL: MovementName("Share of interest and fees", "息费份额"),
    Movement.SHARE_PAYMENT: MovementName("Share of a payment", "还款份额"),
    Movement.SHARE_WAIVER: MovementName("Share of what is waived", "减免份额"),
    Movement.SHARE_REVERSAL: MovementName("Share of a payment taken back", "冲正份额"),
    Movement.SHARE_LOSS: MovementName("Share of a loss", "损失份额"),
    Movement.SHARE_COMPENSATION: MovementName("Compensation of a loss", "损失补偿"),
    Movement.SHARE_RECOVERY: MovementName("Share of what is recovered", "收回份额"),
    Movement.SHARE_BUY_BACK: MovementName("Share bought back", "份额回购"),
    Movement.SHARE_PROVISION: MovementName("Share of expected loss", "份额损失准备"),
    Movement.SHARE_RESERVATION: MovementName("Quota reserved", "额度预占"),
    Movement.SALES_SHARE: MovementName("Share of sales for a loan", "销售分成还款"),
    Movement.RECEIVABLE_ADVANCE: MovementName("Advance on a receivable", "应收账款融资放款"),
    Movement.RECEIVABLE_PROCEEDS: MovementName("Receivable paid", "应收账款回款"),
    Movement.RECEIVABLE_COLLECTED: MovementName("Advance repaid", "应收账款融资收回"),
    Movement.RECEIVABLE_REST: MovementName("Rest of a receivable", "应收账款余款"),
    Movement.RECEIVABLE_LOSS: MovementName("Loss on a receivable", "应收账款损失"),
    Movement.BANK_DIFFERENCE: MovementName("Difference with the bank", "银行对账差额"),
}
"""Every movement by its number."""

_OTHER: Final = MovementName("Other", "其它")


def movement_name(code: int) -> MovementName:
    """The names of a transfer's code; "Other" for one that no product made."""
    return MOVEMENT_NAMES.get(code, _OTHER)
