-- The watch over accounts: its policy, its alerts, and what the path of payments sees of them.

CREATE TABLE anomaly_policy (
    level BIGINT NOT NULL PRIMARY KEY,
    from_score BIGINT NOT NULL,
    action TEXT NOT NULL,
    notify BIGINT NOT NULL,
    open_case BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE TABLE anomaly_alert (
    alert_id TEXT NOT NULL PRIMARY KEY,
    open_key TEXT NOT NULL,
    party TEXT NOT NULL,
    kind TEXT NOT NULL,
    level BIGINT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count BIGINT NOT NULL,
    score BIGINT NOT NULL,
    reasons BLOB NOT NULL,
    seq BIGINT NOT NULL,
    case_id TEXT NOT NULL,
    answer TEXT NOT NULL,
    notice TEXT NOT NULL,
    opened_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    proved_ms BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    closed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX anomaly_alert_open ON anomaly_alert (open_key);
CREATE INDEX anomaly_alert_party ON anomaly_alert (party);
CREATE INDEX anomaly_alert_opened ON anomaly_alert (opened_ms, alert_id);
CREATE INDEX anomaly_alert_notice ON anomaly_alert (notice);
CREATE INDEX anomaly_alert_proved ON anomaly_alert (proved_ms);

CREATE TABLE anomaly_warning (
    party TEXT NOT NULL PRIMARY KEY,
    level BIGINT NOT NULL,
    action TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    since_ms BIGINT NOT NULL
);
