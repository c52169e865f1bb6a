"""`tallystick risk blacklist …`: a member's side of the shared blacklist.

The API key is read from a file, so that it is in no list of processes and no history of a shell.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import time
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from tallystick.decoding import decode_json
from tallystick.risk.blacklist.asking import ListClient
from tallystick.risk.blacklist.checking import NotWitnessedError, compare_notes
from tallystick.risk.blacklist.errors import ListError
from tallystick.risk.blacklist.protocol.identifiers import (
    IdentifierError,
    IdentifierKind,
    input_of,
)
from tallystick.risk.blacklist.protocol.listed import (
    Finding,
    ListedSet,
    PrivateSetError,
    pad_key_of,
)
from tallystick.risk.blacklist.reasons import DAY_MS, REASONS, reason_numbered
from tallystick.risk.blacklist.witnessing import Watching, run_witness
from tallystick.transparency.notes import NoteError, NoteKey, NoteSigner
from tallystick.transparency.witness import Evidence, Witness, check_evidence

__all__ = ["blacklist"]

blacklist = App(name="blacklist", help="The shared blacklist: ask without saying whom, publish.")

Json = Annotated[bool, Parameter(name="--json", negative=())]
_SEED_BYTES: Final = 32


def _client(url: str, key_file: Path, log_key: str = "") -> ListClient:
    return ListClient(url.rstrip("/"), key_file.read_text("utf-8").strip(), log_key)


def _set_of(path: Path | None) -> ListedSet | None:
    if path is None:
        return None
    try:
        return ListedSet.open(path)
    except PrivateSetError as error:
        raise ListError(f"{path}: {error}.") from error


def _told(place: int, finding: Finding) -> dict[str, object]:
    reason = reason_numbered(finding.reason)
    return {
        "line": place, "severity": finding.severity,
        "reason": reason.code if reason is not None else finding.reason,
        "disputed": finding.disputed,
    }  # fmt: skip


@blacklist.command
def ask(
    file: Path,
    *,
    url: str,
    key_file: Path,
    kind: IdentifierKind = IdentifierKind.PHONE,
    copy: Path | None = None,
    log_key: str = "",
    prove: Annotated[bool, Parameter(negative=())] = False,
    witness: tuple[str, ...] = (),
    as_json: Json = False,
) -> int:
    """Ask about identifiers, one a line; hits are told by their line. The exit code is 1 for any.

    A hit that is not what the log says ends it with a sentence and exit code 2.

    Args:
        file: the identifiers.
        url: the address of the list's keeper.
        key_file: a file with the member's API key.
        kind: what the identifiers are.
        copy: a copy of the set (`pull`); without one, each identifier's bucket is asked for.
        log_key: the log's key as it was given out.
        prove: see that each hit is in the log; the keeper learns which of its tags were hit.
        witness: the key of a witness that must vouch for it, too; may be given many times.
        as_json: one JSON object a hit.
    """
    lines = file.read_text("utf-8").splitlines()
    texts = [(place, line.strip()) for place, line in enumerate(lines, 1) if line.strip()]
    _check(kind, texts)
    trusted = [_key(text) for text in witness]
    with _client(url, key_file, log_key) as client:
        outputs = client.outputs([input_of(kind, text) for _, text in texts])
        hits = []
        for (place, _), output, finding in zip(
            texts, outputs, client.look_up(outputs, _set_of(copy)), strict=True
        ):
            if finding is not None:
                hits.append(_told(place, finding))
                if prove or trusted:
                    hits[-1] |= _proof(client, finding, output, trusted)
    for hit in hits:
        print(json.dumps(hit) if as_json else _said(hit))
    if not as_json:
        print(f"{len(hits)} of {len(texts)} are listed.")
    return int(bool(hits))


def _proof(
    client: ListClient, finding: Finding, output: bytes, trusted: list[NoteKey]
) -> dict[str, object]:
    try:
        proof = client.prove(finding, pad_key_of(output), trusted, len(trusted))
    except NotWitnessedError as error:
        return {"proved": False, "why": f"{error}"}
    return {"proved": True, "members": proof.members, "log_size": proof.size,
            "witnesses": proof.witnesses}  # fmt: skip


def _said(hit: dict[str, Any]) -> str:
    plain = f"line {hit['line']}: {hit['reason']}, severity {hit['severity']}"
    plain += ", disputed" if hit["disputed"] else ""
    if "proved" not in hit:
        return plain
    if not hit["proved"]:
        return f"{plain}; not proved yet: {hit['why']}"
    vouched = f", vouched for by {', '.join(hit['witnesses'])}" if hit["witnesses"] else ""
    said_by = ", ".join(hit["members"])
    return f"{plain}; said by {said_by}, in the log of {hit['log_size']} leaves{vouched}"


def _key(text: str) -> NoteKey:
    try:
        return NoteKey.read(text)
    except NoteError as error:
        raise ListError(f"The key: {error}.") from error


def _check(kind: IdentifierKind, texts: list[tuple[int, str]]) -> None:
    from tallystick.risk.blacklist.protocol.identifiers import normal_form

    for place, text in texts:
        try:
            normal_form(kind, text)
        except IdentifierError as error:
            raise ListError(f"Line {place}: {error}.") from error


@blacklist.command
def pull(file: Path, *, url: str, key_file: Path, log_key: str = "") -> None:
    """Copy the set into a file and verify it; `ask --copy` then tells nobody which bucket.

    Args:
        file: where to.
        url: the address of the list's keeper.
        key_file: a file with the member's API key.
        log_key: the log's key as it was given out.
    """
    with _client(url, key_file, log_key) as client:
        print(f"{client.pull(file)} tags.")


@blacklist.command
def audit(
    file: Path, *, url: str, key_file: Path, log_key: str = "", witness: tuple[str, ...] = ()
) -> int:
    """Whether a copy of the set is what the log's leaves come to. 1 when it is not.

    Args:
        file: the copy (`pull`).
        url: the address of the list's keeper.
        key_file: a file with an API key that has `blacklist:audit`.
        log_key: the log's key as it was given out.
        witness: the key of a witness that must vouch for the log; may be given many times.
    """
    content = _set_of(file)
    assert content is not None
    trusted = [_key(text) for text in witness]
    with _client(url, key_file, log_key) as client:
        found = client.audit(content, trusted, len(trusted))
    for sentence in found.wrong:
        print(sentence)
    fine = "fit the log" if not found.wrong else "do not fit the log"
    print(f"{found.tags} tags {fine} of {found.leaves} leaves.")
    return int(bool(found.wrong))


@blacklist.command(name="compare-notes")
def compare_note_files(first: Path, second: Path, *, log_key: str) -> int:
    """Whether two members were given different sets of one version; nobody need be asked.

    1 when they were, which the two notes prove to anybody.

    Args:
        first: what the list signed of a copy: `FILE.note` beside it.
        second: the same of another member's copy.
        log_key: the log's key as it was given out.
    """
    found = compare_notes(first.read_text("utf-8"), second.read_text("utf-8"), _key(log_key))
    print(found or "The notes fit each other.")
    return int(bool(found))


@blacklist.command
def publish(
    kind: IdentifierKind,
    identifier_file: Path,
    *,
    reason: str,
    severity: int,
    evidence: Path,
    days: int,
    url: str,
    key_file: Path,
) -> None:
    """List whoever has an identifier; the identifier itself is not sent.

    Args:
        kind: what the identifier is.
        identifier_file: a file with the identifier.
        reason: a code of the closed list (`reasons`).
        severity: 1 notice, 2 serious, 3 grave.
        evidence: the papers; only their SHA-256 is sent.
        days: how long the entry stands.
        url: the address of the list's keeper.
        key_file: a file with the member's API key.
    """
    text = identifier_file.read_text("utf-8").strip()
    _check(kind, [(1, text)])
    with _client(url, key_file) as client:
        done = client.publish(
            kind, text, reason=reason, severity=severity, evidence=evidence.read_bytes(),
            until_ms=time.time_ns() // 1_000_000 + days * DAY_MS,
        )  # fmt: skip
    print(f"Entry {done['entry_id']}, leaf {done['leaf']}; {done['quota']} queries left.")


@blacklist.command
def reasons() -> None:
    """The closed list of reasons, each with its lawful basis and its limits."""
    for reason in REASONS.values():
        limits = f"severity to {reason.severity_max}, {reason.days_max} days at most"
        print(f"{reason.code:<15} {reason.english} ({limits})\n{'':<15} {reason.basis}")


@blacklist.command
def head(*, url: str, key_file: Path, log_key: str = "") -> None:
    """The log's signed head with its witnesses' signatures.

    Args:
        url: the address of the list's keeper.
        key_file: a file with the member's API key.
        log_key: the log's key as it was given out.
    """
    with _client(url, key_file, log_key) as client:
        print(client.head(), end="")


def _seed(path: Path) -> bytes:
    """The witness's secret; made, readable by its owner alone, when it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(secrets.token_hex(_SEED_BYTES) + "\n", "utf-8")
    try:
        seed = bytes.fromhex(path.read_text("utf-8").strip())
    except ValueError as error:
        raise ListError(f"{path}: this is no key.") from error
    if len(seed) != _SEED_BYTES:
        raise ListError(f"{path}: this is no key.")
    return seed


