"""The checker stands alone, and refuses by name whatever was tampered with."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.proofs.proved import THERE, Proved, proved

from tallystick import verify as checker
from tallystick.proofs import views
from tallystick.transparency.notes import NoteKey, NoteSigner
from tallystick.verify import DoesNotHold, PublicKey, Unreadable, read_key, verify, verify_note

Document = dict[str, Any]
Spoil = Callable[[Document], object]

# From the documentation of Go's golang.org/x/mod/sumdb/note.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
QUOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"  # noqa: E501
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proved]:
    with proved(tmp_path_factory.mktemp("proved")) as made:
        made.move(*range(10, 15))
        made.sign()
        made.move(*range(20, 33))
        made.sign()
        yield made


@pytest.fixture(scope="module")
def documents(parts: Proved) -> dict[str, Document]:
    """One proof of each kind."""
    period = {"from_ms": 0, "before_ms": parts.clock() + 1}
    return {
        "inclusion": views.inclusion_document(parts.rows, parts.tree, 22),
        "consistency": views.consistency_document(parts.rows, parts.tree, 5, None),
        "statement": views.statement_document(
            parts.rows, parts.tree, THERE, **period, limit=50
        ).document,
    }


def flipped(text: str, at: int = 0) -> str:
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


def put(*path: str | int, value: object) -> Spoil:
    """Set a member of a document."""

    def spoil(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        old = document[path[-1]]
        document[path[-1]] = value(old) if callable(value) else value

    return spoil


def resized(note: str) -> str:
    lines = note.split("\n")
    return "\n".join([lines[0], str(int(lines[1]) + 1), *lines[2:]])


def signed_by_another(note: str) -> str:
    text, _, signature = note.rpartition("\n\n")
    name = signature.split(" ")[1]
    signer = NoteSigner(name, bytes(32))
    own = checker.read_head(text)
    from tallystick.transparency.notes import write_note

    return write_note(checker.head_text(own), signer.signature(checker.head_text(own)))


def other_base64(note: str) -> str:
    """The same signature in base64 that differs in bits which mean nothing."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert note.endswith("=\n")
    last = digits[digits.index(note[-3]) ^ 1]
    return f"{note[:-3]}{last}=\n"


TAMPERED: list[tuple[str, str, Spoil]] = [
    ("inclusion", "entry", put("entry", "amount", value="6")),
    ("inclusion", "entry", put("entry", "credit_account_id", value="3")),
    ("inclusion", "entry", put("leaf_hash", value=flipped)),
    ("inclusion", "path", put("index", value=lambda i: i ^ 1)),
    ("inclusion", "path", put("path", 0, value=flipped)),
    ("inclusion", "path", put("path", value=lambda p: p[:-1])),
    ("inclusion", "path", put("path", value=lambda p: [*p, p[0]])),
    ("inclusion", "path", put("path", value=lambda p: p[::-1])),
    ("inclusion", "size", put("index", value=18)),
    ("inclusion", "signature", put("head", value=resized)),
    ("inclusion", "signature", put("head", value=lambda n: n.replace("time 1", "time 2"))),
    ("inclusion", "signature", put("head", value=signed_by_another)),
    ("consistency", "path", put("path", 0, value=flipped)),
    ("consistency", "path", put("path", value=lambda p: p[1:])),
    ("consistency", "path", put("path", value=lambda p: [*p, p[0]])),
    ("consistency", "signature", put("first", value=resized)),
    ("consistency", "size", lambda d: d.update(first=d["second"], second=d["first"])),
    ("statement", "entry", put("lines", 2, "entry", "amount", value="4")),
    ("statement", "balance", put("lines", 2, "balance", value="16")),
    ("statement", "balance", put("closing", value="91")),
    ("statement", "balance", put("opening", value="1")),
    ("statement", "balance", lambda d: d["lines"].pop()),
    ("statement", "order", lambda d: d["lines"].insert(0, d["lines"][0])),
    ("statement", "line", put("account", "id", value="77")),
    ("statement", "line", put("account", "side", value="debit")),
    ("statement", "line", put("account", "ledger", value="8")),
    ("statement", "line", put("lines", 2, "change", value="4")),
    ("statement", "line", put("before_ms", value=1)),
    ("statement", "path", put("lines", 1, "path", 0, value=flipped)),
    ("statement", "signature", put("head", value=resized)),
]


@pytest.mark.parametrize(("kind", "what", "spoil"), TAMPERED)
def test_what_was_tampered_with_is_named(
    parts: Proved, documents: dict[str, Document], kind: str, what: str, spoil: Spoil
) -> None:
    document = copy.deepcopy(documents[kind])
    assert verify(document, parts.key)
    spoil(document)
    with pytest.raises(DoesNotHold) as refused:
        verify(document, parts.key)
    assert refused.value.what == what, refused.value


