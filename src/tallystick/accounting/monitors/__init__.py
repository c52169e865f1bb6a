"""Balance monitors: a threshold that is crossed is an event, once."""
