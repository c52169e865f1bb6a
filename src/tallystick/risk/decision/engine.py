"""The engine in the path of every command: a gate before the handler, a witness after it.

The gate decides from the command's facts, the lists, the features and the score. The witness
writes the record when the command has been accepted or undone, so that a refused command leaves
its record and nothing else, and counts it for the commands that come. Both run on the
executor's thread.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final

import msgspec
import structlog

from tallystick.decoding import decode_json
from tallystick.parties.model import Party
from tallystick.pipeline.commands import (
    Answer,
    CallerKind,
    Command,
    Context,
    Request,
)
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.around import (
    NoWarnings,
    Warnings,
    circumstances,
)
from tallystick.risk.decision.decide import Circumstances, Settled, input_names, settle
from tallystick.risk.decision.facts import (
    ANOMALY,
    FACTS,
    GRAPH,
    SCORE,
    SHARED,
    Facts,
    fact_values,
)
from tallystick.risk.decision.filling import Filling
from tallystick.risk.decision.lists import Lists
from tallystick.risk.decision.model import (
    SET_NUMBER,
    ActiveNumber,
    DecisionRow,
    FailurePolicy,
    ReleaseHeld,
    Review,
    ReviewDone,
    ReviewStatus,
    RuleSetRow,
)
from tallystick.risk.decision.past import past_after, past_of
from tallystick.risk.decision.record import Judged, decision_row, held_review
from tallystick.risk.decision.rules import (
    Lane,
    Outcome,
    OutOfTime,
    RuleSet,
    Verdict,
    compile_set,
    judge,
)
from tallystick.risk.decision.windows import EVENTS_MAX, Past, Windows
from tallystick.store.connection import Connection
from tallystick.store.dialect import is_postgres
from tallystick.store.rows import ReadSession, Rows
from tallystick.store.unit_of_work import UnitOfWork

__all__ = [
    "DecisionEngine", "Reader", "Shared", "Standing", "Told", "Unanswered",
]  # fmt: skip

log = structlog.get_logger("tallystick.risk")

Reader = Callable[[Any, Context], Facts | None]
"""What a command is about, from itself and the rows; None for one that is not decided."""

Told = Callable[[str, str, float], None]
"""Told of each decision: the outcome, what it comes from, and risk's own time in seconds."""

Shared = Callable[[Mapping[str, int | str | bool], Context], dict[str, int | str | bool]]
"""What the shared blacklist says of a command's facts, by the names of `SHARED`."""

Unanswered = Callable[[str, str], None]
"""Told of each command that risk gave no answer to: its name, and `open` or `closed`."""

Standing = Callable[[str, str], tuple[int, ...]]
"""What the graph knows of a party's account in a currency: the values of half of `GRAPH`."""

_BUDGET_S: Final = 0.05
_FAILURES_MAX: Final = 5
_REST_S: Final = 1.0
_MINUTE_MS: Final = 60_000
_CODES: Final = {
    Outcome.CHALLENGE: "RISK_CHALLENGE", Outcome.HOLD: "RISK_HELD", Outcome.DENY: "RISK_DENIED",
}  # fmt: skip


_NOT_READ: Final = Facts("")
"""The facts of a command that risk failed to read."""

_NO_VERDICT: Final = Verdict(
    Outcome.ALLOW, Lane.CHAMPION, 0, Outcome.ALLOW, Outcome.ALLOW, (), ()
)  # fmt: skip


