"""What people and thieves do, as acts at a moment; the same list is played twice."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Act", "Kind"]

Kind = Literal[
    "register", "shop", "fund", "sign_in", "wrong", "payment", "transfer", "withdrawal", "refund",
    "top_up", "confirm", "coupon",
]  # fmt: skip


class Act(NamedTuple):
    """One thing that somebody does.

    Args:
        at_ms: milliseconds since the story's begin; negative for what was before it.
        order: the trade that a payment makes, or that a refund or receipt is of.
        needs: the order that must have been paid, else the act ends as that did.
        theft: whether a thief does it (or has it done).
        loss: what is lost when it is accepted, in minor units.
    """

    at_ms: int
    kind: Kind
    party: str
    amount: int = 0
    payee: str = ""
    device: str = ""
    address: str = ""
    card: str = ""
    order: str = ""
    needs: str = ""
    theft: bool = False
    loss: int = 0
