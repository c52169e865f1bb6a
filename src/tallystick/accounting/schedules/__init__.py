"""Transfers and sweeps that happen by themselves: once, or by a rule."""