UNREADABLE: list[tuple[str, Spoil]] = [
    ("inclusion", put("kind", value="tallystick.other/1")),
    ("inclusion", put("head", value="no note\n")),
    ("inclusion", put("head", value=None)),
    ("inclusion", put("head", value=lambda n: n.replace("— ", "- "))),
    ("inclusion", put("path", value="x")),
    ("inclusion", put("path", 0, value="xyz")),
    ("inclusion", put("index", value="0")),
    ("inclusion", put("index", value=-1)),
    ("inclusion", put("index", value=True)),
    ("inclusion", put("entry", value=[])),
    ("inclusion", put("entry", "amount", value="-5")),
    ("inclusion", put("entry", "amount", value=str(2**64))),
    ("inclusion", put("entry", "amount", value="5.0")),
    ("inclusion", put("entry", "amount", value=lambda a: f"0{a}")),
    ("inclusion", put("leaf_hash", value=str.upper)),
    ("inclusion", put("head", value=other_base64)),
    ("inclusion", lambda d: d["entry"].update(colour="red")),
    ("consistency", lambda d: d.pop("path")),
    ("statement", put("lines", value={})),
    ("statement", put("lines", 0, value=1)),
    ("statement", put("account", "side", value="left")),
    ("statement", put("closing", value=5)),
    ("statement", put("closing", value=lambda c: f"+{c}")),
    ("statement", put("lines", 0, "change", value=None)),
    ("statement", put("from_ms", value="0")),
]


@pytest.mark.parametrize(("kind", "spoil"), UNREADABLE)
def test_what_is_no_proof_is_said_to_be_none(
    parts: Proved, documents: dict[str, Document], kind: str, spoil: Spoil
) -> None:
    document = copy.deepcopy(documents[kind])
    spoil(document)
    with pytest.raises(Unreadable):
        verify(document, parts.key)


def test_a_statement_is_checked_as_the_rest_api_gives_it(
    parts: Proved, documents: dict[str, Document]
) -> None:
    given = {"statement": documents["statement"], "next_cursor": None}
    assert verify(given, parts.key) == verify(documents["statement"], parts.key)


@pytest.mark.parametrize("document", [None, [], "x", 5, {}, {"kind": []}, {"statement": {}}])
def test_other_json_is_no_proof(parts: Proved, document: object) -> None:
    with pytest.raises(Unreadable):
        verify(document, parts.key)


def test_an_entry_may_be_given_beside_the_proof(
    parts: Proved, documents: dict[str, Document]
) -> None:
    document = copy.deepcopy(documents["inclusion"])
    entry = document.pop("entry")
    assert verify(document, parts.key, entry)
    with pytest.raises(DoesNotHold, match="entry"):
        verify(document, parts.key, entry | {"amount": "9"})
    with pytest.raises(DoesNotHold, match="entry"):
        verify(documents["inclusion"], parts.key, entry | {"amount": "9"})


def test_another_ledgers_key_does_not_fit(documents: dict[str, Document]) -> None:
    other = NoteSigner("tallystick/ledger/00000000", bytes(range(32))).key
    with pytest.raises(DoesNotHold, match="signature"):
        verify(documents["inclusion"], read_key(other.text))


@pytest.mark.parametrize(
    "text", ["", "x", "a+b+c", NEUMANN.replace("c74f20a3", "c74f20a4"), NEUMANN[:-4]]
)
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_key(text)


def test_a_note_that_others_made_is_verified_and_a_changed_one_is_not() -> None:
    key = read_key(NEUMANN)
    assert NoteKey.read(NEUMANN).public == key.raw
    assert verify_note(QUOTE, key).startswith("If you think")
    with pytest.raises(DoesNotHold, match="signature"):
        verify_note(QUOTE.replace("your problem", "my problem", 1), key)


def test_signatures_of_witnesses_stand_beside_ours(
    parts: Proved, documents: dict[str, Document]
) -> None:
    from tallystick.transparency.notes import cosign

    document = copy.deepcopy(documents["inclusion"])
    witness = NoteSigner("witness.example", bytes(range(32)), witness=True)
    document["head"] = cosign(document["head"], witness, 1_800_000_000)
    assert verify(document, parts.key)


# Alone.

_ONLY = """
import sys, runpy
class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        allowed = sys.stdlib_module_names | {"cryptography", "_cffi_backend", "cffi"}
        if top not in allowed:
            raise ImportError(f"{name} is not for a checker")
sys.meta_path.insert(0, Only())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The file copied away, where nothing but Python and `cryptography` can be imported."""
    copied = shutil.copy(Path(checker.__file__), folder / "verify.py")
    command = [sys.executable, "-I", "-c", _ONLY, str(copied), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_file_alone_checks_and_its_exit_code_tells(
    parts: Proved, documents: dict[str, Document], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(NoteKey(parts.key.name, parts.key.raw).text + "\n")
    spoilt = copy.deepcopy(documents["inclusion"])
    spoilt["entry"]["amount"] = "6"
    for name, document in {**documents, "spoilt": spoilt}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    (tmp_path / "torn.json").write_text("{")
    for name, code in {**dict.fromkeys(documents, 0), "spoilt": 1, "torn": 2, "gone": 2}.items():
        done = alone(tmp_path, f"{name}.json", "--key", "key", "--json")
        assert done.returncode == code, done.stderr
        assert json.loads(done.stdout)["holds"] is (code == 0)
    told = alone(tmp_path, "spoilt.json", "--key", "key")
    assert told.stderr.startswith("entry: ")


def test_the_record_is_the_journals_own(parts: Proved, documents: dict[str, Document]) -> None:
    document = documents["inclusion"]
    row = parts.rows.connection.execute(
        "SELECT records FROM ledger_block WHERE first_entry <= ? ORDER BY first_entry DESC LIMIT 1",
        (document["index"],),
    ).fetchone()
    assert checker.record_of(document["entry"]) in bytes(row[0])


def test_a_key_is_as_its_text_says(parts: Proved) -> None:
    assert isinstance(parts.key, PublicKey)
    assert parts.key.hash == NoteKey(parts.key.name, parts.key.raw).key_id
