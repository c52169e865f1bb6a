"""Corrections: a transfer is taken back by a new one that names it."""
