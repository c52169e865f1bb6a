-- Bills of pay-later products as they were issued.
CREATE TABLE pay_later_bill (
    borrower_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    due_day TEXT NOT NULL,
    bill_day TEXT NOT NULL,
    currency TEXT NOT NULL,
    total BIGINT NOT NULL,
    minimum BIGINT NOT NULL,
    late_fee BIGINT NOT NULL,
    issued_ms BIGINT NOT NULL,
    checked_ms BIGINT NOT NULL,
    PRIMARY KEY (borrower_id, product_id, due_day)
);
