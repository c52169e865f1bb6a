"""The catalogue of texts: complete in both languages, nothing unused, and who reads which."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick.console import texts
from tallystick.console.texts import TEXTS, Language, choose_language, text
from tallystick.partners.model import KeyStatus, NotificationStatus, Role
from tallystick.payments.trades.model import SettlementKind, TradeStatus
from tallystick.payments.trades.transitions import TRANSITIONS
from tallystick.payments.wallet.model import BankOrderKind, BankOrderStatus

CONSOLE = Path(texts.__file__).parent.parent
PLACE = re.compile(r"\{([a-z_]+)\}")
WHOLE = re.compile(r"""\bt\(\s*'([a-z_A-Z.]+)'\s*[,)]|\btext\(\s*"([a-z_A-Z.]+)"\s*,""")
BUILT = re.compile(r"""\bt\(\s*'([a-z_A-Z.]+\.)' ~|\bf"([a-z_A-Z.]+\.)\{""")
QUOTED = re.compile(r"""['"]([a-z]+(?:\.[a-zA-Z_]+)+)['"]""")


def sources() -> list[str]:
    """All templates and modules of the pages, but the catalogue itself."""
    modules = (path for path in CONSOLE.rglob("*.py") if path.parent.name != "texts")
    found = [*CONSOLE.rglob("*.html"), *modules]
    return [path.read_text("utf-8") for path in found]


def used_whole() -> set[str]:
    return {a or b for source in sources() for a, b in WHOLE.findall(source)}


def used_prefixes() -> set[str]:
    return {a or b for source in sources() for a, b in BUILT.findall(source)}


def test_every_key_that_pages_name_is_in_the_catalogue() -> None:
    assert used_whole() - TEXTS.keys() == set()
    assert len(used_whole()) > 150


def test_every_text_of_the_catalogue_is_used() -> None:
    named = {key for source in sources() for key in QUOTED.findall(source)}
    prefixes = tuple(used_prefixes())
    assert [k for k in TEXTS if k not in named and not k.startswith(prefixes)] == []


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_says_the_same_places_in_both_languages(key: str) -> None:
    english, chinese = TEXTS[key]
    assert english.strip()
    assert chinese.strip()
    assert set(PLACE.findall(english)) == set(PLACE.findall(chinese))


@pytest.mark.parametrize(
    ("prefix", "values"),
    [
        ("trade.status.", [s.value for s in TradeStatus]),
        ("command.", [t.command for t in TRANSITIONS] + ["trade.create"]),
        ("settlement_kind.", [k.value for k in SettlementKind]),
        ("notification.status.", [s.value for s in NotificationStatus]),
        ("key.status.", [s.value for s in KeyStatus]),
        ("ops.role.", [r.value for r in Role]),
        ("wallet.bank.", [k.value for k in BankOrderKind]),
        ("wallet.bank_status.", [s.value for s in BankOrderStatus]),
        ("settlement.", ["escrow", "instant"]),
    ],
)
def test_every_value_that_is_shown_has_a_text(prefix: str, values: list[str]) -> None:
    assert [v for v in values if f"{prefix}{v}" not in TEXTS] == []


def test_a_text_is_filled_in_its_language() -> None:
    assert text("tries.left", Language.ENGLISH, count=3) == "Tries left: 3"
    assert text("tries.left", Language.CHINESE, count=3) == "还可尝试 3 次"


@pytest.mark.parametrize(
    ("asked", "cookie", "accept", "chosen"),
    [
        ("zh", "en", "en", Language.CHINESE),
        ("", "zh", "en", Language.CHINESE),
        ("", "", "zh-CN,zh;q=0.9,en;q=0.8", Language.CHINESE),
        ("", "", "en;q=0.5, zh-Hans-CN", Language.CHINESE),
        ("", "", "fr, en;q=0.3, zh;q=0.2", Language.ENGLISH),
        ("", "", "zh;q=0, en;q=0.1", Language.ENGLISH),
        ("", "", "fr-FR", Language.ENGLISH),
        ("", "", "", Language.ENGLISH),
        ("xx", "", "zh", Language.CHINESE),
        ("", "", "zh;q=nonsense;;;,,en;q=0.9", Language.CHINESE),
    ],
)
def test_the_language_is_the_one_asked_for_then_chosen_then_preferred(
    asked: str, cookie: str, accept: str, chosen: Language
) -> None:
    assert choose_language(asked, cookie, accept) is chosen
