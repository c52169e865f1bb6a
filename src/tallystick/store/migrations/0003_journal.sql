-- The journal: every committed batch, numbered and hash-chained, and its entries in blocks of up
-- to 32 records of 120 bytes, network byte order. What else the ledger keeps follows from it.

CREATE TABLE ledger_journal (
    number INTEGER NOT NULL PRIMARY KEY,
    first_entry BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    last_timestamp BIGINT NOT NULL,
    in_rows BIGINT NOT NULL,
    accounts BLOB NOT NULL,
    expired BLOB NOT NULL,
    failed BLOB NOT NULL,
    previous_hash BLOB NOT NULL,
    hash BLOB NOT NULL
);
-- Which entries stand in blocks only, so that readers look there too.
CREATE INDEX ledger_journal_bulk ON ledger_journal (number) WHERE in_rows = 0;

CREATE TABLE ledger_block (
    first_entry INTEGER NOT NULL PRIMARY KEY,
    records BLOB NOT NULL
);

-- One row while the totals in ledger_account are those after an earlier batch; none when exact.
CREATE TABLE ledger_totals_behind (
    number BIGINT NOT NULL PRIMARY KEY
);
