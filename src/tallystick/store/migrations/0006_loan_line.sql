-- How each open loan accrues while nothing happens on it; made anew whenever something does.
CREATE TABLE loan_line (
    loan_id TEXT NOT NULL PRIMARY KEY,
    accrued_day TEXT NOT NULL,
    valid_until TEXT NOT NULL,
    from_day TEXT NOT NULL,
    base BIGINT NOT NULL,
    numerator TEXT NOT NULL,
    denominator TEXT NOT NULL
);
