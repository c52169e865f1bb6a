-- Exchange between two foreign currencies: what lies between them in the desk's home book.

ALTER TABLE exchange_quote ADD COLUMN via_amount BIGINT NOT NULL DEFAULT 0;
