"""What an attacker tries at the real-person check, on a real store with the sandbox's providers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.platform_parts import Parts, opened

from tallystick.parties import service as parties
from tallystick.parties.model import Party, PartyKind, RegisterParty
from tallystick.parties.views import seal_name
from tallystick.pipeline.commands import Answer, Caller, Command
from tallystick.pipeline.refusals import Refused
from tallystick.risk.person import service
from tallystick.risk.person.decide import Person, record_document, record_proof
from tallystick.risk.person.document_tries import DOCUMENT_TRIES_MAX
from tallystick.risk.person.model import (
    DOCUMENT_ACCOUNTS_MAX,
    Challenge,
    ChallengeStatus,
    Factor,
    FactorKind,
    FactorStatus,
    Purpose,
    RecordDocument,
    RecordProof,
)
from tallystick.risk.person.providers import SandboxIdentity, SandboxMessages
from tallystick.risk.person.proving import Proving
from tallystick.risk.person.totp import STEP_S, code_at
from tallystick.risk.person.views import FACTOR_PURPOSE, person_of

ALICE = "2088000000000101"
PHONE = "+8613912345678"
NUMBER = "11010519491231002X"
PNG = b"\x89PNG\r\n\x1a\n"
ANOTHERS = PNG + b"another person"


class Prover:
    """Alice, and what checks her."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        self.parts, self._file = parts, folder / "messages.jsonl"
        messages = SandboxMessages(self._file, parts.clock)
        self.proving = Proving(
            parts.rows, parts.sealer, self._submit, parts.clock, messages, SandboxIdentity()
        )
        found = parts.rows.get(Party, ALICE)
        assert found is not None
        self.alice = found

    async def _submit(self, caller: Caller, command: Command) -> Answer:
        return await asyncio.to_thread(self.parts.submit, command, caller)

    def run(self, asked: Awaitable[Any]) -> Any:
        """The answer."""

        async def awaited() -> Any:
            return await asked

        return asyncio.run(awaited())

    def refused(self, asked: Awaitable[Any]) -> str:
        """The code with which something is refused."""
        with pytest.raises(Refused) as refused:
            self.run(asked)
        return refused.value.refusal.code

    def code(self) -> str:
        """The code that was sent last."""
        said = json.loads(self._file.read_text("utf-8").splitlines()[-1])
        assert said["to"] == PHONE
        return str(said["text"])[:6]

    def with_phone(self) -> str:
        """A phone that has answered its first code."""
        challenge_id = self.run(self.proving.begin_phone(self.alice, PHONE))
        factor = person_of(self.parts.rows, ALICE).factors[0]
        self.run(self.proving.answer_code(challenge_id, factor.factor_id, self.code()))
        return factor.factor_id

    def status(self, challenge_id: str, factor_id: str, code: str) -> ChallengeStatus:
        """What becomes of a challenge with a code."""
        done = self.run(self.proving.answer_code(challenge_id, factor_id, code))
        return ChallengeStatus(done.status)


@pytest.fixture
def prover(tmp_path: Path) -> Iterator[Prover]:
    """One store a test."""
    with opened(tmp_path, parties.register, service.register) as found:
        login = "alice@shop.example"
        found.accept(
            RegisterParty(
                party_id=ALICE, kind=PartyKind.PERSON,
                login_index=found.sealer.index("party.login", login),
                login_sealed=found.sealer.seal("party.login", login),
                name_sealed=seal_name(found.sealer, "张三"), login_hash="$", payment_hash="$",
            )
        )  # fmt: skip
        yield Prover(found, tmp_path)


def test_a_code_by_message_counts_for_its_challenge_and_only_the_last_one_sent(
    prover: Prover,
) -> None:
    factor_id, proving = prover.with_phone(), prover.proving
    first, other = (prover.run(proving.ask(ALICE)) for _ in range(2))
    prover.run(proving.send_code(first, factor_id))
    old = prover.code()
    assert prover.status(other, factor_id, old) is ChallengeStatus.OPEN
    prover.run(proving.send_code(first, factor_id))
    if prover.code() != old:
        assert prover.status(first, factor_id, old) is ChallengeStatus.OPEN
    assert prover.status(first, factor_id, prover.code()) is ChallengeStatus.PASSED
    again = proving.answer_code(first, factor_id, prover.code())
    assert prover.refused(again) == "CHALLENGE_ENDED"


def test_a_generators_code_that_was_seen_on_its_way_opens_nothing_more(prover: Prover) -> None:
    made = prover.run(prover.proving.begin_generator(prover.alice))
    factor = prover.parts.rows.get(Factor, made.factor_id)
    assert factor is not None
    secret = bytes.fromhex(prover.parts.sealer.open(FACTOR_PURPOSE, factor.secret_sealed))
    step = prover.parts.clock() // 1000 // STEP_S
    bound = prover.status(made.challenge_id, made.factor_id, code_at(secret, step - 1))
    assert bound is ChallengeStatus.PASSED
    code = code_at(secret, step)
    first, other = (prover.run(prover.proving.ask(ALICE)) for _ in range(2))
    assert prover.status(first, made.factor_id, code) is ChallengeStatus.PASSED
    assert prover.status(other, made.factor_id, code) is ChallengeStatus.OPEN


