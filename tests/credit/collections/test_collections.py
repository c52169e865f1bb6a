"""Collections on the real ledger: the queue, contacts, promises, offers, hardship, stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.payments.market import ALICE, BOB, DAY_MS, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.credit.collections import service as collections
from tallystick.credit.collections.commands import (
    AskHardship,
    DecideHardship,
    MakeOffer,
    MakePromise,
    RecordCall,
    ResumeCase,
    SaveStrategy,
    SaveText,
    SetContactRules,
    StartSplit,
    StopCase,
    TakeOffer,
)
from tallystick.credit.collections.messages import MessageWorker
from tallystick.credit.collections.model import (
    CaseEntry,
    CaseOffer,
    CasePromise,
    CollectionCase,
    CollectionStatus,
    EntryKind,
)
from tallystick.credit.collections.terms import (
    Channel,
    ContactRules,
    Offered,
    OfferKind,
    Step,
    StrategyTerms,
)
from tallystick.credit.collections.views import case_story, queue, split_result
from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    DefineLoanProduct,
    DrawLoan,
    GrantCreditLine,
    LateTerms,
    Loan,
    PayLoan,
    ProductTerms,
    ReverseLoanPayment,
)
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.loans.views import loan_story
from tallystick.credit.postings import Bucket
from tallystick.payments.wallet.model import TransferBetweenWallets
from tallystick.risk.person import service as person
from tallystick.risk.person.contacts import contacts_by
from tallystick.risk.person.model import (
    AddFactor,
    AskProof,
    FactorKind,
    Purpose,
    RecordProof,
    StartChallenge,
)
from tallystick.risk.person.providers import MessageChannel, SandboxMessages
from tallystick.risk.person.views import FACTOR_PURPOSE

CASH = ProductTerms(
    annual_rate=Decimal("0.12"), counts=(3,), amount_max=10_000,
    late=LateTerms(penalty_rate=Decimal("0.18"), late_fee=100), ceiling=Decimal("0.36"),
)  # fmt: skip
RULES = ContactRules(calendar="", per_day=1, per_week=3)
WAIVE = Offered(kind=OfferKind.WAIVE, share=Decimal("0.5"))
STEPS = StrategyTerms(
    steps=(
        Step(name="remind", from_days=1, to_days=5, channel=Channel.SMS, text="remind", cost=5),
        Step(name="call", from_days=6, to_days=10, channel=Channel.CALL, text="remind", cost=50),
        Step(name="offer", from_days=11, to_days=60, channel=Channel.APP, text="offer",
             every_days=10, offer=WAIVE),
    )
)  # fmt: skip


@dataclass
class Sent:
    """A provider that keeps what it was given, and can fail."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    channels: list[MessageChannel] = field(default_factory=list)
    fails: bool = False

    def send(self, to: str, text: str, channel: MessageChannel = MessageChannel.SMS, /) -> None:
        if self.fails:
            raise OSError("gone")
        self.texts.append((to, text))
        self.channels.append(channel)

    def sim_changed_ms(self, phone: str) -> int:
        return 0


