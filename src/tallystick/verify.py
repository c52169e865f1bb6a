"""Checking proofs of the ledger, by whoever has the platform's public key and nothing else.

This file needs Python and the package `cryptography`, and no other part of Tallystick: copy it
away and run `python verify.py PROOF --key KEY`. What it checks is written in docs/proofs.md:

* an entry is in the books: its hash, and a path of hashes to the root of a Merkle tree over all
  entries (RFC 6962, section 2.1), whose head is signed;
* a later head continues an earlier one: nothing was changed or taken away between them;
* a statement: every line is in the books, and the lines add up from opening to closing balance;
* which keys followed which: each says so of the next, and the next of it, and from where on.

A head is a signed note in the form of C2SP's tlog-checkpoint: https://c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = [
    "CONSISTENCY", "INCLUSION", "KEYS", "STATEMENT", "DoesNotHold", "Head", "PublicKey",
    "Succession", "Unreadable", "check", "head_text", "main", "read_head", "read_key",
    "read_succession", "record_of", "succession_text", "verify", "verify_note",
]  # fmt: skip

INCLUSION = "tallystick.inclusion/1"
CONSISTENCY = "tallystick.consistency/1"
STATEMENT = "tallystick.statement/1"
KEYS = "tallystick.keys/1"

_ED25519 = b"\x01"
_HASH_BYTES = 32
_SIGNATURE_BYTES = 64
_DASH = "— "
_DIGITS = re.compile(r"0|[1-9][0-9]{0,38}")
_HASH = re.compile(r"[0-9a-f]{64}")
_MOVES_NOTHING = 2 | 8  # A hold, and a hold that is let go.

# Fields of an entry in the order of its record, with their widths in bytes.
_FIELDS = (
    ("id", 16), ("debit_account_id", 16), ("credit_account_id", 16), ("pending_id", 16),
    ("user_data_128", 16), ("amount", 8), ("user_data_64", 8), ("timestamp", 8), ("ledger", 4),
    ("user_data_32", 4), ("timeout", 4), ("code", 2), ("flags", 2),
)  # fmt: skip


class DoesNotHold(Exception):
    """What was to be proved is not.

    Args:
        what: `entry`, `path`, `signature`, `key`, `size`, `head`, `order`, `line` or `balance`.
        sentence: why, for a person.
    """

    def __init__(self, what: str, sentence: str) -> None:
        super().__init__(f"{what}: {sentence}")
        self.what = what


class Unreadable(ValueError):
    """A document that is none; the message is one sentence."""


# Hashes.


def _leaf_hash(record: bytes) -> bytes:
    """The hash of an entry's 120 bytes (RFC 6962: SHA-256 after a byte 0)."""
    return hashlib.sha256(b"\x00" + record).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees (RFC 6962: SHA-256 after a byte 1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf at a place and its path lead to (RFC 9162, section 2.1.3.2).

    Returns:
        None when a path of this length belongs to no such place.
    """
    at, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = _node_hash(sibling, root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = _node_hash(root, sibling)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def _roots_of_consistency(
    first: int, second: int, first_root: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """The roots of both trees as a consistency path has them (RFC 9162, section 2.1.4.2).

    Args:
        first, second: their sizes, `0 < first < second`.

    Returns:
        None when a path of this length belongs to no such sizes.
    """
    hashes = list(path)
    if first & (first - 1) == 0:
        hashes.insert(0, first_root)
    if not hashes:
        return None
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            old, new = _node_hash(sibling, old), _node_hash(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = _node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    return (old, new) if last == 0 else None


# Keys and heads.


class PublicKey(NamedTuple):
    """Who signs heads: a name, four bytes that tell it from others, and an Ed25519 key."""

    name: str
    hash: bytes
    raw: bytes


class Head(NamedTuple):
    """What a signed head says.

    Args:
        origin: which log it is of.
        size: how many entries are in the tree.
        root: the hash of the tree.
        journal: the journal's last batch, and its hash; the chain of batches ends there.
        time_ms: when it was made, milliseconds since 1970.
    """

    origin: str
    size: int
    root: bytes
    journal: int
    journal_hash: bytes
    time_ms: int


def _key_hash(name: str, raw: bytes) -> bytes:
    """The four bytes that a signature line begins with."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:4]


def _base64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"The {what} is not base64.") from error
    if base64.b64encode(data).decode() != text:
        raise Unreadable(f"The {what} is not base64 as it was written.")
    return data


