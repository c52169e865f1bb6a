"""The server: one process, one data folder, every door of the platform on one port."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import structlog
import uvicorn

from tallystick.platform import Platform
from tallystick.sandbox.seed import CREDENTIALS, needs_seed, read_credentials, seed
from tallystick.settings import Settings
from tallystick.site import Site, build_site
from tallystick.store.engine import StoreError

__all__ = ["serve"]

log = structlog.get_logger("tallystick.server")

# The default of 5 ms lets a busy thread keep the others waiting; requests hop between threads.
_SWITCH_INTERVAL_S = 0.001


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


def _say(settings: Settings) -> None:
    """Tell a person where to look and how to sign in."""
    base = settings.public_base
    lines = [f"Tallystick is at {base}", f"  data folder        {settings.data.absolute()}"]
    try:
        found = read_credentials(settings.data)
    except FileNotFoundError:
        found = None
    if found is not None:
        operator = found["operators"][0]
        buyer = found["buyers"][0]
        lines += [
            f"  gateway            {base}/gateway.do and {base}/v3/",
            f"  sandbox app id     {found['app_id']}",
            f"  keys, credentials  {(settings.data / 'sandbox' / CREDENTIALS).absolute()}",
            f"  buyer              {buyer['login']}  password {buyer['password']}  "
            f"payment password {buyer['payment_password']}  payment code {buyer['payment_code']}",
            f"  operator           {operator['login']}  password {operator['password']}",
        ]
    lines += [
        f"  console            {base}/console",
        f"  wallet             {base}/wallet",
        f"  REST API to try    {base}/docs",
        "Stop it with Ctrl-C; everything is kept in the data folder.",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201 - this is what the command is for


class _Server(uvicorn.Server):
    """Says that it is ready once it listens."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        _say(self._settings)


async def _run(settings: Settings, *, empty: bool) -> None:
    listener = _bind(settings)
    platform = Platform.open(settings)
    site: Site | None = None
    try:
        await platform.start()
        if settings.sandbox and not empty and needs_seed(platform):
            print("Filling the sandbox …", flush=True)  # noqa: T201
            await seed(platform)
        site = build_site(platform)
        config = uvicorn.Config(
            site,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=2048,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=settings.drain_seconds,
        )
        await _Server(config, settings).serve(sockets=[listener])
    finally:
        log.info("stopping")
        await platform.stop()
        if site is not None:
            site.close()
        listener.close()


def serve(settings: Settings, *, empty: bool = False) -> None:
    """Run until told to stop; what was accepted is finished first.

    Args:
        empty: start without the sandbox's marketplace, merchants and buyers.

    Raises:
        StoreError: it cannot start; the message says why in one sentence.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    run: Any = asyncio.run
    try:
        import uvloop

        run = uvloop.run
    except ImportError:  # Only on systems that uvloop does not know.
        log.warning("uvloop_missing")
    run(_run(settings, empty=empty))
