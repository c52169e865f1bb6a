"""The bookkeeping pages: books and periods, schedules, sweeps, monitors, exchange, webhooks."""
