"""Signed notes: the form of C2SP, and what is not signed is not believed."""

from __future__ import annotations

import pytest

from tallystick.transparency.merkle import EMPTY_ROOT, leaf_hash
from tallystick.transparency.notes import (
    Checkpoint,
    NoteError,
    NoteKey,
    NoteSigner,
    cosign,
    open_checkpoint,
    read_note,
    write_note,
)

LOG = NoteSigner("list.example/one", bytes(32))
WITNESS = NoteSigner("bank.example", bytes(range(32)), witness=True)

# The example of the specification of signed notes (golang.org/x/mod/sumdb/note).
PETER = NoteKey.read("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
PETER_SAYS = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"  # noqa: E501
)


def signed(size: int = 1, root: bytes = EMPTY_ROOT) -> str:
    checkpoint = Checkpoint("list.example/one", size, root)
    return write_note(checkpoint.text, LOG.signature(checkpoint.text))


def test_a_note_that_others_have_signed_is_verified() -> None:
    assert PETER.signed(read_note(PETER_SAYS)) == 0
    assert PETER.signed(read_note(PETER_SAYS.replace("your", "my", 1))) is None
    assert read_note(PETER_SAYS).whole == PETER_SAYS


def test_a_checkpoint_is_believed_when_its_log_has_signed_it() -> None:
    root = leaf_hash(b"x")
    assert open_checkpoint(signed(7, root), LOG.key) == Checkpoint("list.example/one", 7, root)
    with pytest.raises(NoteError):
        open_checkpoint(signed(7, root).replace("\n7\n", "\n8\n"), LOG.key)
    with pytest.raises(NoteError):
        open_checkpoint(signed(), NoteSigner("list.example/one", bytes([1] * 32)).key)


def test_a_witness_signs_with_the_time_and_beside_the_log() -> None:
    whole = cosign(cosign(signed(), WITNESS, 100), WITNESS, 1_795_000_000)
    assert len(read_note(whole).signatures) == 2
    assert WITNESS.key.signed(read_note(whole)) == 1_795_000_000
    assert open_checkpoint(whole, LOG.key).size == 1
    assert NoteKey.read(WITNESS.key.text) == WITNESS.key


@pytest.mark.parametrize(
    "text",
    ["", "name", "name+00000000+AAAA", "na me+c74f20a3+AA==", PETER.text.replace("c7", "c8"),
     "n+00000000+!"],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        NoteKey.read(text)


@pytest.mark.parametrize(
    "whole",
    ["", "text\n", "text\n\n", "text\n\nname AAAA\n", "text\n\n— name !\n", "a\n\n— n AA==",
     "x" * 70_000],
)  # fmt: skip
def test_what_is_no_note_is_refused(whole: str) -> None:
    with pytest.raises(NoteError):
        read_note(whole)


@pytest.mark.parametrize("body", ["o\n", "o\n-1\nAA==\n", "o\n01\nAA==\n", "o\n1\nAA==\n"])
def test_what_is_no_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.of(read_note(write_note(body, LOG.signature(body))))
