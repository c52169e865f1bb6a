"""Proving at work: what is checked beside the executor, and the command that records it.

Secrets are opened, codes compared and signatures verified here; what came of it is a command,
which counts, locks, refuses a replay and lets risk's challenges pass, in one transaction.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from tallystick.money.china_time import china_time
from tallystick.parties.model import Party
from tallystick.parties.views import mask_login, party_login, party_name
from tallystick.pipeline.commands import SYSTEM, Answer, Caller, Command
from tallystick.pipeline.refusals import Refused
from tallystick.risk.blacklist.protocol.identifiers import (
    IdentifierError,
    IdentifierKind,
    normal_form,
)
from tallystick.risk.person.document_tries import DocumentTries
from tallystick.risk.person.model import (
    COOLING_MS,
    AddFactor,
    AskProof,
    Challenge,
    ChallengeStatus,
    Factor,
    FactorKind,
    FactorStatus,
    PersonDone,
    ProofRecorded,
    Purpose,
    RecordDocument,
    RecordProof,
    RequestRecovery,
    StartChallenge,
)
from tallystick.risk.person.passkeys import Site
from tallystick.risk.person.providers import (
    DocumentVerdict,
    FaceVerdict,
    IdentityProvider,
    MessageProvider,
)
from tallystick.risk.person.totp import new_secret, provisioning_uri, step_of_code
from tallystick.risk.person.views import DOCUMENT_PURPOSE, FACTOR_PURPOSE, person_of
from tallystick.store.rows import Rows
from tallystick.store.sealing import Sealer

__all__ = ["NewGenerator", "Proving", "document_index", "phone_shown"]

_CODE: Final = "person.code"
_WRONG_DOCUMENT: Final = frozenset({"DOCUMENT_MISMATCH", "FACE_MISMATCH"})
_ISSUER: Final = "Tallystick"
_DOCUMENT_KIND: Final = "cn_id"

Submit = Callable[[Caller, Command], Awaitable[Answer]]


class NewGenerator(NamedTuple):
    """A code generator that waits for its first code: what to scan, and the secret to type."""

    factor_id: str
    challenge_id: str
    uri: str
    secret: str


def document_index(sealer: Sealer, number: str) -> bytes:
    """The digest by which a document's number is found again."""
    return sealer.index(DOCUMENT_PURPOSE, number)


def phone_shown(sealer: Sealer, factor: Factor) -> str:
    """A phone factor's number with its middle hidden."""
    return mask_login(sealer.open(FACTOR_PURPOSE, factor.secret_sealed))


def _new_id() -> str:
    return secrets.token_hex(16)


