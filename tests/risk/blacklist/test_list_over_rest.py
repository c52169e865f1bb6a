"""The list over HTTP: two members with keys of their own, a copy of the set, a real witness."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.gateway.rest.rest_client import Rest
from tests.server_process import ServerProcess

from tallystick import cli
from tallystick.risk.blacklist.asking import ListClient
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind
from tallystick.risk.blacklist.protocol.listed import Finding, ListedSet
from tallystick.risk.blacklist.reasons import REASONS
from tallystick.transparency.merkle import leaf_hash, verify_inclusion
from tallystick.transparency.notes import open_checkpoint

BASE = "/v1/risk/blacklist"
FRAUD = REASONS["telecom_fraud"].number


class Members(NamedTuple):
    """The keeper's key, and two members."""

    rest: Rest
    url: str
    alpha: str
    beta: str
    log_key: str


@pytest.fixture(scope="module")
def members(running_server: ServerProcess) -> Iterator[Members]:
    """A list on the run's server, with two members."""
    rest = Rest.of(running_server)
    opened = rest.post(f"{BASE}/open", {"origin": "list.example"})
    assert opened.status == 201 or opened.code == "BLACKLIST_OPEN_BEFORE"
    keys = []
    for _ in range(2):
        key = rest.with_key("blacklist:write", "blacklist:read").key
        name = f"m{secrets.token_hex(4)}"
        terms = {"member_id": name, "name": name, "key_id": key.split("_")[1], "quota": 20_000}
        assert rest.done(f"{BASE}/members", terms)["quota"] == 20_000
        keys.append(key)
    info = rest.get(BASE)
    yield Members(rest, running_server.base_url, keys[0], keys[1], info["log_key"])
    rest.hang_up()


def new_phone() -> str:
    return f"139{secrets.randbelow(10**8):08d}"


def publish(client: ListClient, phone: str) -> dict[str, Any]:
    return client.publish(
        IdentifierKind.PHONE, phone, reason="telecom_fraud", severity=3, evidence=b"papers",
        until_ms=int(time.time() * 1000) + 86_400_000,
    )  # fmt: skip


def test_a_member_asks_by_bucket_and_by_a_copy_of_the_set(members: Members, tmp_path: Path) -> None:
    listed, other = new_phone(), new_phone()
    with ListClient(members.url, members.alpha) as alpha:
        entry = publish(alpha, listed)
    with ListClient(members.url, members.beta, members.log_key) as beta:
        hit = Finding(3, FRAUD, False)
        assert beta.ask(IdentifierKind.PHONE, [other, listed]) == [None, hit]
        assert beta.pull(tmp_path / "set") >= 1
        content = ListedSet.open(tmp_path / "set")
        assert beta.ask(IdentifierKind.PHONE, [listed, other], content) == [hit, None]
        quota = beta._look("/quota")
    assert quota["quota"] == 20_000 - 4
    assert entry["quota"] == 20_000 - 2


def test_a_hit_is_explained_and_proved_to_be_in_the_log(members: Members) -> None:
    phone = new_phone()
    with ListClient(members.url, members.alpha) as alpha:
        publish(alpha, phone)
        (output,) = alpha.outputs([_input(phone)])
        told = members.rest.send(
            "POST", f"{BASE}/details", content=json.dumps({"pad_key": output[:32].hex()}).encode(),
            headers={"content-type": "application/json"},
        ).body  # fmt: skip
        (leaf,) = told["leaves"]
        head = open_checkpoint(alpha.head(), alpha.log)
        proof = alpha._look("/log/inclusion", leaf=leaf["seq"], size=head.size)["proof"]
    path = [bytes.fromhex(each) for each in proof]
    found = leaf_hash(leaf["contents"].encode())
    assert verify_inclusion(found, leaf["seq"], head.size, path, head.root)
    assert told["entries"][0]["evidence"] == hashlib.sha256(b"papers").hexdigest()


def _input(phone: str) -> bytes:
    from tallystick.risk.blacklist.protocol.identifiers import input_of

    return input_of(IdentifierKind.PHONE, phone)


def test_the_same_question_is_paid_once(members: Members) -> None:
    with ListClient(members.url, members.beta) as beta:
        body = {"elements": [beta.asker.blind(b"x").element.hex()]}
        first, second = (beta.change("/evaluations", body, "same-question") for _ in range(2))
    assert first == second


