"""Sweeps: what accounts have above a target goes to a header account, or is levelled from it."""
