"""A witness as a process: it follows the list, cosigns, tells others its head and asks for theirs.

It stops when the list has lied, with the evidence in a file.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import uvicorn

from tallystick.decoding import decode_json
from tallystick.risk.blacklist.asking import ListClient
from tallystick.risk.blacklist.errors import ListError
from tallystick.transparency.notes import NoteError
from tallystick.transparency.witness import Evidence, LieFound, Witness

__all__ = ["Watching", "run_witness"]

_PEER_TIMEOUT_S: Final = 10
_ANSWER_MAX: Final = 100_000


def _door(witness: Witness) -> Any:
    """The one page that others ask for: the latest head that this witness believed."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        found = scope["method"] == "GET" and scope["path"] == "/head"
        body = msgspec.json.encode(witness.told()) if found else b"{}"
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200 if found else 404,
                    "headers": headers})  # fmt: skip
        await send({"type": "http.response.body", "body": body})

    return app


class Watching:
    """Rounds of a witness: the list's head, then the heads of others.

    Args:
        told: what is said of each round, for whoever looks.
    """

    def __init__(
        self, client: ListClient, witness: Witness, peers: Sequence[str], folder: Path
    ) -> None:
        self._client, self._witness, self._peers = client, witness, peers
        self._folder = folder

    def round(self) -> list[str]:
        """One round; what went wrong in it, as sentences.

        Raises:
            LieFound: the list has lied; the evidence is in the folder.
        """
        wrong = []
        try:
            self._see(self._client.head(), cosigning=True)
        except (ListError, NoteError) as error:
            wrong.append(f"The list: {error}")
        for peer in self._peers:
            try:
                self._see(self._head_of(peer), cosigning=False)
            except (ListError, NoteError) as error:
                wrong.append(f"{peer}: {error}")
        return wrong

    def _see(self, head: str, *, cosigning: bool) -> None:
        if not head:
            return
        try:
            signed = self._witness.see(head, self._client.hashes, int(time.time()))
        except LieFound as lie:
            self._keep(lie.evidence)
            raise
        if signed and cosigning:
            self._client.change("/log/cosignatures", {"checkpoint": signed})

    def _head_of(self, peer: str) -> str:
        try:
            answer = httpx2.get(f"{peer}/head", timeout=_PEER_TIMEOUT_S)
            told = decode_json(answer.content[:_ANSWER_MAX])
            return str(told["head"])
        except (httpx2.HTTPError, msgspec.DecodeError, LookupError, TypeError) as error:
            raise ListError(f"gives no head ({type(error).__name__})") from error

    def _keep(self, evidence: Evidence) -> None:
        (self._folder / "evidence.json").write_bytes(msgspec.json.encode(evidence))


async def _watch(
    watching: Watching, server: uvicorn.Server | None, interval_s: float, rounds: int
) -> None:
    done = 0
    while not (server is not None and server.should_exit):
        for sentence in await asyncio.to_thread(watching.round):
            print(sentence, flush=True)
        done += 1
        if rounds and done >= rounds:
            return
        await asyncio.sleep(interval_s)


async def run_witness(
    watching: Watching, witness: Witness, listener: socket.socket | None, *, interval_s: float,
    rounds: int,
) -> Evidence | None:  # fmt: skip
    """Watch until somebody stops it, the rounds are over (0: never), or the list has lied."""
    server = None
    if listener is not None:
        config = uvicorn.Config(_door(witness), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener])) if server and listener else None
    try:
        await _watch(watching, server, interval_s, rounds)
    except LieFound as lie:
        return lie.evidence
    finally:
        if server is not None and serving is not None:
            server.should_exit = True
            await serving
    return None