@dataclass
class Desk:
    """The market with collections, and its worker."""

    shop: Market
    sent: Sent
    messages: SandboxMessages | None = None
    bound: int = 0

    def bind(self, party_id: str, phone: str, beside: str = "") -> str:
        """A phone that was proved is bound to the account, beside another one; its number."""
        self.bound += 10
        factor_id, challenge_id, proof_id = (f"{self.bound + n:032x}" for n in range(3))
        if beside:
            self.shop.accept(AskProof(party_id=party_id, challenge_id=proof_id))
            started = StartChallenge(challenge_id=proof_id, factor_id=beside, state=b"x")
            self.shop.accept(started)
            proved = RecordProof(challenge_id=proof_id, factor_id=beside, right=True, counter=1)
            self.shop.accept(proved)
        sealed = self.shop.sealer.seal(FACTOR_PURPOSE, phone)
        for command in (
            AddFactor(
                party_id=party_id, factor_id=factor_id, kind=FactorKind.PHONE, secret_sealed=sealed
            ),
            AskProof(party_id=party_id, challenge_id=challenge_id, purpose=Purpose.CONFIRM),
            StartChallenge(challenge_id=challenge_id, factor_id=factor_id, state=b"x"),
            RecordProof(challenge_id=challenge_id, factor_id=factor_id, right=True, counter=1),
        ):
            self.shop.accept(command)
        return factor_id

    def worker(self) -> int:
        worker = MessageWorker(
            self.shop.rows, self.shop.executor, self.shop.sealer, self.messages or self.sent,
            self.shop.clock,
        )  # fmt: skip
        return asyncio.run(worker.run_due())

    def timers(self) -> None:
        while self.shop.run_timers():
            pass

    def to_day(self, day: date, hours: int = 9) -> None:
        """Let time pass, each day's timers in their turn."""
        while loan_day(self.shop.clock.now_ms) < day:
            self.shop.clock.now_ms = collect_ms(
                loan_day(self.shop.clock.now_ms) + timedelta(days=1), 8
            )
            self.timers()
        self.shop.clock.now_ms = collect_ms(day, hours)
        self.timers()

    def late_loan(self, days: int, borrower: str = ALICE) -> str:
        """A loan of 30.00 whose first payment is so many days late; the wallet is empty."""
        command = DrawLoan(borrower_id=borrower, product_id="cash", amount=3_000, count=3)
        loan_id = str(self.shop.accept(command, as_party(borrower)).loan_id)
        everything = TransferBetweenWallets(
            payer_id=borrower, payee_id=BOB if borrower == ALICE else ALICE,
            amount=self.shop.available(borrower), out_biz_no=f"all-{loan_id}",
        )  # fmt: skip
        self.shop.accept(everything, as_party(borrower))
        first = self.story(loan_id).position.schedule.rows[0].day
        self.to_day(first + timedelta(days=days))
        return loan_id

    def story(self, loan_id: str) -> Any:
        loan = self.shop.rows.get(Loan, loan_id)
        assert loan is not None
        return loan_story(self.shop.rows, loan, loan_day(self.shop.clock.now_ms))

    def case(self, borrower: str = ALICE) -> CollectionCase:
        found = self.shop.rows.select(CollectionCase, borrower_id=borrower)
        return max(found, key=lambda case: case.opened_ms)

    def kinds(self) -> list[str]:
        return [e.kind.value for e in self.shop.rows.select(CaseEntry, case_id=self.case().case_id)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with market(
        tmp_path, Clock(), more=(loans.register, collections.register, person.register)
    ) as made:
        made.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=CASH))
        for borrower in (ALICE, BOB):
            made.accept(GrantCreditLine(borrower_id=borrower, product_id="cash", amount=9_000))
        made.accept(SetContactRules(terms=RULES))
        made.accept(SaveText(text_id="remind", english="{due} is {days} days late.",
                             chinese="您有{due}已逾期{days}天。"))  # fmt: skip
        made.accept(SaveText(text_id="offer", english="Pay by {until}.", chinese="{until}前还款。"))
        made.accept(SaveStrategy(strategy_id="soft", name="Soft", terms=STEPS))
        made.accept(StartSplit(champion_id="soft"))
        yield Desk(made, Sent())


def test_the_morning_opens_a_case_and_its_contact_is_recorded_whole(desk: Desk) -> None:
    desk.late_loan(2)
    case = desk.case()
    assert (case.status, case.bucket, case.days_past_due) == (CollectionStatus.OPEN, 1, 2)
    assert case.next_step == "remind"
    assert queue(desk.shop.rows, bucket=1) == [case]
    assert desk.worker() == 1
    (sent,) = desk.sent.texts
    due = desk.story(desk.shop.rows.select(Loan, borrower_id=ALICE)[0].loan_id).position.due_total
    assert sent == (ALICE, f"您有{due / 100:.2f} CNY已逾期2天。")
    made, told = case_story(desk.shop.rows, desk.case()).entries[1:]
    assert (made.kind, made.step, made.channel) == (EntryKind.CONTACT, "remind", "sms")
    assert (made.text_id, made.text_version, made.language) == ("remind", 1, "zh")
    assert (made.contents, made.cost, made.at_ms) == (sent[1], 5, desk.shop.clock.now_ms)
    assert (told.kind, told.answers, told.result) == (EntryKind.DELIVERY, made.entry_no, "sent")
    assert told.recipient
    assert told.recipient != ALICE
    assert desk.worker() == 0


def test_a_contact_is_never_sent_outside_of_hours_even_when_the_worker_was_away(
    desk: Desk,
) -> None:
    desk.late_loan(2)
    case = desk.case()
    desk.shop.clock.now_ms = collect_ms(loan_day(case.next_ms), 23)
    assert desk.worker() == 1
    assert desk.sent.texts == []
    again = desk.case()
    assert again.next_ms > desk.shop.clock.now_ms
    assert again.contacts == 0
    note = RecordCall(case_id=case.case_id, result="reached")
    assert desk.shop.refuse(note) == "COLLECTION_CONTACT_NOT_ALLOWED"


