-- The first schema. Portable SQL: BIGINT, TEXT and BLOB only (PostgreSQL reads BLOB as BYTEA).
-- Ids of the ledger are 128-bit and stored as 16 bytes, big-endian. Times end in _ms
-- (milliseconds since 1970 UTC); the ledger's own timestamp counts nanoseconds.

CREATE TABLE ledger_account (
    id BLOB NOT NULL PRIMARY KEY,
    book BIGINT NOT NULL,
    code BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    user_data_128 BLOB NOT NULL,
    user_data_64 BLOB NOT NULL,
    user_data_32 BIGINT NOT NULL,
    debits_pending BIGINT NOT NULL,
    debits_posted BIGINT NOT NULL,
    credits_pending BIGINT NOT NULL,
    credits_posted BIGINT NOT NULL,
    timestamp BIGINT NOT NULL
);
CREATE INDEX ledger_account_book_code ON ledger_account (book, code);

CREATE TABLE ledger_transfer (
    timestamp BIGINT NOT NULL PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    debit_account_id BLOB NOT NULL,
    credit_account_id BLOB NOT NULL,
    amount BIGINT NOT NULL,
    pending_id BLOB NOT NULL,
    user_data_128 BLOB NOT NULL,
    user_data_64 BLOB NOT NULL,
    user_data_32 BIGINT NOT NULL,
    timeout BIGINT NOT NULL,
    book BIGINT NOT NULL,
    code BIGINT NOT NULL,
    flags BIGINT NOT NULL
);
CREATE INDEX ledger_transfer_debit ON ledger_transfer (debit_account_id, timestamp);
CREATE INDEX ledger_transfer_credit ON ledger_transfer (credit_account_id, timestamp);
CREATE INDEX ledger_transfer_reference ON ledger_transfer (user_data_128, timestamp);

CREATE TABLE ledger_pending (
    transfer_id BLOB NOT NULL PRIMARY KEY,
    state BIGINT NOT NULL
);

CREATE TABLE ledger_failed (
    transfer_id BLOB NOT NULL PRIMARY KEY
);

-- The first answer to every request id, so that the same request gets the same answer.
CREATE TABLE answered_request (
    request_key BLOB NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    accepted BIGINT NOT NULL,
    answer BLOB NOT NULL,
    answered_ms BIGINT NOT NULL
);
CREATE INDEX answered_request_age ON answered_request (answered_ms);

CREATE TABLE timer (
    timer_id TEXT NOT NULL PRIMARY KEY,
    due_ms BIGINT NOT NULL,
    command BLOB NOT NULL
);
CREATE INDEX timer_due ON timer (due_ms, timer_id);

CREATE TABLE outbox (
    seq INTEGER NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    caller_kind TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    command TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    request_id TEXT NOT NULL
);

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
