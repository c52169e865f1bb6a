"""A desk whose days are closed, with their files and what banks answer, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.payments.market import Market

from tallystick.credit.joint.files.worker import PartnerFiles
from tallystick.payments.wallet.model import BankAnswered, BankOrder
from tallystick.proofs.keys import ensure_key
from tallystick.store.rows import ReadSession

__all__ = ["DAY_MS", "Files"]

DAY_MS = 86_400_000


class Files:
    """The desk with its worker."""

    def __init__(self, shop: Market, folder: Path) -> None:
        self.shop, self.folder = shop, folder
        connection = shop.database.connect()
        ensure_key(connection, shop.sealer, 1)
        connection.close()
        self.worker = PartnerFiles(self._reader, shop.sealer, shop.executor, folder)

    @contextmanager
    def _reader(self) -> Iterator[ReadSession]:
        connection = self.shop.database.connect(readonly=True)
        try:
            yield ReadSession(connection)
        finally:
            connection.close()

    def next_day(self) -> int:
        """Let a day pass: it is closed, and its files are made."""
        self.shop.clock.pass_ms(DAY_MS)
        while self.shop.run_timers():
            pass
        return asyncio.run(self.worker.run_once())

    def settle(self) -> None:
        """Have the bank accept every order that is open."""
        for order in self.shop.rows.query(BankOrder, "WHERE status = 'new'"):
            self.shop.accept(
                BankAnswered(order_id=order.order_id, accepted=True, bank_reference=order.order_id)
            )
