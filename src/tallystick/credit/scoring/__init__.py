"""Scores by themselves: a model in service, people's facts out of our books, applications."""

__all__: list[str] = []