def read_key(text: str) -> PublicKey:
    """A public key from its text.

    Raises:
        Unreadable: it is none.
    """
    name, _, rest = text.strip().partition("+")
    digest, _, encoded = rest.partition("+")
    data = _base64(encoded, "public key")
    if not name or data[:1] != _ED25519 or len(data) != 1 + _HASH_BYTES:
        raise Unreadable("The public key is not the text of an Ed25519 key.")
    key = PublicKey(name, _key_hash(name, data[1:]), data[1:])
    if digest != key.hash.hex():
        raise Unreadable("The public key's text was changed: its parts do not belong together.")
    return key


def head_text(head: Head) -> str:
    """The text of a head, which is what is signed."""
    return "".join(
        f"{line}\n"
        for line in (
            head.origin,
            head.size,
            base64.b64encode(head.root).decode(),
            f"journal {head.journal} {base64.b64encode(head.journal_hash).decode()}",
            f"time {head.time_ms}",
        )
    )


def _whole(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise Unreadable(f"The {what} is not a whole number.")
    return int(text)


def read_head(text: str) -> Head:
    """What a head's text says, signed or not.

    Raises:
        Unreadable: it is no head of a ledger.
    """
    lines = text.split("\n\n", 1)[0].split("\n")
    if len(lines) < 5 or not lines[0]:
        raise Unreadable("The head does not have the lines of a head.")
    journal, time = lines[3].split(" "), lines[4].split(" ")
    if len(journal) != 3 or journal[0] != "journal" or len(time) != 2 or time[0] != "time":
        raise Unreadable("The head does not have the lines of a head.")
    root, chain = _base64(lines[2], "head's root"), _base64(journal[2], "head's batch hash")
    if len(root) != _HASH_BYTES or len(chain) != _HASH_BYTES:
        raise Unreadable("A hash of the head is not 32 bytes.")
    return Head(
        lines[0], _whole(lines[1], "head's size"), root, _whole(journal[1], "head's batch"),
        chain, _whole(time[1], "head's time"),
    )  # fmt: skip


def verify_note(note: str, key: PublicKey) -> str:
    """The text of a signed note; other signatures, of witnesses say, are not looked at.

    Raises:
        Unreadable: it is no signed note.
        DoesNotHold: this key did not sign it.
    """
    at = note.rfind("\n\n")
    if at < 0 or not note.endswith("\n"):
        raise Unreadable("The head is not a signed note.")
    text = note[: at + 1]
    for line in note[at + 2 :].splitlines():
        name, _, encoded = line.removeprefix(_DASH).rpartition(" ")
        if not line.startswith(_DASH) or not name:
            raise Unreadable("A signature line of the head cannot be read.")
        data = _base64(encoded, "head's signature")
        if name == key.name and data[:4] == key.hash:
            _require_signature(text, data[4:], key)
            return text
    raise DoesNotHold("signature", f"{key.name} has not signed this head with this key.")


def _require_signature(text: str, signature: bytes, key: PublicKey) -> None:
    try:
        if len(signature) != _SIGNATURE_BYTES:
            raise InvalidSignature
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, text.encode())
    except InvalidSignature as error:
        raise DoesNotHold("signature", "The head was changed after it was signed.") from error


def key_text(key: PublicKey) -> str:
    """A key as it is handed to others."""
    return f"{key.name}+{key.hash.hex()}+{base64.b64encode(_ED25519 + key.raw).decode()}"


class Succession(NamedTuple):
    """That a key follows another.

    Args:
        after: the journal's last batch under a head of the old key; the new one signs later ones.
    """

    old: PublicKey
    new: PublicKey
    after: int
    time_ms: int


def succession_text(succession: Succession) -> str:
    """The text that both keys sign; its second line is no number, so it is never a head."""
    old, new, after, time_ms = succession
    return (
        f"{old.name}\nsuccession\nfrom {key_text(old)}\nto {key_text(new)}\n"
        f"after {after}\ntime {time_ms}\n"
    )


