"""The rules of matching: what each is called, what it says to people, and what can be chosen."""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import Final, Literal, NamedTuple

import msgspec

from tallystick.decoding import convert
from tallystick.reconciliation.statements.model import StatementError

__all__ = ["RULE_NAMES", "Rule", "RuleName", "Rules", "Tolerance", "read_rules"]

_MILLION: Final = 1_000_000


class Rule(IntEnum):
    """Why lines and entries belong together, in the order in which the rules are tried."""

    REFERENCE = 1
    TOLERANCE = 2
    REFERENCE_TOTAL = 3
    REFERENCE_AMOUNT = 4
    REFERENCE_REPEATED = 5
    REFERENCE_MANY = 6
    AMOUNT_COUNTERPARTY = 7
    AMOUNT_DAY = 8
    TOTAL_COUNTERPARTY = 9
    TOTAL_DAY = 10
    SUBSET = 11
    TOTAL_FEE = 12
    PERSON = 13


class RuleName(NamedTuple):
    """A rule's stable name, and its reason in English and Chinese."""

    code: str
    english: str
    chinese: str


RULE_NAMES: Final[dict[Rule, RuleName]] = {
    Rule.REFERENCE: RuleName(
        "reference", "The reference and the amount agree.", "参考号与金额一致。"
    ),
    Rule.TOLERANCE: RuleName(
        "tolerance",
        "The reference agrees; the difference is within a tolerance.",
        "参考号一致，差额在容差范围内。",
    ),
    Rule.REFERENCE_TOTAL: RuleName(
        "reference_total", "All with this reference add up to it.", "同一参考号的合计金额一致。"
    ),
    Rule.REFERENCE_AMOUNT: RuleName(
        "reference_amount",
        "The reference agrees, the amount does not.",
        "参考号一致，金额不一致。",
    ),
    Rule.REFERENCE_REPEATED: RuleName(
        "reference_repeated",
        "The reference occurs more than once; this is the first with the amount.",
        "参考号重复出现，此为金额相符的第一笔。",
    ),
    Rule.REFERENCE_MANY: RuleName(
        "reference_many",
        "Several on both sides have this reference; together they agree.",
        "双方均有多笔使用该参考号，合计一致。",
    ),
    Rule.AMOUNT_COUNTERPARTY: RuleName(
        "amount_counterparty",
        "Amount and counterparty agree, the days are near.",
        "金额与对方一致，日期相近。",
    ),
    Rule.AMOUNT_DAY: RuleName(
        "amount_day", "The amount agrees, the days are near.", "金额一致，日期相近。"
    ),
    Rule.TOTAL_COUNTERPARTY: RuleName(
        "total_counterparty",
        "All of one day with this counterparty add up to it.",
        "同一对方当日合计金额一致。",
    ),
    Rule.TOTAL_DAY: RuleName("total_day", "All of one day add up to it.", "当日合计金额一致。"),
    Rule.SUBSET: RuleName(
        "subset", "Some of the days around add up to it.", "相近日期的若干笔合计金额一致。"
    ),
    Rule.TOTAL_FEE: RuleName(
        "total_fee",
        "All of one day add up to it, but for a fee within a tolerance.",
        "当日合计扣除容差范围内的手续费后金额一致。",
    ),
    Rule.PERSON: RuleName("person", "A person decided.", "由人工确认。"),
}
"""Each rule's name and reason."""


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A difference that may be booked by rule, once references agree.

    Without a reference it makes a proposal: the day's total that the bank has paid less a fee.

    Args:
        account: the code of the chart to which the difference goes: `5001` or `2901`.
        minor_units_max: the largest difference.
        rate_max: the largest share of the ledger's amount; empty for no such limit.
        bank_has: whether the bank has less than the ledger, more, or either.
    """

    name: str
    account: Literal["5001", "2901"]
    minor_units_max: int
    rate_max: str = ""
    bank_has: Literal["less", "more", "either"] = "less"

    @property
    def rate_ppm(self) -> int:
        """`rate_max` in millionths; -1 for no limit."""
        return int(Decimal(self.rate_max) * _MILLION) if self.rate_max else -1


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What matching may do.

    Args:
        window_days: how far apart the days of a line and an entry may be without a reference.
        tolerances: the first that fits is used.
        subset_candidates_max: a search among more than these is not begun.
        subset_parts_max: the most parts of a sum.
        subset_steps_max: how many steps all searches together may take.
    """

    window_days: int = 3
    tolerances: tuple[Tolerance, ...] = ()
    subset_candidates_max: int = 24
    subset_parts_max: int = 8
    subset_steps_max: int = 500_000


def read_rules(text: str) -> Rules:
    """The rules in a TOML file.

    Raises:
        StatementError: it is not TOML, or a field is missing, not known or without sense.
    """
    try:
        rules = convert(tomllib.loads(text), Rules)
        sound = all(
            t.minor_units_max >= 0 and (not t.rate_max or 0 <= Decimal(t.rate_max) <= 1)
            for t in rules.tolerances
        )
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise StatementError(0, f"The rules cannot be read: {error}.") from error
    except InvalidOperation as error:
        raise StatementError(0, "rate_max is a share, like 0.006.") from error
    if not sound or min(rules.window_days, rules.subset_steps_max) < 0:
        raise StatementError(0, "A limit of the rules is out of range.")
    return rules
