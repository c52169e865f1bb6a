"""Books of one's own: their name, currency, and whether entries carry an effective day."""
