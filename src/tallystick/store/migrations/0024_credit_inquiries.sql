-- Scores, incomes, consents and inquiries; the policy of limits; deposits left out by score.

CREATE TABLE credit_limit_policy (
    policy_id TEXT NOT NULL PRIMARY KEY,
    terms TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE TABLE credit_score (
    party_id TEXT NOT NULL,
    scored_ms BIGINT NOT NULL,
    score BIGINT NOT NULL,
    probability TEXT NOT NULL,
    model TEXT NOT NULL,
    reasons TEXT NOT NULL,
    scored_by TEXT NOT NULL,
    PRIMARY KEY (party_id, scored_ms)
);

CREATE TABLE credit_income (
    party_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    monthly BIGINT NOT NULL,
    is_verified BOOLEAN NOT NULL,
    source TEXT NOT NULL,
    stated_by TEXT NOT NULL,
    stated_ms BIGINT NOT NULL,
    PRIMARY KEY (party_id, currency)
);

CREATE TABLE credit_consent (
    consent_id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL,
    asker_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    granted_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    revoked_ms BIGINT NOT NULL
);
CREATE INDEX credit_consent_party ON credit_consent (party_id, consent_id);

CREATE TABLE credit_inquiry (
    inquiry_id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL,
    asker_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    consent_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    minimum BIGINT NOT NULL,
    answer TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX credit_inquiry_party ON credit_inquiry (party_id, at_ms);
CREATE INDEX credit_inquiry_asker ON credit_inquiry (asker_id, transaction_id);

CREATE TABLE deposit_free (
    hold_id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL,
    out_order_no TEXT NOT NULL,
    payer_id TEXT NOT NULL,
    payee_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    open_amount BIGINT NOT NULL,
    title TEXT NOT NULL,
    inquiry_id TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX deposit_free_order ON deposit_free (app_id, out_order_no);
CREATE INDEX deposit_free_payer ON deposit_free (payer_id);

CREATE TABLE deposit_free_operation (
    hold_id TEXT NOT NULL,
    out_request_no TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount BIGINT NOT NULL,
    remark TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (hold_id, out_request_no)
);
