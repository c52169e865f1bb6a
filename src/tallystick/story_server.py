"""`python -m tallystick.story_server FOLDER --port N`: an attack's platform as a server.

It is a process with every door of the platform, on a port of this machine. What a story needs
besides stands before the doors: a request's `X-Story-Ms` is the moment at which it is made, its
`X-Story-Address` the network address from which it comes, and it is answered once the bank has
answered and the watch has looked. Nobody else is to reach such a server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

import msgspec
import uvicorn

from tallystick.observe.logs import configure_logs
from tallystick.one_write import OneWriteProtocol
from tallystick.partners.api_keys import new_secret, secret_digest
from tallystick.partners.model import CreateApiKey
from tallystick.payments.wallet.model import BankAnswered, BankOrder, BankOrderStatus
from tallystick.pipeline.commands import SYSTEM, Command, Reply, Request
from tallystick.sandbox.attack.access import ACCESS, ADDRESS_HEADER, MOMENT_HEADER, Access
from tallystick.sandbox.attack.world import World
from tallystick.site import Receive, Scope, Send, Site, build_site

__all__ = ["StoryDoor"]

_SCOPES: Final = (
    "payments:write wallet:write parties:write parties:codes apps:write risk:read risk:review "
    "ledger:read"
)
_MS: Final = MOMENT_HEADER.encode()
_ADDRESS: Final = ADDRESS_HEADER.encode()
_HOST: Final = "127.0.0.1"


class StoryDoor:
    """Before the platform's doors: the story's moment and place, and its bank and watch."""

    def __init__(self, site: Site, world: World) -> None:
        self._site, self._world = site, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; its answer leaves when all that it brings about is done."""
        for name, value in scope.get("headers", ()):
            if name == _MS and value.isdigit():
                self._world.now_ms = max(self._world.now_ms, int(value))
            elif name == _ADDRESS:
                scope["client"] = (value.decode("ascii", "replace"), 0)
        held: list[MutableMapping[str, Any]] = []

        async def hold(message: MutableMapping[str, Any]) -> None:
            held.append(message)

        await self._site(scope, receive, hold)
        await self._settle()
        for message in held:
            await send(message)

    async def _do(self, command: Command) -> None:
        request = Request.once(SYSTEM, command)
        await self._world.platform.executor.submit(request)

    async def _settle(self) -> None:
        platform = self._world.platform
        for order in platform.rows.select(BankOrder, status=BankOrderStatus.NEW):
            await self._do(BankAnswered(order_id=order.order_id, accepted=True,
                                        bank_reference=order.order_id[-8:]))  # fmt: skip
        if not self._world.guarded:
            return
        for found in await asyncio.to_thread(platform.anomaly.catch_up):
            await platform.executor.submit(found)


def _open_doors(world: World, folder: Path) -> None:
    """Give out a key of the REST API, and the gateway's public key."""
    secret = new_secret("attack")
    key = CreateApiKey(key_id="attack", name="Attack", scopes=_SCOPES,
                       secret_hash=secret_digest(secret.text))  # fmt: skip
    world.must(key, Reply)
    access = Access(api_key=secret.text, gateway_public=world.gateway_public)
    handle = os.open(folder / ACCESS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(access))


async def _serve(world: World, port: int) -> None:
    site = build_site(world.platform)
    config = uvicorn.Config(
        StoryDoor(site, world), host=_HOST, port=port, http=OneWriteProtocol, ws="none",
        lifespan="off", log_config=None, access_log=False,
    )  # fmt: skip
    await uvicorn.Server(config).serve()
    await site.close()


def main() -> None:
    """Serve until somebody stops it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app-key", required=True, help="the app's public key")
    parser.add_argument("--guarded", action="store_true")
    arguments = parser.parse_args()
    configure_logs("error", "console")
    folder: Path = arguments.folder
    world = World(folder / "data", guarded=arguments.guarded, app_key=arguments.app_key)
    try:
        _open_doors(world, folder)
        asyncio.run(_serve(world, arguments.port))
    finally:
        world.close()


if __name__ == "__main__":
    main()
