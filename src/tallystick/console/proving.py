"""A person's ways to prove themselves: bound in the wallet, asked for where risk wants them."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath

from tallystick.console.cashier import qr_svg
from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.identity import (
    Failed,
    failed_text,
    prove_payment_password,
    sign_in_party,
)
from tallystick.console.requests import need_party, read_form
from tallystick.console.security import PROOF_COOKIE, local_path
from tallystick.console.step_up import SECURITY_PATH
from tallystick.console.texts import text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.parties.model import Party
from tallystick.pipeline.refusals import Refusal, Refused
from tallystick.risk.person.model import (
    CancelRecovery,
    Challenge,
    ChallengeStatus,
    Factor,
    FactorKind,
    ProofRecorded,
    RemoveFactor,
)
from tallystick.risk.person.passkeys import Site, site_of
from tallystick.risk.person.proving import phone_shown
from tallystick.risk.person.views import level_limits, person_of, recovery_of

__all__ = ["PROVING"]

_PHOTO_MAX: Final = 5 * 1024 * 1024


def _party(visitor: Visitor) -> Party:
    party = need_party(visitor).party
    assert party is not None
    return party


def _site(request: WebRequest, front: Frontend) -> Site | None:
    return site_of(front.platform.settings.public_base, request.headers.get("host", ""))


def _shown(front: Frontend, factor: Factor) -> str:
    """What a factor is called on a page, beside its kind."""
    if factor.kind is FactorKind.PHONE:
        return phone_shown(front.platform.sealer, factor)
    return factor.label


def _said(refused: Refused, visitor: Visitor) -> RefusalText:
    return refusal_text(refused.refusal, visitor.language)


# The place in the wallet.


def _home(
    front: Frontend, visitor: Visitor, request: WebRequest, refusal: RefusalText | None = None
) -> Response[str]:
    rows = front.platform.rows
    party = _party(visitor)
    person = person_of(rows, party.party_id)
    level = 0 if person.level is None else person.level.level
    limits = {each.level: each for each in level_limits(rows) if each.currency == "CNY"}
    return front.page(
        visitor, "wallet/security.html", status=refusal.status if refusal else 200,
        here="security", refusal=refusal, factors=person.active, document=person.document,
        shown={f.factor_id: _shown(front, f) for f in person.active}, level=level,
        limits=limits, recovery=recovery_of(rows, party.party_id),
        passkeys=_site(request, front) is not None, now_ms=front.platform.clock_ms(),
    )  # fmt: skip


@get("/wallet/security")
async def show_security(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """What is bound to the account, its level, and what more can be bound."""
    return _home(front, visitor, request)


async def _allowed(
    front: Frontend, visitor: Visitor, request: WebRequest,
    work: Callable[[Party, dict[str, str]], Awaitable[Response[Any]]],
) -> Response[Any]:  # fmt: skip
    """Do something that the payment password must allow; what is refused is said on the page.

    What takes a proof first leads to the page that takes it.
    """
    party = _party(visitor)
    form = await read_form(request)
    failed = await prove_payment_password(front, party, form.get("payment_password", ""))
    if failed is not None:
        return _home(front, visitor, request, failed_text(failed, visitor.language))
    try:
        return await work(party, form)
    except Refused as refused:
        if refused.refusal.code == "PROOF_NEEDED":
            challenge_id = await front.platform.proving.ask(party.party_id)
            return front.redirect(f"/verify/{challenge_id}", next=SECURITY_PATH)
        return _home(front, visitor, request, _said(refused, visitor))


@post("/wallet/security/generator")
async def add_generator(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """A new code generator: the code to scan."""

    async def work(party: Party, form: dict[str, str]) -> Response[Any]:
        made = await front.platform.proving.begin_generator(party)
        return front.redirect(f"{SECURITY_PATH}/generator/{made.challenge_id}")

    return await _allowed(front, visitor, request, work)


def _generator_page(
    front: Frontend, visitor: Visitor, challenge_id: str, refusal: RefusalText | None = None
) -> Response[str]:
    made = front.platform.proving.generator_of(challenge_id, _party(visitor))
    secret = " ".join(made.secret[i : i + 4] for i in range(0, len(made.secret), 4))
    return front.page(
        visitor, "wallet/generator.html", status=refusal.status if refusal else 200,
        here="security", refusal=refusal, qr=qr_svg(made.uri), secret=secret,
        challenge_id=challenge_id, factor_id=made.factor_id,
    )  # fmt: skip


@get("/wallet/security/generator/{challenge_id:str}")
async def show_generator(
    challenge_id: FromPath[str], front: Front, visitor: Asking
) -> Response[str]:
    """The code to scan, until the first six digits were right."""
    return _generator_page(front, visitor, challenge_id)


@post("/wallet/security/generator/{challenge_id:str}")
async def confirm_generator(
    challenge_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """The first six digits of a new generator."""
    form = await read_form(request)
    said = await _confirmed(front, visitor, challenge_id, form)
    if said is not None:
        return _generator_page(front, visitor, challenge_id, said)
    return front.redirect(SECURITY_PATH, done="factor_added")


async def _confirmed(
    front: Frontend, visitor: Visitor, challenge_id: str, form: Mapping[str, str]
) -> RefusalText | None:
    """Check a first code of the visitor's own new factor; what is said when it is not right."""
    proving = front.platform.proving
    if proving.challenge(challenge_id).party_id != _party(visitor).party_id:
        raise Refused("CHALLENGE_NOT_EXIST")
    done = await proving.answer_code(challenge_id, form.get("factor", ""), form.get("code", ""))
    return _wrong(done, visitor)


