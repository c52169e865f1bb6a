-- Collections: rules, texts, strategies and splits as data; cases with their whole record.

CREATE TABLE collection_rules (
    rules_id TEXT NOT NULL PRIMARY KEY,
    terms TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE TABLE collection_text (
    text_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    english TEXT NOT NULL,
    chinese TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (text_id, version)
);

CREATE TABLE collection_strategy (
    strategy_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    terms TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (strategy_id, version)
);

CREATE TABLE collection_split (
    split_id TEXT NOT NULL PRIMARY KEY,
    champion_id TEXT NOT NULL,
    challenger_id TEXT NOT NULL,
    challenger_permille BIGINT NOT NULL,
    cured_within_days BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL
);
CREATE INDEX collection_split_ended ON collection_split (ended_ms);

CREATE TABLE collection_case (
    case_id TEXT NOT NULL PRIMARY KEY,
    borrower_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    split_id TEXT NOT NULL,
    arm TEXT NOT NULL,
    strategy_id TEXT NOT NULL,
    bucket BIGINT NOT NULL,
    overdue BIGINT NOT NULL,
    days_past_due BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    next_step TEXT NOT NULL,
    next_channel TEXT NOT NULL,
    quiet_until_ms BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    contacts BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    collected BIGINT NOT NULL,
    opened_day TEXT NOT NULL,
    opened_ms BIGINT NOT NULL,
    looked_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL
);
CREATE INDEX collection_case_borrower ON collection_case (borrower_id, currency);
CREATE INDEX collection_case_next ON collection_case (status, next_ms, case_id);
CREATE INDEX collection_case_split ON collection_case (split_id, arm);

CREATE TABLE collection_entry (
    case_id TEXT NOT NULL,
    entry_no BIGINT NOT NULL,
    borrower_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    step TEXT NOT NULL,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    text_id TEXT NOT NULL,
    text_version BIGINT NOT NULL,
    language TEXT NOT NULL,
    result TEXT NOT NULL,
    amount BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    answers BIGINT NOT NULL,
    contents TEXT NOT NULL,
    caller TEXT NOT NULL,
    PRIMARY KEY (case_id, entry_no)
);
CREATE INDEX collection_entry_borrower ON collection_entry (borrower_id, case_id, entry_no);

CREATE TABLE collection_promise (
    promise_id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    due_day TEXT NOT NULL,
    status TEXT NOT NULL,
    paid BIGINT NOT NULL,
    made_ms BIGINT NOT NULL,
    decided_ms BIGINT NOT NULL
);
CREATE INDEX collection_promise_case ON collection_promise (case_id, promise_id);
CREATE INDEX collection_promise_status ON collection_promise (status, due_day);

CREATE TABLE collection_offer (
    offer_id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    loan_id TEXT NOT NULL,
    terms TEXT NOT NULL,
    status TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    made_ms BIGINT NOT NULL
);
CREATE INDEX collection_offer_case ON collection_offer (case_id, offer_id);

CREATE TABLE collection_hardship (
    hardship_id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    pause_until_day TEXT NOT NULL,
    waived BIGINT NOT NULL,
    asked_ms BIGINT NOT NULL,
    decided_ms BIGINT NOT NULL,
    decided_by TEXT NOT NULL
);
CREATE INDEX collection_hardship_case ON collection_hardship (case_id, hardship_id);
CREATE INDEX collection_hardship_status ON collection_hardship (status, asked_ms);