def test_calls_wait_for_a_person_and_count_under_the_caps(desk: Desk) -> None:
    desk.late_loan(6)
    case = desk.case()
    assert (case.next_step, case.next_channel) == ("call", "call")
    assert desk.worker() == 0
    call = RecordCall(case_id=case.case_id, result="not_reached", note="no answer")
    assert desk.shop.accept(call).next_ms > desk.shop.clock.now_ms
    assert desk.shop.refuse(call) == "COLLECTION_CONTACT_NOT_ALLOWED"
    assert desk.case().cost == 50


def test_who_has_paid_is_not_asked_and_the_case_is_cured(desk: Desk) -> None:
    loan_id = desk.late_loan(2)
    desk.shop.fund(ALICE, 5_000, "more")
    desk.shop.accept(PayLoan(loan_id=loan_id), as_party(ALICE))
    assert desk.worker() == 1
    assert desk.sent.texts == []
    case = desk.case()
    assert case.status is CollectionStatus.CURED
    assert case.collected > 1_000
    assert desk.kinds() == ["opened", "cured"]


@pytest.mark.parametrize("pays", [True, False])
def test_a_promise_silences_and_repayments_decide_it(desk: Desk, pays: bool) -> None:
    loan_id = desk.late_loan(2)
    case, today = desk.case(), loan_day(desk.shop.clock.now_ms)
    due = (today + timedelta(days=3)).isoformat()
    alice = as_party(ALICE)
    made = MakePromise(case_id=case.case_id, amount=500, due_day=due)
    assert desk.shop.refuse(made, as_party(BOB)) == "COLLECTION_CASE_NOT_EXIST"
    done = desk.shop.accept(made, alice)
    assert done.next_ms >= collect_ms(today + timedelta(days=4), 0)
    assert desk.shop.refuse(made, alice) == "COLLECTION_PROMISE_INVALID"
    if pays:
        desk.shop.fund(ALICE, 500, "more")
        desk.shop.accept(PayLoan(loan_id=loan_id, amount=500), alice)
    desk.to_day(today + timedelta(days=4))
    (told,) = desk.shop.rows.select(CasePromise, case_id=case.case_id)
    assert (told.status.value, told.paid) == (("kept", 500) if pays else ("broken", 0))
    assert desk.sent.texts == []


def test_a_payment_that_the_bank_took_back_keeps_no_promise(desk: Desk) -> None:
    loan_id = desk.late_loan(2)
    case, today = desk.case(), loan_day(desk.shop.clock.now_ms)
    desk.shop.accept(
        MakePromise(case_id=case.case_id, amount=500, due_day=today.isoformat()), as_party(ALICE)
    )
    desk.shop.fund(ALICE, 500, "more")
    paid = desk.shop.accept(PayLoan(loan_id=loan_id, amount=500), as_party(ALICE))
    desk.shop.accept(ReverseLoanPayment(loan_id=loan_id, step=paid.step))
    desk.to_day(today + timedelta(days=1))
    (told,) = desk.shop.rows.select(CasePromise, case_id=case.case_id)
    assert (told.status.value, told.paid) == ("broken", 0)


def test_a_taken_offer_forgives_its_share_and_takes_the_rest_or_nothing(desk: Desk) -> None:
    loan_id = desk.late_loan(12)
    desk.worker()
    (offer,) = desk.shop.rows.select(CaseOffer, case_id=desk.case().case_id)
    due = desk.story(loan_id).position.due
    take, alice = TakeOffer(offer_id=offer.offer_id), as_party(ALICE)
    assert desk.shop.refuse(take, alice) == "BORROWER_BALANCE_NOT_ENOUGH"
    assert desk.story(loan_id).position.due == due
    assert desk.shop.refuse(take, as_party(BOB)) == "COLLECTION_OFFER_INVALID"
    forgiven = due[Bucket.PENALTY] // 2 + due[Bucket.FEE] // 2
    assert forgiven > 0
    desk.shop.fund(ALICE, sum(due.values()) - forgiven, "more")
    assert desk.shop.accept(take, alice).status == "cured"
    assert desk.story(loan_id).position.due_total == 0
    assert desk.shop.available(ALICE) == 0
    assert desk.shop.refuse(take, alice) == "COLLECTION_OFFER_INVALID"


