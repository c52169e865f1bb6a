"""Matching bank lines with ledger entries: pure functions over columns."""
