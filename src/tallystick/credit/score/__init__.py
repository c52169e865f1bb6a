"""Credit scores: a scorecard and a boosted challenger made from data, kept as files, applied."""

__all__: list[str] = []
