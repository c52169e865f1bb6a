"""The banks at which the platform keeps its customers' money.

A bank's id is a number, because it owns ledger accounts (its reserve). These are the sandbox's;
each answers in its own way, so that every way can be seen and tested.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["BANKS", "Bank"]


class Bank(NamedTuple):
    """A bank by its number, with its names for people."""

    bank_id: str
    name: str
    chinese: str


BANKS: Final[dict[str, Bank]] = {
    bank.bank_id: bank
    for bank in (
        Bank("1", "Prompt Bank (accepts at once)", "速达银行（立即受理）"),
        Bank("2", "Stern Bank (rejects)", "严格银行（拒绝）"),
        Bank("3", "Slow Bank (answers late)", "慢行银行（延迟应答）"),
        Bank("4", "Echo Bank (answers twice)", "回声银行（重复应答）"),
        Bank("5", "Quiet Bank (answers when asked)", "静默银行（查询后应答）"),
        Bank("6", "Faraway Bank (cannot be reached at first)", "远方银行（起初无法连接）"),
        Bank("7", "Mute Bank (never answers)", "无声银行（从不应答）"),
    )
}
"""All banks by id."""
