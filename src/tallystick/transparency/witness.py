"""A witness of a log: it follows the heads that it is shown, and keeps what proves a lie.

It mirrors the hashes of the log's leaves, so it can tell the root of every size that it has seen.
Two signed heads that do not fit each other are evidence for anybody: of one size, the two heads
themselves; of two sizes, the heads, the root that the larger one has at the smaller size, and the
consistency proof of that root.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.transparency.merkle import (
    MerkleTree,
    consistency_proof,
    verify_consistency,
)
from tallystick.transparency.notes import (
    Checkpoint,
    NoteError,
    NoteKey,
    NoteSigner,
    cosign,
    open_checkpoint,
)

__all__ = ["Evidence", "FetchHashes", "LieFound", "Witness", "check_evidence"]

FetchHashes = Callable[[int, int], Iterable[bytes]]
"""Gives the hashes of leaves, from one to before another."""

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_PROOF_MAX: Final = 128


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two heads that the log has signed and that cannot both be true.

    `root` is what the larger log has at the smaller one's size, `proof` shows it; both are empty
    for two heads of one size. Hashes are hex.
    """

    log: str
    smaller: str
    larger: str
    root: str = ""
    proof: tuple[str, ...] = ()


class LieFound(Exception):
    """A log has signed what cannot both be true."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__("The log has signed two heads that do not fit each other.")
        self.evidence = evidence


def check_evidence(evidence: Evidence, log: NoteKey | None = None) -> str:
    """What evidence proves, as a sentence; nobody else need be asked.

    Args:
        log: the key that the log is known by; else the one in the evidence, whose holder then is
            all that is proved to have lied.

    Raises:
        NoteError: it proves nothing.
    """
    key = log or NoteKey.read(evidence.log)
    smaller, larger = (open_checkpoint(t, key) for t in (evidence.smaller, evidence.larger))
    if smaller.size == larger.size:
        if smaller.root == larger.root:
            raise NoteError("the two heads are the same")
        return f"{key.name} signed two different logs of {smaller.size} leaves."
    if not all(_HEX.fullmatch(text) for text in (evidence.root, *evidence.proof)):
        raise NoteError("hashes are 64 hex digits")
    root, proof = bytes.fromhex(evidence.root), [bytes.fromhex(text) for text in evidence.proof]
    if len(proof) > _PROOF_MAX or not verify_consistency(
        smaller.size, root, larger.size, larger.root, proof
    ):
        raise NoteError("the proof does not hold")
    if root == smaller.root:
        raise NoteError("the two heads fit each other")
    return (
        f"{key.name} signed a log of {larger.size} leaves that does not begin with the "
        f"{smaller.size} leaves that it had signed before."
    )


class Witness:
    """Follows one log; its state is the hashes of leaves and the latest head that it believed.

    Args:
        folder: where the state is kept.
    """

    def __init__(self, log: NoteKey, signer: NoteSigner, folder: Path) -> None:
        self.log, self.signer, self._folder = log, signer, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._leaves = folder / "leaves"
        self._head = folder / "head"
        data = self._leaves.read_bytes() if self._leaves.exists() else b""
        self.tree = MerkleTree(data[at : at + 32] for at in range(0, len(data) // 32 * 32, 32))
        self.head = self._head.read_text("utf-8") if self._head.exists() else ""

    @property
    def size(self) -> int:
        """The size of the latest head that it believed."""
        return open_checkpoint(self.head, self.log).size if self.head else 0

    def see(self, head: str, fetch: FetchHashes, at_s: int) -> str:
        """Look at a head; the head with the witness's signature, when it continues the last one.

        Raises:
            NoteError: it is not signed by the log, or the log does not give the leaves that go
                with it. That is a failure, and no proof of a lie yet.
            LieFound: it contradicts a head that was believed before.
        """
        seen = open_checkpoint(head, self.log)
        known = self.size
        if seen.size <= known:
            self._compare_smaller(seen, head)
            return ""
        fresh = list(fetch(known, seen.size))
        grown = self.tree.copy()
        if len(fresh) == seen.size - known:
            grown.extend(fresh)
        if grown.size == seen.size and grown.root() == seen.root:
            self._believe(grown, head, known)
            return cosign(head, self.signer, at_s)
        self._compare_whole(seen, head, fetch)
        raise NoteError("the log does not give the leaves of its head")

    def _believe(self, tree: MerkleTree, head: str, known: int) -> None:
        with self._leaves.open("r+b" if self._leaves.exists() else "wb") as file:
            file.seek(32 * known)
            file.write(b"".join(tree.leaf(at) for at in range(known, tree.size)))
        written = self._head.with_suffix(".new")
        written.write_text(head, "utf-8")
        written.replace(self._head)
        self.tree, self.head = tree, head

    def _compare_smaller(self, seen: Checkpoint, head: str) -> None:
        """A head of a size that was passed: its root must be the one that was there."""
        if seen.size and self.tree.root(seen.size) != seen.root:
            raise LieFound(self._evidence(seen, head, self.tree, self.head))

    def _compare_whole(self, seen: Checkpoint, head: str, fetch: FetchHashes) -> None:
        """A larger head that does not continue ours: is it of a history that was rewritten?"""
        if not self.size:
            return
        other = MerkleTree(fetch(0, seen.size))
        if other.size == seen.size and other.root() == seen.root:
            believed = open_checkpoint(self.head, self.log)
            raise LieFound(self._evidence(believed, self.head, other, head))

    def _evidence(
        self, smaller: Checkpoint, smaller_head: str, tree: MerkleTree, larger_head: str
    ) -> Evidence:
        """The proof that a smaller head is not what the larger one's tree had at its size."""
        larger = open_checkpoint(larger_head, self.log)
        proof: list[bytes] = []
        if 0 < smaller.size < larger.size:
            proof = consistency_proof(smaller.size, larger.size, tree.subtree)
        root = tree.root(smaller.size) if smaller.size < larger.size else b""
        return Evidence(
            log=self.log.text, smaller=smaller_head, larger=larger_head, root=root.hex(),
            proof=tuple(each.hex() for each in proof),
        )  # fmt: skip

    def told(self) -> dict[str, Any]:
        """What it tells other witnesses: the latest head that it believed."""
        return {"log": self.log.name, "head": self.head, "witness": self.signer.key.text}
