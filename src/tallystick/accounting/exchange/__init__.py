"""Exchange between books of two currencies, through position accounts."""
