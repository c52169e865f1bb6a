-- Decisions on commands: rules, features, lists, records, reviews, cases, labels.

CREATE TABLE risk_active (
    name TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);

CREATE TABLE risk_rule_set (
    number BIGINT NOT NULL PRIMARY KEY,
    contents BLOB NOT NULL,
    published_by TEXT NOT NULL,
    published_ms BIGINT NOT NULL
);

CREATE TABLE risk_rule (
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    status TEXT NOT NULL,
    contents BLOB NOT NULL,
    changed_by TEXT NOT NULL,
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE risk_feature (
    name TEXT NOT NULL PRIMARY KEY,
    contents BLOB NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE risk_model (
    name TEXT NOT NULL PRIMARY KEY,
    contents BLOB NOT NULL,
    saved_ms BIGINT NOT NULL
);

CREATE TABLE risk_list_entry (
    list_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    removed_ms BIGINT NOT NULL,
    change_no BIGINT NOT NULL,
    PRIMARY KEY (list_kind, subject, value)
);
CREATE INDEX risk_list_change ON risk_list_entry (change_no);

CREATE TABLE risk_decision (
    seq INTEGER NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    command TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    party TEXT NOT NULL,
    payee TEXT NOT NULL,
    merchant TEXT NOT NULL,
    app TEXT NOT NULL,
    device TEXT NOT NULL,
    card TEXT NOT NULL,
    address TEXT NOT NULL,
    party_age_min BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    result TEXT NOT NULL,
    why TEXT NOT NULL,
    hits TEXT NOT NULL,
    points BIGINT NOT NULL,
    score BIGINT NOT NULL,
    rule_set BIGINT NOT NULL,
    inputs BLOB NOT NULL,
    latency_us BIGINT NOT NULL,
    request_key BLOB NOT NULL,
    review_id TEXT NOT NULL
);
CREATE INDEX risk_decision_stopped ON risk_decision (seq) WHERE outcome <> 'allow';
CREATE INDEX risk_decision_party ON risk_decision (party, seq);

CREATE TABLE risk_review (
    review_id TEXT NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL UNIQUE,
    seq BIGINT NOT NULL,
    status TEXT NOT NULL,
    command BLOB NOT NULL,
    caller_kind TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    request_key BLOB NOT NULL,
    released_by TEXT NOT NULL,
    second_by TEXT NOT NULL,
    note TEXT NOT NULL,
    held_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL
);
CREATE INDEX risk_review_status ON risk_review (status, held_ms);

CREATE TABLE risk_label (
    seq BIGINT NOT NULL PRIMARY KEY,
    fraud BIGINT NOT NULL,
    labelled_by TEXT NOT NULL,
    labelled_ms BIGINT NOT NULL
);

CREATE TABLE risk_case (
    case_id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    value TEXT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    opened_ms BIGINT NOT NULL,
    closed_ms BIGINT NOT NULL
);
CREATE INDEX risk_case_opened ON risk_case (opened_ms);

CREATE TABLE risk_note (
    case_id TEXT NOT NULL,
    step BIGINT NOT NULL,
    text TEXT NOT NULL,
    seq BIGINT NOT NULL,
    written_by TEXT NOT NULL,
    written_ms BIGINT NOT NULL,
    PRIMARY KEY (case_id, step)
);

CREATE TABLE risk_step_up (
    party TEXT NOT NULL PRIMARY KEY,
    until_ms BIGINT NOT NULL
);

CREATE TABLE risk_failure_policy (
    command TEXT NOT NULL PRIMARY KEY,
    policy TEXT NOT NULL
);