class Proving:
    """Binds factors, opens challenges and checks their answers.

    Args:
        submit: runs a command.
    """

    def __init__(
        self, rows: Rows, sealer: Sealer, submit: Submit, clock_ms: Callable[[], int],
        messages: MessageProvider, identity: IdentityProvider,
    ) -> None:  # fmt: skip
        self._rows = rows
        self._sealer = sealer
        self._submit = submit
        self._clock_ms = clock_ms
        self._messages = messages
        self._identity = identity
        self._tries = DocumentTries()

    async def _do(self, command: Command, caller: Caller = SYSTEM) -> Any:
        answer = await self._submit(caller, command)
        if answer.refusal is not None:
            raise Refused(*answer.refusal)
        return answer.reply

    def challenge(self, challenge_id: str) -> Challenge:
        """An open challenge.

        Raises:
            Refused: CHALLENGE_NOT_EXIST, CHALLENGE_ENDED.
        """
        found = self._rows.get(Challenge, challenge_id)
        if found is None:
            raise Refused("CHALLENGE_NOT_EXIST")
        if found.status is not ChallengeStatus.OPEN or found.expires_ms <= self._clock_ms():
            raise Refused("CHALLENGE_ENDED")
        return found

    def _factors(self, party_id: str, kind: FactorKind) -> list[Factor]:
        return [f for f in person_of(self._rows, party_id).active if f.kind is kind]

    def _factor(self, factor_id: str) -> Factor:
        found = self._rows.get(Factor, factor_id)
        if found is None or found.status is FactorStatus.REMOVED:
            raise Refused("FACTOR_NOT_EXIST")
        return found

    async def ask(
        self, party_id: str, caller: Caller = SYSTEM, purpose: Purpose = Purpose.STEP_UP
    ) -> str:
        """Open a challenge; gives its id."""
        challenge_id = _new_id()
        await self._do(
            AskProof(party_id=party_id, challenge_id=challenge_id, purpose=purpose), caller
        )
        return challenge_id

    # A code generator.

    async def begin_generator(self, party: Party) -> NewGenerator:
        """A new generator, which counts once its first code was right."""
        secret, factor_id = new_secret(), _new_id()
        sealed = self._sealer.seal(FACTOR_PURPOSE, secret.hex())
        await self._do(
            AddFactor(party_id=party.party_id, factor_id=factor_id, kind=FactorKind.TOTP,
                      secret_sealed=sealed)
        )  # fmt: skip
        challenge_id = await self.ask(party.party_id, purpose=Purpose.CONFIRM)
        await self._do(StartChallenge(challenge_id=challenge_id, factor_id=factor_id))
        uri = provisioning_uri(secret, party_login(self._sealer, party), _ISSUER)
        return NewGenerator(factor_id, challenge_id, uri, uri.split("secret=")[1].split("&")[0])

    def generator_of(self, challenge_id: str, party: Party) -> NewGenerator:
        """The generator that waits for its first code, to be shown again."""
        challenge = self.challenge(challenge_id)
        factor = self._factor(challenge.factor_id)
        if factor.party_id != party.party_id or factor.status is not FactorStatus.PENDING:
            raise Refused("CHALLENGE_NOT_EXIST")
        secret = bytes.fromhex(self._sealer.open(FACTOR_PURPOSE, factor.secret_sealed))
        uri = provisioning_uri(secret, party_login(self._sealer, party), _ISSUER)
        return NewGenerator(
            factor.factor_id, challenge_id, uri, uri.split("secret=")[1].split("&")[0]
        )

    # A phone.

    async def begin_phone(self, party: Party, number: str) -> str:
        """Send the first code to a new phone; gives the challenge that it answers.

        Raises:
            Refused: PHONE_INVALID, and what `AddFactor` and `send_code` refuse.
        """
        try:
            phone = normal_form(IdentifierKind.PHONE, number)
        except IdentifierError as error:
            raise Refused("PHONE_INVALID", f"{error}.") from error
        factor_id = _new_id()
        await self._do(
            AddFactor(party_id=party.party_id, factor_id=factor_id, kind=FactorKind.PHONE,
                      secret_sealed=self._sealer.seal(FACTOR_PURPOSE, phone))
        )  # fmt: skip
        challenge_id = await self.ask(party.party_id, purpose=Purpose.CONFIRM)
        await self.send_code(challenge_id, factor_id)
        return challenge_id

    async def send_code(self, challenge_id: str, factor_id: str) -> None:
        """Send a fresh code to a phone; an earlier one counts no more.

        Raises:
            Refused: FACTOR_NOT_EXIST, FACTOR_COOLING (the SIM was changed lately),
                CODES_TOO_MANY, MESSAGE_NOT_SENT.
        """
        factor = self._factor(factor_id)
        if factor.kind is not FactorKind.PHONE:
            raise Refused("FACTOR_NOT_EXIST")
        phone = self._sealer.open(FACTOR_PURPOSE, factor.secret_sealed)
        changed_ms = await asyncio.to_thread(self._messages.sim_changed_ms, phone)
        if changed_ms and changed_ms + COOLING_MS > self._clock_ms():
            raise Refused("FACTOR_COOLING")
        code = f"{secrets.randbelow(10**6):06d}"
        state = self._sealer.index(_CODE, f"{challenge_id}\0{factor_id}\0{code}")
        await self._do(StartChallenge(challenge_id=challenge_id, factor_id=factor_id, state=state))
        text = f"{code} is your Tallystick code. Tell it to nobody. 验证码{code}，请勿告诉任何人。"
        try:
            await asyncio.to_thread(self._messages.send, phone, text)
        except OSError as error:
            raise Refused("MESSAGE_NOT_SENT") from error

    # Answers.

    async def answer_code(self, challenge_id: str, factor_id: str, code: str) -> ProofRecorded:
        """Check six digits, of a generator or of a message, and have it counted.

        Raises:
            Refused: CHALLENGE_NOT_EXIST, CHALLENGE_ENDED, FACTOR_NOT_EXIST, FACTOR_LOCKED,
                FACTOR_COOLING.
        """
        challenge = self.challenge(challenge_id)
        factor = self._factor(factor_id)
        if factor.party_id != challenge.party_id or factor.kind is FactorKind.PASSKEY:
            raise Refused("FACTOR_NOT_EXIST")
        plain = code.strip().replace(" ", "")
        step, right = 0, False
        if factor.kind is FactorKind.TOTP:
            secret = bytes.fromhex(self._sealer.open(FACTOR_PURPOSE, factor.secret_sealed))
            step = step_of_code(secret, plain, self._clock_ms())
            right = step > 0
        elif challenge.factor_id == factor_id and challenge.state:
            wanted = self._sealer.index(_CODE, f"{challenge_id}\0{factor_id}\0{plain}")
            right = hmac.compare_digest(wanted, challenge.state)
        done = await self._do(
            RecordProof(challenge_id=challenge_id, factor_id=factor_id, right=right, counter=step)
        )
        assert isinstance(done, ProofRecorded)
        return done

    # Passkeys.

    async def begin_passkey(self, site: Site, party: Party) -> tuple[str, dict[str, Any]]:
        """Ask the browser to make a passkey: the challenge, and what is asked."""
        challenge_id = await self.ask(party.party_id, purpose=Purpose.ADD)
        known = [f.public_key for f in self._factors(party.party_id, FactorKind.PASSKEY)]
        name = party_login(self._sealer, party)
        options, state = site.begin_making(party.party_id, name, known)
        await self._do(StartChallenge(challenge_id=challenge_id, state=state))
        return challenge_id, options

    async def finish_passkey(
        self, site: Site, party: Party, challenge_id: str, answer: Mapping[str, Any], label: str
    ) -> PersonDone:
        """Bind the passkey that the browser made.

        Raises:
            Refused: PASSKEY_INVALID, and what `AddFactor` refuses.
        """
        challenge = self.challenge(challenge_id)
        if challenge.party_id != party.party_id or challenge.purpose is not Purpose.ADD:
            raise Refused("CHALLENGE_NOT_EXIST")
        made = site.finish_making(challenge.state, answer)
        if made is None:
            raise Refused("PASSKEY_INVALID")
        done = await self._do(
            AddFactor(
                party_id=party.party_id, factor_id=_new_id(), kind=FactorKind.PASSKEY,
                label=label[:60], public_key=made.credential,
                credential_index=made.credential_index, counter=made.counter,
                challenge_id=challenge_id,
            )
        )  # fmt: skip
        assert isinstance(done, PersonDone)
        return done

    async def ask_passkey(self, site: Site, challenge_id: str) -> dict[str, Any]:
        """Ask the browser for a signature; gives what is asked."""
        challenge = self.challenge(challenge_id)
        passkeys = self._factors(challenge.party_id, FactorKind.PASSKEY)
        if not passkeys:
            raise Refused("FACTOR_NOT_EXIST")
        options, state = site.begin_proving([f.public_key for f in passkeys])
        await self._do(StartChallenge(challenge_id=challenge_id, state=state))
        return options

    async def answer_passkey(
        self, site: Site, challenge_id: str, answer: Mapping[str, Any]
    ) -> ProofRecorded:
        """Check a passkey's signature, and have it counted.

        Raises:
            Refused: PASSKEY_INVALID, and what `RecordProof` refuses.
        """
        challenge = self.challenge(challenge_id)
        passkeys = self._factors(challenge.party_id, FactorKind.PASSKEY)
        if challenge.factor_id or not challenge.state:
            raise Refused("PASSKEY_INVALID")
        known = [f.public_key for f in passkeys]
        used = site.finish_proving(challenge.state, known, answer)
        factor = next(
            (f for f in passkeys if used and f.credential_index == used.credential_index), None
        )
        if used is None or factor is None:
            raise Refused("PASSKEY_INVALID")
        done = await self._do(
            RecordProof(challenge_id=challenge_id, factor_id=factor.factor_id, right=True,
                        counter=used.counter)
        )  # fmt: skip
        assert isinstance(done, ProofRecorded)
        return done

    # Documents and faces.

    def _number(self, number: str) -> str:
        try:
            plain = normal_form(IdentifierKind.NATIONAL_ID, number)
        except IdentifierError as error:
            raise Refused("DOCUMENT_INVALID", f"{error}.") from error
        if plain[6:14] > china_time(self._clock_ms())[:10].replace("-", ""):
            raise Refused("DOCUMENT_INVALID", "the date of birth is yet to come.")
        return plain

    async def _face(self, number: str, photo: bytes) -> None:
        verdict = await asyncio.to_thread(self._identity.match_face, number, photo)
        if verdict is FaceVerdict.UNAVAILABLE:
            raise Refused("IDENTITY_UNAVAILABLE")
        if verdict is not FaceVerdict.MATCHES:
            raise Refused("FACE_MISMATCH")

    async def _counted(self, party: Party, check: Callable[[], Awaitable[Any]]) -> PersonDone:
        """Have a document checked, unless too many were wrong within an hour; count a wrong one."""
        now_ms = self._clock_ms()
        self._tries.take(party.party_id, now_ms)
        try:
            done = await check()
        except Exception as error:
            if not (isinstance(error, Refused) and error.refusal.code in _WRONG_DOCUMENT):
                self._tries.give_back(party.party_id, now_ms)
            raise
        self._tries.give_back(party.party_id, now_ms)
        assert isinstance(done, PersonDone)
        return done

    async def check_document(self, party: Party, number: str, photo: bytes) -> PersonDone:
        """Check a national id, by its digits and at its issuer, and the face when there is a photo.

        Raises:
            Refused: DOCUMENT_INVALID, DOCUMENT_MISMATCH, DOCUMENT_IN_USE, FACE_MISMATCH,
                IDENTITY_UNAVAILABLE, TOO_MANY_REQUESTS after five wrong ones within an hour.
        """
        plain = self._number(number)
        return await self._counted(party, lambda: self._check_document(party, plain, photo))

    async def _check_document(self, party: Party, plain: str, photo: bytes) -> Any:
        name = party_name(self._sealer, party)
        verdict = await asyncio.to_thread(self._identity.check_document, name, plain)
        if verdict is DocumentVerdict.UNAVAILABLE:
            raise Refused("IDENTITY_UNAVAILABLE")
        if verdict is not DocumentVerdict.MATCHES:
            raise Refused("DOCUMENT_MISMATCH")
        if photo:
            await self._face(plain, photo)
        return await self._do(
            RecordDocument(
                party_id=party.party_id, kind=_DOCUMENT_KIND,
                number_sealed=self._sealer.seal(DOCUMENT_PURPOSE, plain),
                number_index=document_index(self._sealer, plain), face_matched=bool(photo),
            )
        )  # fmt: skip

    async def request_recovery(self, party: Party, number: str, photo: bytes) -> PersonDone:
        """Somebody who lost their factors shows document and face, and waits.

        Raises:
            Refused: DOCUMENT_INVALID, DOCUMENT_MISMATCH, FACE_MISMATCH, RECOVERY_WAITING,
                TOO_MANY_REQUESTS after five wrong ones within an hour, …
        """
        plain = self._number(number)
        done = await self._counted(party, lambda: self._request_recovery(party, plain, photo))
        await self._warn(party)
        return done

    async def _request_recovery(self, party: Party, plain: str, photo: bytes) -> Any:
        await self._face(plain, photo)
        number_index = document_index(self._sealer, plain)
        return await self._do(RequestRecovery(party_id=party.party_id, number_index=number_index))

    async def _warn(self, party: Party) -> None:
        """Tell every phone of the account; that one cannot be told stops nothing."""
        text = (
            "Somebody asked to recover your Tallystick account. If it was not you, sign in and "
            "stop it within 24 hours. 有人申请找回您的账户，如非本人操作，请在24小时内登录取消。"
        )
        for factor in self._factors(party.party_id, FactorKind.PHONE):
            phone = self._sealer.open(FACTOR_PURPOSE, factor.secret_sealed)
            try:
                await asyncio.to_thread(self._messages.send, phone, text)
            except OSError:
                continue