def test_new_dates_make_the_loan_current_through_the_loans_own_command(desk: Desk) -> None:
    loan_id = desk.late_loan(12)
    terms = Offered(kind=OfferKind.RE_AGE, count=6)
    case_id = desk.case().case_id
    assert desk.shop.refuse(MakeOffer(case_id=case_id, loan_id="1", terms=terms)) == (
        "COLLECTION_OFFER_INVALID"
    )
    made = desk.shop.accept(MakeOffer(case_id=case_id, loan_id=loan_id, terms=terms))
    done = desk.shop.accept(TakeOffer(offer_id=made.made_id), as_party(ALICE))
    assert done.status == "cured"
    position = desk.story(loan_id).position
    assert position.due_total == 0
    assert len([r for r in position.schedule.rows if r.day > position.day]) == 6


def test_hardship_pauses_and_forgives_what_lateness_cost(desk: Desk) -> None:
    loan_id = desk.late_loan(12)
    case, today = desk.case(), loan_day(desk.shop.clock.now_ms)
    ask = AskHardship(case_id=case.case_id, reason="lost my work")
    asked = desk.shop.accept(ask, as_party(ALICE)).made_id
    assert desk.shop.refuse(ask, as_party(ALICE)) == "COLLECTION_STATE_REFUSED"
    until = today + timedelta(days=20)
    granted = DecideHardship(hardship_id=asked, granted=True, pause_until_day=until.isoformat(),
                             waives=True)  # fmt: skip
    assert desk.shop.refuse(granted, as_party(ALICE)) == "NOT_PERMITTED"
    done = desk.shop.accept(granted)
    assert done.next_ms >= collect_ms(until, 0)
    due = desk.story(loan_id).position.due
    assert (due[Bucket.PENALTY], due[Bucket.FEE]) == (0, 0)
    desk.to_day(today + timedelta(days=3))
    desk.worker()
    assert desk.sent.texts == []


def test_a_dispute_stops_every_contact_until_it_is_settled(desk: Desk) -> None:
    desk.late_loan(2)
    case = desk.case()
    stop = StopCase(case_id=case.case_id, reason="dispute", note="I never drew this")
    assert desk.shop.accept(stop, as_party(ALICE)).next_ms == 0
    desk.to_day(loan_day(desk.shop.clock.now_ms) + timedelta(days=3))
    desk.worker()
    assert desk.sent.texts == []
    call = RecordCall(case_id=case.case_id, result="reached")
    assert desk.shop.refuse(call) == "COLLECTION_CONTACT_NOT_ALLOWED"
    resume = ResumeCase(case_id=case.case_id, note="shown the contract")
    assert desk.shop.refuse(resume, as_party(ALICE)) == "NOT_PERMITTED"
    assert desk.shop.accept(resume).next_ms > 0


def test_one_that_cannot_be_delivered_is_recorded_and_counts(desk: Desk) -> None:
    desk.late_loan(2)
    desk.sent.fails = True
    desk.worker()
    entries = case_story(desk.shop.rows, desk.case()).entries
    assert [e.result for e in entries if e.kind is EntryKind.DELIVERY] == ["failed"]
    assert desk.case().contacts == 1


def test_the_split_shows_what_each_arm_cured(desk: Desk) -> None:
    desk.shop.accept(SaveStrategy(strategy_id="hard", name="Hard", terms=STEPS))
    desk.shop.accept(StartSplit(champion_id="soft", challenger_id="hard",
                                challenger_permille=1000, cured_within_days=10))  # fmt: skip
    loan_id = desk.late_loan(2)
    assert (desk.case().arm, desk.case().strategy_id) == ("challenger", "hard")
    desk.worker()
    desk.shop.fund(ALICE, 9_000, "more")
    desk.shop.accept(PayLoan(loan_id=loan_id), as_party(ALICE))
    now = desk.shop.clock.now_ms
    desk.to_day(loan_day(now) + timedelta(days=1))
    found = split_result(desk.shop.rows, now + 8 * DAY_MS)
    assert found is not None
    assert found[1].challenger.cases == 0
    found = split_result(desk.shop.rows, now + 11 * DAY_MS)
    assert found is not None
    _, result = found
    assert (result.challenger.cases, result.challenger.cured) == (1, 1)
    assert result.challenger.contacts == 1
    assert result.challenger.per_contact == desk.case().collected - 5
    assert (result.champion.cases, result.verdict) == (0, "open")