def _wrong(done: ProofRecorded, visitor: Visitor) -> RefusalText | None:
    if done.status is ChallengeStatus.PASSED:
        return None
    left = text("tries.left", visitor.language, count=done.tries_left)
    return refusal_text(Refusal("PROOF_CODE_WRONG"), visitor.language, left)


@post("/wallet/security/phone")
async def add_phone(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """A new phone: its first code is sent."""

    async def work(party: Party, form: dict[str, str]) -> Response[Any]:
        challenge_id = await front.platform.proving.begin_phone(party, form.get("phone", ""))
        return front.redirect(f"{SECURITY_PATH}/phone/{challenge_id}")

    return await _allowed(front, visitor, request, work)


def _phone_page(
    front: Frontend, visitor: Visitor, challenge_id: str, refusal: RefusalText | None = None
) -> Response[str]:
    party = _party(visitor)
    challenge = front.platform.proving.challenge(challenge_id)
    factor = front.platform.rows.get(Factor, challenge.factor_id)
    if challenge.party_id != party.party_id or factor is None:
        raise Refused("CHALLENGE_NOT_EXIST")
    return front.page(
        visitor, "wallet/phone.html", status=refusal.status if refusal else 200, here="security",
        refusal=refusal, phone=phone_shown(front.platform.sealer, factor),
        challenge_id=challenge_id, factor_id=factor.factor_id,
    )  # fmt: skip


@get("/wallet/security/phone/{challenge_id:str}")
async def show_phone(challenge_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """Where the first code of a new phone is typed."""
    return _phone_page(front, visitor, challenge_id)


@post("/wallet/security/phone/{challenge_id:str}")
async def confirm_phone(
    challenge_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """The first code of a new phone."""
    form = await read_form(request)
    said = await _confirmed(front, visitor, challenge_id, form)
    if said is not None:
        return _phone_page(front, visitor, challenge_id, said)
    return front.redirect(SECURITY_PATH, done="factor_added")


@post("/wallet/security/remove")
async def remove_factor(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Unbind a factor."""

    async def work(party: Party, form: dict[str, str]) -> Response[Any]:
        command = RemoveFactor(party_id=party.party_id, factor_id=form.get("factor", ""))
        answer = await front.submit(visitor.caller, command)
        if answer.refusal is not None:
            raise Refused(*answer.refusal)
        return front.redirect(SECURITY_PATH, done="factor_removed")

    return await _allowed(front, visitor, request, work)


async def _photo(request: WebRequest) -> bytes:
    """The picture in a form; empty when none was chosen."""
    found = (await request.form()).get("photo")
    return await found.read() if isinstance(found, UploadFile) else b""


@post("/wallet/security/document", request_max_body_size=_PHOTO_MAX)
async def add_document(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """A national id, and a photo of the person's face if they will."""

    async def work(party: Party, form: dict[str, str]) -> Response[Any]:
        photo = await _photo(request)
        await front.platform.proving.check_document(party, form.get("number", ""), photo)
        return front.redirect(SECURITY_PATH, done="document_checked")

    return await _allowed(front, visitor, request, work)


@post("/wallet/security/keep")
async def cancel_recovery(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """It was not the owner who asked for a recovery."""
    party = _party(visitor)
    answer = await front.submit(visitor.caller, CancelRecovery(party_id=party.party_id))
    if answer.refusal is not None:
        return _home(front, visitor, request, refusal_text(answer.refusal, visitor.language))
    return front.redirect(SECURITY_PATH, done="recovery_cancelled")


# Passkeys: two questions of a script's for each ceremony.


def _json_refusal(front: Frontend, visitor: Visitor, refusal: Refusal) -> Response[Any]:
    said = refusal_text(refusal, visitor.language)
    answer = front.json({"code": said.code, "sentence": said.sentence})
    answer.status_code = said.status
    return answer


def _answered(form: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(form.get("answer", ""))
    except ValueError as error:
        raise Refused("PASSKEY_INVALID") from error
    if not isinstance(found, dict):
        raise Refused("PASSKEY_INVALID")
    return found


def _named_site(request: WebRequest, front: Frontend) -> Site:
    site = _site(request, front)
    if site is None:
        raise Refused("PASSKEY_INVALID")
    return site


@post("/wallet/security/passkey/ask", status_code=200)
async def ask_new_passkey(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """What the browser needs to make a passkey."""
    party = _party(visitor)
    form = await read_form(request)
    failed = await prove_payment_password(front, party, form.get("payment_password", ""))
    if failed is not None:
        return _json_refusal(front, visitor, failed.refusal)
    site = _named_site(request, front)
    challenge_id, options = await front.platform.proving.begin_passkey(site, party)
    return front.json({"challenge": challenge_id, "options": options})


@post("/wallet/security/passkey", status_code=200)
async def add_passkey(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """The passkey that the browser made."""
    party = _party(visitor)
    form = await read_form(request)
    proving = front.platform.proving
    try:
        site = _named_site(request, front)
        label = form.get("label", "")
        await proving.finish_passkey(site, party, form.get("challenge", ""), _answered(form), label)
    except Refused as refused:
        if refused.refusal.code == "PROOF_NEEDED":
            challenge_id = await proving.ask(party.party_id)
            return front.json({"next": f"/verify/{challenge_id}?next={SECURITY_PATH}"})
        return _json_refusal(front, visitor, refused.refusal)
    return front.json({"next": f"{SECURITY_PATH}?done=factor_added"})


# Where a proof is asked for: of who is signed in, or of who has just shown their password.


def _own(front: Frontend, visitor: Visitor, request: WebRequest, challenge_id: str) -> Challenge:
    """The visitor's open challenge.

    Raises:
        SignInNeeded: nobody showed a password before.
        Refused: CHALLENGE_NOT_EXIST, also for one of another person; CHALLENGE_ENDED.
    """
    challenge = front.platform.proving.challenge(challenge_id)
    asked_at_sign_in = hmac.compare_digest(
        request.cookies.get(PROOF_COOKIE, "").encode(), challenge_id.encode()
    )
    if visitor.party_id != challenge.party_id and not asked_at_sign_in:
        need_party(visitor)
        raise Refused("CHALLENGE_NOT_EXIST")
    return challenge


def _verify_page(
    front: Frontend, visitor: Visitor, request: WebRequest, challenge_id: str, next_path: str,
    refusal: RefusalText | None = None, sent_to: str = "",
) -> Response[str]:  # fmt: skip
    challenge = _own(front, visitor, request, challenge_id)
    person = person_of(front.platform.rows, challenge.party_id)
    now_ms = front.platform.clock_ms()
    usable = [f for f in person.active if f.usable_from_ms <= now_ms]
    return front.page(
        visitor, "verify.html", status=refusal.status if refusal else 200, refusal=refusal,
        challenge_id=challenge_id, next=next_path, sent_to=sent_to,
        generator=next((f for f in usable if f.kind is FactorKind.TOTP), None),
        phones=[(f, _shown(front, f)) for f in usable if f.kind is FactorKind.PHONE],
        passkeys=any(f.kind is FactorKind.PASSKEY for f in usable)
        and _site(request, front) is not None,
        ends_in_ms=challenge.expires_ms - now_ms,
    )  # fmt: skip


@get("/verify/{challenge_id:str}")
async def show_verify(
    challenge_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[str]:
    """The ways in which a person can prove themselves now."""
    next_path = local_path(request.query_params.get("next", ""), "")
    return _verify_page(front, visitor, request, challenge_id, next_path)


@get("/verify/done")
async def show_proved(front: Front, visitor: Asking) -> Response[str]:
    """A partner's challenge was answered; the person goes back by themselves."""
    return front.page(visitor, "verified.html")


def _after(front: Frontend, next_path: str) -> Response[None]:
    if not next_path:
        return front.redirect("/verify/done")
    return front.redirect(next_path, done="proved")


@post("/verify/{challenge_id:str}/send")
async def send_code(
    challenge_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Send a code to a phone."""
    form = await read_form(request)
    next_path = local_path(form.get("next", ""), "")
    factor_id = form.get("factor", "")
    _own(front, visitor, request, challenge_id)
    try:
        await front.platform.proving.send_code(challenge_id, factor_id)
    except Refused as refused:
        said = _said(refused, visitor)
        return _verify_page(front, visitor, request, challenge_id, next_path, said)
    return _verify_page(front, visitor, request, challenge_id, next_path, sent_to=factor_id)


@post("/verify/{challenge_id:str}/code")
async def check_code(
    challenge_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Six digits, of a generator or of a message."""
    form = await read_form(request)
    next_path = local_path(form.get("next", ""), "")
    factor_id, code = form.get("factor", ""), form.get("code", "")
    _own(front, visitor, request, challenge_id)
    try:
        done = await front.platform.proving.answer_code(challenge_id, factor_id, code)
        said = _wrong(done, visitor)
    except Refused as refused:
        if refused.refusal.code.startswith("CHALLENGE_"):
            raise
        said = _said(refused, visitor)
    if said is not None:
        sent_to = form.get("sent_to", "")
        return _verify_page(front, visitor, request, challenge_id, next_path, said, sent_to)
    return _after(front, next_path)


@post("/verify/{challenge_id:str}/passkey/ask", status_code=200)
async def ask_passkey(
    challenge_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """What the browser needs to sign with a passkey."""
    _own(front, visitor, request, challenge_id)
    try:
        site = _named_site(request, front)
        options = await front.platform.proving.ask_passkey(site, challenge_id)
    except Refused as refused:
        return _json_refusal(front, visitor, refused.refusal)
    return front.json({"challenge": challenge_id, "options": options})


@post("/verify/{challenge_id:str}/passkey", status_code=200)
async def check_passkey(
    challenge_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """A passkey's signature."""
    form = await read_form(request)
    _own(front, visitor, request, challenge_id)
    try:
        site = _named_site(request, front)
        proving = front.platform.proving
        done = await proving.answer_passkey(site, challenge_id, _answered(form))
    except Refused as refused:
        return _json_refusal(front, visitor, refused.refusal)
    if done.status is not ChallengeStatus.PASSED:
        return _json_refusal(front, visitor, Refusal("PASSKEY_INVALID"))
    next_path = local_path(form.get("next", ""), "")
    return front.json({"next": _after(front, next_path).headers["location"]})


# Recovery.


def _recover_page(
    front: Frontend, visitor: Visitor, refusal: RefusalText | None = None, *, login: str = "",
    due_ms: int = 0,
) -> Response[str]:  # fmt: skip
    return front.page(
        visitor, "recover.html", status=refusal.status if refusal else 200, refusal=refusal,
        login=login, due_ms=due_ms,
    )  # fmt: skip


@get("/recover")
async def show_recover(front: Front, visitor: Asking) -> Response[str]:
    """Where somebody who lost their ways to prove themselves begins."""
    return _recover_page(front, visitor)


@post("/recover", request_max_body_size=_PHOTO_MAX)
async def recover(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Password, document and face; then a day in which the owner can say no."""
    form = await read_form(request)
    login = form.get("login", "")
    found = await sign_in_party(front, login, form.get("password", ""))
    if isinstance(found, Failed):
        said = failed_text(found, visitor.language)
        return _recover_page(front, visitor, said, login=login)
    try:
        photo = await _photo(request)
        done = await front.platform.proving.request_recovery(found, form.get("number", ""), photo)
    except Refused as refused:
        return _recover_page(front, visitor, _said(refused, visitor), login=login)
    return _recover_page(front, visitor, due_ms=done.due_ms)


PROVING: Final = (
    show_security, add_generator, show_generator, confirm_generator, add_phone, show_phone,
    confirm_phone, remove_factor, add_document, cancel_recovery, ask_new_passkey, add_passkey,
    show_verify, show_proved, send_code, check_code, ask_passkey, check_passkey, show_recover,
    recover,
)  # fmt: skip
