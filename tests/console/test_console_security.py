"""Headers, tokens, origins and ways back."""

from __future__ import annotations

import pytest

from tallystick.console.security import (
    PAGE_HEADERS,
    comes_from_here,
    csrf_token,
    is_csrf_token,
    local_path,
)
from tallystick.store.sealing import Sealer

SEALER = Sealer(b"k" * 32)
BASE = "https://pay.example"


def test_nothing_inline_runs_and_nobody_frames_a_page() -> None:
    policy = dict(
        p.strip().split(" ", 1) for p in PAGE_HEADERS["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in PAGE_HEADERS["content-security-policy"]


def test_a_token_fits_its_browser_and_session_only() -> None:
    token = csrf_token(SEALER, "visit", "session")
    assert is_csrf_token(SEALER, "visit", "session", token)
    assert not is_csrf_token(SEALER, "other", "session", token)
    assert not is_csrf_token(SEALER, "visit", "", token)
    assert not is_csrf_token(SEALER, "visit", "session", "")
    assert not is_csrf_token(SEALER, "visit", "session", "\udce4")
    # Without a visit cookie no token is right, not even the one of the empty visit.
    assert not is_csrf_token(SEALER, "", "session", csrf_token(SEALER, "", "session"))


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"origin": "https://pay.example", "host": "pay.example"}, True),
        ({"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}, True),
        ({"origin": "https://PAY.example", "host": "10.0.0.1"}, True),
        ({"origin": "https://evil.example", "host": "pay.example"}, False),
        ({"origin": "https://pay.example.evil.example", "host": "pay.example"}, False),
        ({"origin": "null", "host": "pay.example"}, False),
        ({"origin": "null", "host": ""}, False),
        ({"host": "pay.example"}, True),
        ({"host": "pay.example", "sec-fetch-site": "same-origin"}, True),
        ({"host": "pay.example", "sec-fetch-site": "cross-site"}, False),
        ({"host": "pay.example", "sec-fetch-site": "same-site"}, False),
    ],
)
def test_forms_of_other_sites_are_known(headers: dict[str, str], ours: bool) -> None:
    assert comes_from_here(headers, BASE) is ours


@pytest.mark.parametrize("asked", ["/wallet", "/cashier/1?x=1", "/console/trades?text=a%2Fb"])
def test_a_path_of_ours_is_a_way_on(asked: str) -> None:
    assert local_path(asked, "/") == asked


@pytest.mark.parametrize(
    "asked",
    ["", "//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example",
     "javascript:alert(1)", "wallet", "/\t/evil.example", "/wallet\r\nset-cookie: a=b", "///x"],
)  # fmt: skip
def test_no_address_elsewhere_is_a_way_on(asked: str) -> None:
    assert local_path(asked, "/default") == "/default"
