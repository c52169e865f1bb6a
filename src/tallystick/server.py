"""The server: one process, one data folder, every door of the platform on one port."""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import gc
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
import uvicorn

from tallystick.observe.logs import configure_logs
from tallystick.one_write import OneWriteProtocol
from tallystick.partners.model import Operator
from tallystick.platform import Platform
from tallystick.sandbox.seed import (
    CREDENTIALS,
    needs_seed,
    read_credentials,
    refresh_credentials,
    seed,
)
from tallystick.settings import Settings
from tallystick.site import Site, build_site
from tallystick.store.engine import StoreError

__all__ = ["give_back_large_blocks", "serve"]

log = structlog.get_logger("tallystick.server")

# The default of 5 ms lets a busy thread keep the others waiting; requests hop between threads.
_SWITCH_INTERVAL_S = 0.001

# New objects after which the youngest are looked through; a batch of payments makes thousands that
# all go with it.
_GARBAGE_AFTER = 20_000

_M_MMAP_THRESHOLD = -3  # As in glibc's malloc.h.
_LARGE_BLOCK_BYTES = 4 << 20


def give_back_large_blocks() -> None:
    """Have blocks of some MB go back to the system as soon as they are let go.

    glibc does so until the first one is: from then on it keeps blocks of that size, up to 32 MB,
    in every thread that had one. After a few sign-ins each thread that hashes would hold the
    memory of a hash for good. Elsewhere this does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)


def _bind(settings: Settings) -> socket.socket:
    """The listening socket.

    Raises:
        StoreError: the address cannot be had; one sentence says why.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise StoreError(
            f"The server cannot listen on {settings.host} port {settings.port}: "
            f"{error.strerror or error}. Choose another with --port."
        ) from error
    return listener


def _sandbox_lines(settings: Settings) -> list[str]:
    """How to use the sandbox; nothing when the folder has none."""
    try:
        found = read_credentials(settings.data)
        operator, buyer = found["operators"][0], found["buyers"][0]
    except FileNotFoundError:
        return []
    except (ValueError, LookupError):
        return ["  sandbox            its credentials cannot be read"]
    base = settings.public_base
    return [
        f"  gateway            {base}/gateway.do and {base}/v3/",
        f"  sandbox app id     {found['app_id']}",
        f"  keys, credentials  {(settings.data / 'sandbox' / CREDENTIALS).absolute()}",
        f"  buyer              {buyer['login']}  password {buyer['password']}  "
        f"payment password {buyer['payment_password']}  payment code {buyer['payment_code']}",
        f"  operator           {operator['login']}  password {operator['password']}",
    ]


def _say(platform: Platform) -> None:
    """Tell a person where to look and how to sign in."""
    settings = platform.settings
    base = settings.public_base
    lines = [f"Tallystick is at {base}", f"  data folder        {settings.data.absolute()}"]
    lines += _sandbox_lines(settings)
    if not platform.rows.query(Operator, "LIMIT 1"):
        lines.append("  nobody can sign in yet: stop it, then `tallystick operator add LOGIN`")
    lines += [
        f"  console            {base}/console",
        f"  wallet             {base}/wallet",
        f"  REST API to try    {base}/docs",
        "Stop it with Ctrl-C; everything is kept in the data folder.",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201 - this is what the command is for


class _Server(uvicorn.Server):
    """Says that it is ready once it listens; signals are ours for the process's whole life."""

    def __init__(self, config: uvicorn.Config, platform: Platform) -> None:
        super().__init__(config)
        self._platform = platform

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # What stands from the start is never garbage: it need not be looked through again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE_AFTER, 20, 20)
        log.info("started", port=self._platform.settings.port)
        _say(self._platform)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is open; who is not waited for any longer is served no more."""
        await super().shutdown(sockets=sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the handlers as they are."""
        yield


class _StopAsked:
    """SIGTERM and SIGINT: while starting they end the start, then they stop the server.

    A second one does not wait for open requests any longer.
    """

    def __init__(self) -> None:
        self._starting = asyncio.current_task()
        self._server: uvicorn.Server | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked)

    def serves(self, server: uvicorn.Server) -> None:
        """From now on this is what stops."""
        self._server = server

    def _asked(self) -> None:
        if self._server is None:
            assert self._starting is not None
            self._starting.cancel()
        elif self._server.should_exit:
            self._server.force_exit = True
        else:
            log.info("stop_asked")
            self._server.should_exit = True


def _uvicorn_config(site: Site, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        site,
        loop="none",
        http=OneWriteProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.drain_seconds,
    )


async def _run(settings: Settings, *, empty: bool) -> None:
    stop_asked = _StopAsked()
    listener = _bind(settings)
    site: Site | None = None
    platform: Platform | None = None
    try:
        platform = Platform.open(settings)
        await platform.start()
        if settings.sandbox and not empty and needs_seed(platform):
            print("Filling the sandbox …", flush=True)  # noqa: T201
            await seed(platform)
        refresh_credentials(platform)
        site = build_site(platform)
        server = _Server(_uvicorn_config(site, settings), platform)
        stop_asked.serves(server)
        await server.serve(sockets=[listener])
    finally:
        if platform is not None:
            await platform.stop()
            log.info("stopped")
        if site is not None:
            await site.close()
        listener.close()


def serve(settings: Settings, *, empty: bool = False) -> None:
    """Run until told to stop; what was accepted is finished first.

    Args:
        empty: start without the sandbox's marketplace, merchants and buyers.

    Raises:
        StoreError: it cannot start; the message says why in one sentence.
    """
    configure_logs(settings.log_level, settings.log_format, for_good=True)
    with suppress(RuntimeError, OSError):  # Its error stream may be closed.
        faulthandler.enable()  # What ends the process at once says there where it was.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    give_back_large_blocks()
    run: Any = asyncio.run
    try:
        import uvloop

        run = uvloop.run
    except ImportError:  # Only on systems that uvloop does not know.
        log.warning("uvloop_missing")
    try:
        run(_run(settings, empty=empty))
    except asyncio.CancelledError:
        log.info("start_abandoned")
