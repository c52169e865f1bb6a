"""A member's side of the list, over the REST API: copy the set, ask, publish, follow the log.

What is asked leaves this side blinded only, and every answer is verified before it is believed.
"""

from __future__ import annotations

import base64
import hashlib
import math
import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx2

from tallystick.risk.blacklist.checking import (
    AuditedSet,
    HitProof,
    SetNote,
    ShownLeaf,
    audit_set,
    check_hit,
    set_note,
    vouched_head,
)
from tallystick.risk.blacklist.errors import ListError
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind, input_of
from tallystick.risk.blacklist.protocol.listed import (
    Finding,
    ListedSet,
    PrivateSetError,
    key_of_tag,
    pad_key_of,
    tag_of,
)
from tallystick.risk.blacklist.protocol.oprf import (
    BATCH_MAX,
    Asker,
    Blinded,
    Evaluation,
    ProofError,
)
from tallystick.transparency.notes import NoteError, NoteKey, open_checkpoint

__all__ = ["ListClient", "evaluated"]

_BASE: Final = "/v1/risk/blacklist"
_TIMEOUT_S: Final = 60
_BITS_LAST_S: Final = 300
_ROW_BYTES: Final = 16
_HASHES_AT_ONCE: Final = 1000
_LEAVES_AT_ONCE: Final = 1000


def evaluated(asker: Asker, asked: Sequence[Blinded], elements: Sequence[str], proof: str) -> Any:
    """The outputs of an answer in hex.

    Raises:
        ListError: it was not made with the announced key, or is none.
    """
    try:
        evaluation = Evaluation(tuple(map(bytes.fromhex, elements)), bytes.fromhex(proof))
        return asker.finish(asked, evaluation)
    except (ProofError, ValueError) as error:
        raise ListError(f"The list's answer is not to be believed: {error}.") from error


