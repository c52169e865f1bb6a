-- Deposits that were left out by score end by themselves; 0 for those of before, which do not.
ALTER TABLE deposit_free ADD COLUMN expires_ms BIGINT NOT NULL DEFAULT 0;
