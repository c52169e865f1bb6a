"""What can be seen of collections: the queue, one borrower's record, and how a split does."""

from __future__ import annotations

import msgspec

from tallystick.credit.collections.loading import current_split
from tallystick.credit.collections.model import (
    CaseEntry,
    CaseOffer,
    CasePromise,
    CollectionCase,
    CollectionSplit,
    CollectionStrategy,
    CollectionText,
    Hardship,
)
from tallystick.credit.collections.split import (
    CHALLENGER,
    CHAMPION,
    ArmResult,
    Comparison,
    compare,
)
from tallystick.store.rows import ReadSession, Rows

__all__ = [
    "BucketCount", "CaseStory", "buckets", "case_story", "cases_of", "queue", "split_result",
    "strategies", "texts",
]  # fmt: skip

_DAY_MS = 86_400_000


class CaseStory(msgspec.Struct, frozen=True):
    """A case and all that happened in it, oldest first."""

    case: CollectionCase
    entries: list[CaseEntry]
    promises: list[CasePromise]
    offers: list[CaseOffer]
    hardships: list[Hardship]


class BucketCount(msgspec.Struct, frozen=True):
    """How many cases a bucket has, and what is overdue in them by currency, in minor units."""

    bucket: int
    cases: int
    overdue: dict[str, int]


def queue(
    rows: ReadSession, *, bucket: int = 0, status: str = "open", limit: int = 50,
    after: tuple[int, str] | None = None,
) -> list[CollectionCase]:  # fmt: skip
    """Cases by their next contact, those without one last.

    Args:
        bucket: 0 for all.
        after: the next contact and number of the last case of the page before.
    """
    order = "CASE WHEN next_ms = 0 THEN 9000000000000000 ELSE next_ms END"
    since_ms, case_id = after or (-1, "")
    return rows.query(
        CollectionCase,
        f"WHERE status = ? AND (? = 0 OR bucket = ?) AND ({order} > ? OR ({order} = ? AND "
        f"case_id > ?)) ORDER BY {order}, case_id LIMIT ?",
        (status, bucket, bucket, since_ms, since_ms, case_id, limit),
    )


def buckets(rows: ReadSession) -> list[BucketCount]:
    """The open and stopped cases by bucket."""
    found: dict[int, BucketCount] = {}
    for bucket, currency, cases, overdue in rows.connection.execute(
        "SELECT bucket, currency, COUNT(*), SUM(overdue) FROM collection_case "
        "WHERE status IN ('open', 'stopped') GROUP BY bucket, currency ORDER BY bucket, currency"
    ):
        known = found.get(int(bucket), BucketCount(int(bucket), 0, {}))
        overdues = {**known.overdue, str(currency): int(overdue)}
        found[int(bucket)] = BucketCount(int(bucket), known.cases + int(cases), overdues)
    return list(found.values())


def case_story(rows: Rows, case: CollectionCase) -> CaseStory:
    """Everything that is known of a case."""
    return CaseStory(
        case,
        rows.select(CaseEntry, case_id=case.case_id),
        rows.select(CasePromise, case_id=case.case_id),
        rows.select(CaseOffer, case_id=case.case_id),
        rows.select(Hardship, case_id=case.case_id),
    )


def cases_of(rows: Rows, borrower_id: str) -> list[CollectionCase]:
    """A borrower's cases, newest first."""
    found = rows.select(CollectionCase, borrower_id=borrower_id)
    return sorted(found, key=lambda case: (-case.opened_ms, case.case_id))


def texts(rows: Rows) -> list[CollectionText]:
    """Every text in its newest version."""
    return list({text.text_id: text for text in rows.select(CollectionText)}.values())


def strategies(rows: Rows) -> list[CollectionStrategy]:
    """Every strategy in its newest version."""
    return list({one.strategy_id: one for one in rows.select(CollectionStrategy)}.values())


def _arm(rows: ReadSession, split: CollectionSplit, arm: str, now_ms: int) -> ArmResult:
    within_ms = split.cured_within_days * _DAY_MS
    strategy_id = split.challenger_id if arm == CHALLENGER else split.champion_id
    row = rows.connection.execute(
        "SELECT COUNT(*), SUM(CASE WHEN status = 'cured' AND ended_ms - opened_ms <= ? THEN 1 "
        "ELSE 0 END), SUM(contacts), SUM(collected), SUM(cost) FROM collection_case "
        "WHERE split_id = ? AND arm = ? AND opened_ms <= ?",
        (within_ms, split.split_id, arm, now_ms - within_ms),
    ).fetchone()
    return ArmResult(arm, strategy_id, *(int(number or 0) for number in row))


def split_result(
    rows: ReadSession, now_ms: int, split_id: str = ""
) -> tuple[CollectionSplit, Comparison] | None:
    """How champion and challenger do; of the split in force, or of an earlier one.

    Only cases count that have had all their days, whether they were cured or not.
    """
    split = rows.get(CollectionSplit, split_id) if split_id else current_split(rows)
    if split is None:
        return None
    arms = [_arm(rows, split, arm, now_ms) for arm in (CHAMPION, CHALLENGER)]
    return split, compare(*arms)
