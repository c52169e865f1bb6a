"""What can be proved to an outsider, as documents that `tallystick.verify` checks.

Every document is of one head that was signed; what came after that head is covered by the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from tallystick.ledger.encoding import entry_from
from tallystick.ledger.model import Account, Transfer
from tallystick.ledger.statements import balance_of, normal_side, statement
from tallystick.pipeline.refusals import Refused
from tallystick.proofs.model import KeySuccession, LedgerKey, TreeHead
from tallystick.proofs.tree import LedgerTree, entry_at, place_of
from tallystick.store.connection import Connection
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession
from tallystick.transparency.merkle import leaf_hash
from tallystick.verify import CONSISTENCY, INCLUSION, KEYS, STATEMENT

__all__ = [
    "EntryProof", "consistency_document", "entry_fields", "head_of_size", "heads_page",
    "inclusion_document", "keys", "keys_document", "newest_head", "one_moment", "proofs_of",
    "statement_document",
]  # fmt: skip

_NS_PER_MS = 1_000_000

Document = dict[str, Any]


class EntryProof(NamedTuple):
    """That an entry is in the books.

    Args:
        place: the entry's number.
        leaf_hash: the hash of its record.
        path: the hashes from there to the root.
    """

    place: int
    leaf_hash: bytes
    path: list[bytes]

    def shown(self) -> Document:
        """As documents have it."""
        return {
            "index": self.place,
            "leaf_hash": self.leaf_hash.hex(),
            "path": [sibling.hex() for sibling in self.path],
        }


@contextmanager
def one_moment(connection: Connection) -> Iterator[None]:
    """Several reads that see the same state."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


# Keys and heads.


def keys(rows: ReadSession) -> list[LedgerKey]:
    """All keys that ever signed, the newest first."""
    return rows.query(LedgerKey, "ORDER BY created_ms DESC, key_id DESC")


def successions(connection: Connection) -> Document:
    """The statements about keys that followed each other, for a document; nothing when none did."""
    rows = ReadSession(connection).query(KeySuccession, "ORDER BY number")
    return {"successions": [row.note for row in rows]} if rows else {}


def keys_document(rows: ReadSession) -> Document:
    """Which keys followed which, for who knows one of them."""
    return {"kind": KEYS, "successions": []} | successions(rows.connection)


def _head(connection: Connection, tail: str, *values: int) -> TreeHead | None:
    found = ReadSession(connection).query(TreeHead, tail, values)
    return found[0] if found else None


def newest_head(connection: Connection) -> TreeHead | None:
    """The last signed head, or None."""
    return _head(connection, "ORDER BY number DESC LIMIT 1")


def head_of_size(connection: Connection, size: int) -> TreeHead | None:
    """The first signed head over so many entries, or None."""
    return _head(connection, "WHERE size = ? ORDER BY number LIMIT 1", size)


def heads_page(rows: ReadSession, *, before: int, limit: int) -> list[TreeHead]:
    """Signed heads with a number below this one, the newest first."""
    return rows.query(TreeHead, "WHERE number < ? ORDER BY number DESC LIMIT ?", (before, limit))


def _required_head(connection: Connection) -> TreeHead:
    head = newest_head(connection)
    if head is None:
        raise Refused("PROOF_NOT_YET")
    return head


# Entries.


def entry_fields(t: Transfer) -> Document:
    """An entry's fields as documents have them: numbers in decimal text, 0 left out."""
    fields = {
        "id": t.id, "debit_account_id": t.debit_account_id,
        "credit_account_id": t.credit_account_id, "amount": t.amount,
        "pending_id": t.pending_id, "user_data_128": t.user_data_128,
        "user_data_64": t.user_data_64, "user_data_32": t.user_data_32, "timeout": t.timeout,
        "ledger": t.book, "code": t.code, "flags": t.flags, "timestamp": t.timestamp,
    }  # fmt: skip
    return {name: str(int(value)) for name, value in fields.items() if value}


def proofs_of(
    connection: Connection, tree: LedgerTree, head: TreeHead, transfers: Sequence[Transfer]
) -> list[EntryProof]:
    """For each created transfer the proof that it is among the head's entries.

    Args:
        connection: in one moment, see `one_moment`.

    Raises:
        Refused: PROOF_NOT_YET when one came after the head.
    """
    found = []
    for transfer in transfers:
        index = place_of(connection, transfer.timestamp)
        if index is None or index >= head.size:
            raise Refused("PROOF_NOT_YET")
        record = entry_at(connection, index)
        path = tree.inclusion(connection, index, head.size)
        found.append(EntryProof(index, leaf_hash(record), path))
    return found


