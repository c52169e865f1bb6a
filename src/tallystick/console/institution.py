"""An institution's own pages: its book, its loans, its files. Another's are not there.

Those who work for an institution sign in here, with a session that opens nothing else.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.frontend import Front, Frontend, RefusalText
from tallystick.console.funding import quota_views
from tallystick.console.identity import (
    Failed,
    close_session,
    failed_text,
    open_session,
    sign_in_operator,
)
from tallystick.console.places import INSTITUTION_AREA
from tallystick.console.requests import need_institution, read_form
from tallystick.console.security import PAGE_HEADERS, local_path
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.joint.files.worker import KEY_NAME, files_folder
from tallystick.credit.joint.model import Institution, PartnerDay
from tallystick.credit.joint.views import (
    expected_loss,
    institution_flows,
    institution_loans,
    institution_of,
    loan_share,
    owed_now,
    partner_days,
)
from tallystick.decoding import decode_json
from tallystick.pipeline.refusals import Refused

__all__ = ["INSTITUTION_PAGES"]

_SHOWN: Final = 25
_TYPES: Final = {"csv": "text/csv", "txt": "text/plain", "key": "text/plain"}


def _who(front: Frontend, visitor: Visitor) -> Institution:
    """The institution for which the visitor works.

    Raises:
        SignInNeeded: nobody is signed in here.
    """
    found = institution_of(front.platform.rows, need_institution(visitor))
    if found is None:
        raise Refused("INSTITUTION_NOT_EXIST")
    return found


def _page(front: Frontend, visitor: Visitor, template: str, **context: Any) -> Response[str]:
    return front.page(visitor, f"institution/{template}.html", **context)


def _sign_in_page(
    front: Frontend, visitor: Visitor, *, next_path: str,
    refusal: RefusalText | None = None, login: str = "",
) -> Response[str]:  # fmt: skip
    return front.page(
        visitor, "institution/sign_in.html", status=refusal.status if refusal else 200,
        next=next_path, refusal=refusal, login=login,
    )  # fmt: skip


@get("/institution/sign-in")
async def show_sign_in(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Where somebody of an institution signs in."""
    next_path = local_path(request.query_params.get("next", ""), INSTITUTION_AREA)
    if visitor.institution is not None:
        return front.redirect(next_path)
    return _sign_in_page(front, visitor, next_path=next_path)


@post("/institution/sign-in")
async def sign_in(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Sign in with login name and password."""
    form = await read_form(request)
    next_path = local_path(form.get("next", ""), INSTITUTION_AREA)
    login = form.get("login", "")
    password = form.get("password", "")
    found = await sign_in_operator(front, login, password, of_institution=True)
    if isinstance(found, Failed):
        said = failed_text(found, visitor.language)
        return _sign_in_page(front, visitor, next_path=next_path, refusal=said, login=login)
    answer = front.redirect(next_path)
    await open_session(front, visitor, answer, "institution", found.operator_id)
    return answer


@post("/institution/sign-out")
async def sign_out(front: Front, visitor: Asking) -> Response[Any]:
    """Forget this browser."""
    answer = front.redirect(f"{INSTITUTION_AREA}/sign-in", done="signed_out")
    await close_session(front, visitor, answer, "institution")
    return answer


@get("/institution")
async def show_book(front: Front, visitor: Asking) -> Response[str]:
    """The institution's own book: what it is owed, its quotas, files and latest flows."""
    who = _who(front, visitor)
    rows, views = front.platform.rows, quota_views(front, visitor.language, who.institution_id)
    currencies = list(dict.fromkeys(v.quota.terms.currency for v in views)) or ["CNY"]
    sums = [
        (
            currency,
            sum(v.quota.used for v in views if v.quota.terms.currency == currency),
            sum(v.quota.income for v in views if v.quota.terms.currency == currency),
            owed_now(rows, who.institution_id, currency),
            expected_loss(rows, who, currency),
        )
        for currency in currencies
    ]
    return _page(
        front, visitor, "book", here="book", who=who, views=views, sums=sums,
        loans=institution_loans(rows, who.institution_id, _SHOWN),
        flows=institution_flows(rows, who.institution_id, _SHOWN),
        days=[(row, _names(row)) for row in partner_days(rows, who.institution_id, _SHOWN)],
        key_name=KEY_NAME,
    )  # fmt: skip


@get("/institution/loans/{loan_id:str}")
async def show_loan(loan_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """Its share of a loan."""
    who = _who(front, visitor)
    found = loan_share(front.platform.rows, who.institution_id, loan_id[:64])
    if found is None:
        raise Refused("LOAN_NOT_EXIST")
    return _page(front, visitor, "loan", here="loans", who=who, loan=found)


class _Named(msgspec.Struct):
    name: str


class _Files(msgspec.Struct):
    files: tuple[_Named, ...]


def _names(row: PartnerDay) -> list[str]:
    """The names of a day's files, the manifest's first."""
    text = row.manifest.rpartition("\n\n")[0]
    named = [file.name for file in decode_json(text, _Files).files]
    return [f"{row.institution_id}-{row.currency}-{row.day}-manifest.txt", *named]


@get("/institution/files/{name:str}")
async def download(name: FromPath[str], front: Front, visitor: Asking) -> Response[bytes]:
    """One of its files; only what a recorded day of its own names can be had."""
    who = _who(front, visitor)
    rows = front.platform.rows
    parts = name.split("-")
    row = None
    if len(parts) == 6 and parts[0] == who.institution_id:
        row = rows.get(PartnerDay, parts[0], parts[1], "-".join(parts[2:5]))
    named = (row is not None and name in _names(row)) or name == KEY_NAME
    path = files_folder(front.platform.settings.data) / who.institution_id / name
    if not named or not path.is_file():
        raise Refused("PARTNER_FILE_NOT_EXIST")
    return Response(
        path.read_bytes(),
        media_type=_TYPES.get(path.suffix[1:], "application/octet-stream"),
        headers={**PAGE_HEADERS, "content-disposition": f'attachment; filename="{name}"'},
    )


INSTITUTION_PAGES: Final = (show_sign_in, sign_in, sign_out, show_book, show_loan, download)