class ListClient:
    """One member with its API key.

    Args:
        base: the keeper's address, such as `https://list.example`.
        log_key: the log's key as it was given out; else what the keeper says it is.

    Attributes:
        bytes_carried: of the bodies that were sent and received.
    """

    def __init__(self, base: str, key: str, log_key: str = "") -> None:
        self._http = httpx2.Client(
            base_url=base, timeout=_TIMEOUT_S, headers={"authorization": f"Bearer {key}"}
        )
        self._log_key = log_key
        self._info: dict[str, Any] | None = None
        self._asker: Asker | None = None
        self.bytes_carried = 0
        self._bits, self._bits_at_s = 0, -math.inf

    def __enter__(self) -> ListClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _answer(self, response: httpx2.Response) -> Any:
        self.bytes_carried += len(response.request.content) + len(response.content)
        try:
            told = response.json()
        except ValueError as error:
            raise ListError(f"The list answered {response.status_code} without JSON.") from error
        if response.status_code >= 400:
            detail = told.get("detail") or told.get("title") or ""
            raise ListError(f"{told.get('code', response.status_code)}: {detail}")
        return told

    def _look(self, path: str, **query: str | int) -> Any:
        try:
            return self._answer(self._http.get(f"{_BASE}{path}", params=query))
        except httpx2.HTTPError as error:
            raise ListError(f"The list cannot be reached: {error}.") from error

    def _question(self, path: str, body: dict[str, Any]) -> Any:
        try:
            return self._answer(self._http.post(f"{_BASE}{path}", json=body))
        except httpx2.HTTPError as error:
            raise ListError(f"The list cannot be reached: {error}.") from error

    def change(self, path: str, body: dict[str, Any], request_id: str = "") -> Any:
        """Have something done, once for each request id."""
        headers = {"idempotency-key": request_id or secrets.token_hex(16)}
        try:
            return self._answer(self._http.post(f"{_BASE}{path}", json=body, headers=headers))
        except httpx2.HTTPError as error:
            raise ListError(f"The list cannot be reached: {error}.") from error

    @property
    def info(self) -> dict[str, Any]:
        """The list's keys and reasons."""
        if self._info is None:
            self._info = self._look("")
        return self._info

    @property
    def log(self) -> NoteKey:
        """The log's key (ListError when it is none)."""
        try:
            return NoteKey.read(self._log_key or str(self.info["log_key"]))
        except NoteError as error:
            raise ListError(f"The log's key: {error}.") from error

    # The log.

    def head(self) -> str:
        """The log's head, signed by the log (ListError when it is not)."""
        head = str(self._look("/log/head")["checkpoint"])
        try:
            open_checkpoint(head, self.log)
        except NoteError as error:
            raise ListError(f"The list's head: {error}.") from error
        return head

    def heads(self) -> list[str]:
        """The newest head, and the one that each witness signed last; nothing is verified yet."""
        told = self._look("/log/head")
        signed = [str(witness["checkpoint"]) for witness in told["witnesses"]]
        return [str(told["checkpoint"]), *(note for note in signed if note)]

    def leaves(self, begin: int, end: int) -> Iterator[bytes]:
        """Leaves as they were written; fewer when the log does not give them."""
        while begin < end:
            limit = min(_LEAVES_AT_ONCE, end - begin)
            found = self._look("/log/leaves", begin=begin, limit=limit)["leaves"]
            yield from (text.encode() for text in found)
            if not found:
                return
            begin += len(found)

    def hashes(self, begin: int, end: int) -> Iterator[bytes]:
        """Hashes of leaves; fewer when the log does not give them."""
        while begin < end:
            last = min(end, begin + _HASHES_AT_ONCE)
            found = self._look("/log/hashes", begin=begin, end=last)["hashes"]
            yield from map(bytes.fromhex, found)
            if len(found) < last - begin:
                return
            begin = last

    # The set.

    def pull(self, path: Path) -> int:
        """Copy the set into a file and verify its digest; how many tags it has.

        Beside it, in `FILE.note`, stands what the list has signed of it.
        """
        first = self._look("/set", limit=1)
        version, count = int(first["version"]), int(first["count"])
        columns = bytearray(), bytearray(), bytearray()
        begin = 0
        while begin < count:
            page = self._look("/set", version=version, begin=begin)
            rows = base64.b64decode(page["rows"])
            size = len(rows) // _ROW_BYTES
            if not size or len(rows) % _ROW_BYTES:
                raise ListError("The list gave no rows of its set.")
            for column, at, width in zip(columns, (0, 8, 12), (8, 4, 4), strict=True):
                column += rows[at * size : (at + width) * size]
            begin += size
        head = ListedSet.empty()._replace(version=version).to_bytes()[:16]
        data = head + count.to_bytes(8, "little") + b"".join(columns)
        self._verify_set(first["signed"], version, data)
        written = path.with_suffix(path.suffix + ".new")
        written.write_bytes(data)
        written.replace(path)
        path.with_suffix(path.suffix + ".note").write_text(first["signed"], "utf-8")
        return count

    def audit(
        self, content: ListedSet, witnesses: Sequence[NoteKey] = (), least: int = 0
    ) -> AuditedSet:
        """Make a copy of the set out of the log's leaves again; takes `blacklist:audit`.

        Raises:
            ListError: the list did not answer, or not as it must.
            NotWitnessedError: too few witnesses vouch for a head of the set's size.
        """
        head, _ = vouched_head(self.heads(), self.log, witnesses, least)
        return audit_set(self.leaves(0, head.size), head, content)

    def _verify_set(self, signed: str, version: int, data: bytes) -> None:
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        if set_note(signed, self.log) != SetNote(version, digest):
            raise ListError("The set is not the one that the list has signed.")

    # Asking.

    @property
    def asker(self) -> Asker:
        """Who blinds and verifies, with the list's announced key."""
        if self._asker is None:
            self._asker = Asker(bytes.fromhex(self.info["public_key"]))
        return self._asker

    def outputs(self, inputs: Sequence[bytes], threads: int = 2) -> list[bytes]:
        """The function's outputs of inputs, a thousand a request, in their order."""
        cuts = [inputs[at : at + BATCH_MAX] for at in range(0, len(inputs), BATCH_MAX)]
        assert self.asker is not None
        if len(cuts) == 1:
            return self._outputs(cuts[0])
        with ThreadPoolExecutor(threads) as pool:
            return [output for part in pool.map(self._outputs, cuts) for output in part]

    def _outputs(self, inputs: Sequence[bytes]) -> list[bytes]:
        asked = [self.asker.blind(data) for data in inputs]
        body = {"elements": [each.element.hex() for each in asked]}
        told = self.change("/evaluations", body)
        found: list[bytes] = evaluated(self.asker, asked, told["elements"], told["proof"])
        return found

    def ask(
        self, kind: IdentifierKind, texts: Sequence[str], content: ListedSet | None = None
    ) -> list[Finding | None]:
        """What is said of identifiers, in their order.

        Args:
            content: a copy of the set; without one, each identifier's bucket is asked for.

        Raises:
            IdentifierError: one cannot be an identifier of its kind.
            ListError: the list did not answer, or not as it must.
        """
        return self.look_up(self.outputs([input_of(kind, text) for text in texts]), content)

    def look_up(
        self, outputs: Sequence[bytes], content: ListedSet | None = None
    ) -> list[Finding | None]:
        """What is said of the identifiers with these outputs, in their order."""
        if content is not None:
            found = content.find_many(list(outputs))
            return [found.get(at) for at in range(len(outputs))]
        bits = self._bucket_bits() if outputs else 0
        return [self._in_bucket(output, bits) for output in outputs]

    def _bucket_bits(self) -> int:
        """How many leading bits name a bucket; asked for again after some minutes.

        Buckets of a list that has grown since are larger than they need be, which harms nobody.
        """
        now_s = time.monotonic()
        if now_s - self._bits_at_s > _BITS_LAST_S:
            self._bits, self._bits_at_s = int(self._look("")["bits"]), now_s
        return self._bits

    def _in_bucket(self, output: bytes, bits: int) -> Finding | None:
        prefix = key_of_tag(tag_of(pad_key_of(output))) >> (64 - bits) if bits else 0
        rows = base64.b64decode(self._look(f"/set/buckets/{bits}/{prefix}")["rows"])
        head = ListedSet.empty().to_bytes()[:16]
        try:
            content = ListedSet.from_bytes(
                head + (len(rows) // _ROW_BYTES).to_bytes(8, "little") + rows
            )
        except PrivateSetError as error:
            raise ListError(f"The list's bucket: {error}.") from error
        return content.find(output)

    def prove(
        self, finding: Finding, pad_key: bytes, witnesses: Sequence[NoteKey] = (), least: int = 0
    ) -> HitProof:
        """See that a hit is what the log says; the keeper learns which tag was hit.

        Args:
            witnesses: the keys of those that the member trusts; `least` of them must vouch.

        Raises:
            NotWitnessedError: too few witnesses have seen it yet.
            ListError: it is not what the log says.
        """
        told = self._question("/details", {"pad_key": pad_key.hex()})
        shown = [ShownLeaf(int(x["seq"]), str(x["contents"]).encode()) for x in told["leaves"]]
        head, names = vouched_head(self.heads(), self.log, witnesses, least)
        return check_hit(finding, pad_key, shown, head, names, self._path)

    def _path(self, leaf: int, size: int) -> list[bytes]:
        told = self._look("/log/inclusion", leaf=leaf, size=size)
        return [bytes.fromhex(each) for each in told["proof"]]

    def publish(
        self, kind: IdentifierKind, text: str, *, reason: str, severity: int, evidence: bytes,
        until_ms: int,
    ) -> dict[str, Any]:  # fmt: skip
        """List somebody: the identifier is blinded, and only its pad key is sent."""
        (output,) = self.outputs([input_of(kind, text)])
        told: dict[str, Any] = self.change(
            "/entries",
            {
                "kind": kind.value, "pad_key": pad_key_of(output).hex(), "reason": reason,
                "severity": severity, "evidence": hashlib.sha256(evidence).hexdigest(),
                "until_ms": until_ms,
            },
        )  # fmt: skip
        return told