def read_succession(note: object) -> Succession:
    """What a statement about keys says, when both have signed it.

    Raises:
        Unreadable: it is no such statement.
        DoesNotHold: one of them has not.
    """
    if not isinstance(note, str):
        raise Unreadable("A statement about keys is not text.")
    lines = note.split("\n\n", 1)[0].split("\n")
    marks = [line.partition(" ")[0] for line in lines[1:]]
    if marks != ["succession", "from", "to", "after", "time"]:
        raise Unreadable("A statement about keys does not have the lines of one.")
    old, new, after, time_ms = (line.partition(" ")[2] for line in lines[2:])
    read = Succession(
        read_key(old), read_key(new), _whole(after, "batch of the keys"), _whole(time_ms, "time")
    )
    for key in (read.old, read.new):
        if verify_note(note, key) != succession_text(read):
            raise Unreadable("A statement about keys does not have the lines of one.")
    return read


class _Signer(NamedTuple):
    """A key with the journal's batches under whose heads it may stand: `after < batch <= until`."""

    key: PublicKey
    after: int
    until: int


_NO_END = 2**63 - 1


def _signers(document: Mapping[str, Any], key: PublicKey) -> list[_Signer]:
    """The keys that may sign, the given one being one of them, the oldest first."""
    notes = document.get("successions", [])
    if not isinstance(notes, list):
        raise Unreadable("The statements about keys are not a list.")
    found = [read_succession(note) for note in notes]
    if not found:
        return [_Signer(key, -1, _NO_END)]
    keys = [found[0].old, *(one.new for one in found)]
    ends = [-1, *(one.after for one in found), _NO_END]
    if [one.old for one in found] != keys[:-1] or ends != sorted(ends):
        raise DoesNotHold("key", "The statements about keys do not follow each other.")
    if key not in keys:
        raise DoesNotHold("key", f"{key_text(key)} is none of the keys that follow each other.")
    return [_Signer(*one) for one in zip(keys, ends, ends[1:], strict=False)]


def _signed_head(document: Mapping[str, Any], part: str, key: PublicKey) -> Head:
    note = document.get(part)
    if not isinstance(note, str):
        raise Unreadable("The document has no head.")
    signers = _signers(document, key)
    signed = [one for one in signers if _has_signature(note, one.key)]
    signer = signed[0] if signed else signers[-1]
    head = read_head(verify_note(note, signer.key))
    if head.origin != key.name:
        raise DoesNotHold("head", f"It is a head of {head.origin}, not of {key.name}.")
    if not signer.after < head.journal <= signer.until:
        raise DoesNotHold("key", "The head was signed by a key that was not the ledger's then.")
    return head


def _has_signature(note: str, key: PublicKey) -> bool:
    """Whether a line claims to be this key's signature."""
    mark = base64.b64encode(key.hash).decode()[:5]
    return any(line.startswith(f"{_DASH}{key.name} {mark}") for line in note.splitlines())


# Entries.


def _number(entry: Mapping[str, Any], name: str, size: int) -> int:
    value = entry.get(name, 0)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 0 <= value < 1 << (8 * size):
        raise Unreadable(f"The entry's {name} is not a whole number of {size} bytes.")
    return value


def record_of(entry: object) -> bytes:
    """The 120 bytes that stand for an entry in the journal, from its fields.

    Raises:
        Unreadable: a field that is unknown, or not a number of its width.
    """
    if not isinstance(entry, Mapping):
        raise Unreadable("The entry is not an object.")
    if unknown := sorted(set(entry) - {name for name, _ in _FIELDS}):
        raise Unreadable(f"The entry has an unknown field, {unknown[0]}.")
    return b"".join(_number(entry, name, size).to_bytes(size, "big") for name, size in _FIELDS)


def _hashes(document: Mapping[str, Any], name: str) -> list[bytes]:
    texts = document.get(name)
    if not isinstance(texts, list):
        raise Unreadable(f"The {name} is not a list.")
    return [_hash(text, f"hash of the {name}") for text in texts]


def _hash(text: object, what: str) -> bytes:
    if not isinstance(text, str) or _HASH.fullmatch(text) is None:
        raise Unreadable(f"A {what} is not 64 hexadecimal digits, in small letters.")
    return bytes.fromhex(text)


def _index(document: Mapping[str, Any]) -> int:
    index = document.get("index")
    if type(index) is not int or index < 0:
        raise Unreadable("The index is not a whole number.")
    return index


