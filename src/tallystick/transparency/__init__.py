"""Logs that anyone can check: Merkle trees, signed notes, checkpoints. Imports nothing of ours."""
