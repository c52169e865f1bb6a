"""What "risk on" means in an attack: features, rules and the policy of the watch over accounts.

It is a default to start from, not tuned to one scenario; `docs/anomaly.md` tells each rule.
"""

from __future__ import annotations

from typing import Final

from tallystick.pipeline.commands import Command
from tallystick.risk.anomaly.model import Action, Level, SetAnomalyPolicy
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.model import DefineFeature
from tallystick.risk.decision.rules import Rule

__all__ = ["FEATURES", "POLICIES", "RULES", "features_and_policies"]

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY

FEATURES: Final = (
    Feature(name="device_parties_1d", aggregate="distinct", by=("device",), within_min=_DAY,
            of="party"),
    Feature(name="device_cards_1d", aggregate="distinct", by=("device",), within_min=_DAY,
            of="card"),
    Feature(name="refunds_7d", aggregate="count", by=("party",), within_min=_WEEK,
            where='kind == "refund" && result == "accepted"'),
    Feature(name="young_payers_1d", aggregate="distinct", by=("payee",), within_min=_DAY,
            of="party", where='kind == "payment" && party_age_min < 20160'),
    Feature(name="received_1d", aggregate="count", by=("payee",), within_min=_DAY,
            where='kind == "transfer" && result == "accepted"'),
)  # fmt: skip

RULES: Final = (
    Rule(name="many_cards_on_a_device", action="deny",
         when='kind == "top_up" && device_cards_1d >= 3'),
    Rule(name="many_accounts_on_a_device", action="deny",
         when='kind == "payment" && device_parties_1d >= 4 && party_age_min < 10080'),
    Rule(name="refund_after_refund", action="hold", when='kind == "refund" && refunds_7d >= 3'),
    Rule(name="paid_by_young_accounts", action="hold",
         when='kind == "payment" && young_payers_1d >= 3 && party_age_min < 20160 '
              '&& amount >= 10000'),
    Rule(name="warned_and_young", action="hold",
         when='(kind == "transfer" || kind == "withdrawal") && anomaly_level >= 2 '
              '&& party_age_min < 43200'),
)  # fmt: skip

POLICIES: Final = (
    SetAnomalyPolicy(level=Level.NOTICE, action=Action.NOTHING),
    SetAnomalyPolicy(level=Level.WARNING, action=Action.STEP_UP, open_case=True),
    SetAnomalyPolicy(level=Level.ALARM, action=Action.FREEZE, open_case=True),
)


def features_and_policies() -> tuple[Command, ...]:
    """The commands that put features and policies in force; rules need the number of a draft."""
    return (*(DefineFeature(feature=feature) for feature in FEATURES), *POLICIES)
