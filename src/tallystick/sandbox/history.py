"""The recorded history of a run: every command that was sent, and what its sender was told."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec

from tallystick.sandbox.answers import Answer

__all__ = ["Call", "History"]


class Call(msgspec.Struct, kw_only=True):
    """One command of a client, however often it had to be sent to get its answer.

    Args:
        what: `pay`, `ship`, `refund`, …: what the model knows it by.
        subject: the client's own number of the trade, hold, transfer or party.
        facts: what was asked, as the model needs it; amounts in minor units.
        sent_s: when it was first sent, and `answered_s` when its answer came, in seconds of
            one monotonic clock.
        accepted: None while there is no answer.
    """

    number: int
    what: str
    subject: str
    facts: dict[str, Any]
    sent_s: float
    answered_s: float = 0.0
    accepted: bool | None = None
    code: str = ""
    told: dict[str, Any] = {}
    tries: int = 0

    def __str__(self) -> str:
        return f"{self.what} of {self.subject} (call {self.number})"


class History:
    """All calls of a run in the order in which they were first sent."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.differences: list[str] = []
        """What was wrong on the spot: two answers to one request, or an answer that is none."""

    def begin(self, what: str, subject: str, facts: dict[str, Any]) -> Call:
        """Record a command that is about to be sent."""
        call = Call(
            number=len(self.calls) + 1,
            what=what,
            subject=subject,
            facts=facts,
            sent_s=time.monotonic(),
        )
        self.calls.append(call)
        return call

    @staticmethod
    def end(call: Call, answer: Answer) -> None:
        """Record what a command's sender was told."""
        call.answered_s = time.monotonic()
        call.accepted = answer.accepted
        call.code = answer.code
        call.told = answer.told

    def by_subject(self, *whats: str) -> dict[str, list[Call]]:
        """The calls of some kinds (all kinds, if none is named), by subject, in order."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            if not whats or call.what in whats:
                found[call.subject].append(call)
        return found

    def write(self, path: Path) -> None:
        """Keep the history as JSON lines."""
        encode = msgspec.json.Encoder().encode
        with path.open("wb") as file:
            file.writelines(encode(call) + b"\n" for call in self.calls)
