"""`tallystick ledger proof …`: heads and proofs at the command line, beside a running server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tallystick.accounting.files import wide_number
from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.offline import carry_out, offline
from tallystick.money.china_time import parse_china_time
from tallystick.proofs import views
from tallystick.proofs.keys import new_key as fresh_key
from tallystick.proofs.keys import public_text
from tallystick.proofs.model import HeadSigned, KeySucceeded, SignTreeHead, SucceedLedgerKey
from tallystick.proofs.tree import LedgerTree
from tallystick.settings import Settings
from tallystick.store.engine import StoreError, database_of
from tallystick.store.rows import ReadSession

__all__ = [
    "consistency", "heads", "key_history", "keys", "new_key", "proof", "sign", "statement_proof",
]  # fmt: skip

T = TypeVar("T")

_LINES_MAX = 5000


@contextmanager
def reading(settings: Settings) -> Iterator[ReadSession]:
    """A session that reads a platform's database, whoever else uses it.

    Raises:
        StoreError: there is none.
    """
    database = database_of(settings.database, settings.data)
    if database.is_new():
        raise StoreError(f"The data folder {settings.data} has no database.")
    connection = database.connect(readonly=True)
    try:
        yield ReadSession(connection)
    finally:
        connection.close()


def _id(text: str, what: str) -> int:
    try:
        return wide_number(text)
    except ValueError as error:
        raise UsageError(f"The {what} {error}.") from error


def _made(place: Place, make: Callable[[ReadSession], T]) -> T:
    with reading(place.settings) as rows:
        return make(rows)


def _give(document: views.Document, out: Path | None, place: Place, said: str) -> int:
    """Print a document, or write it into a file and say so."""
    if out is None:
        print(json.dumps(document, indent=None if place.as_json else 2))
        return 0
    out.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    place.say({"file": str(out)}, f"{said} is in {out}. Check it with `tallystick verify {out}`.")
    return 0


def keys(*, place: Place = HERE) -> int:
    """The public keys that heads are signed with; hand them to whoever checks."""
    found = _made(place, views.keys)
    shown = [{"key_id": k.key_id, "public_key": public_text(k)} for k in found]
    text = "\n".join(k["public_key"] for k in shown)
    place.say({"keys": shown}, text or "There is no key yet; the first start makes one.")
    return 0


def new_key(*, place: Place = HERE) -> int:
    """Have a new key sign heads from here on, while no server runs.

    The old key signs that the new one follows it; heads that it has signed stay as good as they
    were. Hand the new public key out, with `key-history`.
    """
    with offline(place.settings) as platform:
        platform.heads.prepare()
        carry_out(platform, SignTreeHead())  # What is there now is still under the old key.
        key = fresh_key(platform.sealer, 0)
        done = carry_out(
            platform,
            SucceedLedgerKey(
                key_id=key.key_id, public_key=key.public_key, private_sealed=key.private_sealed
            ),
        )
    assert isinstance(done, KeySucceeded)
    place.say(
        {"key_id": done.key_id, "public_key": done.public_key, "note": done.note},
        f"Heads are signed from here on with {done.public_key}",
    )
    return 0


def key_history(*, place: Place = HERE, out: Path | None = None) -> int:
    """The signed statements of which key followed which, for who has one of the public keys.

    Args:
        out: a file to write them into; else they are printed.
    """
    return _give(_made(place, views.keys_document), out, place, "The history of the keys")


def heads(*, place: Place = HERE, limit: int = 20) -> int:
    """The signed heads, the newest first.

    Args:
        limit: how many of them.
    """
    found = _made(place, lambda rows: views.heads_page(rows, before=2**63 - 1, limit=limit))
    lines = [
        f"{h.number:>8}  {h.size:>12,} entries  "
        f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(h.signed_ms / 1000))}  {h.key_id}"
        for h in found
    ]
    shown = [
        {"number": h.number, "size": h.size, "journal": h.journal, "key_id": h.key_id,
         "signed_ms": h.signed_ms, "note": h.note}
        for h in found
    ]  # fmt: skip
    place.say({"heads": shown}, "\n".join(lines) or "No head was signed yet.")
    return 0


def sign(*, place: Place = HERE) -> int:
    """Sign a head over all entries now, while no server runs; a server does it by itself."""
    with offline(place.settings) as platform:
        platform.heads.prepare()
        done = carry_out(platform, SignTreeHead())
    assert isinstance(done, HeadSigned)
    place.say(
        {"number": done.number, "size": done.size, "journal": done.journal, "note": done.note},
        done.note.rstrip("\n"),
    )
    return 0


def proof(transfer: str, *, place: Place = HERE, out: Path | None = None) -> int:
    """Prove that a transfer is in the books, to whoever has the public key.

    Args:
        transfer: its id, decimal or 32 hexadecimal digits.
        out: a file to write the proof into; else it is printed.
    """
    transfer_id = _id(transfer, "transfer id")
    document = _made(place, lambda rows: views.inclusion_document(rows, LedgerTree(), transfer_id))
    return _give(document, out, place, "The proof")


def consistency(
    first: int, *, place: Place = HERE, second: int | None = None, out: Path | None = None
) -> int:
    """Prove that a head continues an earlier one: nothing was changed or taken away between.

    Args:
        first: the size of the earlier head.
        second: the size of the later one; the newest without it.
        out: a file to write the proof into; else it is printed.
    """
    document = _made(
        place, lambda rows: views.consistency_document(rows, LedgerTree(), first, second)
    )
    return _give(document, out, place, "The proof")


def _moment(text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    at_ms = parse_china_time(text if " " in text else f"{text} 00:00:00")
    if at_ms is None:
        raise UsageError("A moment is written 'yyyy-mm-dd' or 'yyyy-mm-dd hh:mm:ss', China time.")
    return at_ms


def statement_proof(
    account: str, *, place: Place = HERE, since: str = "", before: str = "",
    out: Path | None = None,
) -> int:  # fmt: skip
    """An account's statement with a proof of every line, as far as the newest head goes.

    Args:
        account: its id, decimal or 32 hexadecimal digits.
        since: the period's begin, China time; the first entry without it.
        before: the moment after its end, China time; now without it.
        out: a file to write it into; else it is printed.
    """
    account_id = _id(account, "account id")
    first, end = _moment(since, 0), _moment(before, 253_402_300_800_000)

    def made(rows: ReadSession) -> Any:
        return views.statement_document(
            rows, LedgerTree(), account_id, from_ms=first, before_ms=end, limit=_LINES_MAX
        )

    found = _made(place, made)
    if found.after is not None:
        raise UsageError(f"There are more than {_LINES_MAX} lines; ask for a shorter period.")
    return _give(found.document, out, place, "The statement")
