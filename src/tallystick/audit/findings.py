"""What an audit found: each finding has a stable code, a place and a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = ["CODES", "Finding", "Findings", "Told", "no_telling"]

Told = Callable[[str], None]
"""Is told now and then, in words, how far an audit is."""

_SHOWN_MAX: Final = 20

CODES: Final[dict[str, str]] = {
    # The journal.
    "batch_missing": "a batch of the journal is gone, or there is one too many",
    "batch_changed": "a batch does not have the hash that it was given",
    "chain_broken": "a batch does not follow the one before it",
    "block_missing": "entries of a batch are gone",
    "block_extra": "there are entries that belong to no batch",
    "order_wrong": "entries are not in the order of their times",
    "entry_duplicated": "an entry's id was used before",
    "entry_rule": "an entry breaks a rule that every entry keeps",
    "account_unknown": "an entry names an account that was not opened",
    "hold_rule": "a hold was settled twice, beyond its amount, or is none",
    "limit_exceeded": "an account is beyond the limit that its flags set",
    # Heads.
    "head_missing": "a signed head is gone",
    "head_signature": "a head's signature is not that of its key",
    "head_row": "a head's row is not what was signed",
    "head_differs": "the journal is not the one over which a head was signed",
    "tail_cut": "a head was signed over batches that are gone",
    "page_differs": "the hash that is kept of a page is not that of its entries",
    # Rows.
    "account_row_missing": "an account of the journal has no row",
    "account_row_extra": "an account's row is not of the journal",
    "account_row_differs": "an account's row is not as it was opened",
    "account_flags_differ": "an account's flags are not those that follow from the journal",
    "account_totals_differ": "an account's totals are not those that follow from the journal",
    "transfer_row_missing": "an entry of a command has no row",
    "transfer_row_extra": "a transfer's row is not of the journal",
    "transfer_row_differs": "a transfer's row is not its entry",
    "pending_state_differs": "what became of a hold is not what the journal says",
    "failed_id_differs": "an id that is used up is not so in the journal, or the other way round",
    "book_unbalanced": "debits and credits of a book differ",
    # The chart, and what stands behind accounts and timers.
    "chart_rule": "an account is not as the chart has it",
    "account_orphan": "an account's owner is not there",
    "trade_without_account": "an open trade has no escrow account",
    "escrow_differs": "what lies in a trade's escrow account is not what the trade holds",
    "timer_unreadable": "a timer's command cannot be read",
    "timer_orphan": "a timer is about something that is not there",
    "timer_missing": "a hold or a trade with a deadline has no timer",
    "timer_wrong": "a timer is not due when what it is about says",
    # What is kept beside the entries.
    "close_differs": "a closed period is not as the entries have it",
    "reversal_differs": "a reversal is not as its two entries have it",
    "metadata_orphan": "metadata is about something that is not there",
}
"""Every code with its meaning."""


class Finding(NamedTuple):
    """One thing that is wrong."""

    code: str
    where: str
    sentence: str


def no_telling(text: str) -> None:
    """Nobody is told."""


class Findings:
    """Collects findings; of each code the first few are kept, and all are counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.shown: list[Finding] = []

    def add(self, code: str, where: str, sentence: str = "") -> None:
        """One more thing that is wrong; without a sentence the code's meaning."""
        self.counts[code] += 1
        if self.counts[code] <= _SHOWN_MAX:
            self.shown.append(Finding(code, where, sentence or CODES[code]))

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.counts
