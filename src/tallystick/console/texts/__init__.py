"""Every text of the pages, in English and Chinese, and which language a visitor reads.

The one catalogue is `TEXTS`: key → (English, Chinese). Refusals' sentences are in the table of
`pipeline.refusals`, the names of ledger accounts in the chart of accounts.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from tallystick.console.texts.alerts import ALERTS
from tallystick.console.texts.blacklist import BLACKLIST
from tallystick.console.texts.bookkeeping import BOOKKEEPING
from tallystick.console.texts.collections import COLLECTIONS
from tallystick.console.texts.credit import CREDIT
from tallystick.console.texts.every_page import EVERY_PAGE
from tallystick.console.texts.exchange import EXCHANGE
from tallystick.console.texts.fraud_graph import FRAUD_GRAPH
from tallystick.console.texts.funding import FUNDING
from tallystick.console.texts.invoices import INVOICES
from tallystick.console.texts.ledger import LEDGER
from tallystick.console.texts.loans import LOANS
from tallystick.console.texts.operators import OPERATORS
from tallystick.console.texts.people import PEOPLE
from tallystick.console.texts.proving import PROVING
from tallystick.console.texts.reconciliation import RECONCILIATION
from tallystick.console.texts.risk import RISK
from tallystick.console.texts.scoring import SCORING

__all__ = ["TEXTS", "Language", "choose_language", "text"]

TEXTS: Final[dict[str, tuple[str, str]]] = {
    **EVERY_PAGE,
    **PEOPLE,
    **PROVING,
    **CREDIT,
    **LOANS,
    **INVOICES,
    **SCORING,
    **COLLECTIONS,
    **OPERATORS,
    **FRAUD_GRAPH,
    **BLACKLIST,
    **RECONCILIATION,
    **LEDGER,
    **BOOKKEEPING,
    **EXCHANGE,
    **RISK,
    **ALERTS,
    **FUNDING,
}


class Language(Enum):
    """A language of the pages; the value is what `?lang=` and the cookie say."""

    ENGLISH = "en"
    CHINESE = "zh"

    @property
    def tag(self) -> str:
        """The BCP 47 tag."""
        return "en" if self is Language.ENGLISH else "zh-CN"

    @property
    def own_name(self) -> str:
        """What its readers call it."""
        return "English" if self is Language.ENGLISH else "中文"

    def pick(self, english: str, chinese: str) -> str:
        """The one of the two that is in this language."""
        return english if self is Language.ENGLISH else chinese


def text(key: str, language: Language, **values: object) -> str:
    """A text of the catalogue with its places filled (KeyError for an unknown key)."""
    found = language.pick(*TEXTS[key])
    return found.format(**values) if values else found


def _known(tag: str) -> Language | None:
    primary = tag.strip().lower().split("-")[0].split("_")[0]
    return next((known for known in Language if known.value == primary), None)


def _weight(parameters: str) -> int:
    """Thousandths of a quality value; 1000 when there is none or it cannot be read."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            whole, _, fraction = value.partition(".")
            digits = (fraction + "000")[:3]
            if whole in ("0", "1") and digits.isascii() and digits.isdigit():
                return int(whole) * 1000 + int(digits)
    return 1000


def choose_language(asked: str, cookie: str, accept_language: str) -> Language:
    """What the address asks for, else what was chosen before, else what the browser prefers.

    Args:
        asked: the value of `?lang=`, empty when there is none.
        accept_language: the header of RFC 9110, empty when there is none.
    """
    for tag in (asked, cookie):
        if tag and (known := _known(tag)):
            return known
    ranked: list[tuple[int, int, Language]] = []
    for place, item in enumerate(accept_language.split(",")[:20]):
        tag, _, parameters = item.partition(";")
        known = _known(tag)
        weight = _weight(parameters)
        if known is not None and weight > 0:
            ranked.append((-weight, place, known))
    return min(ranked, key=lambda r: r[:2])[2] if ranked else Language.ENGLISH
