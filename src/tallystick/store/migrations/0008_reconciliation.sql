-- Reconciliation: the bank's statements, what was matched with them, and what was not.

CREATE TABLE bank_statement (
    statement_id TEXT NOT NULL PRIMARY KEY,
    bank_id TEXT NOT NULL,
    account TEXT NOT NULL,
    number TEXT NOT NULL,
    currency TEXT NOT NULL,
    has_balances BOOLEAN NOT NULL,
    opening BIGINT NOT NULL,
    closing BIGINT NOT NULL,
    first_day BIGINT NOT NULL,
    last_day BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    file_digest BLOB NOT NULL,
    imported_by TEXT NOT NULL,
    imported_ms BIGINT NOT NULL
);
CREATE INDEX bank_statement_bank ON bank_statement (bank_id, currency, last_day);
CREATE INDEX bank_statement_file ON bank_statement (bank_id, file_digest);
CREATE INDEX bank_statement_imported ON bank_statement (imported_ms, statement_id);

CREATE TABLE statement_line (
    line_id TEXT NOT NULL PRIMARY KEY,
    statement_id TEXT NOT NULL,
    bank_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    day BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    reference TEXT NOT NULL,
    bank_reference TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    text TEXT NOT NULL,
    group_id TEXT NOT NULL
);
CREATE INDEX statement_line_group ON statement_line (bank_id, currency, group_id);
CREATE INDEX statement_line_of_group ON statement_line (group_id);

CREATE TABLE reconciled_entry (
    entry_id TEXT NOT NULL PRIMARY KEY,
    group_id TEXT NOT NULL,
    bank_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    day BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    reference TEXT NOT NULL
);
CREATE INDEX reconciled_entry_group ON reconciled_entry (group_id);

CREATE TABLE reconciliation_group (
    group_id TEXT NOT NULL PRIMARY KEY,
    bank_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    rule TEXT NOT NULL,
    difference BIGINT NOT NULL,
    tolerance TEXT NOT NULL,
    difference_account TEXT NOT NULL,
    choices BIGINT NOT NULL,
    members TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    decided_ms BIGINT NOT NULL
);
CREATE INDEX reconciliation_group_status
    ON reconciliation_group (bank_id, currency, status, created_ms, group_id);

CREATE TABLE reconciliation_break (
    break_id TEXT NOT NULL PRIMARY KEY,
    bank_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    side TEXT NOT NULL,
    day BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    reference TEXT NOT NULL,
    status TEXT NOT NULL,
    assignee TEXT NOT NULL,
    account TEXT NOT NULL,
    closed_by TEXT NOT NULL,
    opened_ms BIGINT NOT NULL,
    closed_ms BIGINT NOT NULL
);
CREATE INDEX reconciliation_break_status
    ON reconciliation_break (bank_id, currency, status, day, break_id);

CREATE TABLE break_note (
    break_id TEXT NOT NULL,
    note_no BIGINT NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (break_id, note_no)
);
