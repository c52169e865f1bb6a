"""The key that signs heads is followed by another: old proofs hold, and the new key is known."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.operating.client import tallystick_here
from tests.proofs.proved import Proved, proved
from tests.stores import ask

from tallystick.audit.run import audit
from tallystick.pipeline.commands import Caller, CallerKind
from tallystick.platform import registry_of_products
from tallystick.proofs import views
from tallystick.proofs.keys import new_key, opened_key, public_text, succession_note
from tallystick.proofs.model import KeySucceeded, SucceedLedgerKey
from tallystick.transparency.notes import NoteSigner, write_note
from tallystick.verify import DoesNotHold, PublicKey, Unreadable, head_text, read_head, read_key
from tallystick.verify import verify as verified

OPERATOR = Caller(CallerKind.OPERATOR, "kim", frozenset({"*"}))


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Proved]:
    with proved(tmp_path) as made:
        yield made


def fresh(parts: Proved) -> SucceedLedgerKey:
    key = new_key(parts.sealer, 0)
    return SucceedLedgerKey(
        key_id=key.key_id, public_key=key.public_key, private_sealed=key.private_sealed
    )


def succeed(parts: Proved) -> PublicKey:
    """Another key signs from here on; it is given."""
    done = parts.accept(fresh(parts), OPERATOR)
    assert isinstance(done, KeySucceeded)
    return read_key(done.public_key)


def inclusion(parts: Proved, transfer_id: int) -> dict[str, Any]:
    return views.inclusion_document(parts.rows, parts.tree, transfer_id)


def test_proofs_hold_with_the_first_key_and_with_the_last(parts: Proved) -> None:
    first = parts.key
    parts.move(10)
    parts.sign()
    before = inclusion(parts, 10)
    keys = [first]
    for number in (20, 30):
        keys.append(succeed(parts))
        parts.move(number)
        assert parts.sign().key_id == views.keys(parts.rows)[0].key_id
    assert len(set(keys)) == 3
    assert {key.name for key in keys} == {first.name}
    assert "number 0" in verified(before, first)
    documents = [
        inclusion(parts, 10), inclusion(parts, 30),
        *(views.consistency_document(parts.rows, parts.tree, size, None) for size in (1, 2)),
    ]  # fmt: skip
    for document in documents:
        for key in keys:
            assert verified(document, key)
    history = views.keys_document(parts.rows)
    for key in keys:
        assert public_text(views.keys(parts.rows)[0]) in verified(history, key)


def test_a_head_that_was_signed_before_stays_good_for_who_has_the_history(parts: Proved) -> None:
    parts.move(10)
    parts.sign()
    before = inclusion(parts, 10)
    last = succeed(parts)
    with pytest.raises(DoesNotHold, match="has not signed"):
        verified(before, last)
    assert verified(before | {"successions": views.keys_document(parts.rows)["successions"]}, last)


def signed_anew(parts: Proved, note: str, signer: NoteSigner, **more: Any) -> str:
    """A head with other numbers, signed by a key of the ledger."""
    text = head_text(read_head(note)._replace(**more))
    return write_note(text, signer.signature(text))


def test_the_old_key_signs_nothing_that_came_after_and_the_new_one_nothing_before(
    parts: Proved,
) -> None:
    first = parts.key
    parts.move(10)
    parts.sign()
    old = views.keys(parts.rows)[0]
    last = succeed(parts)
    parts.move(20)
    parts.sign()
    document = inclusion(parts, 20)
    new = views.keys(parts.rows)[0]
    signers = [
        opened_key(key.key_id, key.name, key.private_sealed, parts.sealer).signer
        for key in (old, new)
    ]
    late = document | {"head": signed_anew(parts, document["head"], signers[0])}
    early = document | {"head": signed_anew(parts, document["head"], signers[1], journal=1)}
    for forged in (late, early):
        for key in (first, last):
            with pytest.raises(DoesNotHold, match="not the ledger's then") as caught:
                verified(forged, key)
            assert caught.value.what == "key"


def change_last(note: str) -> str:
    return note.replace("time ", "time 1")


SPOILT: dict[str, Callable[[list[Any]], list[Any]]] = {
    "signature": lambda notes: [change_last(notes[0]), *notes[1:]],
    "key": lambda notes: notes[::-1],
}


@pytest.mark.parametrize("fault", SPOILT)
def test_statements_about_keys_that_were_changed_are_refused(parts: Proved, fault: str) -> None:
    key = parts.key
    parts.move(10)
    parts.sign()
    succeed(parts)
    succeed(parts)
    history = views.keys_document(parts.rows)
    spoilt = copy.deepcopy(history) | {"successions": SPOILT[fault](history["successions"])}
    with pytest.raises(DoesNotHold) as caught:
        verified(spoilt, key)
    assert caught.value.what == fault


def test_a_stranger_cannot_put_a_key_before_or_behind(parts: Proved) -> None:
    key = parts.key
    mine = views.keys(parts.rows)[0]
    stranger = new_key(parts.sealer, 0, key.name)
    ours, theirs = (
        opened_key(k.key_id, k.name, k.private_sealed, parts.sealer) for k in (mine, stranger)
    )
    for one, other in ((ours, theirs), (theirs, ours)):
        signed = succession_note(one, other, 0, 0).splitlines(keepends=True)
        missing = [line for line in signed if f"— {key.name} " in line]
        ours_id = 0 if one is ours else 1
        note = "".join(line for line in signed if line != missing[ours_id])
        with pytest.raises(DoesNotHold):
            verified({"kind": "tallystick.keys/1", "successions": [note]}, key)


@pytest.mark.parametrize("successions", ["x", ["x"], [7], ["a\nsuccession\nfrom\n\n— x y\n"]])
def test_what_is_no_statement_about_keys_cannot_be_read(parts: Proved, successions: object) -> None:
    with pytest.raises(Unreadable):
        verified({"kind": "tallystick.keys/1", "successions": successions}, parts.key)


def test_the_audit_knows_all_keys_and_the_trail_who_changed_them(
    parts: Proved, tmp_path: Path
) -> None:
    parts.move(10)
    parts.sign()
    succeed(parts)
    parts.move(20)
    parts.sign()
    with parts.reader() as rows:
        found = audit(rows.connection, registry_of_products())
    assert found.clean, found.findings
    assert found.heads == 2
    trail = parts.rows.connection.execute(
        "SELECT caller_id, outcome FROM audit WHERE command = 'ledger.succeed_key'"
    )
    assert trail.fetchall() == [("kim", "accepted")]


def test_a_key_that_does_not_fit_is_refused_and_the_old_one_goes_on(parts: Proved) -> None:
    key, fit = parts.key, fresh(parts)
    for unfit in (
        SucceedLedgerKey(key_id="a", public_key=fit.public_key, private_sealed=b"x" * 60),
        SucceedLedgerKey(key_id="a", public_key=bytes(32), private_sealed=fit.private_sealed),
        SucceedLedgerKey(
            key_id=views.keys(parts.rows)[0].key_id, public_key=fit.public_key,
            private_sealed=fit.private_sealed,
        ),
    ):  # fmt: skip
        assert parts.refuse(unfit, OPERATOR) == "LEDGER_KEY_UNFIT"
    assert parts.refuse(fit, Caller(CallerKind.APP, "a", frozenset({"ledger:write"})))
    parts.move(10)
    parts.sign()
    assert verified(inclusion(parts, 10), key)


def test_the_command_changes_the_key_and_tells_its_history(tmp_path: Path) -> None:
    data, rows = tmp_path / "data", tmp_path / "rows.jsonl"
    rows.write_text(
        '{"id": 1, "book": 7, "code": 1}\n{"id": 2, "book": 7, "code": 1}\n'
        '{"id": 5, "debit_account_id": 1, "credit_account_id": 2, "amount": 2, "book": 7, '
        '"code": 3}\n'
    )
    assert tallystick_here("ledger", "apply", rows, "--data", data).returncode == 0
    assert tallystick_here("ledger", "sign", "--data", data).returncode == 0
    listed = tallystick_here("ledger", "keys", "--data", data).stdout.split()
    done = tallystick_here("ledger", "new-key", "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    changed = json.loads(done.stdout)
    history = tmp_path / "keys.json"
    assert tallystick_here(
        "ledger", "key-history", "--data", data, "--out", history
    ).returncode == 0  # fmt: skip
    told = tallystick_here("verify", history, "--key", listed[0])
    assert told.returncode == 0, told.stderr
    assert changed["public_key"] in told.stdout
    assert ask(data, "SELECT COUNT(*) FROM ledger_head") == [(1,)]
