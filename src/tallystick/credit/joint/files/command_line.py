"""The command line of partner files: `tallystick verify-partner FILES`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tallystick.credit.joint.files.verify import Checked, verify_files
from tallystick.money.amount import format_amount

__all__ = ["verify_partner"]


def _shown(checked: Checked) -> dict[str, object]:
    def money(amount: int) -> str:
        sign = "-" if amount < 0 else ""
        return sign + format_amount(abs(amount), checked.currency)

    closing = checked.closing
    return {
        "institution_id": checked.institution_id,
        "currency": checked.currency,
        "days": list(checked.days),
        "owed_by_borrowers": {
            name: money(getattr(closing, name))
            for name in ("principal", "interest", "fee", "penalty")
        } if checked.currency else {},
        "owed_by_platform": money(closing.settlement) if checked.currency else "",
        "signed_by": checked.key,
        "problems": [problem._asdict() for problem in checked.problems],
    }  # fmt: skip


def _text(checked: Checked) -> str:
    lines = [f"wrong: {problem.text}" for problem in checked.problems]
    if checked.currency and not checked.problems:
        shown = _shown(checked)
        owed = shown["owed_by_borrowers"]
        assert isinstance(owed, dict)
        sums = ", ".join(f"{name} {amount}" for name, amount in owed.items())
        days = f"{checked.days[0]} to {checked.days[-1]} ({len(checked.days)} days)"
        lines.append(
            f"holds: {checked.institution_id} {checked.currency}, {days}: borrowers owe it {sums}; "
            f"the platform owes it {shown['owed_by_platform']}; signed by {checked.key}."
        )
    return "\n".join(lines)


def verify_partner(
    *files: Path,
    key: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Check an institution's daily files, and derive its balance from them alone.

    The exit code is 1 when something is wrong with them.

    Args:
        files: manifests with their files (CSV, Parquet or both), or folders of them; the
            platform's public key may be among them, in a file that ends with .key.
        key: that key, or a file with it; where it was replaced, all of them, one a line.
        as_json: answer with one JSON object for each institution, a line each.
    """
    given = Path(key)
    text = given.read_text("utf-8", "replace") if key and "+" not in key else key
    checked = verify_files(files, text)
    for one in checked:
        print(msgspec.json.encode(_shown(one)).decode() if as_json else _text(one))
    return int(any(one.problems for one in checked))