def test_a_sim_that_was_changed_after_the_phone_was_bound_gets_no_code(
    prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    factor_id, proving = prover.with_phone(), prover.proving
    challenge_id = prover.run(proving.ask(ALICE))
    changed_ms = prover.parts.clock()
    monkeypatch.setattr(SandboxMessages, "sim_changed_ms", lambda self, phone: changed_ms)
    assert prover.refused(proving.send_code(challenge_id, factor_id)) == "FACTOR_COOLING"
    prover.parts.clock.pass_ms(86_400_000)
    later = prover.run(proving.ask(ALICE))
    prover.run(proving.send_code(later, factor_id))
    assert prover.status(later, factor_id, prover.code()) is ChallengeStatus.PASSED


def test_documents_and_faces_are_not_tried_out(prover: Prover) -> None:
    proving, alice = prover.proving, prover.alice
    for _ in range(DOCUMENT_TRIES_MAX):
        wrong = proving.check_document(alice, NUMBER, ANOTHERS)
        assert prover.refused(wrong) == "FACE_MISMATCH"
    right = proving.check_document(alice, NUMBER, PNG)
    assert prover.refused(right) == "TOO_MANY_REQUESTS"
    asked = proving.request_recovery(alice, NUMBER, PNG)
    assert prover.refused(asked) == "TOO_MANY_REQUESTS"
    prover.parts.clock.pass_ms(3_600_000)
    assert prover.run(proving.check_document(alice, NUMBER, PNG)).id == ALICE
    for wrong_number in (NUMBER[:-1] + "1", "110105209912310010"):  # Nobody is born in 2099 yet.
        asked = proving.check_document(alice, wrong_number, PNG)
        assert prover.refused(asked) == "DOCUMENT_INVALID"


def test_many_faces_at_once_are_no_more_tries_than_one_after_the_other(prover: Prover) -> None:
    async def asked() -> list[str]:
        wrong = (
            prover.proving.check_document(prover.alice, NUMBER, ANOTHERS)
            for _ in range(3 * DOCUMENT_TRIES_MAX)
        )
        found = await asyncio.gather(*wrong, return_exceptions=True)
        return [one.refusal.code for one in found if isinstance(one, Refused)]

    codes = prover.run(asked())
    assert codes.count("FACE_MISMATCH") == DOCUMENT_TRIES_MAX
    assert codes.count("TOO_MANY_REQUESTS") == 2 * DOCUMENT_TRIES_MAX


def test_recovery_takes_the_very_document_and_its_face(prover: Prover) -> None:
    proving, alice = prover.proving, prover.alice
    prover.with_phone()
    prover.run(proving.check_document(alice, NUMBER, PNG))
    other = "110101199003077854"
    for number, photo, code in (
        (NUMBER, ANOTHERS, "FACE_MISMATCH"), (NUMBER, b"", "FACE_MISMATCH"),
        (NUMBER, PNG + b"a screen", "FACE_MISMATCH"), (other, PNG, "DOCUMENT_MISMATCH"),
    ):  # fmt: skip
        assert prover.refused(proving.request_recovery(alice, number, photo)) == code
    prover.run(proving.request_recovery(alice, NUMBER, PNG))
    prover.parts.clock.pass_ms(86_400_000)
    prover.parts.run_timers()
    assert person_of(prover.parts.rows, ALICE).active == ()


def test_a_passkeys_count_of_signatures_must_rise_and_one_that_never_counts_may_stay() -> None:
    challenge = Challenge("c", ALICE, "", Purpose.STEP_UP, ChallengeStatus.OPEN, "", b"s", 0, 0,
                          1, 100, 0)  # fmt: skip

    def status(known: int, counter: int) -> ChallengeStatus:
        factor = Factor("f", ALICE, FactorKind.PASSKEY, FactorStatus.ACTIVE, "", b"", b"", b"",
                        known, 0, 0, 0, 1, 0)  # fmt: skip
        command = RecordProof(challenge_id="c", factor_id="f", right=True, counter=counter)
        decision = record_proof(Person(ALICE, (factor,)), challenge, factor, command, 50)
        return decision.reply.status  # type: ignore[attr-defined, no-any-return]

    assert status(7, 8) is ChallengeStatus.PASSED
    assert status(0, 0) is ChallengeStatus.PASSED
    for known, counter in ((7, 7), (7, 6), (7, 0)):
        assert status(known, counter) is ChallengeStatus.OPEN


def test_a_document_is_good_for_so_many_accounts_and_no_more() -> None:
    command = RecordDocument(party_id=ALICE, kind="cn_id", number_sealed=b"x",
                             number_index=b"n" * 16, face_matched=True)  # fmt: skip
    assert record_document(Person(ALICE), DOCUMENT_ACCOUNTS_MAX - 1, command, 1).rows
    with pytest.raises(Refused) as refused:
        record_document(Person(ALICE), DOCUMENT_ACCOUNTS_MAX, command, 1)
    assert refused.value.refusal.code == "DOCUMENT_IN_USE"
