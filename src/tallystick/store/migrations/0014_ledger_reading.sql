-- What people say about accounts and transfers, and named groups of accounts. Ids are 16 bytes, as
-- in the ledger; `position` is a transfer's timestamp (0 for an account), so that what carries a
-- value is found newest first.

CREATE TABLE ledger_metadata (
    object_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (object_id, kind, name)
);
CREATE INDEX ledger_metadata_value ON ledger_metadata (kind, name, value, position, object_id);

CREATE TABLE account_group (
    group_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);
