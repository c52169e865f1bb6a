-- Joint lending: institutions, their programmes and quotas, who funds which loan, and their files.
-- What they are owed is in the ledger.

CREATE TABLE institution (
    institution_id TEXT NOT NULL PRIMARY KEY,
    entity BIGINT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    bank_id TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE funding_programme (
    programme_id TEXT NOT NULL PRIMARY KEY,
    institution_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    terms TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX funding_programme_institution ON funding_programme (institution_id);

CREATE TABLE funding_class (
    programme_id TEXT NOT NULL,
    value TEXT NOT NULL,
    class_no BIGINT NOT NULL,
    PRIMARY KEY (programme_id, value)
);

CREATE TABLE programme_day (
    programme_id TEXT NOT NULL,
    day TEXT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (programme_id, day)
);

CREATE TABLE funding_plan (
    plan_id TEXT NOT NULL PRIMARY KEY,
    plan TEXT NOT NULL
);

CREATE TABLE funding_decision (
    decision_id TEXT NOT NULL PRIMARY KEY,
    borrower_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    count BIGINT NOT NULL,
    annual_rate TEXT NOT NULL,
    facts TEXT NOT NULL,
    status TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    reasons TEXT NOT NULL,
    loan_id TEXT NOT NULL,
    day TEXT NOT NULL,
    decided_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX funding_decision_borrower ON funding_decision (borrower_id, status);
CREATE INDEX funding_decision_time ON funding_decision (decided_ms);

CREATE TABLE joint_loan (
    loan_id TEXT NOT NULL PRIMARY KEY,
    plan_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    flows BIGINT NOT NULL,
    buy_back_days BIGINT NOT NULL,
    bore TEXT NOT NULL,
    recovered BIGINT NOT NULL
);
CREATE INDEX joint_loan_borrower ON joint_loan (borrower_id);
CREATE INDEX joint_loan_buy_back ON joint_loan (loan_id) WHERE buy_back_days > 0;

CREATE TABLE share_flow (
    loan_id TEXT NOT NULL,
    flow_no BIGINT NOT NULL,
    institution_id TEXT NOT NULL,
    programme_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    day TEXT NOT NULL,
    principal BIGINT NOT NULL,
    interest BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    penalty BIGINT NOT NULL,
    servicing BIGINT NOT NULL,
    guarantee BIGINT NOT NULL,
    other BIGINT NOT NULL,
    net BIGINT NOT NULL,
    currency TEXT NOT NULL,
    at_ns BIGINT NOT NULL,
    PRIMARY KEY (loan_id, flow_no)
);
CREATE INDEX share_flow_time ON share_flow (at_ns);
CREATE INDEX share_flow_institution ON share_flow (institution_id, loan_id);

-- One row a day of an institution's files: where the day ends in the ledger, and the manifest.
CREATE TABLE partner_day (
    institution_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    day TEXT NOT NULL,
    cut_ns BIGINT NOT NULL,
    manifest TEXT NOT NULL,
    settlement BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (institution_id, currency, day)
);

CREATE TABLE partner_file_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    public_key TEXT NOT NULL,
    private_sealed BLOB NOT NULL,
    created_ms BIGINT NOT NULL
);

-- What institutions send back, and what of it differs from the platform's files.
CREATE TABLE partner_report (
    report_id TEXT NOT NULL PRIMARY KEY,
    institution_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    day TEXT NOT NULL,
    file_digest BLOB NOT NULL,
    lines BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    differences TEXT NOT NULL,
    sent_by TEXT NOT NULL,
    received_ms BIGINT NOT NULL
);
CREATE INDEX partner_report_institution ON partner_report (institution_id, day);

-- Who of the operators and API keys belongs to an institution; empty for the platform's own.
ALTER TABLE operator ADD COLUMN institution_id TEXT NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN institution_id TEXT NOT NULL DEFAULT '';
