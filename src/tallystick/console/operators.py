"""Operators: signing in and out, and what each of their pages shares."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post

from tallystick.console.frontend import Front, Frontend, RefusalText
from tallystick.console.identity import (
    Failed,
    close_session,
    failed_text,
    open_session,
    sign_in_operator,
)
from tallystick.console.places import OPERATOR_AREA
from tallystick.console.requests import Form, form_request, need_operator, read_form
from tallystick.console.security import local_path
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.parties.model import Party
from tallystick.parties.views import party_view
from tallystick.pipeline.commands import Command, Reply
from tallystick.pipeline.refusals import Refused

__all__ = ["OPERATORS", "UNREPEATABLE", "act", "operators_page", "party_label"]

UNREPEATABLE: Final[Form] = {}
"""Stands for a form whose command is new each time, so that it has no request id."""


def operators_page(
    front: Frontend, visitor: Visitor, template: str, here: str, *,
    refusal: RefusalText | None = None, **context: Any,
) -> Response[str]:  # fmt: skip
    """A page of the console (raises SignInNeeded when no operator is signed in)."""
    need_operator(visitor)
    return front.page(
        visitor, f"operators/{template}.html", status=refusal.status if refusal else 200,
        here=here, refusal=refusal, **context,
    )  # fmt: skip


async def act(front: Frontend, visitor: Visitor, form: Form, command: Command, what: str) -> Reply:
    """Run an operator's command; a form that is sent twice is done once.

    The pipeline refuses what a viewer asks, and writes the audit trail either way.

    Raises:
        Refused: what the pipeline refused.
    """
    operator = need_operator(visitor)
    answer = await front.submit(operator.caller, command, form_request(form, what))
    if answer.refusal is not None:
        raise Refused(*answer.refusal)
    assert answer.reply is not None
    return answer.reply


def party_label(front: Frontend, party_id: str) -> str:
    """A party for operators: masked name and login, and its number; empty for none."""
    party = front.platform.rows.get(Party, party_id) if party_id else None
    if party is None:
        return party_id
    view = party_view(front.platform.sealer, party)
    return f"{view.name} · {view.login} · {party_id}"


def _sign_in_page(
    front: Frontend, visitor: Visitor, *, next_path: str,
    refusal: RefusalText | None = None, login: str = "",
) -> Response[str]:  # fmt: skip
    return front.page(
        visitor, "operators/sign_in.html", status=refusal.status if refusal else 200,
        next=next_path, refusal=refusal, login=login,
    )  # fmt: skip


@get("/console/sign-in")
async def show_sign_in(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Where an operator signs in."""
    next_path = local_path(request.query_params.get("next", ""), OPERATOR_AREA)
    if visitor.operator is not None:
        return front.redirect(next_path)
    return _sign_in_page(front, visitor, next_path=next_path)


@post("/console/sign-in")
async def sign_in(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Sign in with login name and password."""
    form = await read_form(request)
    next_path = local_path(form.get("next", ""), OPERATOR_AREA)
    login = form.get("login", "")
    found = await sign_in_operator(front, login, form.get("password", ""))
    if isinstance(found, Failed):
        said = failed_text(found, visitor.language)
        return _sign_in_page(front, visitor, next_path=next_path, refusal=said, login=login)
    answer = front.redirect(next_path)
    await open_session(front, visitor, answer, "operator", found.operator_id)
    return answer


@post("/console/sign-out")
async def sign_out(front: Front, visitor: Asking) -> Response[Any]:
    """Forget this browser."""
    answer = front.redirect(f"{OPERATOR_AREA}/sign-in", done="signed_out")
    await close_session(front, visitor, answer, "operator")
    return answer


OPERATORS: Final = (show_sign_in, sign_in, sign_out)
