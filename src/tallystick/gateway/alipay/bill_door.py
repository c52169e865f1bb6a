"""The door behind a bill's link: the zip, read on a worker thread and sent in pieces."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from tallystick.gateway.alipay import v3
from tallystick.gateway.alipay.asgi import Receive, Response, Scope, Send
from tallystick.gateway.alipay.faults import Fault, fault_of
from tallystick.gateway.alipay.form import read_parameters
from tallystick.payments.bills import bill_file_name, bill_stream, verify_link
from tallystick.pipeline.refusals import REFUSALS, Refused
from tallystick.platform import Platform
from tallystick.store.ledger_rows import SqlLedgerReader

__all__ = ["BillDoor"]

_PIECE_BYTES: Final = 1 << 16
_JSON: Final = "application/json;charset=utf-8"


class _Pieces:
    """A bill, read on worker threads piece by piece.

    A stop of the server leaves a thread behind that still reads. A connection that is closed
    under such a reader ends the process, so `close` waits for it and nobody reads after that.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._lock = threading.Lock()

    def next(self) -> bytes:
        """About 64 KiB; empty at the end."""
        gathered, size = [], 0
        with self._lock:
            for piece in self._pieces:
                gathered.append(piece)
                size += len(piece)
                if size >= _PIECE_BYTES:
                    break
        return b"".join(gathered)

    def close(self) -> None:
        """Have nothing be read any more."""
        with self._lock:
            self._pieces = iter(())


class BillDoor:
    """Serves the links that `alipay.data.dataservice.bill.downloadurl.query` gives."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One download; a link that is changed or over is refused as JSON."""
        if scope["method"] != "GET":
            await Response(405, headers=(("allow", "GET"),)).send(send)
            return
        now_ms = self._platform.clock_ms()
        found = read_parameters(scope["query_string"])
        given = {} if isinstance(found, Fault) else found
        query = {name.decode("latin-1"): value.decode("latin-1") for name, value in given.items()}
        try:
            order = verify_link(self._platform.sealer, query, now_ms)
            with self._platform.reader() as rows:
                name = bill_file_name(rows, order.app_id, order.bill_date)
                ledger = SqlLedgerReader(rows.connection)
                stream = bill_stream(
                    rows, ledger, order.app_id, order.bill_type, order.bill_date, now_ms=now_ms
                )
                with closing(_Pieces(stream)) as pieces:
                    await self._send(send, name, pieces)
        except Refused as refused:
            kind = REFUSALS[refused.refusal.code]
            body = v3.error_body(fault_of(refused.refusal))
            await Response(kind.http_status, body, _JSON).send(send)

    @staticmethod
    async def _send(send: Send, name: str, pieces: _Pieces) -> None:
        first = await asyncio.to_thread(pieces.next)
        headers = [
            (b"content-type", b"application/zip"),
            (b"content-disposition", f'attachment; filename="{name}"'.encode("ascii")),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        piece = first
        while piece:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await asyncio.to_thread(pieces.next)
        await send({"type": "http.response.body", "body": b""})
