-- Proofs: the keys that sign heads of the tree over all entries, its heads, and its pages' hashes.

CREATE TABLE ledger_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    public_key BLOB NOT NULL,
    private_sealed BLOB NOT NULL,
    created_ms BIGINT NOT NULL
);

-- Never changed: each head says that the ledger continues the one before.
CREATE TABLE ledger_head (
    number INTEGER NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    journal BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    note TEXT NOT NULL,
    signed_ms BIGINT NOT NULL
);
CREATE INDEX ledger_head_size ON ledger_head (size);

-- The hash of each whole page of 256 entries that a head covers.
CREATE TABLE ledger_page (
    number INTEGER NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL
);
