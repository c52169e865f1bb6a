"""Real-person check: factors that bind a person to an account, and proving them again."""
