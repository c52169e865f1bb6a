"""Witnesses: what fits is believed, and what does not is evidence that convinces a stranger."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from tallystick.decoding import decode_json
from tallystick.transparency.merkle import MerkleTree, leaf_hash
from tallystick.transparency.notes import (
    Checkpoint,
    NoteError,
    NoteSigner,
    read_note,
    write_note,
)
from tallystick.transparency.witness import (
    Evidence,
    FetchHashes,
    LieFound,
    Witness,
    check_evidence,
)

LOG = NoteSigner("list.example", bytes(32))
SIGNER = NoteSigner("bank.example", bytes([7] * 32), witness=True)


def tree_of(texts: Iterable[str]) -> MerkleTree:
    return MerkleTree(leaf_hash(text.encode()) for text in texts)


def head_of(tree: MerkleTree, size: int, signer: NoteSigner = LOG) -> str:
    text = Checkpoint("list.example", size, tree.root(size)).text
    return write_note(text, signer.signature(text))


def giving(tree: MerkleTree) -> FetchHashes:
    return lambda begin, end: [tree.leaf(at) for at in range(begin, min(end, tree.size))]


HONEST = tree_of("abcdefghijkl")
REWRITTEN = tree_of("abXdefghijklm")


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """One that has believed five leaves."""
    made = Witness(LOG.key, SIGNER, tmp_path / "w")
    made.see(head_of(HONEST, 5), giving(HONEST), 1)
    return made


def test_it_cosigns_what_continues_and_remembers_it_over_a_restart(
    witness: Witness, tmp_path: Path
) -> None:
    signed = witness.see(head_of(HONEST, 12), giving(HONEST), 99)
    assert SIGNER.key.signed(read_note(signed)) == 99
    again = Witness(LOG.key, SIGNER, tmp_path / "w")
    assert (again.size, again.tree.root()) == (12, HONEST.root())
    assert again.see(head_of(HONEST, 3), giving(HONEST), 100) == ""


@pytest.mark.parametrize(
    ("tree", "size"), [(REWRITTEN, 3), (REWRITTEN, 5), (REWRITTEN, 9), (REWRITTEN, 13)]
)
def test_a_head_that_contradicts_is_evidence_for_a_stranger(
    witness: Witness, tree: MerkleTree, size: int
) -> None:
    with pytest.raises(LieFound) as raised:
        witness.see(head_of(tree, size), giving(tree), 2)
    written = msgspec.json.encode(raised.value.evidence)
    evidence = decode_json(written, Evidence)
    assert check_evidence(evidence, LOG.key).startswith("list.example signed ")
    assert witness.size == 5


def test_leaves_that_are_not_given_are_a_failure_and_no_lie(witness: Witness) -> None:
    with pytest.raises(NoteError, match="does not give"):
        witness.see(head_of(REWRITTEN, 9), giving(HONEST), 2)
    forged = head_of(REWRITTEN, 9, NoteSigner("list.example", bytes([1] * 32)))
    with pytest.raises(NoteError, match="not signed"):
        witness.see(forged, giving(REWRITTEN), 2)


def test_nobody_is_accused_with_heads_that_fit_or_that_others_signed(witness: Witness) -> None:
    with pytest.raises(LieFound) as raised:
        witness.see(head_of(REWRITTEN, 9), giving(REWRITTEN), 2)
    true = raised.value.evidence
    stranger = NoteSigner("list.example", bytes([1] * 32))
    replaced = msgspec.structs.replace
    for forged in (
        replaced(true, smaller=true.larger),
        replaced(true, smaller=head_of(HONEST, 5, stranger)),
        replaced(true, smaller=head_of(REWRITTEN, 5)),
        replaced(true, proof=true.proof[:-1]),
        replaced(true, root="00" * 32),
        replaced(true, root="x"),
        replaced(true, larger=""),
    ):
        with pytest.raises(NoteError):
            check_evidence(forged, LOG.key)
