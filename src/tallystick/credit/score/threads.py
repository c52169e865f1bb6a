"""Fitting with one thread: all sums in one order, so that the same rows give the same model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold the numeric libraries to one thread; idle ones would also fight for the processors."""
    import sklearn.ensemble  # noqa: F401  the limit holds for libraries that are loaded by then
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
