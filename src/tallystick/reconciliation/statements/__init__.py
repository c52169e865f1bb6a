"""Bank statements as files: MT940, camt.053, CSV by a mapping, and the protocol's own bills."""
