"""Makes the files of each day once it is closed, and has them recorded and settled."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import structlog

from tallystick.credit.joint.model import (
    Institution,
    PartnerDay,
    Programme,
    ProgrammeTerms,
    RecordPartnerDay,
)
from tallystick.credit.loans.model import CloseCreditDay
from tallystick.decoding import decode_json, decode_msgpack
from tallystick.pipeline.commands import SYSTEM, Request
from tallystick.pipeline.executor import Executor
from tallystick.proofs.keys import newest_key, public_text
from tallystick.proofs.model import LedgerKey
from tallystick.proofs.views import one_moment
from tallystick.store.connection import Connection
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer

__all__ = ["KEY_NAME", "PartnerFiles", "files_folder"]

log = structlog.get_logger("tallystick.partner_files")

KEY_NAME: Final = "tallystick.key"
_TICK_S: Final = 5.0
_CLOSING_TIMER: Final = "credit.close_day"

Reader = Callable[[], AbstractContextManager[ReadSession]]


def files_folder(data: Path) -> Path:
    """Where the files lie: a folder for each institution."""
    return data / "partner-files"


class PartnerFiles:
    """The worker: looks whether a day is closed for which there are no files yet.

    Args:
        reader: gives a session of its own for a long read.
        folder: where files go.
    """

    def __init__(self, reader: Reader, sealer: Sealer, executor: Executor, folder: Path) -> None:
        self._reader = reader
        self._sealer = sealer
        self._executor = executor
        self._folder = folder

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self.run_once()
            except Exception:
                log.exception("partner_files_failed")
            await asyncio.sleep(_TICK_S)

    async def run_once(self) -> int:
        """Make what is due; how many institutions' days were recorded."""
        commands = await asyncio.to_thread(self.make)
        for command in commands:
            name = f"{command.institution_id}:{command.currency}:{command.day}"
            request = Request(SYSTEM, f"joint.record_day:{name}", command)
            answer = await self._executor.submit(request)
            if answer.refusal is not None:
                log.error("partner_day_refused", day=name, code=answer.refusal.code)
        return len(commands)

    def make(self) -> list[RecordPartnerDay]:
        """Write the files of days that are due, and give what is to be recorded. Blocks."""
        with self._reader() as rows:
            if not rows.query(Institution, "LIMIT 1"):
                return []
            with one_moment(rows.connection):
                day = _closed_through(rows.connection)
                behind = rows.connection.execute("SELECT 1 FROM ledger_totals_behind").fetchone()
                if day is None or behind is not None:
                    return []
                made: list[RecordPartnerDay] = []
                for currency, institutions in sorted(_by_currency(rows).items()):
                    made += self._of_currency(rows, day, currency, institutions)
                return made

    def _of_currency(
        self, rows: ReadSession, day: str, currency: str, institutions: list[Institution]
    ) -> list[RecordPartnerDay]:
        before = _last_days(rows, currency)
        due = [
            i for i in institutions
            if i.institution_id not in before or before[i.institution_id].day < day
        ]  # fmt: skip
        key = newest_key(rows.connection, self._sealer)
        if not due or key is None:
            return []
        # Columns are loaded only where there is something for them.
        from tallystick.credit.joint.files.make import Day, make_day

        cut_ns = SqlLedgerReader(rows.connection).last_timestamp()
        about = Day(day, currency, due, {i.institution_id: before[i.institution_id] for i in due
                                         if i.institution_id in before}, cut_ns)  # fmt: skip
        # Files of before a key was replaced are checked with the keys of then.
        known = rows.query(LedgerKey, "ORDER BY created_ms, key_id", ())
        public = "".join(f"{public_text(one)}\n" for one in known)
        made = []
        for found in make_day(rows.connection, self._folder, about, key):
            who = found.manifest.institution_id
            (self._folder / who / KEY_NAME).write_text(public, "utf-8")
            made.append(
                RecordPartnerDay(
                    institution_id=who, currency=currency, day=day, cut_ns=cut_ns,
                    closing=found.manifest.closing.settlement, manifest=found.note,
                )
            )  # fmt: skip
        return made


def _closed_through(connection: Connection) -> str | None:
    """The last day that is closed for all loans; None while one is being closed, or never was."""
    row = connection.execute(
        "SELECT command FROM timer WHERE timer_id = ?", (_CLOSING_TIMER,)
    ).fetchone()
    if row is None:
        return None
    waits = decode_msgpack(bytes(row[0]), CloseCreditDay)
    if waits.after_loan_id:
        return None
    return (date.fromisoformat(waits.day) - timedelta(days=1)).isoformat()


def _by_currency(rows: ReadSession) -> dict[str, list[Institution]]:
    """Institutions that fund or guarantee in each currency."""
    known = {i.institution_id: i for i in rows.select(Institution)}
    found: dict[str, dict[str, Institution]] = defaultdict(dict)
    for programme in rows.select(Programme):
        terms = decode_json(programme.terms, ProgrammeTerms)
        for who in (programme.institution_id, terms.guarantor_id):
            if who in known:
                found[terms.currency][who] = known[who]
    return {currency: [of[who] for who in sorted(of)] for currency, of in found.items()}


def _last_days(rows: ReadSession, currency: str) -> dict[str, PartnerDay]:
    """The newest files of each institution in a currency."""
    newest = rows.query(
        PartnerDay,
        "WHERE currency = ? AND day = (SELECT MAX(day) FROM partner_day AS d WHERE "
        "d.institution_id = partner_day.institution_id AND d.currency = partner_day.currency)",
        (currency,),
    )
    return {row.institution_id: row for row in newest}
