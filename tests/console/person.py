"""Somebody in front of the pages, without a browser: cookies of their own, forms as shown."""

from __future__ import annotations

import re
from typing import Any

import httpx2
from litestar import Litestar
from litestar.testing import TestClient
from tests.console.world import World

__all__ = ["Person", "operator", "signed_in"]

_INPUT = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">')
_FORM = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.S)
_TAGS = re.compile(r"<[^>]+>")


class Person:
    """One browser: keeps its cookies, and sends forms with what the last page had hidden in them.

    `status`, `page` and `location` are the last answer's.
    """

    def __init__(self, world: World) -> None:
        self.client: TestClient[Litestar] = world.client
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.answer: Any = None

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Person:
        self.client.cookies.clear()
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = self.headers | ({"cookie": cookies} if cookies else {})
        self.answer = self.client.request(method, path, data=form, headers=headers)
        for line in self.answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return self

    def get(self, path: str) -> Person:
        """Look at a page."""
        return self._ask("GET", path)

    def hidden(self, action: str) -> dict[str, str]:
        """The hidden fields of the last page's form that goes to an address."""
        for found, body in _FORM.findall(self.page):
            if found == action:
                return dict(_INPUT.findall(body))
        raise AssertionError(f"no form for {action} in {self.text}")

    def has_form(self, action: str) -> bool:
        """Whether the last page has a form that goes to an address."""
        return any(found == action for found, _ in _FORM.findall(self.page))

    def send(self, action: str, **fields: str) -> Person:
        """Send a form of the last page with further fields."""
        return self.post(action, self.hidden(action) | fields)

    def post(self, path: str, form: dict[str, str]) -> Person:
        """Post a form, whoever made it."""
        return self._ask("POST", path, form)

    def follow(self) -> Person:
        """Go where the last answer leads."""
        assert self.status == 303, (self.status, self.text)
        return self.get(self.location)

    @property
    def status(self) -> int:
        """The last answer's status."""
        return int(self.answer.status_code)

    @property
    def page(self) -> str:
        """The last answer's text."""
        return str(self.answer.text)

    @property
    def text(self) -> str:
        """The last page's words, without tags."""
        return " ".join(_TAGS.sub(" ", self.page).split())

    @property
    def location(self) -> str:
        """Where the last answer leads."""
        return str(self.answer.headers["location"])

    @property
    def set_cookies(self) -> list[str]:
        """The last answer's cookies as they were set."""
        answer: httpx2.Response = self.answer
        return [str(line) for line in answer.headers.get_list("set-cookie")]


def signed_in(world: World, login: str, password: str = "sandbox-1") -> Person:
    """A person who is signed in to the wallet."""
    person = Person(world)
    person.get("/wallet/sign-in")
    person.send("/wallet/sign-in", login=login, password=password)
    assert person.status == 303, person.text
    return person


def operator(world: World, login: str = "operator") -> Person:
    """An operator who is signed in to the console."""
    person = Person(world)
    person.get("/console/sign-in")
    person.send("/console/sign-in", login=login, password=world.operators[login])
    assert person.status == 303, person.text
    return person
