"""The fraud graph: people, companies, accounts, loans and media, and the money between them."""
