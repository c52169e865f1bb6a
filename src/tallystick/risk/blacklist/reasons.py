"""Why somebody may be listed: a closed list, each reason with its lawful basis and its limits.

What is merely owed is not here: sharing that is credit reporting, which needs a licence of its own
(Regulation on the Administration of the Credit Reporting Industry, 2013).
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["DAY_MS", "REASONS", "Reason", "reason_numbered"]

DAY_MS: Final = 86_400_000


class Reason(NamedTuple):
    """A reason to list somebody.

    Args:
        number: what stands for it in the set.
        basis: the law that allows to process and share it.
        severity_max: 1 notice, 2 serious, 3 grave.
        days_max: how long it may stand.
    """

    code: str
    number: int
    english: str
    chinese: str
    basis: str
    severity_max: int
    days_max: int


_PIPL: Final = "Personal Information Protection Law, article 13(3)"
_FRAUD_LAW: Final = "Anti-Telecom and Online Fraud Law"

_ROWS: Final = (
    Reason("telecom_fraud", 1, "Telecom or online fraud, confirmed", "电信网络诈骗（已确认）",
           f"{_FRAUD_LAW}, articles 18 and 32; {_PIPL}", 3, 1825),
    Reason("mule_account", 2, "Account lent or sold for fraud", "出租、出借、出售账户",
           f"{_FRAUD_LAW}, article 31; {_PIPL}", 3, 1095),
    Reason("identity_theft", 3, "Acted under a stolen identity", "冒用他人身份",
           f"{_FRAUD_LAW}, article 31; {_PIPL}", 3, 1825),
    Reason("card_fraud", 4, "Paid with stolen cards", "盗刷银行卡",
           f"Criminal Law, article 196; {_PIPL}", 3, 1095),
    Reason("loan_fraud", 5, "Loan obtained by fraud", "骗取贷款",
           f"Criminal Law, articles 175-1 and 193; {_PIPL}", 3, 1095),
    Reason("cash_out", 6, "Merchant that turns credit into cash", "虚假交易套现",
           f"Criminal Law, article 225; {_PIPL}", 2, 730),
    Reason("court_debtor", 7, "On the courts' list of dishonest debtors", "失信被执行人",
           "Supreme People's Court, provisions on the list of dishonest debtors (2017)", 2, 730),
)  # fmt: skip

REASONS: Final = {reason.code: reason for reason in _ROWS}

_NUMBERED: Final = {reason.number: reason for reason in _ROWS}


def reason_numbered(number: int) -> Reason | None:
    """The reason that a number of the set stands for; None for one of a later version."""
    return _NUMBERED.get(number)
