"""What others would bear of the loss that is expected of institutions' shares, day by day.

Each programme's shares have their part of the loans' allowances at every moment. Once a day is
closed for all loans, what the platform or the guarantor would bear of it by the programme's terms
of now, up to what is left of the cap, is booked as cover.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from tallystick.credit.joint.model import Institution, InstitutionKind, Programme, ProgrammeTerms
from tallystick.credit.participation.model import LossSharing, Participant
from tallystick.credit.participation.postings import ShareBooks
from tallystick.decoding import decode_json
from tallystick.ledger.chart import (
    COMPENSATION_INCOME,
    FIRST_LOSS_PROVISION,
    GUARANTEE_PROVISION,
    SHARE_ALLOWANCE,
    ChartEntry,
)
from tallystick.pipeline import decisions
from tallystick.pipeline.commands import SYSTEM, Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, Posting
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["covered", "register"]


def covered(terms: ProgrammeTerms, expected: int, compensated: int) -> int:
    """What others would bear of the loss that is expected, all in minor units.

    Args:
        expected: of the programme's shares.
        compensated: what they have borne of its losses so far.
    """
    if terms.losses is LossSharing.PARI_PASSU:
        return 0
    return max(0, min(expected, terms.cap - compensated))


def _credit(uow: UnitOfWork, books: ShareBooks, entry: ChartEntry, book: str) -> int:
    account = uow.books.account(books.account(entry, book).id)
    return 0 if account is None else account.credits_posted - account.debits_posted


def _books(
    programme: Programme, terms: ProgrammeTerms, owner: Institution, guarantor: Institution | None
) -> ShareBooks:
    """The programme's accounts, with those of one who may guarantee it."""
    number = str(programme.number)
    participant = Participant(
        institution_id=owner.institution_id, programme_id=programme.programme_id, account=number,
        entity=owner.entity, share_ppm=0,
        guarantor_id=guarantor.institution_id if guarantor else "",
        guarantor_entity=guarantor.entity if guarantor else 0,
    )  # fmt: skip
    return ShareBooks(participant, terms.currency, 0)


def _changed(books: ShareBooks, who: str, held: int, wanted: int) -> list[Posting]:
    event = f"cover_by_{who}" if wanted >= held else f"cover_by_{who}_released"
    return books.postings(event, abs(wanted - held))


def _of_programme(
    uow: UnitOfWork, programme: Programme, owner: Institution, guarantors: Sequence[Institution]
) -> Iterator[Posting]:
    """How a programme's cover is to change, in the books of all who bear or bore it."""
    terms = decode_json(programme.terms, ProgrammeTerms)
    books = _books(programme, terms, owner, None)
    wanted = covered(
        terms,
        _credit(uow, books, SHARE_ALLOWANCE, "institution"),
        _credit(uow, books, COMPENSATION_INCOME, "institution"),
    )
    by_platform = wanted if terms.losses is LossSharing.PLATFORM_FIRST else 0
    held = _credit(uow, books, FIRST_LOSS_PROVISION, "platform")
    yield from _changed(books, "platform", held, by_platform)
    for guarantor in guarantors:
        theirs = _books(programme, terms, owner, guarantor)
        is_asked = guarantor.institution_id == terms.guarantor_id and not by_platform
        held = _credit(uow, theirs, GUARANTEE_PROVISION, "guarantor")
        yield from _changed(theirs, "guarantor", held, wanted if is_asked else 0)


def cover_expected_loss(uow: UnitOfWork, happened: Event) -> None:
    """A day is closed for all loans: what others would bear of what is expected now."""
    institutions = {i.institution_id: i for i in uow.select(Institution)}
    guarantors = [i for i in institutions.values() if i.kind is InstitutionKind.GUARANTOR]
    postings = [
        posting
        for programme in uow.select(Programme)
        if programme.institution_id
        for posting in _of_programme(
            uow, programme, institutions[programme.institution_id], guarantors
        )
    ]
    if postings:
        name = f"cover:{happened.subject}:{uow.now_ms}"
        key = hashlib.blake2b(name.encode(), digest_size=16).digest()
        context = Context(uow, SYSTEM, key, uow.now_ms)
        decisions.record(context, Decision(Reply(), postings=tuple(postings)))


def register(registry: Registry) -> None:
    """Follow the closing of days."""
    registry.subscribe("credit.day_closed", cover_expected_loss)
