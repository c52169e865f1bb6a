"""From a command that risk wants a proof for to the page that takes the proof, and back."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response

from tallystick.console.frontend import Frontend
from tallystick.console.identity import Failed, open_session
from tallystick.console.security import PROOF_COOKIE
from tallystick.console.visitor import Visitor
from tallystick.pipeline.refusals import Refusal, Refused
from tallystick.risk.person.model import CHALLENGE_MS
from tallystick.risk.person.views import person_of

__all__ = ["SECURITY_PATH", "asks_for_proof", "proof_at_sign_in", "signed_in"]

SECURITY_PATH: Final = "/wallet/security"


async def asks_for_proof(
    front: Frontend, visitor: Visitor, refusal: Refusal | None, back: str
) -> Response[Any] | None:
    """Where risk wants a proof, the page that takes it and leads back; else None.

    Who has no way to prove themselves now is told how to get one.
    """
    if refusal is None or refusal.code != "RISK_CHALLENGE":
        return None
    now_ms = front.platform.clock_ms()
    active = person_of(front.platform.rows, visitor.party_id).active
    if all(factor.usable_from_ms > now_ms for factor in active):
        return front.redirect(SECURITY_PATH, done="factor_wanted")
    challenge_id = await front.platform.proving.ask(visitor.party_id)
    return front.redirect(f"/verify/{challenge_id}", next=back)


async def proof_at_sign_in(front: Frontend, failed: Failed, back: str) -> Response[Any] | None:
    """The page that takes a proof of somebody whose password was right; else None.

    The browser that showed the password, and no other, may answer.
    """
    party_id = failed.proven_id
    if not party_id or not person_of(front.platform.rows, party_id).active:
        return None
    challenge_id = await front.platform.proving.ask(party_id)
    answer = front.redirect(f"/verify/{challenge_id}", next=back)
    front.set_cookie(answer, PROOF_COOKIE, challenge_id, path="/verify",
                     max_age_s=CHALLENGE_MS // 1000)  # fmt: skip
    return answer


async def signed_in(
    front: Frontend, visitor: Visitor, party_id: str, then: str, back: str
) -> Response[Any]:
    """Open a session and go on; where risk wants a proof first, the page that takes it.

    Raises:
        Refused: risk does not allow the session.
    """
    answer = front.redirect(then)
    try:
        await open_session(front, visitor, answer, "party", party_id)
    except Refused as refused:
        proven = party_id if refused.refusal.code == "RISK_CHALLENGE" else ""
        proof = await proof_at_sign_in(front, Failed(refused.refusal, proven_id=proven), back)
        if proof is None:
            raise
        return proof
    return answer
