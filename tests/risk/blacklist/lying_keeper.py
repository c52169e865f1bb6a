"""`python lying_keeper.py PORT KEY_SEED`: a keeper that may show each caller another history.

It speaks the log's part of the REST API. What it shows whom is told to it: POST /histories with
{"bearer": [leaves…]}; a caller is known by its API key.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tallystick.transparency.merkle import MerkleTree, leaf_hash
from tallystick.transparency.notes import Checkpoint, NoteSigner, write_note

ORIGIN = "list.example"


class Keeper(BaseHTTPRequestHandler):
    """One request."""

    signer: NoteSigner
    histories: dict[str, list[str]]
    cosigned: list[str]

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def _tree(self) -> MerkleTree:
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        return MerkleTree(leaf_hash(text.encode()) for text in self.histories.get(key, []))

    def _answer(self, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """The head, hashes of leaves, and what was cosigned."""
        asked, tree = urlsplit(self.path), self._tree()
        if asked.path.endswith("/log/head"):
            text = Checkpoint(ORIGIN, tree.size, tree.root()).text
            self._answer({"checkpoint": write_note(text, self.signer.signature(text))})
        elif asked.path.endswith("/log/hashes"):
            query = parse_qs(asked.query)
            begin, end = int(query["begin"][0]), min(tree.size, int(query["end"][0]))
            self._answer({"hashes": [tree.leaf(at).hex() for at in range(begin, end)]})
        else:
            self._answer({"cosigned": self.cosigned})

    def do_POST(self) -> None:
        """Other histories, or a cosignature."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/histories":
            self.histories.update(body)
        else:
            self.cosigned.append(body["checkpoint"])
        self._answer({})


if __name__ == "__main__":
    Keeper.signer = NoteSigner(ORIGIN, bytes.fromhex(sys.argv[2]))
    Keeper.histories, Keeper.cosigned = {}, []
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Keeper).serve_forever()
