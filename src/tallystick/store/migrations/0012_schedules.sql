-- Transfers and sweeps that happen by themselves, with what came of each try.

CREATE TABLE ledger_schedule (
    schedule_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    book BIGINT NOT NULL,
    debit_account_id BLOB NOT NULL,
    credit_account_id BLOB NOT NULL,
    amount BIGINT NOT NULL,
    at_most BIGINT NOT NULL,
    code BIGINT NOT NULL,
    sweep_id TEXT NOT NULL,
    unit TEXT NOT NULL,
    every BIGINT NOT NULL,
    first_day BIGINT NOT NULL,
    minute BIGINT NOT NULL,
    month_end BIGINT NOT NULL,
    business_days TEXT NOT NULL,
    country TEXT NOT NULL,
    last_day BIGINT NOT NULL,
    count_max BIGINT NOT NULL,
    retry_after_s TEXT NOT NULL,
    on_refusal TEXT NOT NULL,
    status TEXT NOT NULL,
    occurrence BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    happened BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX ledger_schedule_created ON ledger_schedule (created_ms, schedule_id);

CREATE TABLE schedule_run (
    schedule_id TEXT NOT NULL,
    occurrence BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    result TEXT NOT NULL,
    amount BIGINT NOT NULL,
    transfer_id BLOB NOT NULL,
    due_ms BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (schedule_id, occurrence, attempt)
);

CREATE TABLE ledger_sweep (
    sweep_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    book BIGINT NOT NULL,
    header_id BLOB NOT NULL,
    target BIGINT NOT NULL,
    amount_min BIGINT NOT NULL,
    mode TEXT NOT NULL,
    code BIGINT NOT NULL,
    active BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX ledger_sweep_created ON ledger_sweep (created_ms, sweep_id);

CREATE TABLE sweep_account (
    sweep_id TEXT NOT NULL,
    account_id BLOB NOT NULL,
    PRIMARY KEY (sweep_id, account_id)
);

CREATE TABLE sweep_run (
    run_id TEXT NOT NULL PRIMARY KEY,
    sweep_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    accounts BIGINT NOT NULL,
    to_header BIGINT NOT NULL,
    from_header BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX sweep_run_sweep ON sweep_run (sweep_id, at_ms, run_id);
