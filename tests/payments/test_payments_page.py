"""docs/payments.md says what is."""

from __future__ import annotations

import re

from tests.payments.documented import PAGE, written

from tallystick.pipeline.refusals import REFUSALS


def test_the_pages_tables_are_those_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert written(text) == text


def test_every_refusal_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PAGE.read_text("utf-8")))
    protocol = {word for word in named if word.startswith("TRADE_") and word not in REFUSALS}
    assert protocol <= {"TRADE_SUCCESS"}
    assert named - protocol - {"WAIT_BUYER_PAY"} <= set(REFUSALS)