def _require_included(
    record: bytes, document: Mapping[str, Any], head: Head, where: str = ""
) -> None:
    """See that a record is a leaf of the head's tree at the document's index."""
    index, path = _index(document), _hashes(document, "path")
    leaf = _leaf_hash(record)
    if leaf != _hash(document.get("leaf_hash"), "leaf hash"):
        raise DoesNotHold("entry", f"{where}The entry is not the one that the proof was made for.")
    if index >= head.size:
        raise DoesNotHold("size", f"{where}The head has {head.size} entries, not one at {index}.")
    if _root_of_path(leaf, index, head.size, path) != head.root:
        raise DoesNotHold(
            "path", f"{where}The path does not lead from the entry at {index} to the head's root."
        )


# The documents.


def verify_inclusion(document: Mapping[str, Any], key: PublicKey, entry: object = None) -> str:
    """Check that an entry is in the books.

    Args:
        entry: its fields, when they are not taken from the document.

    Raises:
        Unreadable, DoesNotHold
    """
    head = _signed_head(document, "head", key)
    record = record_of(document.get("entry") if entry is None else entry)
    if entry is not None and "entry" in document and record_of(document["entry"]) != record:
        raise DoesNotHold("entry", "The entry that was given is not the one in the proof.")
    _require_included(record, document, head)
    return f"The entry is number {_index(document)} of the {head.size} of {head.origin}."


def verify_consistency(document: Mapping[str, Any], key: PublicKey) -> str:
    """Check that the second head continues the first.

    Raises:
        Unreadable, DoesNotHold
    """
    first = _signed_head(document, "first", key)
    second = _signed_head(document, "second", key)
    path = _hashes(document, "path")
    if first.size > second.size:
        raise DoesNotHold("size", "The second head has fewer entries than the first.")
    if first.size in (0, second.size):
        if path:
            raise DoesNotHold("path", "There is a path where none is needed.")
        if first.size and first.root != second.root:
            raise DoesNotHold("head", "Two heads of the same size have different roots.")
    else:
        roots = _roots_of_consistency(first.size, second.size, first.root, path)
        if roots != (first.root, second.root):
            raise DoesNotHold("path", "The path does not lead from the first root to the second.")
    return f"The head of {second.size} entries continues that of {first.size}."


def _change(entry: Mapping[str, Any], account_id: int, side: str) -> int:
    """What an entry adds to the account's balance on its normal side."""
    if _number(entry, "flags", 2) & _MOVES_NOTHING:
        raise DoesNotHold("line", "An entry of the statement moves nothing.")
    debit, credit = (_number(entry, f"{of}_account_id", 16) for of in ("debit", "credit"))
    if account_id not in (debit, credit):
        raise DoesNotHold("line", "An entry of the statement is not of its account.")
    amount = _number(entry, "amount", 8)
    return amount if (credit == account_id) is (side == "credit") else -amount


def _signed_number(value: object, what: str) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value.removeprefix("-")):
        return int(value)
    raise Unreadable(f"The {what} is not a whole number in text.")


def verify_statement(document: Mapping[str, Any], key: PublicKey) -> str:
    """Check that a statement's lines are in the books and add up.

    That no line was left out, and that the opening balance is right, the lines alone cannot
    prove; the same holder's statement of the time before has the opening as its closing.

    Raises:
        Unreadable, DoesNotHold
    """
    head = _signed_head(document, "head", key)
    account, lines = document.get("account"), document.get("lines")
    if not isinstance(account, Mapping) or not isinstance(lines, list):
        raise Unreadable("The statement has no account or no lines.")
    if account.get("side") not in ("debit", "credit"):
        raise Unreadable("The account's side is not debit or credit.")
    account_id = _number(account, "id", 16)
    balance = _signed_number(document.get("opening"), "opening balance")
    last = -1
    for number, line in enumerate(lines, start=1):
        if not isinstance(line, Mapping):
            raise Unreadable(f"Line {number} is not an object.")
        _require_included(record_of(line.get("entry")), line, head, f"Line {number}: ")
        if _index(line) <= last:
            raise DoesNotHold("order", f"Line {number} is not after the line before it.")
        last = _index(line)
        change = _change(line["entry"], account_id, account["side"])
        if change != _signed_number(line.get("change"), f"change of line {number}"):
            raise DoesNotHold("line", f"Line {number} is not what its entry moves.")
        if _number(line["entry"], "ledger", 4) != _number(account, "ledger", 4):
            raise DoesNotHold("line", f"Line {number} is of another ledger than its account.")
        balance += change
        if balance != _signed_number(line.get("balance"), f"balance of line {number}"):
            raise DoesNotHold("balance", f"Line {number} does not add up.")
        _require_in_period(document, line["entry"], number)
    if balance != _signed_number(document.get("closing"), "closing balance"):
        raise DoesNotHold("balance", "The lines do not add up to the closing balance.")
    return (
        f"All {len(lines)} lines are among the {head.size} entries of {head.origin}; they add up."
    )


