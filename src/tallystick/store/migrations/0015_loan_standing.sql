-- Where each open loan stands, for work on many loans at once. Worked out from contracts and
-- events; loans that have none yet get theirs when the next day is closed.
DROP TABLE loan_line;

CREATE TABLE loan_standing (
    loan_id TEXT NOT NULL PRIMARY KEY,
    terms_id TEXT NOT NULL,
    wallet BLOB NOT NULL,
    book BIGINT NOT NULL,
    accrued_day BIGINT NOT NULL,
    look_day BIGINT NOT NULL,
    exact BOOLEAN NOT NULL,
    line_start BIGINT NOT NULL,
    line_base BIGINT NOT NULL,
    line_slope BIGINT NOT NULL,
    line_divisor BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    payments BIGINT NOT NULL,
    open_items BLOB NOT NULL,
    try_day BIGINT NOT NULL,
    try_no BIGINT NOT NULL,
    try_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX loan_standing_try ON loan_standing (try_ms);

CREATE TABLE loan_plan (
    loan_id TEXT NOT NULL PRIMARY KEY,
    due_rows BLOB NOT NULL,
    accrual_lines BLOB NOT NULL
);

CREATE TABLE loan_terms (
    terms_id TEXT NOT NULL PRIMARY KEY,
    terms TEXT NOT NULL
);
