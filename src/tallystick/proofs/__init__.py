"""Proofs: signed heads of the tree over all entries, and proofs that an outsider can check."""
