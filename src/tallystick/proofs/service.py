"""Heads at work: what is durable is hashed beside the executor, which only signs and records.

A head is prepared on another thread, over what a reading connection sees; the command takes what
was prepared last. So posting waits for no hashing, however much there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import structlog

from tallystick.ledger.encoding import PAGE_LEAVES
from tallystick.pipeline.commands import SYSTEM, Answer, Context, Registry, Reply, Request
from tallystick.pipeline.refusals import Refused
from tallystick.proofs.decide import next_head, pages_of
from tallystick.proofs.keys import (
    SigningKey,
    newest_key,
    newest_key_id,
    opened_key,
    public_text,
    succession_note,
)
from tallystick.proofs.model import (
    HeadSigned,
    KeySucceeded,
    KeySuccession,
    LedgerKey,
    Prepared,
    SignTreeHead,
    SucceedLedgerKey,
    TreeHead,
)
from tallystick.proofs.tree import LedgerTree
from tallystick.proofs.views import newest_head, one_moment
from tallystick.store.connection import Connection, StoreError
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["HeadSigner", "register"]

log = structlog.get_logger("tallystick.proofs")

Reader = Callable[[], AbstractContextManager[ReadSession]]


class HeadSigner:
    """Prepares heads, and has them signed now and then.

    Args:
        reader: gives a session of its own for a long read.

    Attributes:
        prepared: the head that would be signed now.
    """

    def __init__(self, tree: LedgerTree, sealer: Sealer, reader: Reader) -> None:
        self._tree = tree
        self._sealer = sealer
        self._reader = reader
        self.prepared: Prepared | None = None
        self._key: SigningKey | None = None

    def prepare(self, *, gently: bool = False) -> bool:
        """Hash what is new; whether there is something to sign. Blocks: for a worker thread.

        Args:
            gently: see `LedgerTree.catch_up`.
        """
        with self._reader() as rows, one_moment(rows.connection):
            connection = rows.connection
            self._follow_key(connection)
            last = newest_head(connection)
            head = self._tree.catch_up(connection, gently=gently)
            if not head.number or (last is not None and head.number <= last.journal):
                return False
            first = 0 if last is None else last.size // PAGE_LEAVES
            self.prepared = Prepared(
                head.entries, self._tree.root(connection, head.entries), head.number, head.hash,
                first, self._tree.pages(first, head.entries // PAGE_LEAVES),
            )  # fmt: skip
            return True

    def _follow_key(self, connection: Connection) -> None:
        """Have the key that signs now; another process may have made it the one."""
        key_id = newest_key_id(connection)
        if self._key is None or self._key.key_id != key_id:
            self._key = newest_key(connection, self._sealer)

    def succeed(self, command: SucceedLedgerKey, context: Context) -> Reply:
        """Have another key sign from here on.

        Raises:
            Refused: HEAD_NOT_EXIST where nothing has signed yet; LEDGER_KEY_UNFIT for a key that
                does not open, is not the one that it says, or was there before.
        """
        uow = context.uow
        old, last = self._newest(uow)
        if old is None:
            raise Refused("HEAD_NOT_EXIST")
        row = LedgerKey(
            command.key_id, old.name, command.public_key, command.private_sealed,
            max(context.now_ms, old.created_ms + 1),
        )  # fmt: skip
        try:
            new = opened_key(row.key_id, row.name, row.private_sealed, self._sealer)
        except (StoreError, ValueError) as error:
            raise Refused("LEDGER_KEY_UNFIT") from error
        if new.signer.key.public != row.public_key or uow.get(LedgerKey, row.key_id) is not None:
            raise Refused("LEDGER_KEY_UNFIT")
        signing = opened_key(old.key_id, old.name, old.private_sealed, self._sealer)
        note = succession_note(signing, new, last.journal if last else 0, context.now_ms)
        uow.put(row)
        uow.put(KeySuccession(len(uow.select(KeySuccession)) + 1, note, context.now_ms))
        return KeySucceeded(key_id=row.key_id, public_key=public_text(row), note=note)

    @staticmethod
    def _newest(uow: UnitOfWork) -> tuple[LedgerKey | None, TreeHead | None]:
        """The key that signs now and the last head, as the batch sees them."""
        keys = sorted(uow.select(LedgerKey), key=lambda key: (key.created_ms, key.key_id))
        last = newest_head(uow.connection)
        # Another command of the batch may have signed one.
        while (later := uow.get(TreeHead, last.number + 1 if last else 1)) is not None:
            last = later
        return (keys[-1] if keys else None), last

    def sign(self, command: SignTreeHead, context: Context) -> Reply:
        """Sign what was prepared, unless a head has it already."""
        uow, prepared = context.uow, self.prepared
        newest_key, last = self._newest(uow)
        if newest_key is None:
            raise Refused("HEAD_NOT_EXIST")
        key = self._key
        if key is None or key.key_id != newest_key.key_id:
            sealed = newest_key.private_sealed
            key = opened_key(newest_key.key_id, newest_key.name, sealed, self._sealer)
        head = next_head(last, prepared, key, context.now_ms)
        if head is not None:
            assert prepared is not None
            uow.put(head)
            for page in pages_of(last, head, prepared):
                uow.put(page)
        newest = head or last
        if newest is None:
            raise Refused("HEAD_NOT_EXIST")
        return HeadSigned(
            number=newest.number, size=newest.size, journal=newest.journal,
            key_id=newest.key_id, note=newest.note, signed_ms=newest.signed_ms,
        )  # fmt: skip

    async def sign_now_and_then(
        self, submit: Callable[[Request], Awaitable[Answer]], every_s: float
    ) -> None:
        """Look every so many seconds, until cancelled."""
        while True:
            try:
                if await asyncio.to_thread(self.prepare, gently=True):
                    await submit(Request.once(SYSTEM, SignTreeHead()))
            except Exception:
                log.exception("head_not_signed")
            await asyncio.sleep(every_s)


def register(registry: Registry, signer: Callable[[], HeadSigner]) -> None:
    """Declare the command that signs heads."""
    registry.add(
        SignTreeHead, lambda command, context: signer().sign(command, context), reply=HeadSigned,
        scope="ledger:write",
    )  # fmt: skip
    registry.add(
        SucceedLedgerKey, lambda command, context: signer().succeed(command, context),
        reply=KeySucceeded, scope="system",
    )  # fmt: skip
