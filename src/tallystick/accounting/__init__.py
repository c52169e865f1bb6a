"""Raw bookkeeping: accounts and transfers that callers keep in books of their own."""
