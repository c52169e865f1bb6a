-- How one signing key of the ledger followed another, in the order in which they did.

CREATE TABLE ledger_succession (
    number INTEGER NOT NULL PRIMARY KEY,
    note TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
