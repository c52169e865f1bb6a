"""The platform: the one place where its parts are put together."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from tallystick.accounting import products as accounting
from tallystick.accounting.monitors.watch import MonitorWatch
from tallystick.credit.collections import service as collections
from tallystick.credit.collections.messages import MessageWorker
from tallystick.credit.inquiries import service as inquiries
from tallystick.credit.joint import service as joint
from tallystick.credit.joint.files.worker import PartnerFiles, files_folder
from tallystick.credit.loans import service as loans
from tallystick.credit.merchant import service as merchant
from tallystick.credit.pay_later import service as pay_later
from tallystick.credit.receivables import service as receivables
from tallystick.credit.scoring import service as scoring
from tallystick.observe.logs import current_request_id
from tallystick.observe.metrics import Metrics
from tallystick.observe.origin import current_origin
from tallystick.observe.watch import Watch, Watched
from tallystick.parties import service as parties
from tallystick.partners import service as partners
from tallystick.partners.delivery import NotificationSender
from tallystick.partners.keyring import Keyring
from tallystick.partners.webhooks import service as webhooks
from tallystick.partners.webhooks.delivery import WebhookSender
from tallystick.payments.banks.sandbox import sandbox_banks
from tallystick.payments.banks.worker import BankWorker
from tallystick.payments.holds import service as holds
from tallystick.payments.trades import service as trades
from tallystick.payments.wallet import service as wallet
from tallystick.pipeline.commands import Answer, Caller, Command, Origin, Registry, Request
from tallystick.pipeline.executor import Executor, authorise
from tallystick.pipeline.processes import Leader, News, Worker
from tallystick.pipeline.timers import TimerRunner
from tallystick.proofs import service as proofs
from tallystick.proofs.keys import ensure_key
from tallystick.proofs.service import HeadSigner
from tallystick.proofs.tree import LedgerTree
from tallystick.reconciliation import service as reconciliation
from tallystick.risk.anomaly import service as anomaly
from tallystick.risk.anomaly.notices import AlertNotices
from tallystick.risk.anomaly.standing import AccountWarnings
from tallystick.risk.anomaly.watch import AnomalyWatch
from tallystick.risk.blacklist import service as blacklist
from tallystick.risk.blacklist.keeping import ListKeeping
from tallystick.risk.decision import service as decision_service
from tallystick.risk.decision.engine import DecisionEngine
from tallystick.risk.graph import service as graph_service
from tallystick.risk.graph.follower import GraphFollower
from tallystick.risk.person import service as person_service
from tallystick.risk.person.limits import LevelLimits
from tallystick.risk.person.providers import SandboxIdentity, SandboxMessages
from tallystick.risk.person.proving import Proving
from tallystick.risk.person.views import known_by
from tallystick.risk_facts import FOR_PEOPLE, READERS
from tallystick.settings import Settings
from tallystick.store.archive import Archive
from tallystick.store.connection import Connection, Database
from tallystick.store.engine import DataFolder, SqliteDatabase, StoreError, database_of, migrate
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.postgres import PostgresDatabase
from tallystick.store.readers import Readers
from tallystick.store.rows import ReadSession
from tallystick.store.schema import schema_version
from tallystick.store.sealing import Sealer, load_master_key, open_sealer

__all__ = ["Platform", "registry_of_products"]

log = structlog.get_logger("tallystick")

_LAST_READS_S = 60.0
"""How long a stop waits for reads in worker threads; the process would wait for them anyway."""


def registry_of_products() -> Registry:
    """Every command that the platform knows."""
    registry = Registry()
    for product in (
        parties, partners, webhooks, accounting, wallet, holds, trades, loans, pay_later, joint,
        collections, inquiries, scoring, merchant, receivables, reconciliation,
    ):  # fmt: skip
        product.register(registry)
    decision_service.register(registry)
    person_service.register(registry)
    blacklist.register(registry)
    anomaly.register(registry)
    return registry


def wall_clock_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def _open_database(
    database: Database, master_key: bytes, settings: Settings
) -> tuple[Connection, Sealer]:
    """The writing connection on an up-to-date schema, and the sealer that fits it."""
    writer = database.connect()
    try:
        for name in migrate(writer):
            log.info("migration_applied", migration=name)
        sealer = open_sealer(writer, master_key, settings.master_key_path)
        ensure_key(writer, sealer, wall_clock_ms())
        return writer, sealer
    except BaseException:
        writer.close()
        raise


async def _told_of(name: str, run: Worker) -> None:
    """A worker; when it ends by a fault of ours, the log tells why."""
    try:
        await run()
    except Exception:
        log.exception("worker_ended", worker=name)
        raise


class Platform:
    """A running platform on one data folder, with its books there or in PostgreSQL.

    `rows` and `ledger` read what is committed, on the event loop's thread; `reader` gives a
    session of its own for long reads in worker threads.
    """

    def __init__(
        self, settings: Settings, folder: DataFolder, master_key: bytes,
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.folder = folder
        self.clock_ms = clock_ms
        self.database = database_of(settings.database, folder.path)
        self._readers = Readers(self.database)
        writer, self.sealer = _open_database(self.database, master_key, settings)
        self.rows = ReadSession(self.database.connect(readonly=True))
        self.ledger = SqlLedgerReader(self.rows.connection)
        self.ledger.warm_up()
        self.registry = registry_of_products()
        self._add_followers()
        self._add_pipeline(writer)
        self._add_workers()
        self._tasks: list[asyncio.Task[None]] = []
        self._news: News | None = None

    def _add_followers(self) -> None:
        """What listens to the products' events: graph, proofs, blacklist, warnings, monitors."""
        settings, clock_ms = self.settings, self.clock_ms
        self.graph = GraphFollower(
            lambda: ReadSession(self.database.connect(readonly=True)),
            settings.data / "fraud-graph.npz",
        )
        self.graph.register(self.registry)
        graph_service.register(self.registry, lambda: self.graph.graph)
        self.tree = LedgerTree()
        self.heads = HeadSigner(self.tree, self.sealer, self.reader)
        proofs.register(self.registry, lambda: self.heads)
        self.blacklist = ListKeeping(self.sealer, known_by)
        self.blacklist.register(self.registry)
        self.warnings = AccountWarnings()
        self.warnings.register(self.registry)
        self.anomaly = AnomalyWatch(
            lambda: ReadSession(self.database.connect(readonly=True)),
            settings.data / "account-habits.npz", clock_ms,
        )  # fmt: skip
        self.anomaly.register(self.registry)
        self.monitors = MonitorWatch()
        self.monitors.register(self.registry)

    def _add_pipeline(self, writer: Connection) -> None:
        """The one door: what is asked before a command, the executor, what is told after it."""
        settings, clock_ms = self.settings, self.clock_ms
        self.metrics = Metrics()
        self.decisions = DecisionEngine(
            READERS, for_people=FOR_PEOPLE, told=self.metrics.decision,
            unanswered=self.metrics.unanswered, standing=self.graph.standing,
            shared=self.blacklist.about, warnings=self.warnings,
            open_rows=lambda: ReadSession(self.database.connect(readonly=True)),
            budget_s=settings.risk_budget_ms / 1000,
        )  # fmt: skip
        self.graph.watch_standing(lambda: self.decisions.wants_graph)
        self.level_limits = LevelLimits(READERS, self.registry)
        self.registry.follow(person_service.LIMIT_SET, self.level_limits.forget)
        self.archive = (
            Archive(self.database.path, settings.archive, clock_ms)
            if settings.archive is not None and isinstance(self.database, SqliteDatabase)
            else None
        )
        self.executor = Executor(
            writer, self.registry, archive=self.archive, clock_ms=clock_ms, observer=self.metrics,
            batch_max=settings.batch_max,
            gates=(authorise, self.decisions.gate, self.level_limits.gate),
            witnesses=(
                self.decisions.witness, self.level_limits.witness, self.monitors.witness,
            ),
        )  # fmt: skip
        self._writer = writer

    def _add_workers(self) -> None:
        """What acts by itself beside the executor: timers, senders, banks, messages, the watch."""
        settings, clock_ms = self.settings, self.clock_ms
        self._timer_rows = ReadSession(self.database.connect(readonly=True))
        self.timers = TimerRunner(
            self._timer_rows, self.executor, self.registry, clock_ms,
            tick_s=settings.timer_tick_ms / 1000,
        )  # fmt: skip
        self.keyring = Keyring(self.rows, self.sealer)
        self.registry.follow("app.", self.keyring.forget)
        self.sender = NotificationSender(
            self.rows, self.executor, self.keyring, clock_ms, allow=settings.notify_allow
        )
        self.webhooks = WebhookSender(
            self.rows, self.executor, self.sealer, clock_ms, allow=settings.notify_allow
        )
        self.banks = BankWorker(self.rows, self.executor, sandbox_banks(), clock_ms)
        self.partner_files = PartnerFiles(
            self.reader, self.sealer, self.executor, files_folder(settings.data)
        )
        messages = SandboxMessages(settings.data / "sandbox-messages.jsonl", clock_ms)
        self.collections = MessageWorker(self.rows, self.executor, self.sealer, messages, clock_ms)
        self.watch = Watch(
            Watched(
                settings.data, self.executor, self.sealer, self.rows, self.reader, clock_ms,
                self.workers, self.archive,
            ),
            self.metrics,
            books_check_seconds=settings.books_check_seconds,
            disk_free_min_mb=settings.disk_free_min_mb,
        )  # fmt: skip
        self.proving = Proving(
            self.rows, self.sealer, self.submit, clock_ms, messages, SandboxIdentity()
        )
        self.alert_notices = AlertNotices(self.reader, self.sealer, messages, self.executor.submit)
        self.alert_notices.register(self.registry)

    @classmethod
    def open(cls, settings: Settings, clock_ms: Callable[[], int] = wall_clock_ms) -> Platform:
        """Take the data folder and put the platform together; nothing runs yet.

        Raises:
            StoreError: the folder, the database or the master key cannot be used.
        """
        folder = DataFolder(settings.data)
        try:
            database = database_of(settings.database, folder.path)
            master_key = load_master_key(settings.master_key_path, may_create=database.is_new())
            database.require_whole()
            return cls(settings, folder, master_key, clock_ms)
        except sqlite3.DatabaseError as error:
            folder.close()
            raise StoreError(database.what_is_wrong(error)) from error
        except BaseException:
            folder.close()
            raise

    async def start(self) -> None:
        """Begin to take commands, watch timers, deliver notifications and ask banks."""
        with self.reader() as rows:
            self.decisions.warm(rows)
            self.blacklist.cache.refresh(rows.connection)
        if self.archive is not None:
            assert isinstance(self._writer, sqlite3.Connection)
            self.archive.begin(self._writer, schema_version(self._writer))
        self.executor.start()
        once: dict[str, Worker] = {
            "timers": self.timers.run, "notifications": self.sender.run, "banks": self.banks.run,
            "partner_files": self.partner_files.run,
            "collections": self.collections.run,
            "webhooks": self.webhooks.run,
            "heads": self._sign_heads,
            "anomaly": self._watch_accounts,
            "alert_notices": self.alert_notices.run,
        }  # fmt: skip
        workers: dict[str, Worker] = {"watch": self.watch.run, "graph": self.graph.run}
        if self.archive is not None:
            workers["archive"] = self.archive.run
        if isinstance(self.database, PostgresDatabase):
            # Others may run on the same database; one process does for all what is done once.
            self._news = News(self.database, self.registry)
            self._news.start()
            workers["leader"] = Leader(self.database, once).run
        else:
            workers |= once
        self._tasks = [
            asyncio.create_task(_told_of(name, run), name=name) for name, run in workers.items()
        ]

    async def _sign_heads(self) -> None:
        await self.heads.sign_now_and_then(self.executor.submit, self.settings.head_seconds)

    async def _watch_accounts(self) -> None:
        await self.anomaly.run(self.executor.submit)

    def workers(self) -> dict[str, bool]:
        """Each background worker, and whether it runs; none before the start and after the stop."""
        return {task.get_name(): not task.done() for task in self._tasks}

    async def stop(self) -> None:
        """Finish what was accepted, then let go of the data folder."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self.executor.stop)
        if self.archive is not None:
            await asyncio.to_thread(self.archive.copy)
        if self._news is not None:
            await asyncio.to_thread(self._news.stop)
        await asyncio.to_thread(self.graph.close)
        await asyncio.to_thread(self.anomaly.close)
        if not await asyncio.to_thread(self._readers.close, _LAST_READS_S):
            log.warning("reads_not_over")
        self.close()

    def close(self) -> None:
        """Close the connections and give the folder free (after the executor has stopped)."""
        for connection in (self.rows.connection, self._timer_rows.connection, self._writer):
            connection.close()
        if self.archive is not None:
            self.archive.close()
        self.folder.close()

    async def submit(
        self, caller: Caller, command: Command, request_id: str = "", *,
        keeps_refusals: bool = False,
    ) -> Answer:  # fmt: skip
        """Have a command run; the answer comes after it is durable.

        Args:
            request_id: the caller's own id, by which the same request gets the same answer;
                without one the command is run as often as it is asked for.
        """
        once = not request_id
        return await self.executor.submit(
            Request(
                caller,
                request_id or secrets.token_hex(16),
                command,
                keeps_refusals=keeps_refusals,
                remembered=not once,
                trace_id=current_request_id(),
                origin=Origin(*current_origin()),
            )
        )

    @contextmanager
    def reader(self) -> Iterator[ReadSession]:
        """A session of its own for a long read in a worker thread."""
        with self._readers.one() as rows:
            yield rows
