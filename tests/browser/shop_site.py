"""A shop's own site: a form that leads to the cashier, where buyers return, what it is told."""

from __future__ import annotations

import threading
import time
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

__all__ = ["ShopSite"]

_PAGE = '<!doctype html><html lang="en"><title>{title}</title><link rel="icon" href="data:,">{body}'


class ShopSite:
    """Serves on a port of its own; remembers what came."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.basket = ""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = site.basket if self.path == "/basket" else "<h1>Thank you</h1>"
                self._answer("text/html; charset=utf-8", _PAGE.format(title="Shop", body=body))

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["content-length"])).decode()
                site.told.append(dict(parse_qsl(form)))
                self._answer("text/plain", "success")

            def _answer(self, media_type: str, body: str) -> None:
                self.send_response(200)
                self.send_header("content-type", media_type)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self.notify_url = f"{self.base}/notify"
        self.return_url = f"{self.base}/thanks?cart=7"

    def offer(self, action: str, fields: dict[str, str]) -> str:
        """Show a basket whose button posts a signed order; gives the page's address."""
        inputs = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in fields.items()
        )
        self.basket = (
            f'<form method="post" action="{escape(action)}" accept-charset="utf-8">{inputs}'
            "<button>To the cashier</button></form>"
        )
        return f"{self.base}/basket"

    def wait_told(self, count: int, **wanted: str) -> list[dict[str, str]]:
        """What the shop was told with these fields, once there is enough of it."""
        deadline = time.monotonic() + 120
        while True:
            found = [f for f in list(self.told) if wanted.items() <= f.items()]
            if len(found) >= count or time.monotonic() > deadline:
                assert len(found) >= count, (wanted, self.told)
                return found
            time.sleep(0.02)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
