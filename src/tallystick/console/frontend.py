"""What all pages stand on: the templates, the static files, answers with their headers."""

from __future__ import annotations

import hashlib
import mimetypes
import secrets
from collections.abc import Callable
from importlib import resources
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Response
from litestar.di import NamedDependency

from tallystick.console import display
from tallystick.console.figures import FiguresReader
from tallystick.console.places import PLACES
from tallystick.console.security import PAGE_HEADERS, VISIT_COOKIE
from tallystick.console.texts import Language, text
from tallystick.console.visitor import LANGUAGE_COOKIE, Visitor
from tallystick.parties.passwords import PasswordHasher
from tallystick.payments.trades.model import Trade
from tallystick.pipeline.commands import Answer, Caller, Command
from tallystick.pipeline.rate_limit import RateLimit
from tallystick.pipeline.refusals import REFUSALS, Refusal, Refused
from tallystick.platform import Platform

__all__ = ["Asset", "Front", "Frontend", "RefusalText", "ReturnLocation", "error_text",
           "refusal_text"]  # fmt: skip

ReturnLocation = Callable[[Trade], str]
"""Where the buyer of a paid trade goes back to: the shop's address with signed parameters."""

_YEAR_S: Final = 365 * 86_400


class Asset(NamedTuple):
    """A static file."""

    body: bytes
    media_type: str


class RefusalText(NamedTuple):
    """A refusal as a page shows it, in the visitor's language."""

    code: str
    sentence: str
    lines: tuple[str, ...]
    status: int


def refusal_text(refusal: Refusal, language: Language, *lines: str) -> RefusalText:
    """The sentence of the refusals' table, with further lines."""
    kind = REFUSALS[refusal.code]
    sentence = language.pick(kind.english, kind.chinese)
    return RefusalText(refusal.code, sentence, tuple(line for line in lines if line),
                       kind.http_status)  # fmt: skip


def error_text(
    error: Refused | msgspec.DecodeError | ValueError, language: Language
) -> RefusalText:
    """What was refused, with its detail; of a form that does not fit, what does not fit."""
    if isinstance(error, Refused):
        return refusal_text(error.refusal, language, error.refusal.detail)
    return refusal_text(Refusal("INVALID_PARAMETER"), language, f"{error}.")


def _load_assets() -> dict[str, Asset]:
    folder = resources.files("tallystick.console") / "static"
    assets = {}
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        media_type = mimetypes.guess_type(entry.name)[0]
        if media_type is not None:
            assets[entry.name] = Asset(entry.read_bytes(), media_type)
    return assets


class Frontend:
    """Renders pages and runs what they ask for.

    Args:
        return_location: the signed way back to a shop, made by the gateway.
    """

    def __init__(self, platform: Platform, return_location: ReturnLocation) -> None:
        self.platform = platform
        self.return_location = return_location
        self.hasher = PasswordHasher.of(platform.settings)
        self.figures = FiguresReader(platform)
        self.rate_limit = RateLimit(platform.clock_ms)
        self.assets = _load_assets()
        digest = hashlib.sha256(b"\0".join(a.body for a in self.assets.values()))
        self.assets_version = digest.hexdigest()[:12]
        self.secure = platform.settings.public_base.startswith("https:")
        self._templates = self._environment()

    def _environment(self) -> Environment:
        environment = Environment(
            loader=PackageLoader("tallystick.console", "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(
            asset=self.asset_path,
            languages_known=list(Language),
            places=PLACES,
            money=display.money,
            signed_money=display.signed_money,
            moment=display.moment,
        )
        return environment

    def asset_path(self, name: str) -> str:
        """The address of a static file; it changes with the contents, so it may be cached."""
        return f"/assets/{self.assets_version}/{name}"

    # Answers.

    def _headers(self) -> dict[str, str]:
        headers = dict(PAGE_HEADERS)
        if self.secure:
            headers["strict-transport-security"] = f"max-age={_YEAR_S}"
        return headers

    def html(self, visitor: Visitor, template: str, **context: Any) -> str:
        """The text of a page."""
        language = visitor.language
        context = {
            "refusal": None, "login": "", "back": "", "form_id": secrets.token_hex(16), **context
        }  # fmt: skip
        return self._templates.get_template(template).render(
            visitor=visitor,
            t=lambda key, **values: text(key, language, **values),
            **context,
        )

    def page(
        self, visitor: Visitor, template: str, *, status: int = 200, **context: Any
    ) -> Response[str]:
        """A page as an answer. The context may hold `refusal`, a `RefusalText` to show."""
        answer = Response(
            self.html(visitor, template, **context),
            status_code=status,
            media_type="text/html",
            headers=self._headers(),
        )
        self._keep(answer, visitor)
        return answer

    def json(self, body: dict[str, Any]) -> Response[dict[str, Any]]:
        """Figures for a page that is open."""
        return Response(body, headers=self._headers())

    def redirect(self, location: str, **query: str) -> Response[None]:
        """Go on to a page of ours after something was done (303)."""
        if query:
            location = f"{location}{'&' if '?' in location else '?'}{urlencode(query)}"
        headers = {**self._headers(), "location": location}
        return Response(None, status_code=303, media_type="text/plain", headers=headers)

    def set_cookie(
        self, answer: Response[Any], name: str, value: str, *, path: str, max_age_s: int = -1
    ) -> None:
        """Have the browser keep a value that scripts cannot read; -1: until it is closed."""
        answer.set_cookie(
            name,
            value,
            path=path,
            max_age=max_age_s if max_age_s >= 0 else None,
            httponly=True,
            secure=self.secure,
            samesite="lax",
        )

    def _keep(self, answer: Response[Any], visitor: Visitor) -> None:
        if visitor.new_visit:
            self.set_cookie(answer, VISIT_COOKIE, visitor.visit, path="/")
        if visitor.asked_language:
            self.set_cookie(
                answer, LANGUAGE_COOKIE, visitor.language.value, path="/", max_age_s=_YEAR_S
            )

    # Asking.

    async def submit(self, caller: Caller, command: Command, request_id: str = "") -> Answer:
        """Run a command; the answer says what became of it."""
        return await self.platform.submit(caller, command, request_id)


Front = NamedDependency[Frontend]
"""The frontend as a handler is given it."""