@blacklist.command(name="witness-key")
def witness_key(name: str, *, seed: Path) -> None:
    """The public key of a witness, which the keeper must know; a secret is made when none is there.

    Args:
        name: the witness's name, such as `bank.example`.
        seed: the file of its secret.
    """
    print(NoteSigner(name, _seed(seed), witness=True).key.text)


@blacklist.command
def witness(
    name: str,
    *,
    seed: Path,
    data: Path,
    url: str,
    key_file: Path,
    log_key: str,
    listen: int = 0,
    peer: tuple[str, ...] = (),
    interval: float = 60.0,
    rounds: int = 0,
) -> int:
    """Follow the log, cosign its heads, and compare them with other witnesses'. 1 for a lie.

    Args:
        name: the witness's name.
        seed: the file of its secret.
        data: a folder for what it has seen, and the evidence.
        url: the address of the list's keeper.
        key_file: a file with the member's API key.
        log_key: the log's key as it was given out.
        listen: a port of this machine on which others ask for its head; 0 for none.
        peer: the address of another witness; may be given many times.
        interval: seconds between rounds.
        rounds: how many; 0 for until it is stopped.
    """
    try:
        made = Witness(NoteKey.read(log_key), NoteSigner(name, _seed(seed), witness=True), data)
    except NoteError as error:
        raise ListError(f"{error}.") from error
    listener = socket.create_server(("127.0.0.1", listen)) if listen else None
    with _client(url, key_file, log_key) as client:
        watching = Watching(client, made, [p.rstrip("/") for p in peer], data)
        lie = asyncio.run(run_witness(watching, made, listener, interval_s=interval, rounds=rounds))
    if lie is None:
        return 0
    print(f"{check_evidence(lie, made.log)} Evidence: {data / 'evidence.json'}")
    return 1


@blacklist.command(name="check-evidence")
def check_evidence_file(file: Path, *, log_key: str = "") -> int:
    """Whether a file proves that a log lied; nobody need be asked. 1 when it does.

    Args:
        file: the evidence.
        log_key: the log's key as it was given out; else the one in the file.
    """
    try:
        evidence = decode_json(file.read_bytes(), Evidence)
        print(check_evidence(evidence, NoteKey.read(log_key) if log_key else None))
    except (NoteError, msgspec.MsgspecError) as error:
        raise ListError(f"{file} proves nothing: {error}.") from error
    return 1
