-- Exchange between books of two currencies: rates, desks, positions, quotes, exchanges.

CREATE TABLE exchange_rate (
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    source TEXT NOT NULL,
    as_of_ms BIGINT NOT NULL,
    rate TEXT NOT NULL,
    put_by TEXT NOT NULL,
    put_ms BIGINT NOT NULL,
    PRIMARY KEY (base, quote, source, as_of_ms)
);

CREATE TABLE latest_rate (
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    source TEXT NOT NULL,
    as_of_ms BIGINT NOT NULL,
    rate TEXT NOT NULL,
    PRIMARY KEY (base, quote, source)
);

CREATE TABLE exchange_desk (
    desk_id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    home_book BIGINT NOT NULL,
    source TEXT NOT NULL,
    stale_after_ms BIGINT NOT NULL,
    spread TEXT NOT NULL,
    quote_valid_ms BIGINT NOT NULL,
    rounding TEXT NOT NULL,
    defined_by TEXT NOT NULL,
    defined_ms BIGINT NOT NULL
);

CREATE TABLE desk_position (
    desk_id TEXT NOT NULL,
    book BIGINT NOT NULL,
    PRIMARY KEY (desk_id, book)
);

CREATE TABLE exchange_quote (
    quote_id TEXT NOT NULL PRIMARY KEY,
    desk_id TEXT NOT NULL,
    sell_book BIGINT NOT NULL,
    buy_book BIGINT NOT NULL,
    sell_amount BIGINT NOT NULL,
    buy_amount BIGINT NOT NULL,
    rate TEXT NOT NULL,
    rate_as_of_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    exchange_id TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE currency_exchange (
    exchange_id TEXT NOT NULL PRIMARY KEY,
    quote_id TEXT NOT NULL,
    desk_id TEXT NOT NULL,
    from_account_id BLOB NOT NULL,
    to_account_id BLOB NOT NULL,
    sell_book BIGINT NOT NULL,
    buy_book BIGINT NOT NULL,
    sell_amount BIGINT NOT NULL,
    buy_amount BIGINT NOT NULL,
    realised BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX currency_exchange_at ON currency_exchange (at_ms, exchange_id);
