"""An account's owner hears of its alerts in the wallet, and says whether it was they."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath

from tallystick.console.frontend import Front, Frontend
from tallystick.console.requests import need_party, read_form
from tallystick.console.step_up import SECURITY_PATH
from tallystick.console.visitor import Asking, WebRequest
from tallystick.pipeline.refusals import Refused
from tallystick.risk.anomaly.model import AccountWarning, AlertKind, AnomalyAlert, AnswerAlert
from tallystick.risk.anomaly.views import alerts_of
from tallystick.risk.decision.model import DecisionRow
from tallystick.risk.person.views import person_of

__all__ = ["WALLET_ALERTS", "notices_of"]

_SHOWN: Final = 3


def notices_of(front: Frontend, party_id: str) -> dict[str, Any]:
    """The account's warning, and the alerts that its owner has not answered yet: each with its
    device and address, as far as known.

    A mule is not told that it is taken for one.
    """
    rows = front.platform.rows
    found: list[tuple[AnomalyAlert, str, str]] = []
    for alert in alerts_of(rows, party_id):
        if alert.answer or alert.kind is AlertKind.MULE or len(found) == _SHOWN:
            continue
        decision = rows.get(DecisionRow, alert.seq) if alert.seq else None
        told = ("", "") if decision is None else (decision.device[:12], decision.address)
        found.append((alert, *told))
    return {"alerts": found, "warned": rows.get(AccountWarning, party_id)}


@post("/wallet/alerts/{alert_id:str}")
async def answer_alert(
    alert_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """It was me, or it was not; either way on to the proof that lifts a warning."""
    party_id = need_party(visitor).party_id
    form = await read_form(request)
    mine = form.get("mine") == "yes"
    command = AnswerAlert(party_id=party_id, alert_id=alert_id[:64], mine=mine)
    answer = await front.submit(visitor.caller, command)
    if answer.refusal is not None:
        raise Refused(*answer.refusal)
    if mine and front.platform.rows.get(AccountWarning, party_id) is None:
        return front.redirect("/wallet", done="saved")
    return await _to_proof(front, party_id, "alert_mine" if mine else "alert_frozen")


async def _to_proof(front: Frontend, party_id: str, done: str) -> Response[Any]:
    if not person_of(front.platform.rows, party_id).active:
        return front.redirect(SECURITY_PATH, done=done)
    challenge_id = await front.platform.proving.ask(party_id)
    return front.redirect(f"/verify/{challenge_id}", next="/wallet")


@post("/wallet/prove")
async def prove(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """On to the proof that lifts a warning."""
    party_id = need_party(visitor).party_id
    await read_form(request)
    return await _to_proof(front, party_id, "factor_wanted")


WALLET_ALERTS: Final = (answer_alert, prove)
