"""The tables of docs/payments.md as they follow from the code.

`python -m tests.payments.documented` writes them into the page.
"""

from __future__ import annotations

import re
from pathlib import Path

from tallystick.payments.movement_names import MOVEMENT_NAMES
from tallystick.payments.movements import Movement
from tallystick.payments.trades.transitions import PROTOCOL_STATUS, TRANSITIONS

__all__ = ["PAGE", "tables", "written"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "payments.md"


def _transitions() -> list[str]:
    rows = [f"| `{t.command}` | {t.before} | {t.after} | {t.when} |" for t in TRANSITIONS]
    return ["| command | from | to | when |", "|---|---|---|---|", *rows]


def _states() -> list[str]:
    rows = [f"| {status} | `{word}` |" for status, word in PROTOCOL_STATUS.items()]
    return ["| state | the partner protocol's word |", "|---|---|", *rows]


def _movements() -> list[str]:
    rows = [
        f"| `{m.value}` | {MOVEMENT_NAMES[m].english} | {MOVEMENT_NAMES[m].chinese} |"
        for m in Movement
    ]
    return ["| code | movement | 名称 |", "|---|---|---|", *rows]


def tables() -> dict[str, str]:
    """Each table by the name of its place in the page."""
    made = {"transitions": _transitions(), "states": _states(), "movements": _movements()}
    return {name: "\n".join(lines) for name, lines in made.items()}


def written(text: str) -> str:
    """The page with its tables as they should be."""
    for name, table in tables().items():
        place = re.compile(f"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert place.search(text), name
        text = place.sub(lambda m, table=table: f"{m[1]}\n{table}\n\n{m[2]}", text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
