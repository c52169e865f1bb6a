"""Signed notes and checkpoints of logs, as C2SP specifies them (signed-note, tlog-checkpoint,
tlog-cosignature).

A note is a text, an empty line, and signatures, each with the name of a key. A checkpoint is a
note that says how large a log is and which root it has. A cosignature says besides when its
witness saw the checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tallystick.transparency.merkle import HASH_BYTES

__all__ = [
    "Checkpoint", "Note", "NoteError", "NoteKey", "NoteSigner", "cosign", "open_checkpoint",
    "read_note", "write_note",
]  # fmt: skip

_ED25519: Final = b"\x01"
_COSIGNATURE: Final = b"\x04"
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,128}")
_NOTE_MAX: Final = 65_536
_SIGNATURES_MAX: Final = 64
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_KEY_BYTES: Final = 32
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """A note, a key or a checkpoint that is not of its form, or is not signed by its key."""


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"{what} is not base64") from error


def _key_id(name: str, kind: bytes, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:_ID_BYTES]


class NoteKey(NamedTuple):
    """The public key of a log or a witness; written `name+id+base64`."""

    name: str
    public: bytes
    kind: bytes = _ED25519

    @property
    def key_id(self) -> bytes:
        """The four bytes that mark its signatures."""
        return _key_id(self.name, self.kind, self.public)

    @property
    def text(self) -> str:
        """The key as it is given to others."""
        contents = base64.b64encode(self.kind + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{contents}"

    @classmethod
    def read(cls, text: str) -> NoteKey:
        """A key from its text.

        Raises:
            NoteError: it is none.
        """
        name, mark, rest = text.strip().partition("+")
        key_id, mark_2, contents = rest.partition("+")
        if not (mark and mark_2 and _NAME.fullmatch(name)):
            raise NoteError("a key is written name+id+base64")
        data = _decoded(contents, "the key")
        key = cls(name, data[1:], data[:1])
        if len(key.public) != _KEY_BYTES or key.kind not in (_ED25519, _COSIGNATURE):
            raise NoteError("this is no Ed25519 key")
        if key.key_id.hex() != key_id:
            raise NoteError("the key's id is not of this key")
        return key

    def signed(self, note: Note) -> int | None:
        """When it signed a note, seconds since 1970 (0 for one that tells no time), or None."""
        for name, signature in note.signatures:
            if name != self.name or not hmac.compare_digest(signature[:_ID_BYTES], self.key_id):
                continue
            at_s = self._verified(note.text, signature[_ID_BYTES:])
            if at_s is not None:
                return at_s
        return None

    def _verified(self, text: str, signature: bytes) -> int | None:
        at_s, message = 0, text.encode()
        if self.kind == _COSIGNATURE:
            at_s, signature = (
                int.from_bytes(signature[:_TIME_BYTES], "big"),
                signature[_TIME_BYTES:],
            )
            message = _cosigned(text, at_s)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return None
        return at_s


def _cosigned(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


class NoteSigner:
    """A private key with its name.

    Args:
        seed: 32 bytes.
        witness: whether it cosigns others' checkpoints, with the time.
    """

    def __init__(self, name: str, seed: bytes, *, witness: bool = False) -> None:
        if not _NAME.fullmatch(name):
            raise NoteError(f"{name!r} is no name for a key")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self.key = NoteKey(name, public, _COSIGNATURE if witness else _ED25519)

    def signature(self, text: str, at_s: int = 0) -> tuple[str, bytes]:
        """The signature of a text as a note holds it."""
        if self.key.kind == _COSIGNATURE:
            signed = self._private.sign(_cosigned(text, at_s))
            return self.key.name, self.key.key_id + at_s.to_bytes(_TIME_BYTES, "big") + signed
        return self.key.name, self.key.key_id + self._private.sign(text.encode())


class Note(NamedTuple):
    """A text, which ends with a line feed, and its signatures (name; key id and signature)."""

    text: str
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def whole(self) -> str:
        """The note as it is written."""
        return self.text + "\n" + "".join(
            f"— {name} {base64.b64encode(signature).decode()}\n"
            for name, signature in self.signatures
        )  # fmt: skip


def write_note(text: str, *signatures: tuple[str, bytes]) -> str:
    """A note as text."""
    assert text.endswith("\n"), text
    return Note(text, signatures).whole


def read_note(whole: str) -> Note:
    """A note from its text; nothing is verified yet.

    Raises:
        NoteError: it is no note.
    """
    if len(whole) > _NOTE_MAX:
        raise NoteError("the note is too long")
    text, mark, rest = whole.rpartition("\n\n")
    lines = rest.removesuffix("\n").split("\n")
    if not mark or not rest.endswith("\n") or len(lines) > _SIGNATURES_MAX:
        raise NoteError("a note is a text, an empty line and signatures")
    signatures = []
    for line in lines:
        dash, _, signed = line.partition(" ")
        name, _, contents = signed.partition(" ")
        if dash != "—" or not _NAME.fullmatch(name):
            raise NoteError("a signature is a dash, a name and base64")
        signatures.append((name, _decoded(contents, "a signature")))
    return Note(text + "\n", tuple(signatures))


class Checkpoint(NamedTuple):
    """How large a log is, and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def of(cls, note: Note) -> Checkpoint:
        """What a note says; its signatures are another matter.

        Raises:
            NoteError: it is no checkpoint.
        """
        lines = note.text.split("\n")
        if len(lines) < 4 or not _SIZE.fullmatch(lines[1]):
            raise NoteError("a checkpoint has an origin, a size and a root")
        root = _decoded(lines[2], "the root")
        if len(root) != HASH_BYTES:
            raise NoteError("a root has 32 bytes")
        return cls(lines[0], int(lines[1]), root)


def open_checkpoint(whole: str, log: NoteKey) -> Checkpoint:
    """The checkpoint of a note that the log's key has signed.

    Raises:
        NoteError: it is no checkpoint, of another log, or not signed by that key.
    """
    note = read_note(whole)
    if log.signed(note) is None:
        raise NoteError(f"the checkpoint is not signed by {log.name}")
    checkpoint = Checkpoint.of(note)
    if checkpoint.origin != log.name:
        raise NoteError("the checkpoint is of another log")
    return checkpoint


def cosign(whole: str, witness: NoteSigner, at_s: int) -> str:
    """The note with a witness's signature beside those that it has."""
    note = read_note(whole)
    others = tuple(s for s in note.signatures if s[0] != witness.key.name)
    return Note(note.text, (*others, witness.signature(note.text, at_s))).whole
