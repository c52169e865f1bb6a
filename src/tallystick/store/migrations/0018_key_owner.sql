-- For which operator a key of the REST API stands; empty for a program of nobody's.

ALTER TABLE api_key ADD COLUMN operator_id TEXT NOT NULL DEFAULT '';
