"""Scores of people, who may ask for them, and what a person may owe in all."""

__all__: list[str] = []
