-- Named books, periods that close, and transfers that take others back. Days count from 1970-01-01
-- in China time; ids of transfers are 16 bytes, as in the ledger.

CREATE TABLE ledger_book (
    book BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    value_dated BIGINT NOT NULL,
    closed_through BIGINT NOT NULL,
    named_by TEXT NOT NULL,
    named_ms BIGINT NOT NULL
);

CREATE TABLE period_close (
    close_id TEXT NOT NULL PRIMARY KEY,
    book BIGINT NOT NULL,
    first_day BIGINT NOT NULL,
    last_day BIGINT NOT NULL,
    status TEXT NOT NULL,
    snapshot BLOB NOT NULL,
    digest BLOB NOT NULL,
    closed_by TEXT NOT NULL,
    closed_ms BIGINT NOT NULL,
    asked_by TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX period_close_book ON period_close (book, closed_ms, close_id);

CREATE TABLE period_note (
    close_id TEXT NOT NULL,
    note_no BIGINT NOT NULL,
    action TEXT NOT NULL,
    done_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (close_id, note_no)
);

CREATE TABLE ledger_reversal (
    reversal_id BLOB NOT NULL PRIMARY KEY,
    transfer_id BLOB NOT NULL,
    amount BIGINT NOT NULL,
    reason TEXT NOT NULL,
    reversed_by TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX ledger_reversal_transfer ON ledger_reversal (transfer_id, at_ms, reversal_id);
