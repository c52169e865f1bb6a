-- The real-person check: factors, challenges, documents, account levels and their limits.

CREATE TABLE person_factor (
    factor_id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    label TEXT NOT NULL,
    secret_sealed BLOB NOT NULL,
    public_key BLOB NOT NULL,
    credential_index BLOB NOT NULL,
    counter BIGINT NOT NULL,
    wrong_count BIGINT NOT NULL,
    locked_until_ms BIGINT NOT NULL,
    usable_from_ms BIGINT NOT NULL,
    added_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL
);
CREATE INDEX person_factor_party ON person_factor (party_id);
CREATE INDEX person_factor_credential ON person_factor (credential_index);

CREATE TABLE person_challenge (
    challenge_id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    status TEXT NOT NULL,
    factor_id TEXT NOT NULL,
    state BLOB NOT NULL,
    wrong_count BIGINT NOT NULL,
    sent_count BIGINT NOT NULL,
    opened_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL
);
CREATE INDEX person_challenge_party ON person_challenge (party_id, opened_ms);

CREATE TABLE person_document (
    party_id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    number_sealed BLOB NOT NULL,
    number_index BLOB NOT NULL,
    face_matched BIGINT NOT NULL,
    checked_ms BIGINT NOT NULL
);
CREATE INDEX person_document_number ON person_document (number_index);

CREATE TABLE person_level (
    party_id TEXT NOT NULL PRIMARY KEY,
    level BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE TABLE person_level_limit (
    level BIGINT NOT NULL,
    currency TEXT NOT NULL,
    single BIGINT NOT NULL,
    day BIGINT NOT NULL,
    year BIGINT NOT NULL,
    lifetime BIGINT NOT NULL,
    PRIMARY KEY (level, currency)
);

CREATE TABLE person_outflow (
    party_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    period TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (party_id, currency, period)
);

CREATE TABLE person_recovery (
    party_id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    asked_ms BIGINT NOT NULL,
    due_ms BIGINT NOT NULL
);
