-- Score models in service, and what was decided on people's applications.

CREATE TABLE score_model (
    model_id TEXT NOT NULL PRIMARY KEY,
    terms TEXT NOT NULL,
    card TEXT NOT NULL,
    is_serving BOOLEAN NOT NULL,
    put_by TEXT NOT NULL,
    put_ms BIGINT NOT NULL
);

CREATE TABLE credit_application (
    application_id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    is_approved BOOLEAN NOT NULL,
    amount BIGINT NOT NULL,
    limit_total BIGINT NOT NULL,
    exposure BIGINT NOT NULL,
    held_by TEXT NOT NULL,
    score BIGINT NOT NULL,
    probability TEXT NOT NULL,
    model TEXT NOT NULL,
    reasons TEXT NOT NULL,
    facts TEXT NOT NULL,
    decided_ms BIGINT NOT NULL
);
CREATE INDEX credit_application_party ON credit_application (party_id, decided_ms);
CREATE INDEX credit_application_time ON credit_application (decided_ms);