def inclusion_document(rows: ReadSession, tree: LedgerTree, transfer_id: int) -> Document:
    """The proof that a transfer is in the books, of the newest head.

    Raises:
        Refused: TRANSFER_NOT_EXIST, or PROOF_NOT_YET when no head covers it.
    """
    connection = rows.connection
    with one_moment(connection):
        transfers = SqlLedgerReader(connection).transfers([transfer_id])
        if not transfers:
            raise Refused("TRANSFER_NOT_EXIST")
        head = _required_head(connection)
        [proof] = proofs_of(connection, tree, head, transfers)
        return {
            "kind": INCLUSION, "entry": entry_fields(transfers[0]), **proof.shown(),
            "head": head.note, **successions(connection),
        }  # fmt: skip


def consistency_document(
    rows: ReadSession, tree: LedgerTree, first: int, second: int | None
) -> Document:
    """The proof that the head of the second size (by default the newest) continues the first.

    Raises:
        Refused: HEAD_NOT_EXIST for a size that no signed head has; INVALID_PARAMETER when the
            second is smaller.
    """
    connection = rows.connection
    with one_moment(connection):
        old = head_of_size(connection, first)
        new = newest_head(connection) if second is None else head_of_size(connection, second)
        if old is None or new is None:
            raise Refused("HEAD_NOT_EXIST")
        if new.size < old.size:
            raise Refused("INVALID_PARAMETER", "The second head must not be before the first.")
        path = tree.consistency(connection, old.size, new.size)
        return {
            "kind": CONSISTENCY, "first": old.note, "second": new.note,
            "path": [sibling.hex() for sibling in path], **successions(connection),
        }  # fmt: skip


# Statements.


class StatementProof(NamedTuple):
    """A page of a statement as a document; `after` continues it (a ledger timestamp)."""

    document: Document
    after: int | None


def _covered_before(connection: Connection, head: TreeHead) -> int:
    """The first nanosecond after the head's entries."""
    if not head.size:
        return 0
    return entry_from(entry_at(connection, head.size - 1)).timestamp + 1


def _line(line: Any, proof: EntryProof) -> Document:
    return {
        "entry": entry_fields(line.transfer), "change": str(line.change),
        "balance": str(line.balance), **proof.shown(),
    }  # fmt: skip


def _account_shown(account: Account) -> Document:
    return {
        "id": str(account.id), "ledger": str(account.book), "code": str(account.code),
        "side": normal_side(account).value,
    }  # fmt: skip


def statement_document(
    rows: ReadSession, tree: LedgerTree, account_id: int, *, from_ms: int, before_ms: int,
    after: int = -1, limit: int,
) -> StatementProof:  # fmt: skip
    """An account's lines in a period, each with its proof, as far as the newest head goes.

    Opening and closing are the balances before the first and after the last line of the page.

    Args:
        after: lines beyond this ledger timestamp; -1 for the first page.

    Raises:
        Refused: ACCOUNT_NOT_EXIST; PROOF_NOT_YET when no head was signed yet.
    """
    connection = rows.connection
    with one_moment(connection):
        ledger = SqlLedgerReader(connection)
        found = ledger.accounts([account_id])
        if not found:
            raise Refused("ACCOUNT_NOT_EXIST")
        head = _required_head(connection)
        end = min(before_ms * _NS_PER_MS, _covered_before(connection, head))
        begin = min(max(from_ms * _NS_PER_MS, after + 1), end)
        moves = ledger.oldest_postings(account_id, not_before=begin, before=end, limit=limit + 1)
        opening = balance_of(ledger.posted_before(found[0], begin))
        lines = list(statement(found[0], moves[:limit], opening=opening))
        proofs = proofs_of(connection, tree, head, moves[:limit])
        document: Document = {
            "kind": STATEMENT, "account": _account_shown(found[0]), "from_ms": from_ms,
            "before_ms": before_ms, "opening": str(opening),
            "closing": str(lines[-1].balance if lines else opening),
            "lines": [_line(line, proof) for line, proof in zip(lines, proofs, strict=True)],
            "head": head.note, **successions(connection),
        }  # fmt: skip
        return StatementProof(document, moves[limit - 1].timestamp if len(moves) > limit else None)
