"""The command line of credit: `tallystick credit quote FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter

from tallystick.credit.schedules.offer import Offer, quote
from tallystick.credit.schedules.quote import QuoteRequest
from tallystick.decoding import decode_json
from tallystick.pipeline.refusals import Refused

__all__ = ["credit"]

credit = App(name="credit", help="Loans: schedules and what they cost; scores.")
credit.command("tallystick.admin.funding:simulate_funding", name="simulate")
credit.command("tallystick.admin.credit_day:close_credit_day", name="day")
for _name in ("collections", "consents"):
    credit.command(f"tallystick.admin.credit_desk:{_name}", name=_name)
credit.command("tallystick.credit.score.command_line:score", name="score")

_HEADINGS: Final = ("due", "principal", "interest", "fee", "payment", "balance")


def _read(file: Path) -> QuoteRequest:
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        return decode_json(data, QuoteRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("MALFORMED_REQUEST", f"{error}.") from error


def _percent(rate: str | None) -> str:
    if rate is None:
        return "none"
    digits = f"{rate.replace('.', ''):0>7}"
    return f"{int(digits[:-4])}.{digits[-4:]} %"


def _table(offer: Offer) -> str:
    """The offer as people read it."""
    rows = [_HEADINGS, *offer.rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADINGS))]
    lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
             for row in rows]  # fmt: skip
    totals, rates = offer.totals, offer.rates
    lines += [
        "",
        f"drawn {totals.drawn}, paid {totals.payments}, cost {totals.cost} {offer.currency}",
        f"nominal yearly rate {_percent(rates.nominal)}, all-in {_percent(rates.all_in)}",
    ]
    return "\n".join(lines)


@credit.command(name="quote")
def quote_file(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    *,
    table: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Calculate a loan: its schedule, the all-in yearly rate and the cost.

    Args:
        file: one JSON object with the loan's terms; `-` reads standard input.
        table: answer with a table for people in place of JSON.
        as_json: answer with one JSON object, as without it.
    """
    offer = quote(_read(file))
    text = _table(offer) if table and not as_json else msgspec.json.encode(offer).decode()
    print(text)
