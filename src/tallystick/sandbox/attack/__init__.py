"""Attacks on a platform, played on the same seed with risk on and off."""
