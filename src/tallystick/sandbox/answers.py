"""What a client of the platform can be told, whichever door it asks at."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

__all__ = ["BALANCE_CODES", "PASSING_CODES", "Answer", "NoAnswerError", "WrongAnswerError"]

BALANCE_CODES: Final = frozenset(
    {
        "ACQ.BUYER_BALANCE_NOT_ENOUGH",
        "ACQ.SELLER_BALANCE_NOT_ENOUGH",
        "PAYER_BALANCE_NOT_ENOUGH",
        "BUYER_BALANCE_NOT_ENOUGH",
        "SELLER_BALANCE_NOT_ENOUGH",
        "BALANCE_NOT_ENOUGH",
    }
)
"""Refusals that say that a wallet has too little, at the gateway and over REST."""

PASSING_CODES: Final = frozenset(
    {
        "aop.ACQ.SYSTEM_ERROR",
        "isp.unknow-error",
        "STORE_UNAVAILABLE",
        "SYSTEM_BUSY",
        "INTERNAL_ERROR",
    }
)
"""Refusals that say "nothing was changed, try again"."""


class Answer(NamedTuple):
    """What a door answered: `code` is empty when accepted, `told` the answer's content.

    `found`: the first answer was lost, and what was done was looked up instead.
    `sent`: the request that it answers, where a command may be sent as several.
    """

    accepted: bool
    code: str
    told: dict[str, Any]
    found: bool = False
    sent: object = None


class NoAnswerError(Exception):
    """No answer came: the client cannot know whether the request was done."""


class WrongAnswerError(Exception):
    """What came back cannot be the platform's answer; the message says why."""