def test_a_person_asks_and_disputes_and_the_keeper_decides(members: Members) -> None:
    phone, rest = new_phone(), members.rest
    with ListClient(members.url, members.alpha) as alpha:
        publish(alpha, phone)
    body = {"identifiers": [{"kind": "phone", "value": phone}], "on_behalf": "the person"}
    (entry,) = rest.done(f"{BASE}/subject-requests", body)["entries"]
    place = f"{BASE}/entries/{entry['entry_id']}/dispute"
    raised = rest.done(place, {"ground": "not_me", "raised_by": "the person"})
    waiting = [each["dispute_id"] for each in rest.get(f"{BASE}/disputes")["items"]]
    assert raised["dispute_id"] in waiting
    decided = f"{BASE}/disputes/{raised['dispute_id']}/decide"
    assert rest.done(decided, {"upheld": True, "note": "Papers seen."})["status"] == "upheld"
    with ListClient(members.url, members.beta) as beta:
        assert beta.ask(IdentifierKind.PHONE, [phone]) == [None]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("evaluations", {"elements": ["00" * 32]}, "INVALID_PARAMETER"),
        ("evaluations", {"elements": ["ff" * 32]}, "INVALID_PARAMETER"),
        ("evaluations", {"elements": []}, "MALFORMED_REQUEST"),
        ("entries", {"reason": "overdue"}, "BLACKLIST_REASON_UNLAWFUL"),
        ("entries", {"until_ms": 1}, "BLACKLIST_VALIDITY_INVALID"),
        ("entries", {"pad_key": "00"}, "MALFORMED_REQUEST"),
        ("log/cosignatures", {"checkpoint": "nothing"}, "INVALID_PARAMETER"),
    ],
)
def test_bad_input_is_refused_by_name(
    members: Members, path: str, body: dict[str, Any], code: str
) -> None:
    claim = {
        "kind": "phone", "pad_key": "e2" * 32, "reason": "telecom_fraud", "severity": 1,
        "evidence": "e2" * 32, "until_ms": int(time.time() * 1000) + 1_000_000,
    }  # fmt: skip
    alpha = members.rest.with_text(members.alpha)
    assert alpha.refused(f"{BASE}/{path}", claim | body if path == "entries" else body) == code


def test_an_identifier_that_cannot_be_one_is_refused(members: Members) -> None:
    body = {"identifiers": [{"kind": "national_id", "value": "110105194912310021"}]}
    code = members.rest.refused(f"{BASE}/subject-requests", body)
    assert code == "BLACKLIST_IDENTIFIER_INVALID"
    assert members.rest.refused(f"{BASE}/evaluations", {"elements": ["e2" * 32]}) == (
        "BLACKLIST_NOT_A_MEMBER"
    )


