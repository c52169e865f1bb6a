"""Periods that close: no entry is made with effect in a closed day."""
