"""A jointly funded loan that lives in a test: every posting of it is shared as it is made."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import strategies as st
from tests.credit.loan_life import LOAN_ID, LivingLoan

from tallystick.credit.loans.model import Contract
from tallystick.credit.participation.model import (
    WHOLE_PPM,
    BuyBackBy,
    JointLoan,
    LossSharing,
    Participant,
    Plan,
    ShareFlow,
    plan_row,
)
from tallystick.credit.participation.moves import moves_of
from tallystick.credit.participation.share import Funded, Running, Shared, owed_parts, share
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import LOAN_ALLOWANCE, ChartEntry, Side, book_id
from tallystick.ledger.model import AccountFlags
from tallystick.pipeline.decisions import AccountRef, Decision, Posting

__all__ = ["GUARANTOR", "PLATFORM_BOOK", "SharedLoan", "institution", "plans"]

PLATFORM_BOOK = book_id(1000, "CNY")
GUARANTOR = "2088000000000999"


def institution(place: int) -> str:
    """The party number of a plan's place."""
    return f"208800000000080{place}"


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Two to five who fund a loan, the platform perhaps among them, with every way of losses."""
    count = draw(st.integers(2, 5))
    cuts = sorted(draw(st.sets(st.integers(1, WHOLE_PPM - 1), min_size=count - 1,
                               max_size=count - 1)))  # fmt: skip
    shares = [b - a for a, b in zip([0, *cuts], [*cuts, WHOLE_PPM], strict=True)]
    found = []
    for place, share_ppm in enumerate(shares):
        if place == 0 and draw(st.booleans()):
            found.append(Participant(programme_id="own", share_ppm=share_ppm))
            continue
        keeps = draw(st.sampled_from([WHOLE_PPM, 700_000, 333_333]))
        losses = draw(st.sampled_from(LossSharing))
        number = str(2_001_001 + place)
        found.append(
            Participant(
                institution_id=institution(place), programme_id=f"p{place}", account=number,
                class_account=f"{number}000000", entity=2001 + place, share_ppm=share_ppm,
                keeps_ppm=keeps, guarantee_ppm=draw(st.sampled_from([0, WHOLE_PPM - keeps])),
                guarantor_id=GUARANTOR, guarantor_entity=2999, losses=losses,
                cap=0 if losses is LossSharing.PARI_PASSU else draw(st.integers(1, 10**7)),
                buy_back_days=draw(st.sampled_from([0, 30, 90])),
                buy_back_by=draw(st.sampled_from(BuyBackBy)),
            )
        )  # fmt: skip
    return Plan(tuple(found))


class SharedLoan(LivingLoan):
    """A living loan with those who fund it; `net` is what each is owed by the platform."""

    def __init__(self, contract: Contract, plan: Plan) -> None:
        self.plan = self.first_plan = plan
        self.joint = JointLoan(LOAN_ID, plan_row(plan).plan_id, "1", "CNY", 0, 0, "[]", 0, True)
        self.flows: list[ShareFlow] = []
        self.sides: dict[AccountRef, list[int]] = defaultdict(lambda: [0, 0])
        super().__init__(contract)

    def totals(self, bucket: Bucket) -> tuple[int, int]:
        """What was ever debited and credited to a receivable."""
        debits, credits = self.sides[AccountRef(RECEIVABLES[bucket], LOAN_ID, PLATFORM_BOOK)]
        return debits, credits

    def _count(self, posting: Posting) -> None:
        for ref, at in ((posting.debit, 0), (posting.credit, 1)):
            self.sides[ref][at] += posting.amount
            debits, credits = self.sides[ref]
            if ref.entry.flags & AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS:
                assert debits >= credits, posting
            if ref.entry.flags & AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS and (
                ref.entry.owner in ("programme", "loan")
            ):
                assert credits >= debits, posting

    def keep(self, decision: Decision) -> int:
        """Record a decision and share it."""
        running = []
        for posting in decision.postings:
            for move in moves_of([posting]):
                before = 0
                if move.account is not None:
                    debits, credits = self.sides[move.account]
                    before = debits if move.on_debit else credits
                    if move.account.entry is LOAN_ALLOWANCE:
                        before = credits - debits
                running.append(Running(move, before))
            if posting.amount:
                self._count(posting)
        moved = super().keep(decision)
        self.take(share(self.funded(), running))
        return moved

    def take(self, shared: Shared) -> None:
        """Keep what was shared."""
        for posting in shared.postings:
            assert posting.amount > 0
            assert posting.debit.book == posting.credit.book
            self._count(posting)
        self.joint = shared.joint
        self.flows += shared.flows

    def funded(self) -> Funded:
        """What sharing looks at."""
        compensated = tuple(
            sum(
                f.other for f in self.flows
                if f.kind.value == "compensated" and f.programme_id == p.programme_id
            )
            for p in self.plan.participants
        )  # fmt: skip
        return Funded(self.joint, self.plan, compensated, self.day.isoformat(), 1)

    def owed(self) -> list[dict[Bucket, int]]:
        """What each participant is owed of each bucket."""
        by_bucket = {b: owed_parts(*self.totals(b), self.plan.shares) for b in Bucket}
        return [
            {b: by_bucket[b][place] for b in Bucket} for place in range(len(self.plan.participants))
        ]

    @property
    def allowance(self) -> int:
        """The balance of the loan's allowance."""
        return self.balance(LOAN_ALLOWANCE, LOAN_ID, PLATFORM_BOOK)

    def balance(self, entry: ChartEntry, owner: str, book: int) -> int:
        """What an account holds, on the side on which it grows."""
        debits, credits = self.sides[AccountRef(entry, owner, book)]
        return debits - credits if entry.side is Side.DEBIT else credits - debits
