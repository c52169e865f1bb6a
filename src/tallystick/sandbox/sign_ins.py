"""Sign-ins for a labelled history: people sign in before they pay, thieves try passwords first."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

__all__ = ["with_sign_ins"]

_SESSION_MS: Final = 30 * 60_000
_SIGNED: Final = frozenset({"payment", "transfer", "withdrawal"})
_SHARE: Final = 0.35


def _sign_in(row: dict[str, Any], kind: str, before_ms: int) -> dict[str, Any]:
    told = {"at_ms": row["at_ms"] - before_ms, "kind": kind, "amount": 0, "payee": "",
            "merchant": "", "card": "", "result": "accepted"}  # fmt: skip
    return row | told


def with_sign_ins(history: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The history with sign-ins: before a third of honest errands, and before every theft.

    Who takes an account over guesses up to three passwords first; honest people mistype one in
    twenty. Signs of the same device within half an hour need no second sign-in.
    """
    random = np.random.default_rng(seed + 1_000_003)
    rows: list[dict[str, Any]] = []
    last: dict[tuple[str, str], int] = {}
    for row in history.iter_rows(named=True):
        key = (row["party"], row["device"])
        due = row["at_ms"] - last.get(key, -_SESSION_MS) >= _SESSION_MS
        last[key] = row["at_ms"]
        stolen = row["scenario"] == "takeover"
        draw = random.random(3)
        if row["kind"] in _SIGNED and due and (row["fraud"] or draw[0] < _SHARE):
            before_ms = int(random.integers(10_000, 25_000))
            wrong = int(draw[1] * 4) if stolen else int(draw[1] < 0.05)
            rows += [_sign_in(row, "sign_in_wrong", before_ms + 4_000 * (1 + n)) for n in
                     range(wrong)]  # fmt: skip
            rows.append(_sign_in(row, "sign_in", before_ms))
        rows.append(row)
    return pl.DataFrame(rows, schema=history.schema).sort("at_ms", maintain_order=True)
