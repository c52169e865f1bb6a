"""One person's browser, and what is wrong with what they see."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    Response,
)
from tests.browser.shop_site import ShopSite
from tests.server_process import ServerProcess

__all__ = ["DESKTOP", "PATIENCE_MS", "PHONE", "Looking", "Screen"]

PATIENCE_MS = 120_000
"""How long anything may take to come: a busy machine is no failure."""

_INSPECT = (Path(__file__).parent / "inspect.js").read_text("utf-8")


class Screen(NamedTuple):
    """What a person looks at."""

    name: str
    width: int
    height: int
    touch: bool


DESKTOP = Screen("desktop", 1280, 800, touch=False)
PHONE = Screen("phone", 390, 844, touch=True)


@dataclass
class Looking:
    """A browser with cookies of its own.

    Args:
        wrongs: what must not happen on any page: errors of scripts, requests to anybody but the
            platform and the shop, answers of 500 and more.
    """

    context: BrowserContext
    page: Page
    server: ServerProcess
    screen: Screen
    wrongs: list[str] = field(default_factory=list)

    @classmethod
    def open(
        cls, browser: Browser, server: ServerProcess, shop_site: ShopSite, screen: Screen,
        language: str, *, dark: bool,
    ) -> Looking:  # fmt: skip
        """A person of a language with a screen."""
        context = browser.new_context(
            viewport={"width": screen.width, "height": screen.height},
            is_mobile=screen.touch,
            has_touch=screen.touch,
            locale={"en": "en-GB", "zh": "zh-CN"}[language],
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        looking = cls(context, context.new_page(), server, screen)
        hosts = {urlsplit(server.base_url).netloc, urlsplit(shop_site.base).netloc}
        looking._watch(hosts)
        return looking

    def _watch(self, hosts: set[str]) -> None:
        def asked(request: Request) -> None:
            parts = urlsplit(request.url)
            if parts.scheme != "data" and parts.netloc not in hosts:
                self.wrongs.append(f"asked {request.url}")

        def answered(response: Response) -> None:
            if response.status >= 500:
                self.wrongs.append(f"{response.status} of {response.url}")

        def said(message: ConsoleMessage) -> None:
            # A refusal is a page with a status of its own; Chromium notes that as an error.
            refused = "Failed to load resource" in message.text and "status of 4" in message.text
            if message.type in ("error", "warning") and not refused:
                self.wrongs.append(f"console: {message.text}")

        def failed(error: Error) -> None:
            self.wrongs.append(f"script: {error}")

        self.context.on("request", asked)
        self.context.on("response", answered)
        self.page.on("console", said)
        self.page.on("pageerror", failed)

    def close(self) -> None:
        """Be gone."""
        self.context.close()

    # Going and doing.

    def go(self, path: str) -> Looking:
        """Open an address of ours, or a whole one."""
        self.page.goto(path if "://" in path else f"{self.server.base_url}{path}")
        return self

    @property
    def path(self) -> str:
        """Where the browser is, without host and query."""
        return urlsplit(self.page.url).path

    def press(self, name: str) -> Looking:
        """Press the button, or follow the link, with this name, and wait for what comes."""
        found = self.page.get_by_role("button", name=name).or_(
            self.page.get_by_role("link", name=name)
        )
        with self.page.expect_navigation():
            found.first.click()
        return self

    def fill(self, **fields: str) -> Looking:
        """Fill fields by their names."""
        for name, value in fields.items():
            self.page.locator(f'[name="{name}"]').fill(value)
        return self

    def sign_in(self, login: str, password: str) -> Looking:
        """Fill in the form that asks who it is."""
        self.fill(login=login, password=password)
        with self.page.expect_navigation():
            self.page.locator("main button.primary").click()
        return self

    def find(self, text: str) -> Locator:
        """Where a text stands."""
        return self.page.get_by_text(text).first

    def sees(self, text: str) -> bool:
        """Whether a text is to be seen, now or in a moment."""
        try:
            self.find(text).wait_for()
        except Error as error:
            shown = self.page.locator("body").inner_text()
            raise AssertionError(f"{text!r} is not on {self.page.url}:\n{shown}") from error
        return True

    # Judging.

    def faults(self) -> list[str]:
        """What is wrong with the page that is shown: see `inspect.js`."""
        found: Any = self.page.evaluate(_INSPECT, {"touch": self.screen.touch})
        return [f"{self.page.url} ({self.screen.name}): {fault}" for fault in found]
