"""Reconciliation: the bank's statements beside the ledger, what agrees, and what does not."""
