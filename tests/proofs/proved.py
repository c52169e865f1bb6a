"""A platform's parts with signed heads, for tests of proofs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.platform_parts import Parts, opened_as

from tallystick.accounting import service as accounting
from tallystick.accounting.model import (
    AccountDraft,
    CreateLedgerAccounts,
    CreateLedgerTransfers,
    TransferDraft,
)
from tallystick.pipeline.commands import Registry
from tallystick.proofs import service, views
from tallystick.proofs.keys import ensure_key, public_text
from tallystick.proofs.model import HeadSigned, SignTreeHead
from tallystick.proofs.service import HeadSigner
from tallystick.proofs.tree import LedgerTree
from tallystick.store.ledger_rows import id_bytes
from tallystick.store.rows import ReadSession
from tallystick.verify import PublicKey, read_key

__all__ = ["HERE", "THERE", "Proved", "proved"]

HERE, THERE = 1, 2
BOOK = 7
_ZERO = id_bytes(0)


class Proved(Parts):
    """Parts with a tree; accounts `HERE` and `THERE` are open."""

    def __init__(self, database: Any, registry: Registry, *rest: Any, **more: Any) -> None:
        self.tree = LedgerTree()
        service.register(registry, lambda: self.heads)
        super().__init__(database, registry, *rest, **more)
        ensure_key(self.writer, self.sealer, self.clock())
        self.heads = HeadSigner(self.tree, self.sealer, self.reader)
        drafts = tuple(AccountDraft(id_bytes(i), BOOK, 10, 0, _ZERO, 0, 0) for i in (HERE, THERE))
        self.accept(CreateLedgerAccounts(accounts=drafts))

    @contextmanager
    def reader(self) -> Iterator[ReadSession]:
        """A session of its own."""
        connection = self.database.connect(readonly=True)
        try:
            yield ReadSession(connection)
        finally:
            connection.close()

    def move(self, *ids: int, amount: int = 5, flags: int = 0) -> None:
        """Create transfers with these ids from `HERE` to `THERE`, in one command."""
        self.accept(
            CreateLedgerTransfers(
                transfers=tuple(
                    TransferDraft(id_bytes(i), id_bytes(HERE), id_bytes(THERE), amount, _ZERO,
                                  _ZERO, 0, 0, 0, BOOK, 1, flags)
                    for i in ids
                )
            )
        )  # fmt: skip

    def sign(self) -> HeadSigned:
        """Sign a head over everything."""
        self.heads.prepare()
        done = self.accept(SignTreeHead())
        assert isinstance(done, HeadSigned)
        return done

    @property
    def key(self) -> PublicKey:
        """What a checker is given."""
        return read_key(public_text(views.keys(self.rows)[0]))


@contextmanager
def proved(folder: Path) -> Iterator[Proved]:
    """Such parts on the chosen store."""
    with opened_as(Proved, folder, accounting.register) as made:
        yield made