def verify_keys(document: Mapping[str, Any], key: PublicKey) -> str:
    """Check which keys followed which, from or to the one that is known.

    Raises:
        Unreadable, DoesNotHold
    """
    if "successions" not in document:
        raise Unreadable("The document has no statements about keys.")
    signers = _signers(document, key)
    return f"{len(signers)} keys follow each other; the newest is {key_text(signers[-1].key)}"


def _require_in_period(document: Mapping[str, Any], entry: Mapping[str, Any], line: int) -> None:
    at_ms = _number(entry, "timestamp", 8) // 1_000_000
    first, before = document.get("from_ms"), document.get("before_ms")
    if type(first) is not int or type(before) is not int:
        raise Unreadable("The statement's period is not two whole numbers.")
    if not first <= at_ms < before:
        raise DoesNotHold("line", f"Line {line} is not of the statement's period.")


def verify(document: object, key: PublicKey, entry: object = None) -> str:
    """Check a proof of any kind; gives a sentence about what holds.

    Raises:
        Unreadable: it is no proof.
        DoesNotHold: what was to be proved is not; `what` names the part at fault.
    """
    kinds: dict[str, Callable[[Mapping[str, Any]], str]] = {
        INCLUSION: lambda d: verify_inclusion(d, key, entry),
        CONSISTENCY: lambda d: verify_consistency(d, key),
        STATEMENT: lambda d: verify_statement(d, key),
        KEYS: lambda d: verify_keys(d, key),
    }
    if isinstance(document, Mapping) and "kind" not in document:
        document = document.get("statement")  # As the REST API gives it, with its next page.
    kind = document.get("kind") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(kind, str) or kind not in kinds:
        raise Unreadable(f"It is none of {', '.join(kinds)}.")
    return kinds[kind](document)


# The command.


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from error


def _read_json(path: str) -> Any:
    try:
        return json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"{path} is not JSON.") from error


def _key(text: str) -> PublicKey:
    """A key from its text, or from a file that has it."""
    if "+" in text and not Path(text).exists():
        return read_key(text)
    return read_key(_read(text))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verify", description="Check a proof of a Tallystick ledger, without the ledger.",
        epilog="Exit code 0: it holds. 1: it does not. 2: something cannot be read.",
    )  # fmt: skip
    parser.add_argument("proof", help="a proof or a statement with proofs, JSON; - for input")
    parser.add_argument("--key", required=True, help="the public key's text, or a file with it")
    parser.add_argument("--entry", help="the entry, JSON, when it is not taken from the proof")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    return parser


def check(proof: str, key: str, entry: str | None = None, *, as_json: bool = False) -> int:
    """Check a file and say what came of it.

    Args:
        proof, entry: files, - for standard input.
        key: a key's text, or a file with it.

    Returns:
        The exit code: 0 it holds, 1 it does not, 2 something cannot be read.
    """
    code, what = 0, None
    try:
        given = _read_json(entry) if entry else None
        sentence = verify(_read_json(proof), _key(key), given)
    except DoesNotHold as error:
        code, what, sentence = 1, error.what, str(error)
    except Unreadable as error:
        code, what, sentence = 2, "unreadable", str(error)
    found = {"holds": code == 0, "fault": what, "sentence": sentence}
    out = sys.stderr if code and not as_json else sys.stdout
    print(json.dumps(found) if as_json else sentence, file=out)
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives the exit code."""
    asked = _parser().parse_args(arguments)
    return check(asked.proof, asked.key, asked.entry, as_json=asked.json)


if __name__ == "__main__":
    raise SystemExit(main())
