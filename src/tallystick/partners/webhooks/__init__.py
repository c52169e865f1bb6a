"""Webhooks in the form of Standard Webhooks: events posted as JSON, signed by message."""
