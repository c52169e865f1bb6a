-- Parties, partners and payments. What names a person is sealed (_sealed) and found by a keyed
-- digest (_index); secrets are stored as hashes only.

CREATE TABLE party (
    party_id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    login_index BLOB NOT NULL UNIQUE,
    login_sealed BLOB NOT NULL,
    name_sealed BLOB NOT NULL,
    login_hash TEXT NOT NULL,
    login_wrong_count BIGINT NOT NULL,
    login_locked_until_ms BIGINT NOT NULL,
    payment_hash TEXT NOT NULL,
    payment_wrong_count BIGINT NOT NULL,
    payment_locked_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE payment_code (
    code_index BLOB NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    reusable BIGINT NOT NULL,
    used_for TEXT NOT NULL
);
CREATE INDEX payment_code_expires ON payment_code (expires_ms);

CREATE TABLE app (
    app_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    status TEXT NOT NULL,
    settlement TEXT NOT NULL,
    fee_rate TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    aes_key_sealed BLOB NOT NULL,
    gateway_key_id TEXT NOT NULL,
    confirm_within_ms BIGINT NOT NULL,
    refund_within_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE app_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL,
    public_key TEXT NOT NULL,
    status TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    retired_ms BIGINT NOT NULL
);
CREATE INDEX app_key_app ON app_key (app_id);

CREATE TABLE app_seller (
    app_id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    PRIMARY KEY (app_id, party_id)
);

CREATE TABLE gateway_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    public_key TEXT NOT NULL,
    private_sealed BLOB NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE api_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    app_id TEXT NOT NULL,
    status TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE operator (
    operator_id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    wrong_count BIGINT NOT NULL,
    locked_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE web_session (
    session_index BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX web_session_expires ON web_session (expires_ms);

CREATE TABLE seen_nonce (
    nonce_index BLOB NOT NULL PRIMARY KEY,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX seen_nonce_expires ON seen_nonce (expires_ms);

CREATE TABLE notification (
    notify_id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    delivered_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
-- Those that are due, by receiver, so that one that is slow does not hide the others.
CREATE INDEX notification_due ON notification (status, host, next_ms);
CREATE INDEX notification_subject ON notification (subject);
CREATE INDEX notification_created ON notification (created_ms);

CREATE TABLE notification_attempt (
    notify_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    http_status BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    took_ms BIGINT NOT NULL,
    PRIMARY KEY (notify_id, attempt)
);

CREATE TABLE trade (
    trade_no TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL,
    out_trade_no TEXT NOT NULL,
    seller_id TEXT NOT NULL,
    buyer_id TEXT NOT NULL,
    status TEXT NOT NULL,
    settlement TEXT NOT NULL,
    product_code TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    fee_rate TEXT NOT NULL,
    split_plan TEXT NOT NULL,
    code_index BLOB NOT NULL,
    notify_url TEXT NOT NULL,
    return_url TEXT NOT NULL,
    passback_params TEXT NOT NULL,
    shipment TEXT NOT NULL,
    dispute_by TEXT NOT NULL,
    dispute_reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    pay_by_ms BIGINT NOT NULL,
    paid_ms BIGINT NOT NULL,
    shipped_ms BIGINT NOT NULL,
    confirm_by_ms BIGINT NOT NULL,
    disputed_ms BIGINT NOT NULL,
    settled_ms BIGINT NOT NULL,
    closed_ms BIGINT NOT NULL,
    confirm_within_ms BIGINT NOT NULL,
    refund_within_ms BIGINT NOT NULL,
    UNIQUE (app_id, out_trade_no)
);
CREATE INDEX trade_code ON trade (code_index);
CREATE INDEX trade_created ON trade (created_ms);
CREATE INDEX trade_status ON trade (status, created_ms);
CREATE INDEX trade_buyer ON trade (buyer_id, created_ms);
CREATE INDEX trade_seller ON trade (seller_id, created_ms);

-- What happened to a trade, one line a transition, for people and for audit.
CREATE TABLE trade_event (
    trade_no TEXT NOT NULL,
    step BIGINT NOT NULL,
    command TEXT NOT NULL,
    status_before TEXT NOT NULL,
    status_after TEXT NOT NULL,
    caller TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (trade_no, step)
);

CREATE TABLE refund (
    trade_no TEXT NOT NULL,
    out_request_no TEXT NOT NULL,
    amount BIGINT NOT NULL,
    fee_returned BIGINT NOT NULL,
    reason TEXT NOT NULL,
    clawbacks TEXT NOT NULL,
    refunded_ms BIGINT NOT NULL,
    PRIMARY KEY (trade_no, out_request_no)
);
CREATE INDEX refund_time ON refund (refunded_ms);

-- What left the seller's side of a trade: the settlement itself and later splits.
CREATE TABLE settlement (
    trade_no TEXT NOT NULL,
    out_request_no TEXT NOT NULL,
    kind TEXT NOT NULL,
    settle_no TEXT NOT NULL,
    amount BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    splits TEXT NOT NULL,
    settled_ms BIGINT NOT NULL,
    PRIMARY KEY (trade_no, kind, out_request_no)
);
CREATE INDEX settlement_time ON settlement (settled_ms);

CREATE TABLE royalty_relation (
    app_id TEXT NOT NULL,
    receiver_id TEXT NOT NULL,
    memo TEXT NOT NULL,
    bound_ms BIGINT NOT NULL,
    PRIMARY KEY (app_id, receiver_id)
);

CREATE TABLE wallet_transfer (
    order_id TEXT NOT NULL PRIMARY KEY,
    payer_scope TEXT NOT NULL,
    out_biz_no TEXT NOT NULL,
    payer_id TEXT NOT NULL,
    payee_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    title TEXT NOT NULL,
    remark TEXT NOT NULL,
    transferred_ms BIGINT NOT NULL,
    UNIQUE (payer_scope, out_biz_no)
);
CREATE INDEX wallet_transfer_time ON wallet_transfer (transferred_ms);

CREATE TABLE bank_order (
    order_id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    party_id TEXT NOT NULL,
    bank_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    status TEXT NOT NULL,
    hold_transfer_id BLOB NOT NULL,
    bank_reference TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    sent_ms BIGINT NOT NULL,
    answered_ms BIGINT NOT NULL
);
CREATE INDEX bank_order_status ON bank_order (status, created_ms);
CREATE INDEX bank_order_party ON bank_order (party_id, created_ms);

-- Authorisations: the buyer's money is frozen by one pending transfer, replaced as parts go.
CREATE TABLE fund_hold (
    hold_id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL,
    out_order_no TEXT NOT NULL,
    payer_id TEXT NOT NULL,
    payee_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    status TEXT NOT NULL,
    pending_transfer_id BLOB NOT NULL,
    title TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    UNIQUE (app_id, out_order_no)
);

CREATE TABLE hold_operation (
    hold_id TEXT NOT NULL,
    out_request_no TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount BIGINT NOT NULL,
    remark TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (hold_id, out_request_no)
);
CREATE INDEX hold_operation_id ON hold_operation (operation_id);
