"""The audit: all totals worked out from the journal anew, and what is stored held against it."""
