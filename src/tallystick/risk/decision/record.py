"""The record of a decision, and of a command that is held, as rows."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from tallystick.pipeline.commands import Answer, Request, command_bytes
from tallystick.risk.decision.around import fingerprint_of
from tallystick.risk.decision.decide import Circumstances, Settled
from tallystick.risk.decision.facts import FACTS
from tallystick.risk.decision.model import DecisionRow, Review, ReviewStatus
from tallystick.risk.decision.rules import Verdict

__all__ = ["Judged", "decision_row", "held_review"]

_FACTS_OF: Final = itemgetter(*(name for name in FACTS if name != "hour"))
_ENCODER: Final = msgspec.msgpack.Encoder()


class Judged(NamedTuple):
    """A decision that waits for its command's end.

    Args:
        facts: what is known of the command by name, what was looked up for it included.
        values: what was decided from, in the order of the record.
    """

    facts: dict[str, int | str | bool]
    verdict: Verdict
    around: Circumstances
    settled: Settled
    values: tuple[Any, ...]
    score: int
    review_id: str
    latency_us: int
    request_key: bytes


def decision_row(
    seq: int, rule_set: int, now_ms: int, request: Request, answer: Answer, judged: Judged
) -> DecisionRow:
    """The record of a command that has just ended."""
    facts = _FACTS_OF(judged.facts)
    around, verdict, settled = judged.around, judged.verdict, judged.settled
    tag = str(request.command.__struct_config__.tag)
    result = "accepted" if answer.refusal is None else answer.refusal.code
    hits = (*around.listed, *verdict.hits)
    if verdict.failed:
        hits += tuple(f"!{label}" for label in verdict.failed)
    inputs = _ENCODER.encode((judged.values, around))
    known: tuple[Any, ...] = (
        seq, now_ms, tag, *facts, settled.outcome.word, result, settled.why, " ".join(hits),
        verdict.points, judged.score, rule_set, inputs, judged.latency_us, judged.request_key,
        judged.review_id,
    )  # fmt: skip
    return DecisionRow(*known)


def held_review(row: DecisionRow, request: Request) -> Review:
    """The review of a command that is held by this record."""
    return Review(
        review_id=row.review_id,
        fingerprint=fingerprint_of(request),
        seq=row.seq,
        status=ReviewStatus.HELD,
        command=command_bytes(request.command),
        caller_kind=request.caller.kind,
        caller_id=request.caller.id,
        scopes=" ".join(sorted(request.caller.scopes)),
        request_key=request.key,
        released_by="",
        second_by="",
        note="",
        held_ms=row.at_ms,
        ended_ms=0,
    )