def test_what_cannot_be_followed_is_refused_by_name(desk: Desk) -> None:
    shop = desk.shop
    bad = ContactRules(zone="Mars/Olympus")
    assert shop.refuse(SetContactRules(terms=bad)) == "COLLECTION_TERMS_INVALID"
    late = ContactRules(opens=1320, closes=480)
    assert shop.refuse(SetContactRules(terms=late)) == "COLLECTION_TERMS_INVALID"
    step = Step(name="x", from_days=1, to_days=2, channel=Channel.SMS, text="none")
    without = SaveStrategy(strategy_id="x", name="X", terms=StrategyTerms(steps=(step,)))
    assert shop.refuse(without) == "COLLECTION_TEXT_NOT_EXIST"
    odd = replace(step, offer=Offered(kind=OfferKind.WAIVE, share=Decimal("NaN")))
    no_number = SaveStrategy(strategy_id="x", name="X", terms=StrategyTerms(steps=(odd,)))
    assert shop.refuse(no_number) == "COLLECTION_TERMS_INVALID"
    assert shop.refuse(StartSplit(champion_id="none")) == "COLLECTION_STRATEGY_NOT_EXIST"
    half = StartSplit(champion_id="soft", challenger_permille=500)
    assert shop.refuse(half) == "COLLECTION_TERMS_INVALID"


def test_a_message_goes_to_the_bound_phone_and_the_record_shows_it_masked(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "messages.jsonl"
    desk.messages = SandboxMessages(path, desk.shop.clock)
    desk.bind(ALICE, "+8613800001234")
    desk.late_loan(2)
    assert desk.worker() == 1
    sent = json.loads(path.read_text())
    assert (sent["channel"], sent["to"]) == ("sms", "+8613800001234")
    assert path.stat().st_mode & 0o777 == 0o600
    made, told = case_story(desk.shop.rows, desk.case()).entries[1:]
    assert (made.contents, told.result) == (sent["text"], "sent")
    assert "*" in told.recipient
    assert "13800001234" not in told.recipient


def test_a_phone_that_cools_down_is_told_of_no_debt_but_an_older_one(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "messages.jsonl"
    desk.messages = SandboxMessages(path, desk.shop.clock)
    first = desk.bind(ALICE, "+8613800001234")
    desk.late_loan(2)
    desk.bind(ALICE, "+8613800005678", beside=first)
    assert desk.worker() == 1
    assert json.loads(path.read_text())["to"] == "+8613800001234"
    shop, day_ms = desk.shop, 24 * 3_600_000
    for later_ms, newest in ((day_ms - 60_000, "1234"), (day_ms, "5678")):
        later = shop.clock.now_ms + later_ms
        found = contacts_by(shop.rows, shop.sealer, ALICE, MessageChannel.SMS, later)
        assert found.known[0].address.endswith(newest)


def test_a_number_whose_sim_was_changed_lately_is_told_of_no_debt_and_that_is_recorded(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "messages.jsonl"
    desk.messages = SandboxMessages(path, desk.shop.clock)
    desk.bind(ALICE, "+8613800000000")
    desk.late_loan(2)
    assert desk.worker() == 1
    assert not path.exists()
    told = case_story(desk.shop.rows, desk.case()).entries[-1]
    assert (told.result, told.recipient, desk.case().contacts) == ("cooling", "", 1)


def test_a_phone_that_cannot_be_reached_is_recorded_so_and_counts_as_a_contact(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "messages.jsonl"
    desk.messages = SandboxMessages(path, desk.shop.clock)
    desk.bind(ALICE, "+8613800009999")
    desk.late_loan(2)
    assert desk.worker() == 1
    assert not path.exists()
    assert case_story(desk.shop.rows, desk.case()).entries[-1].result == "failed"
    assert desk.case().contacts == 1
    assert desk.worker() == 0


def test_what_is_said_in_the_app_goes_there_whatever_phone_there_is(desk: Desk) -> None:
    desk.bind(ALICE, "+8613800001234")
    desk.late_loan(12)
    desk.worker()
    case = desk.case()
    if not desk.sent.channels:
        # What was planned for an earlier day was not allowed any more; it is planned anew.
        desk.shop.clock.now_ms = max(case.next_ms, desk.shop.clock.now_ms)
        assert desk.worker() == 1
    assert desk.sent.channels == [MessageChannel.APP]
    assert desk.sent.texts[-1][0] == ALICE
