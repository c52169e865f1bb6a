"""`tallystick credit collections …` and `credit consents …`: the queue, strategies, consents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cyclopts import App

from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.rest_operation import carry, listed, look
from tallystick.money.china_time import china_time

__all__ = ["collections", "consents"]

collections = App(name="collections", help="Who is overdue, strategies, champion and challenger.")
consents = App(name="consents", help="Who may ask about a person.")

_CASE_COLUMNS = (
    "case_id", "borrower_id", "bucket", "days_past_due", "overdue", "currency", "next_step",
    "next_contact",
)  # fmt: skip
_ARM_COLUMNS = ("arm", "strategy_id", "cases", "cured", "cured_share", "contacts", "per_contact")
_CONSENT_COLUMNS = ("consent_id", "app_id", "purpose", "until", "revoked")


def _moment(at_ms: int | None) -> str:
    return china_time(at_ms) if at_ms else ""


@collections.command
def queue(*, status: str = "open", bucket: int = 0, limit: int = 50, place: Place = HERE) -> None:
    """The cases by their next contact; a server may run meanwhile.

    Args:
        status: open, stopped, cured or closed.
        bucket: of days past due; 0 for all.
        limit: how many.
    """
    asked = {"status": status, "bucket": bucket, "limit": limit}
    found = look(place, "list_cases", query=asked)
    rows = [{**case, "next_contact": _moment(case["next_ms"])} for case in found]
    place.say({"cases": found}, listed(rows, _CASE_COLUMNS) if rows else "There are none.")


def _read(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: {error}.") from error
    if not isinstance(read, dict):
        raise UsageError(f"{file}: one JSON object is needed.")
    return read


@collections.command
def load(file: Path, *, place: Place = HERE) -> None:
    """Keep the texts and strategies of a file, while no server runs; each is a new version.

    For example: `{"texts": [{"text_id": "remind", "english": "…", "chinese": "…"}],
    "strategies": [{"strategy_id": "soft", "name": "Soft", "steps": […]}]}`.

    Args:
        file: one JSON object with `texts`, `strategies` or both, as over REST.
    """
    read = _read(file)
    if set(read) - {"texts", "strategies"} or not any(read.values()):
        raise UsageError(f"{file}: texts, strategies or both.")
    saved = []
    for name, operation in (("texts", "save_collection_text"), ("strategies", "save_strategy")):
        for body in read.get(name, []):
            if not isinstance(body, dict):
                raise UsageError(f"{file}: {name}: objects are needed.")
            saved.append({"kind": name, **carry(place, operation, body=body)})
    place.say({"saved": saved}, listed(saved, ("kind", "name", "version")))


@collections.command
def results(*, place: Place = HERE) -> None:
    """How champion and challenger do; a server may run meanwhile."""
    found = look(place, "split_result")
    arms = [{"arm": arm, **found[arm]} for arm in ("champion", "challenger")]
    more, low, high = found["difference"]
    place.say(
        found,
        f"{listed(arms, _ARM_COLUMNS)}\n"
        f"The challenger cures {more} more ({low} to {high}): {found['verdict']}.",
    )  # fmt: skip


@consents.command(name="list")
def list_consents(party_id: str, *, place: Place = HERE) -> None:
    """A person's consents, newest first; a server may run meanwhile.

    Args:
        party_id: the person.
    """
    found = look(place, "credit_standing", {"party_id": party_id})["consents"]
    rows = [
        {**one, "until": _moment(one["until_ms"]), "revoked": _moment(one["revoked_ms"])}
        for one in found
    ]
    told = listed(rows, _CONSENT_COLUMNS) if rows else "There are none."
    place.say({"consents": found}, told)


@consents.command
def revoke(consent_id: str, *, place: Place = HERE) -> None:
    """Take a consent back for a person who asked for it, while no server runs.

    Args:
        consent_id: the consent.
    """
    done = carry(place, "revoke_consent", {"consent_id": consent_id})
    place.say(done, f"Consent {consent_id} covers nothing any more.")
