"""All pages of bookkeeping."""

from __future__ import annotations

from typing import Final

from tallystick.console.bookkeeping.books import BOOK_PAGES
from tallystick.console.bookkeeping.entries import ENTRY_PAGES
from tallystick.console.bookkeeping.exchange import EXCHANGE_PAGES
from tallystick.console.bookkeeping.groups import GROUP_PAGES
from tallystick.console.bookkeeping.monitors import MONITOR_PAGES
from tallystick.console.bookkeeping.schedules import SCHEDULE_PAGES
from tallystick.console.bookkeeping.webhooks import WEBHOOK_PAGES

__all__ = ["BOOKKEEPING"]

BOOKKEEPING: Final = (
    *BOOK_PAGES, *ENTRY_PAGES, *SCHEDULE_PAGES, *MONITOR_PAGES, *EXCHANGE_PAGES, *GROUP_PAGES,
    *WEBHOOK_PAGES,
)  # fmt: skip
