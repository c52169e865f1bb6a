-- Bills by the day: who is billed next when, and which bills are to be checked or reminded of.
CREATE TABLE pay_later_cycle (
    borrower_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    bill_day TEXT NOT NULL,
    PRIMARY KEY (borrower_id, product_id)
);
CREATE INDEX pay_later_cycle_day ON pay_later_cycle (bill_day, borrower_id, product_id);

ALTER TABLE pay_later_bill ADD COLUMN notice_day TEXT NOT NULL DEFAULT '';
CREATE INDEX pay_later_bill_checked ON pay_later_bill (checked_ms, due_day);
CREATE INDEX pay_later_bill_notice ON pay_later_bill (notice_day);

-- Of which due date a borrower was told ahead.
ALTER TABLE loan_standing ADD COLUMN told_day BIGINT NOT NULL DEFAULT 0;