def test_the_commands_publish_ask_and_witness(
    members: Members, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("alpha", "beta"):
        (tmp_path / f"{name}.key").write_text(getattr(members, name), "utf-8")
    phone = new_phone()
    (tmp_path / "who").write_text(phone, "utf-8")
    (tmp_path / "papers").write_bytes(b"papers")
    (tmp_path / "people").write_text(f"{new_phone()}\n{phone}\n", "utf-8")

    def run(*arguments: str, key: str = "beta") -> tuple[int, str]:
        at = ("--url", members.url, "--key-file", str(tmp_path / f"{key}.key"))
        done = cli.answer(["risk", "blacklist", *arguments, *at])
        said, wrong = capsys.readouterr()
        assert not wrong, wrong
        return done, said

    assert run("publish", "phone", str(tmp_path / "who"), "--reason", "mule_account",
               "--severity", "2", "--evidence", str(tmp_path / "papers"), "--days", "30",
               key="alpha")[0] == 0  # fmt: skip
    done, said = run("ask", str(tmp_path / "people"), "--json")
    hit = {"line": 2, "severity": 2, "reason": "mule_account", "disputed": False}
    assert (done, json.loads(said)) == (1, hit)
    assert run("pull", str(tmp_path / "set"))[0] == 0
    done, said = run("ask", str(tmp_path / "people"), "--copy", str(tmp_path / "set"))
    assert (done, said.splitlines()[-1]) == (1, "1 of 2 are listed.")
    cli.answer(["risk", "blacklist", "witness-key", "beta.example", "--seed", f"{tmp_path}/seed"])
    key = capsys.readouterr().out.strip()
    beta = members.beta.split("_")[1]
    member = members.rest.with_text(members.beta).get(f"{BASE}/quota")
    members.rest.done(f"{BASE}/members", {"member_id": member["member_id"], "name": "Beta",
                                          "key_id": beta, "witness_key": key})  # fmt: skip
    watching = (
        "witness", "beta.example", "--seed", f"{tmp_path}/seed", "--data", f"{tmp_path}/witness",
        "--log-key", members.log_key, "--rounds", "1",
    )  # fmt: skip
    assert run(*watching) == (0, "")
    head = members.rest.get(f"{BASE}/log/head")
    assert "— beta.example " in head["checkpoint"]
    proved = ("ask", str(tmp_path / "people"), "--witness", key, "--log-key", members.log_key)
    done, said = run(*proved, "--json")
    told = json.loads(said)
    assert (done, told["proved"], told["witnesses"]) == (1, True, ["beta.example"])
    assert told["log_size"] > 0
    done, said = run(*proved)
    assert "in the log of" in said
    assert "vouched for by beta.example" in said
    (tmp_path / "who").write_text(new_phone(), "utf-8")
    (tmp_path / "people").write_text((tmp_path / "who").read_text("utf-8"), "utf-8")
    run("publish", "phone", str(tmp_path / "who"), "--reason", "mule_account", "--severity", "1",
        "--evidence", str(tmp_path / "papers"), "--days", "30", key="alpha")  # fmt: skip
    assert "not proved yet" in run(*proved)[1]


def test_an_auditor_makes_the_set_out_of_the_log_again(
    members: Members, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ListClient(members.url, members.alpha) as alpha:
        publish(alpha, new_phone())
    auditor = members.rest.with_key("blacklist:audit", "blacklist:read").key
    (tmp_path / "auditor.key").write_text(auditor, "utf-8")
    (tmp_path / "alpha.key").write_text(members.alpha, "utf-8")
    at = ["--url", members.url, "--log-key", members.log_key]
    copy, key = str(tmp_path / "set"), f"{tmp_path}/auditor.key"
    pulled = cli.answer(
        ["risk", "blacklist", "pull", copy, *at, "--key-file", f"{tmp_path}/alpha.key"]
    )
    assert pulled == 0
    notes = ["risk", "blacklist", "compare-notes", f"{copy}.note", f"{copy}.note"]
    assert cli.answer([*notes, "--log-key", members.log_key]) == 0
    audit = ["risk", "blacklist", "audit", copy, *at, "--key-file"]
    assert cli.answer([*audit, key]) == 0
    assert "tags fit the log of" in capsys.readouterr().out
    content = ListedSet.open(tmp_path / "set")
    less = content._replace(
        tags=content.tags[:-1], nonces=content.nonces[:-1], hidden=content.hidden[:-1]
    )
    (tmp_path / "set").write_bytes(less.to_bytes())
    assert cli.answer([*audit, key]) == 1
    assert "1 tags are in the log, but not in the set" in capsys.readouterr().out
    assert cli.answer([*audit, f"{tmp_path}/alpha.key"]) == 2
    assert "NOT_PERMITTED" in capsys.readouterr().err


def test_the_commands_say_what_is_wrong(
    members: Members, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text(members.beta, "utf-8")
    (tmp_path / "people").write_text("13900139000\nnobody\n", "utf-8")
    at = ["--url", members.url, "--key-file", f"{tmp_path}/key"]
    assert cli.answer(["risk", "blacklist", "ask", f"{tmp_path}/people", *at]) == 2
    assert "Line 2: a phone number is" in capsys.readouterr().err
    (tmp_path / "people").write_text("13900139000\n", "utf-8")
    spoilt = [*at, "--copy", f"{tmp_path}/people"]
    assert cli.answer(["risk", "blacklist", "ask", f"{tmp_path}/people", *spoilt]) == 2
    assert "no blacklist set" in capsys.readouterr().err
    assert cli.answer(["risk", "blacklist", "check-evidence", f"{tmp_path}/people"]) == 2
    assert "proves nothing" in capsys.readouterr().err
    assert cli.answer(["risk", "blacklist", "reasons"]) == 0
    assert "telecom_fraud" in capsys.readouterr().out
