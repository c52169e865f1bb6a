"""Collections: rules, texts, strategies, the split, and cases with what happens in them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tallystick.credit.collections.commands import (
    AskHardship,
    CaseDone,
    DecideHardship,
    MakeOffer,
    MakePromise,
    RecordCall,
    ResumeCase,
    Saved,
    SaveStrategy,
    SaveText,
    SetContactRules,
    StartSplit,
    StopCase,
    TakeOffer,
)
from tallystick.credit.collections.model import (
    CollectionCase,
)
from tallystick.credit.collections.split import ArmResult, Interval
from tallystick.credit.collections.terms import (
    ContactRules,
    Offered,
    Step,
    StrategyTerms,
)
from tallystick.credit.collections.views import case_story, queue, split_result
from tallystick.decoding import convert, decode_json
from tallystick.gateway.rest.collection_shapes import (
    ArmShape,
    CasesQuery,
    CollectionCaseRow,
    CollectionCaseShape,
    CollectionEntryShape,
    CollectionNote,
    CollectionOffer,
    CollectionSaved,
    CollectionState,
    HardshipDecision,
    NewCall,
    NewCollectionSplit,
    NewContactRules,
    NewOffer,
    NewPromise,
    NewStop,
    NewStrategy,
    NewText,
    NothingAsked,
    SplitShape,
)
from tallystick.gateway.rest.fields import (
    OrderNo,
    amount_of,
    moment,
    text_of,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.pipeline.refusals import Refused

__all__ = ["COLLECTION_OPERATIONS"]

_TAG: Final = "Collections"
_ONE: Final = {"case_id": OrderNo}


def _offered(body: CollectionOffer) -> Offered:
    fields = {"kind": body.kind, "share": body.share, "count": body.count,
              "valid_days": body.valid_days}  # fmt: skip
    return convert(fields, Offered, strict=False)


def set_rules(call: Call, body: NewContactRules) -> SetContactRules:
    """The command that sets the rules."""
    try:
        terms = convert(msgspec.to_builtins(body), ContactRules)
    except msgspec.ValidationError as error:
        raise Refused("COLLECTION_TERMS_INVALID", f"{error}.") from error
    return SetContactRules(terms=terms)


def save_text(call: Call, body: NewText) -> SaveText:
    """The command that keeps a text."""
    return SaveText(text_id=body.text_id, english=body.english, chinese=body.chinese)


def save_strategy(call: Call, body: NewStrategy) -> SaveStrategy:
    """The command that keeps a strategy."""
    steps = tuple(
        Step(
            name=step.name, from_days=step.from_days, to_days=step.to_days, channel=step.channel,
            text=step.text, every_days=step.every_days, not_before=step.not_before,
            amount_min=step.amount_min, products=step.products, cost=step.cost,
            offer=_offered(step.offer) if step.offer else None,
        )
        for step in body.steps
    )  # fmt: skip
    terms = StrategyTerms(steps=steps)
    return SaveStrategy(strategy_id=body.strategy_id, name=body.name, terms=terms)


def start_split(call: Call, body: NewCollectionSplit) -> StartSplit:
    """The command that starts a split."""
    return StartSplit(
        champion_id=body.champion_id, challenger_id=body.challenger_id,
        challenger_permille=body.challenger_permille, cured_within_days=body.cured_within_days,
    )  # fmt: skip


def _case(call: Call) -> CollectionCase:
    case = call.platform.rows.get(CollectionCase, call.path["case_id"])
    if case is None:
        raise Refused("COLLECTION_CASE_NOT_EXIST")
    return case


def promise(call: Call, body: NewPromise) -> MakePromise:
    """The command that promises."""
    case = _case(call)
    amount = amount_of(body.amount, case.currency)
    return MakePromise(case_id=case.case_id, amount=amount, due_day=body.due_day)


def call_borrower(call: Call, body: NewCall) -> RecordCall:
    """The command that records a call."""
    return RecordCall(case_id=call.path["case_id"], result=body.result, note=body.note)


def offer(call: Call, body: NewOffer) -> MakeOffer:
    """The command that offers."""
    return MakeOffer(case_id=call.path["case_id"], loan_id=body.loan_id, terms=_offered(body))


def take(call: Call, body: object) -> TakeOffer:
    """The command that takes an offer."""
    return TakeOffer(offer_id=call.path["offer_id"])


def stop(call: Call, body: NewStop) -> StopCase:
    """The command that stops."""
    return StopCase(case_id=call.path["case_id"], reason=body.reason, note=body.note)


def resume(call: Call, body: CollectionNote) -> ResumeCase:
    """The command that resumes."""
    return ResumeCase(case_id=call.path["case_id"], note=body.note)


def hardship(call: Call, body: CollectionNote) -> AskHardship:
    """The command that asks for a pause."""
    return AskHardship(case_id=call.path["case_id"], reason=body.note)


def decide_hardship(call: Call, body: HardshipDecision) -> DecideHardship:
    """The command that decides it."""
    return DecideHardship(
        hardship_id=call.path["hardship_id"], granted=body.granted,
        pause_until_day=body.pause_until_day or "", waives=body.waives,
    )  # fmt: skip


def _saved(done: Saved) -> CollectionSaved:
    return CollectionSaved(name=done.name, version=done.version)


def _done(done: CaseDone) -> CollectionState:
    return CollectionState(
        case_id=done.case_id, status=done.status, overdue=done.overdue,
        days_past_due=done.days_past_due, next_ms=moment(done.next_ms), next_step=done.next_step,
        made_id=done.made_id,
    )  # fmt: skip


def _row(case: CollectionCase) -> dict[str, object]:
    fields = msgspec.structs.asdict(case)
    wanted = {name: fields[name] for name in CollectionCaseRow.__struct_fields__}
    return wanted | {
        "overdue": text_of(case.overdue, case.currency),
        "collected": text_of(case.collected, case.currency),
        "next_ms": moment(case.next_ms),
    }


def list_cases(call: Call, query: CasesQuery) -> list[CollectionCaseRow]:
    """The queue, by the next contact."""
    found = queue(
        call.platform.rows, status=query.status.value, bucket=query.bucket, limit=query.limit
    )
    return [convert(_row(case), CollectionCaseRow) for case in found]


def get_case(call: Call, query: NothingAsked) -> CollectionCaseShape:
    """A case with its whole record."""
    told = case_story(call.platform.rows, _case(call))
    currency = told.case.currency
    return convert(
        _row(told.case)
        | {
            "entries": [
                {name: getattr(e, name) for name in CollectionEntryShape.__struct_fields__}
                for e in told.entries
            ],
            "promises": [
                {
                    "promise_id": p.promise_id, "amount": text_of(p.amount, currency),
                    "due_day": p.due_day, "status": p.status, "paid": text_of(p.paid, currency),
                }
                for p in told.promises
            ],
            "offers": [
                {
                    "offer_id": o.offer_id, "loan_id": o.loan_id, "status": o.status,
                    "kind": decode_json(o.terms, Offered).kind,
                    "until_ms": o.until_ms,
                }
                for o in told.offers
            ],
            "hardships": [
                {
                    "hardship_id": h.hardship_id, "reason": h.reason, "status": h.status,
                    "pause_until_day": h.pause_until_day,
                }
                for h in told.hardships
            ],
        },
        CollectionCaseShape,
    )  # fmt: skip


def _interval(found: Interval) -> tuple[str, str, str]:
    return (f"{found.value:.4f}", f"{found.low:.4f}", f"{found.high:.4f}")


def _arm(found: ArmResult) -> ArmShape:
    return ArmShape(
        strategy_id=found.strategy_id, cases=found.cases, cured=found.cured,
        cured_share=_interval(found.cured_share), contacts=found.contacts,
        collected=found.collected, per_contact=found.per_contact,
    )  # fmt: skip


def get_split(call: Call, query: NothingAsked) -> SplitShape:
    """How the split in force does."""
    found = split_result(call.platform.rows, call.platform.clock_ms())
    if found is None:
        raise Refused("COLLECTION_STRATEGY_NOT_EXIST")
    split, result = found
    return SplitShape(
        split_id=split.split_id, champion=_arm(result.champion), challenger=_arm(result.challenger),
        difference=_interval(result.difference), verdict=result.verdict,
    )  # fmt: skip


_WRITE: Final = "credit:write"
_STATE: Final = ("COLLECTION_CASE_NOT_EXIST", "COLLECTION_STATE_REFUSED", "INVALID_PARAMETER")
_TERMS: Final = ("COLLECTION_TERMS_INVALID", "INVALID_PARAMETER")
_KEPT: Final[dict[str, Any]] = {"tag": _TAG, "scope": _WRITE, "for_apps": False, "show": _saved,
                "answer": CollectionSaved}  # fmt: skip
_CHANGED: Final[dict[str, Any]] = {"tag": _TAG, "scope": _WRITE, "for_apps": False, "show": _done,
                   "answer": CollectionState}  # fmt: skip
_OWN: Final[dict[str, Any]] = {**_CHANGED, "scope": "wallet:write"}
_LOOK: Final[dict[str, Any]] = {"tag": _TAG, "scope": "credit:read", "for_apps": False}

COLLECTION_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/collections/rules", "set_contact_rules", summary="Say when borrowers may be contacted",
        body=NewContactRules, command=set_rules, refusals=_TERMS, example={"per_week": 3}, **_KEPT,
    ),
    change(
        "/v1/collections/texts", "save_collection_text", summary="Write a version of a text",
        body=NewText, command=save_text, refusals=("INVALID_PARAMETER",),
        example={"text_id": "remind", "english": "{due} is {days} days late.",
                 "chinese": "{due} 已逾期 {days} 天。"}, **_KEPT,
    ),
    change(
        "/v1/collections/strategies", "save_strategy", summary="Write a version of a strategy",
        body=NewStrategy, command=save_strategy, refusals=("COLLECTION_TEXT_NOT_EXIST", *_TERMS),
        example={"strategy_id": "soft", "name": "Soft", "steps": [
            {"name": "remind", "from_days": 1, "to_days": 30, "channel": "sms", "text": "remind"},
        ]}, **_KEPT,
    ),
    change(
        "/v1/collections/splits", "start_split", summary="Use a champion and a challenger",
        body=NewCollectionSplit, command=start_split, example={"champion_id": "soft"},
        refusals=("COLLECTION_STRATEGY_NOT_EXIST", *_TERMS), **_KEPT,
    ),
    look(
        "/v1/collections/split", "split_result", summary="How champion and challenger do",
        query=NothingAsked, find=get_split, answer=SplitShape,
        refusals=("COLLECTION_STRATEGY_NOT_EXIST",), **_LOOK,
    ),
    look(
        "/v1/collections/cases", "list_cases", summary="The queue", query=CasesQuery,
        find=list_cases, answer=list[CollectionCaseRow], **_LOOK,
    ),
    look(
        "/v1/collections/cases/{case_id}", "collection_case", summary="A case's whole record",
        query=NothingAsked, find=get_case, answer=CollectionCaseShape, parameters=_ONE,
        refusals=("COLLECTION_CASE_NOT_EXIST",), **_LOOK,
    ),
    change(
        "/v1/collections/cases/{case_id}/promises", "make_promise", summary="Promise to pay",
        body=NewPromise, command=promise, parameters=_ONE,
        example={"amount": "10.00", "due_day": "2026-12-01"},
        refusals=("COLLECTION_PROMISE_INVALID", "INVALID_AMOUNT", *_STATE), **_OWN,
    ),
    change(
        "/v1/collections/cases/{case_id}/calls", "record_call", summary="Call a borrower now",
        body=NewCall, command=call_borrower, parameters=_ONE, example={"result": "reached"},
        refusals=("COLLECTION_CONTACT_NOT_ALLOWED", *_STATE), **_CHANGED,
    ),
    change(
        "/v1/collections/cases/{case_id}/offers", "make_offer", summary="Offer a way out",
        body=NewOffer, command=offer, parameters=_ONE,
        example={"loan_id": "2026112412345678901234567890", "kind": "waive", "share": "0.5"},
        refusals=("COLLECTION_OFFER_INVALID", *_STATE), **_CHANGED,
    ),
    change(
        "/v1/collections/offers/{offer_id}/taking", "take_offer", summary="Take an offer",
        command=take, parameters={"offer_id": OrderNo},
        refusals=("COLLECTION_OFFER_INVALID", "BORROWER_BALANCE_NOT_ENOUGH", "LOAN_STATE_REFUSED",
                  "LOAN_NOTHING_TO_PAY", "CREDIT_TERMS_INVALID"), **_OWN,
    ),
    change(
        "/v1/collections/cases/{case_id}/stop", "stop_case", summary="Stop all contacts",
        body=NewStop, command=stop, parameters=_ONE, example={"reason": "complaint"},
        refusals=_STATE, **_OWN,
    ),
    change(
        "/v1/collections/cases/{case_id}/resumption", "resume_case", summary="It is settled",
        body=CollectionNote, command=resume, parameters=_ONE, example={"note": "settled"},
        refusals=_STATE, **_CHANGED,
    ),
    change(
        "/v1/collections/cases/{case_id}/hardship", "ask_hardship", summary="Ask for a pause",
        body=CollectionNote, command=hardship, parameters=_ONE, example={"note": "lost my work"},
        refusals=_STATE, **_OWN,
    ),
    change(
        "/v1/collections/hardships/{hardship_id}/decision", "decide_hardship",
        summary="Grant or decline a pause", body=HardshipDecision, command=decide_hardship,
        parameters={"hardship_id": OrderNo}, example={"granted": False},
        refusals=("NOT_FOUND", *_STATE), **_CHANGED,
    ),
)  # fmt: skip
