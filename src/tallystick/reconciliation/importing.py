"""From a file to the command that imports it."""

from __future__ import annotations

import hashlib

from tallystick.reconciliation.days import day_number
from tallystick.reconciliation.matching.rules import Rules
from tallystick.reconciliation.model import (
    PLATFORM_RULES,
    ImportStatement,
    LineDraft,
    StatementDraft,
)
from tallystick.reconciliation.statements.mapping import Mapping
from tallystick.reconciliation.statements.model import BankStatement
from tallystick.reconciliation.statements.reading import read_statements

__all__ = ["import_command"]

_DIGEST_BYTES = 16


def _drafts(statement: BankStatement) -> list[StatementDraft]:
    """A statement's drafts, one a currency."""
    balances = {b.currency: b for b in statement.balances}
    currencies = dict.fromkeys([*balances, *(line.currency for line in statement.lines)])
    drafts = []
    for currency in currencies:
        balance = balances.get(currency)
        lines = [line for line in statement.lines if line.currency == currency]
        still = balance.day if balance is not None and not lines else None
        drafts.append(
            StatementDraft(
                account=statement.account,
                number=statement.number,
                currency=currency,
                has_balances=balance is not None,
                opening=balance.opening if balance is not None else 0,
                closing=balance.closing if balance is not None else 0,
                lines=tuple(
                    LineDraft(day_number(x.day), x.amount, x.reference, x.bank_reference,
                              x.counterparty, x.text)
                    for x in lines
                ),
                day=0 if still is None else day_number(still),
            )
        )  # fmt: skip
    return drafts


def import_command(
    bank_id: str, data: bytes, mapping: Mapping | None = None, rules: Rules = PLATFORM_RULES
) -> ImportStatement:
    """The command that imports a file; the same file makes the same command.

    Raises:
        StatementError: the file is refused.
    """
    # What matches it is loaded here already, where no other command waits for it.
    import tallystick.reconciliation.matching.engine  # noqa: F401

    drafts = [d for s in read_statements(data, mapping) for d in _drafts(s)]
    digest = hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()
    return ImportStatement(
        bank_id=bank_id, file_digest=digest, statements=tuple(drafts), rules=rules
    )
