-- The shared blacklist: keys, members, entries, what tags come to, disputes, quota, the log.

CREATE TABLE blacklist_key (
    name TEXT NOT NULL PRIMARY KEY,
    origin TEXT NOT NULL,
    public BLOB NOT NULL,
    log_key TEXT NOT NULL,
    secret_sealed BLOB NOT NULL,
    log_key_sealed BLOB NOT NULL,
    size BIGINT NOT NULL,
    opened_ms BIGINT NOT NULL
);

CREATE TABLE blacklist_member (
    member_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    caller TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    witness_key TEXT NOT NULL,
    quota BIGINT NOT NULL,
    per_minute BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    tokens_ms BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    published BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    wrong BIGINT NOT NULL,
    movements BIGINT NOT NULL,
    joined_ms BIGINT NOT NULL
);

CREATE TABLE blacklist_quota (
    member_id TEXT NOT NULL,
    movement_no BIGINT NOT NULL,
    change BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    why TEXT NOT NULL,
    reference TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (member_id, movement_no)
);

CREATE TABLE blacklist_entry (
    entry_id TEXT NOT NULL PRIMARY KEY,
    tag BLOB NOT NULL,
    pad_key BLOB NOT NULL,
    kind TEXT NOT NULL,
    member_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    severity BIGINT NOT NULL,
    evidence BLOB NOT NULL,
    status TEXT NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    confirmations BIGINT NOT NULL,
    leaf BIGINT NOT NULL,
    published_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX blacklist_entry_tag ON blacklist_entry (tag);
CREATE INDEX blacklist_entry_leaf ON blacklist_entry (leaf);
CREATE INDEX blacklist_entry_member ON blacklist_entry (member_id, published_ms, entry_id);
CREATE INDEX blacklist_entry_published ON blacklist_entry (published_ms, entry_id);

CREATE TABLE blacklist_listed (
    tag BLOB NOT NULL PRIMARY KEY,
    pad_key BLOB NOT NULL,
    severity BIGINT NOT NULL,
    reason BIGINT NOT NULL,
    disputed BOOLEAN NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    leaf BIGINT NOT NULL
);
CREATE INDEX blacklist_listed_leaf ON blacklist_listed (leaf);

CREATE TABLE blacklist_confirmation (
    entry_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    evidence BLOB NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (entry_id, member_id)
);

CREATE TABLE blacklist_dispute (
    dispute_id TEXT NOT NULL PRIMARY KEY,
    entry_id TEXT NOT NULL,
    ground TEXT NOT NULL,
    raised_by TEXT NOT NULL,
    status TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    note TEXT NOT NULL,
    opened_ms BIGINT NOT NULL,
    decided_ms BIGINT NOT NULL
);
CREATE INDEX blacklist_dispute_status ON blacklist_dispute (status, opened_ms, dispute_id);
CREATE INDEX blacklist_dispute_entry ON blacklist_dispute (entry_id);

CREATE TABLE blacklist_subject_request (
    request_id TEXT NOT NULL PRIMARY KEY,
    asked_by TEXT NOT NULL,
    on_behalf TEXT NOT NULL,
    identifiers BIGINT NOT NULL,
    found BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);

CREATE TABLE blacklist_leaf (
    seq BIGINT NOT NULL PRIMARY KEY,
    entry_id TEXT NOT NULL,
    contents BLOB NOT NULL
);
CREATE INDEX blacklist_leaf_entry ON blacklist_leaf (entry_id, seq);

CREATE TABLE blacklist_tile (
    level BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (level, number)
);

CREATE TABLE blacklist_cosignature (
    member_id TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    note TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
