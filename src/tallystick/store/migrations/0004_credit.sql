-- Credit: products, lines, loans and what happened on them. What is owed is in the ledger.

CREATE TABLE loan_product (
    product_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    terms TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE TABLE credit_line (
    borrower_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (borrower_id, product_id)
);

CREATE TABLE loan (
    loan_id TEXT NOT NULL PRIMARY KEY,
    product_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    contract TEXT NOT NULL,
    trade_no TEXT NOT NULL,
    accrued_day TEXT NOT NULL,
    steps BIGINT NOT NULL,
    drawn_ms BIGINT NOT NULL,
    closed_ms BIGINT NOT NULL
);
CREATE INDEX loan_borrower ON loan (borrower_id, product_id);
CREATE INDEX loan_trade ON loan (trade_no);
CREATE INDEX loan_status ON loan (status, loan_id);

CREATE TABLE loan_event (
    loan_id TEXT NOT NULL,
    step BIGINT NOT NULL,
    kind TEXT NOT NULL,
    day TEXT NOT NULL,
    amount BIGINT NOT NULL,
    detail TEXT NOT NULL,
    effect TEXT NOT NULL,
    source TEXT NOT NULL,
    caller TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (loan_id, step)
);
