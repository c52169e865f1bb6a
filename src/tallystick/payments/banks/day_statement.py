"""The sandbox bank's statement of a day, in MT940, with the errors that banks make.

Its lines are the orders that the bank accepted. With errors, some of them are left out, booked
twice, booked less a fee, or netted: which ones follows from the order's number alone, so that the
statement of a day is always the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from tallystick.money.amount import format_amount
from tallystick.money.china_time import china_time
from tallystick.payments.wallet.model import BankOrder, BankOrderKind, BankOrderStatus
from tallystick.store.rows import ReadSession

__all__ = ["day_statement", "orders_until"]

_FEE: Final = 10
_LINE_MAX: Final = 60
_DAY_MS: Final = 86_400_000
# Of each hundred orders: left out, booked twice, less a fee; of withdrawals many are netted.
_MISSING, _DOUBLED, _LESS_FEE, _NETTED = range(3), range(3, 6), range(6, 12), range(12, 40)


class _Line(NamedTuple):
    """A movement as the bank books it: minor units, positive for what came in."""

    at_ms: int
    amount: int
    reference: str


def _chance(order_id: str) -> int:
    """0 to 99, the same for the same order."""
    return int.from_bytes(hashlib.blake2b(order_id.encode(), digest_size=4).digest(), "big") % 100


def _booked(orders: Sequence[BankOrder], errors: bool) -> list[_Line]:
    """The bank's lines of some orders, with its errors."""
    lines: list[_Line] = []
    netted: list[_Line] = []
    for order in orders:
        came = order.kind is BankOrderKind.TOP_UP
        line = _Line(order.answered_ms, order.amount if came else -order.amount, order.order_id)
        chance = _chance(order.order_id) if errors else 99
        if chance in _MISSING:
            continue
        if chance in _LESS_FEE and order.amount > _FEE:
            line = line._replace(amount=line.amount - _FEE)
        if chance in _NETTED and not came:
            netted.append(line)
        else:
            lines += [line, line] if chance in _DOUBLED else [line]
    if netted:
        total = sum(line.amount for line in netted)
        lines.append(_Line(max(line.at_ms for line in netted), total, ""))
    return lines


def _amount(amount: int, currency: str) -> str:
    text = format_amount(abs(amount), currency)
    return f"{text.replace('.', ',')}" if "." in text else f"{text},"


def _balance(tag: str, amount: int, currency: str, day: str) -> str:
    return f":{tag}:{'C' if amount >= 0 else 'D'}{day}{currency}{_amount(amount, currency)}"


def _line_text(line: _Line, currency: str) -> list[str]:
    day = china_time(line.at_ms)[2:10].replace("-", "")
    mark = "C" if line.amount >= 0 else "D"
    first = f":61:{day}{day[2:]}{mark}{_amount(line.amount, currency)}NTRFNONREF"
    words = f"EREF+{line.reference}" if line.reference else "SVWZ+SUM OF THE DAY"
    parts = [words[at : at + 27] for at in range(0, len(words), 27)]
    about = "".join(f"?{20 + n}{part}" for n, part in enumerate(parts))
    text = f":86:166?00TRANSFER{about}"
    return [first, *(text[at : at + _LINE_MAX] for at in range(0, len(text), _LINE_MAX))]


def orders_until(rows: ReadSession, bank_id: str, currency: str, end_ms: int) -> list[BankOrder]:
    """What a bank has accepted before a moment, oldest first."""
    return rows.query(
        BankOrder,
        "WHERE bank_id = ? AND currency = ? AND status = ? AND answered_ms < ? "
        "ORDER BY answered_ms, order_id",
        (bank_id, currency, BankOrderStatus.ACCEPTED.value, end_ms),
    )


def day_statement(
    orders: Sequence[BankOrder], bank_id: str, currency: str, day_start_ms: int, *, errors: bool
) -> str:
    """The statement of the China day that begins at a moment.

    Args:
        orders: everything that the bank accepted before the day's end; the opening balance is
            what it booked of the days before.
    """
    before: dict[int, list[BankOrder]] = {}
    today: list[BankOrder] = []
    for order in orders:
        if order.answered_ms >= day_start_ms:
            today.append(order)
        else:
            days = (day_start_ms - 1 - order.answered_ms) // _DAY_MS
            before.setdefault(days, []).append(order)
    opening = sum(line.amount for of in before.values() for line in _booked(of, errors))
    lines = _booked(today, errors)
    closing = opening + sum(line.amount for line in lines)
    day = china_time(day_start_ms)[2:10].replace("-", "")
    text = [f":20:ST{day}", f":25:SANDBOX/{bank_id}", f":28C:{day}/1",
            _balance("60F", opening, currency, day)]  # fmt: skip
    for line in lines:
        text += _line_text(line, currency)
    return "\r\n".join([*text, _balance("62F", closing, currency, day), "-", ""])
