"""Every command of bookkeeping, declared in one go."""

from __future__ import annotations

from tallystick.accounting import service
from tallystick.accounting.books import service as books
from tallystick.accounting.corrections import service as corrections
from tallystick.accounting.exchange import service as exchange
from tallystick.accounting.groups import service as groups
from tallystick.accounting.metadata import service as metadata
from tallystick.accounting.monitors import service as monitors
from tallystick.accounting.periods import service as periods
from tallystick.accounting.schedules import service as schedules
from tallystick.accounting.sweeps import service as sweeps
from tallystick.pipeline.commands import Registry

__all__ = ["register"]


def register(registry: Registry) -> None:
    """Declare the commands of bookkeeping and of what stands on it."""
    for product in (
        service, books, metadata, groups, periods, corrections, schedules, sweeps, monitors,
        exchange,
    ):  # fmt: skip
        product.register(registry)
