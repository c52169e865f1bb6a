"""The journal's entries in plain SQL: a view that takes the blocks' records apart.

For people with a database client: every entry, however it was posted, with its batch. Ask for
recent batches (`WHERE journal > …`); the view reads no others then. Both databases have the same
columns; ids are 16 bytes, as in `ledger_account`.
"""

from __future__ import annotations

from tallystick.ledger.encoding import ENTRY_BYTES
from tallystick.ledger.journal import BLOCK_ENTRIES

__all__ = ["postgres_view", "sqlite_view"]

# Field, offset in the record, bytes; in the order of `encoding.entry_record`.
_BYTES = (
    ("id", 0, 16), ("debit_account_id", 16, 16), ("credit_account_id", 32, 16),
    ("pending_id", 48, 16), ("user_data_128", 64, 16), ("user_data_64", 88, 8),
)  # fmt: skip
_NUMBERS = (
    ("amount", 80, 8), ("timestamp", 96, 8), ("book", 104, 4), ("user_data_32", 108, 4),
    ("timeout", 112, 4), ("code", 116, 2), ("flags", 118, 2),
)  # fmt: skip
_NUMBERS_FROM = 80


def _sqlite_number(offset: int, size: int) -> str:
    """A number of hexadecimal digits, which SQLite's own functions do not read."""
    first, digits = 2 * (offset - _NUMBERS_FROM), 2 * size
    return " | ".join(
        f"(instr('123456789ABCDEF', substr(h, {first + k + 1}, 1)) << {4 * (digits - 1 - k)})"
        for k in range(digits)
    )


def sqlite_view() -> str:
    """The statement that makes the view in SQLite."""
    fields = [f"substr(r, {at + 1}, {size}) AS {name}" for name, at, size in _BYTES]
    fields += [f"({_sqlite_number(at, size)}) AS {name}" for name, at, size in _NUMBERS]
    record = f"substr(b.records, 1 + {ENTRY_BYTES} * p.i, {ENTRY_BYTES})"
    return (
        "CREATE VIEW IF NOT EXISTS ledger_entry AS\n"  # noqa: S608 - all of it is ours
        "WITH RECURSIVE place(i) AS "
        f"(SELECT 0 UNION ALL SELECT i + 1 FROM place WHERE i < {BLOCK_ENTRIES - 1})\n"
        f"SELECT journal, entry, {', '.join(fields)}\n"
        "FROM (SELECT j.number AS journal, b.first_entry + p.i AS entry, "
        f"{record} AS r, hex(substr({record}, {_NUMBERS_FROM + 1})) AS h\n"
        "FROM ledger_journal j CROSS JOIN ledger_block b ON b.first_entry >= j.first_entry "
        "AND b.first_entry < j.first_entry + j.entries\n"
        f"CROSS JOIN place p ON p.i < length(b.records) / {ENTRY_BYTES})"
    )


def postgres_view() -> str:
    """The statement that makes the view in PostgreSQL."""
    fields = [f"substring(r FROM {at + 1} FOR {size}) AS {name}" for name, at, size in _BYTES]
    fields += [
        f"('x' || encode(substring(r FROM {at + 1} FOR {size}), 'hex'))"
        f"::bit({8 * size})::bigint AS {name}"
        for name, at, size in _NUMBERS
    ]
    return (
        "CREATE OR REPLACE VIEW ledger_entry AS\n"  # noqa: S608 - all of it is ours
        f"SELECT journal, entry, {', '.join(fields)}\n"
        "FROM (SELECT j.number AS journal, b.first_entry + p.i AS entry, "
        f"substring(b.records FROM (1 + {ENTRY_BYTES} * p.i)::int FOR {ENTRY_BYTES}) AS r\n"
        "FROM ledger_journal j JOIN ledger_block b ON b.first_entry >= j.first_entry "
        "AND b.first_entry < j.first_entry + j.entries\n"
        f"CROSS JOIN LATERAL generate_series(0, length(b.records) / {ENTRY_BYTES} - 1) AS p(i)) e"
    )
