-- Balance monitors, and webhooks that tell of events.

CREATE TABLE balance_monitor (
    monitor_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    account_id BLOB NOT NULL,
    book BIGINT NOT NULL,
    code BIGINT NOT NULL,
    measure TEXT NOT NULL,
    direction TEXT NOT NULL,
    threshold BIGINT NOT NULL,
    hysteresis BIGINT NOT NULL,
    sweep_id TEXT NOT NULL,
    fired BIGINT NOT NULL,
    value TEXT NOT NULL,
    changes BIGINT NOT NULL,
    active BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX balance_monitor_active ON balance_monitor (active);
CREATE INDEX balance_monitor_created ON balance_monitor (created_ms, monitor_id);

CREATE TABLE monitor_change (
    monitor_id TEXT NOT NULL,
    change_no BIGINT NOT NULL,
    fired BIGINT NOT NULL,
    value TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (monitor_id, change_no)
);

CREATE TABLE webhook_endpoint (
    endpoint_id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    topics TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    secret_sealed BLOB NOT NULL,
    active BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX webhook_endpoint_created ON webhook_endpoint (created_ms, endpoint_id);

CREATE TABLE webhook_message (
    message_id TEXT NOT NULL PRIMARY KEY,
    endpoint_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    body BLOB NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    delivered_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX webhook_message_due ON webhook_message (status, next_ms, message_id);
CREATE INDEX webhook_message_created ON webhook_message (created_ms, message_id);

CREATE TABLE webhook_attempt (
    message_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    http_status BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    took_ms BIGINT NOT NULL,
    PRIMARY KEY (message_id, attempt)
);
