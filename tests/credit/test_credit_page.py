"""The page about credit says what is true."""

from __future__ import annotations

import json
import re

import msgspec
from tests.server_process import ROOT

from tallystick.credit.postings import posting_lines
from tallystick.credit.schedules.offer import quote
from tallystick.credit.schedules.quote import QuoteRequest
from tallystick.decoding import decode_json

PAGE = (ROOT / "docs" / "credit.md").read_text("utf-8")


def test_the_example_gives_the_answer_beside_it() -> None:
    asked = re.search(r"echo '(\{.*?\})' \| tallystick credit quote -", PAGE, re.DOTALL)
    answered = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert asked is not None
    assert answered is not None
    offer = quote(decode_json(asked[1], QuoteRequest))
    assert json.loads(msgspec.json.encode(offer)) == json.loads(answered[1])


def test_every_field_of_a_quote_is_described() -> None:
    described = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert {field.name for field in msgspec.structs.fields(QuoteRequest)} <= described


def test_every_event_is_in_the_table_and_nothing_else() -> None:
    table = PAGE[PAGE.index("| event | debit |") :].splitlines()[2:]
    assert [line for line in table if line.startswith("|")] == posting_lines()


def test_products_post_through_the_tables_alone() -> None:
    room = ROOT / "src" / "tallystick" / "credit"
    made = sorted(
        path.relative_to(room).as_posix()
        for path in room.rglob("*.py")
        if re.search(r"\b(Posting|Transfer)\(", path.read_text("utf-8"))
    )
    # What loans and receivables move, and what of it is the institutions' share.
    assert made == ["participation/postings.py", "postings.py"]