def _unknown(party: str, currency: str) -> tuple[int, ...]:
    return tuple(GRAPH.values())[: len(GRAPH) // 2]


def _newest(connection: Connection) -> int:
    """The number of the newest record that is committed; 0 when there is none."""
    return int(connection.execute("SELECT MAX(seq) FROM risk_decision").fetchone()[0] or 0)


class DecisionEngine:
    """Decides commands.

    Args:
        readers: by command, what it is about; other commands are not decided.
        for_people: those of them that the platform itself asks for on somebody's behalf.
        told, unanswered: follow the decisions, for metrics.
        shared: asks the shared blacklist, only when a rule reads what it tells.
        standing: asks the fraud graph.
        warnings: asks the watch over accounts.
        budget_s: how long risk may take before the command's failure policy counts.
        open_rows: a session for filling windows beside the commands; without, they are filled
            in the path of the command that first needs them.
    """

    def __init__(
        self,
        readers: Mapping[type[Command], Reader],
        *,
        for_people: frozenset[type[Command]] = frozenset(),
        told: Told = lambda outcome, why, seconds: None,
        shared: Shared | None = None,
        unanswered: Unanswered = lambda command, policy: None,
        standing: Standing = _unknown,
        warnings: Warnings | None = None,
        open_rows: Callable[[], ReadSession] | None = None,
        budget_s: float = _BUDGET_S,
        events_max: int = EVENTS_MAX,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._readers = readers
        self._for_people = for_people
        self._told = told
        self._shared = shared
        self._unanswered = unanswered
        self._standing = standing
        self._warnings = NoWarnings() if warnings is None else warnings
        self._filling = Filling(open_rows, events_max)
        self._failures = 0
        self._rest_until = 0.0
        self._budget_s = budget_s
        self._events_max = events_max
        self._clock = stopwatch
        self._number = 0
        self._compiled = compile_set(RuleSet())
        self._names = input_names(RuleSet(), self._compiled)
        self._wants_graph = False
        self._looked_up: tuple[str, ...] = ()
        self._inputs_of = itemgetter(*self._names)
        self._windows = Windows(())
        self._broken = False
        self._awaited = -1
        self._lists = Lists()
        self._seq = -1
        self._uow: UnitOfWork | None = None
        self._added: list[DecisionRow] = []
        self._judged: Judged | None = None

    # What decides now.

    @property
    def kept(self) -> tuple[int, int]:
        """How many commands the windows hold, and since when they are whole (0: always)."""
        return self._windows.events, self._windows.since_ms

    @property
    def wants_graph(self) -> bool:
        """Whether a rule or the model in force reads what the graph knows."""
        return self._wants_graph

    @property
    def filling(self) -> bool:
        """Whether windows of new features are being filled; what was in force before decides."""
        return self._filling.busy

    def warm(self, session: ReadSession) -> None:
        """Get ready from what is stored, before the first command."""
        if not is_postgres(session.connection):
            self._follow(session, session.connection, at_once=True)
            return
        session.connection.execute("BEGIN")
        self._follow(session, session.connection, at_once=True)
        self._seq = _newest(session.connection)
        session.connection.execute("ROLLBACK")

    def _begin(self, uow: UnitOfWork) -> None:
        """A further batch: what the one before added is durable."""
        self._uow, self._added = uow, []
        if is_postgres(uow.connection):
            self._count_others(uow.connection)
        uow.when_undone(self._undone)

    def _count_others(self, connection: Connection) -> None:
        """Count what other processes on the same database have recorded since our last batch."""
        if self._seq < 0:
            self._seq = _newest(connection)
        for seq, past in past_after(connection, self._seq):
            self._windows.add(past)
            self._seq = seq

    def _undone(self) -> None:
        """The batch was rolled back: so is everything kept in memory."""
        self._windows.take_back(len(self._added))
        self._seq -= len(self._added)
        self._added = []
        self._number = -1
        self._lists.forget()

    def _follow(self, rows: Rows, connection: Connection, *, at_once: bool = False) -> None:
        """Take over the rule set and lists that are in force for this command."""
        self._lists.follow(rows)
        active = rows.get(ActiveNumber, SET_NUMBER)
        number = 0 if active is None else active.number
        if (number == self._number and not self._broken) or (
            number == self._awaited and self._filling.busy
        ):
            return
        row = rows.get(RuleSetRow, number) if number else None
        rule_set = RuleSet() if row is None else decode_json(row.contents, RuleSet)
        if self._broken or rule_set.features != self._compiled.source.features:
            windows = self._filling.filled(rule_set.features, connection, at_once=at_once)
            if windows is None:
                self._awaited = number
                return  # What was in force before decides until they are filled.
            for added in self._added:
                windows.add(past_of(added))
            self._windows, self._broken = windows, False
        self._compiled = compile_set(rule_set)
        self._names = input_names(rule_set, self._compiled)
        self._inputs_of = itemgetter(*self._names)
        self._wants_graph = not self._compiled.needs.isdisjoint(GRAPH)
        known = {*FACTS, *(feature.name for feature in rule_set.features), SCORE, *ANOMALY}
        self._looked_up = tuple(name for name in self._names if name not in known)
        self._number = number

    # Deciding.

    def gate(self, request: Request, context: Context, scope: str) -> None:
        """Decide a command before its handler.

        Raises:
            Refused: RISK_CHALLENGE, RISK_HELD, RISK_DENIED; RISK_UNAVAILABLE when risk failed
                and the command's policy is closed.
        """
        self._judged = None
        kind = type(request.command)
        reader = self._readers.get(kind)
        if reader is None or (
            request.caller.kind is CallerKind.SYSTEM and kind not in self._for_people
        ):
            return
        uow = context.uow
        if uow is not self._uow:
            self._begin(uow)
        judged = self._decide(request, context, reader)
        if judged is None:
            return
        self._judged = judged
        if judged.settled.why == "failure" and judged.settled.outcome is Outcome.DENY:
            raise Refused("RISK_UNAVAILABLE")
        if judged.settled.outcome is not Outcome.ALLOW:
            detail = f"Review {judged.review_id}." if judged.review_id else ""
            raise Refused(_CODES[judged.settled.outcome], detail)

    def _decide(self, request: Request, context: Context, reader: Reader) -> Judged | None:
        """Judge; when that fails or takes too long, as the command's policy says."""
        named: dict[str, int | str | bool] | None = None
        began = self._clock() if self._number or self._failures else 0.0
        try:
            if self._rest_until > began > 0:
                raise OutOfTime
            self._follow(context.uow, context.uow.connection)
            watched = self._warnings.follow(context.uow)
            if self._number == 0 and self._lists.empty and not watched:
                return None
            began = began or self._clock()
            facts = reader(request.command, context)
            if facts is None:
                return None
            named = self._named(request, context, facts)
            judged = self._judge(request, context, named, began)
        except (sqlite3.Error, Refused):
            raise
        except Exception as error:
            return self._failed(request, context, named, began, error)
        self._failures = 0
        return judged

    def _failed(
        self,
        request: Request,
        context: Context,
        named: dict[str, int | str | bool] | None,
        began: float,
        error: Exception,
    ) -> Judged:
        """No answer. After several in a row risk is left alone for a second, then tried again."""
        tag = str(request.command.__struct_config__.tag)
        spent = self._clock() - began if began else 0.0
        resting = self._rest_until > began > 0
        if not resting:
            log.error("risk_failed", command=tag, error=type(error).__name__)
            self._failures += 1
            if self._failures >= _FAILURES_MAX:
                self._rest_until = began + spent + _REST_S
        policy = context.uow.get(FailurePolicy, tag)
        closed = policy is not None and policy.policy == "closed"
        settled = Settled(Outcome.DENY if closed else Outcome.ALLOW, "failure")
        self._told("closed" if closed else "open", "failure", spent)
        self._unanswered(tag, "closed" if closed else "open")
        facts = fact_values(_NOT_READ, 0) if named is None else named
        return Judged(facts, _NO_VERDICT, Circumstances(), settled, (), 0, "",
                       int(spent * 1e6), context.request_key)  # fmt: skip

    def _in_time(self, began: float) -> None:
        if self._clock() > began + self._budget_s:
            raise OutOfTime

    @staticmethod
    def _named(request: Request, context: Context, facts: Facts) -> dict[str, int | str | bool]:
        party = context.uow.get(Party, facts.party) if facts.party else None
        named = fact_values(facts, context.now_ms)
        if party is not None:
            named["party_age_min"] = max(0, context.now_ms - party.created_ms) // _MINUTE_MS
        origin = request.origin
        named["device"], named["address"] = origin.device, origin.address
        named["card"] = origin.card or facts.card
        return named

    def _judge(
        self, request: Request, context: Context, inputs: dict[str, int | str | bool], began: float
    ) -> Judged:
        """Judge a command by its facts, to which everything that was looked up is added."""
        self._in_time(began)
        compiled, now_ms, party = self._compiled, context.now_ms, str(inputs["party"])
        listed = self._lists.of(inputs, now_ms)
        warned = self._warnings.of(party)
        inputs["anomaly_level"] = warned.level
        self._windows.add_values(inputs, now_ms)
        if self._looked_up:
            self._look_up(inputs, context, listed)
        self._in_time(began)
        scorer = compiled.scorer
        inputs[SCORE] = score = 0 if scorer is None else scorer.score(inputs)
        verdict = judge(compiled, inputs, deadline=began + self._budget_s, clock=self._clock)
        around, review_id = circumstances(request, context, verdict, listed, party, warned.action)
        settled = settle(verdict, around, str(inputs["kind"]))
        spent = self._clock() - began
        self._told(settled.outcome.word, settled.why, spent)
        return Judged(inputs, verdict, around, settled, self._inputs_of(inputs), score,
                       review_id if settled.outcome is Outcome.HOLD else "",
                       int(spent * 1e6), context.request_key)  # fmt: skip

    def _look_up(
        self, inputs: dict[str, int | str | bool], context: Context, listed: tuple[str, ...]
    ) -> None:
        """Ask the shared blacklist and the graph, and say of each list whether it holds."""
        if self._shared is not None and "blacklist_hit" in self._names:
            inputs.update(self._shared(inputs, context))
        if self._wants_graph:
            currency = str(inputs["currency"])
            sides = (self._standing(str(inputs[side]), currency) for side in ("party", "payee"))
            inputs.update(zip(GRAPH, (value for side in sides for value in side), strict=True))
        for name in self._looked_up:
            if name not in inputs:
                inputs[name] = SHARED.get(name, name in listed)

    # Recording.

    def witness(self, uow: UnitOfWork, request: Request, answer: Answer) -> None:
        """Write the record of the command that has just ended, and count it."""
        judged, self._judged = self._judged, None
        if judged is not None:
            row = decision_row(
                self._next_seq(uow), self._number, uow.now_ms, request, answer, judged
            )
            if judged.review_id and judged.around.review == "":
                uow.put(held_review(row, request))
            past = Past(row.at_ms, judged.facts)
            judged.facts["outcome"], judged.facts["result"] = row.outcome, row.result
        elif type(request.command) is ReleaseHeld and type(answer.reply) is ReviewDone:
            released = self._released(uow, answer.reply)
            if released is None:
                return
            row, past = released, past_of(released)
        else:
            return
        uow.put(row)
        self._added.append(row)
        try:
            self._windows.add(past)
        except Exception:
            log.exception("risk_not_counted")
            self._broken = True

    def _next_seq(self, uow: UnitOfWork) -> int:
        if self._seq < 0:
            self._seq = _newest(uow.connection)
        self._seq += 1
        return self._seq

    def _released(self, uow: UnitOfWork, reply: ReviewDone) -> DecisionRow | None:
        """A held command that has run at last counts as one that was accepted."""
        review = uow.get(Review, reply.review_id)
        if review is None or review.status is not ReviewStatus.RELEASED:
            return None
        held = uow.get(DecisionRow, review.seq)
        assert held is not None, review.seq
        if uow is not self._uow:
            self._begin(uow)
        return msgspec.structs.replace(
            held, seq=self._next_seq(uow), at_ms=uow.now_ms, outcome=Outcome.ALLOW.word,
            result="accepted", why="review",
        )  # fmt: skip
