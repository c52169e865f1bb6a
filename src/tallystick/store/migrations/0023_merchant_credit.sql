-- Credit for merchants: loans on sales, and receivables. What is owed is in the ledger.

CREATE TABLE merchant_product (
    product_id TEXT NOT NULL PRIMARY KEY,
    policy TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE TABLE merchant_loan (
    loan_id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    policy TEXT NOT NULL,
    floor BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    is_open BOOLEAN NOT NULL
);
CREATE INDEX merchant_loan_open ON merchant_loan (is_open, merchant_id);

-- What a loan took of each settlement.
CREATE TABLE sales_share (
    trade_no TEXT NOT NULL PRIMARY KEY,
    loan_id TEXT NOT NULL,
    settled BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX sales_share_loan ON sales_share (loan_id, at_ms);

CREATE TABLE receivable_product (
    product_id TEXT NOT NULL PRIMARY KEY,
    terms TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE TABLE receivable (
    receivable_id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    seller_id TEXT NOT NULL,
    debtor_id TEXT NOT NULL,
    number TEXT NOT NULL,
    currency TEXT NOT NULL,
    face BIGINT NOT NULL,
    due_day TEXT NOT NULL,
    status TEXT NOT NULL,
    terms TEXT NOT NULL,
    advance BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    steps BIGINT NOT NULL,
    registered_ms BIGINT NOT NULL,
    financed_ms BIGINT NOT NULL,
    closed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX receivable_number ON receivable (seller_id, kind, number);
CREATE INDEX receivable_debtor ON receivable (debtor_id);

CREATE TABLE receivable_event (
    receivable_id TEXT NOT NULL,
    step BIGINT NOT NULL,
    kind TEXT NOT NULL,
    day TEXT NOT NULL,
    amount BIGINT NOT NULL,
    detail TEXT NOT NULL,
    caller TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (receivable_id, step)
);

-- Whom a trade's settlement pays before the seller.
ALTER TABLE trade ADD COLUMN assigned_to TEXT NOT NULL DEFAULT '';
ALTER TABLE trade ADD COLUMN assigned_amount BIGINT NOT NULL DEFAULT 0;
