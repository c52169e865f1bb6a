"""The watch over accounts beside a fixed threshold and an off-the-shelf detector.

All three read the very same stream, event by event, and may raise an alert on any of them; alerts
of one account within a day are one. The two baselines get the threshold at which, on the seeds
for tuning, they raise as many false alerts as the watch; then all are judged on other seeds.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from river import anomaly, compose, preprocessing

from bench.report import Figure, say
from tallystick.risk.anomaly.model import DEFAULT_FROM, Level
from tallystick.risk.anomaly.profiles import ROW_BYTES, Profiles
from tallystick.risk.anomaly.scoring import OUTGOING, SIGN_INS, WRONG, StreamEvent, Watcher
from tallystick.risk.decision.facts import hour_of
from tallystick.sandbox.fraud import fraud_history
from tallystick.sandbox.sign_ins import with_sign_ins

__all__ = ["TUNED_ON", "anomaly_figures", "judged", "labelled_stream"]

TUNED_ON: Final = (1, 2, 3)
_JUDGED_ON: Final = (101, 102, 103)
_ATTACKS: Final = ("takeover", "mule_chain")
_ALERT_FROM: Final = DEFAULT_FROM[Level.NOTICE]
_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
_DAYS: Final = 30


class Labelled(NamedTuple):
    """An event, and the attack that it belongs to: its number, 0 for none."""

    event: StreamEvent
    attack: int
    scenario: str


def labelled_stream(seed: int, *, events: int, parties: int) -> list[Labelled]:
    """A stream of sign-ins and payments with take-overs and mule chains among them."""
    frame = with_sign_ins(
        fraud_history(seed, events=events, parties=parties, days=_DAYS, scenarios=_ATTACKS), seed
    )
    stream = []
    chains: dict[str, int] = {}
    for seq, row in enumerate(frame.iter_rows(named=True), start=1):
        attack = 0
        if row["scenario"]:
            party, payee = row["party"], row["payee"]
            chained = row["scenario"] == "mule_chain" and payee in chains
            attack = chains.get(party) or (chains[payee] if chained else seq)
            chains[party] = attack
            if row["scenario"] == "mule_chain" and payee:
                chains[payee] = attack
        event = StreamEvent(
            seq, row["at_ms"], row["kind"], row["amount"], row["party"], row["payee"],
            row["device"], row["address"], row["result"],
        )  # fmt: skip
        stream.append(Labelled(event, attack, row["scenario"]))
    return stream


class Judged(NamedTuple):
    """What a detector did: of each scenario the share found, and the minutes that it took."""

    found: dict[str, float]
    minutes: dict[str, float]
    false_alerts: float


Score = Callable[[StreamEvent], float]


def scores_of(stream: Iterable[Labelled], score: Score) -> list[float]:
    """Each event's score."""
    return [score(labelled.event) for labelled in stream]


def judged(stream: list[Labelled], scores: list[float], threshold: float) -> Judged:
    """Judge a detector's scores; false alerts are per 1,000 accounts a day."""
    began: dict[int, int] = {}
    told: dict[int, int] = {}
    scenario: dict[int, str] = {}
    open_until: dict[str, int] = {}
    false_alerts, accounts = 0, set()
    for (event, attack, name), score in zip(stream, scores, strict=True):
        accounts.add(event.party)
        if attack:
            began.setdefault(attack, event.at_ms)
            scenario[attack] = name
        if score < threshold:
            continue
        if attack:
            told.setdefault(attack, event.at_ms)
        elif open_until.get(event.party, 0) <= event.at_ms:
            false_alerts += 1
        open_until[event.party] = event.at_ms + _DAY_MS
    known = Counter(scenario.values())
    minutes = defaultdict(list)
    for attack, at_ms in told.items():
        minutes[scenario[attack]].append((at_ms - began[attack]) / _MINUTE_MS)
    return Judged(
        {name: len(minutes[name]) / count for name, count in known.items()},
        {name: statistics.median(minutes[name] or [math.nan]) for name in known},
        false_alerts / len(accounts) / _DAYS * 1000,
    )


def _watch() -> Score:
    watcher = Watcher(Profiles())

    def score(event: StreamEvent) -> float:
        scored = watcher.see(event)
        return 0.0 if scored is None else float(scored.score)

    return score


def _fixed() -> Score:
    """The amount alone; five events of an account within ten minutes count as a very large one."""
    recent: dict[str, list[int]] = defaultdict(list)

    def score(event: StreamEvent) -> float:
        seen = recent[event.party]
        seen.append(event.at_ms)
        while seen[0] <= event.at_ms - 10 * _MINUTE_MS:
            seen.pop(0)
        rush = 1.0 if len(seen) >= 6 else 0.0
        return (math.log1p(event.amount) if event.kind in OUTGOING else 0.0) + 4 * rush

    return score


def _river(seed: int = 7) -> Score:
    """Half-space trees over what an event and the account's last minutes look like."""
    model = compose.Pipeline(
        preprocessing.MinMaxScaler(),
        anomaly.HalfSpaceTrees(n_trees=25, height=8, window_size=500, seed=seed),
    )
    last: dict[str, tuple[int, float, float, str, str]] = {}

    def score(event: StreamEvent) -> float:
        at_ms, recent, wrong, device, address = last.get(event.party, (0, 0.0, 0.0, "", ""))
        since = event.at_ms - at_ms if at_ms else _DAYS * _DAY_MS
        recent = recent * math.exp(-since / (10 * _MINUTE_MS)) + 1
        wrong = wrong * math.exp(-since / (60 * _MINUTE_MS)) + (event.kind in WRONG)
        told = {
            "amount": math.log1p(event.amount), "hour": float(hour_of(event.at_ms)),
            "since": math.log1p(since), "recent": recent, "wrong": wrong,
            "transfer": float(event.kind == "transfer"), "sign_in": float(event.kind in SIGN_INS),
            "other_device": float(bool(at_ms) and device != event.device),
            "other_place": float(bool(at_ms) and address != event.address),
        }  # fmt: skip
        last[event.party] = (event.at_ms, recent, wrong, event.device, event.address)
        found = float(model.score_one(told))
        model.learn_one(told)
        return found

    return score


_DETECTORS: Final[dict[str, Callable[[], Score]]] = {
    "watch": _watch, "fixed": _fixed, "river": _river,
}  # fmt: skip


def _threshold(streams: list[list[Labelled]], scores: list[list[float]], rate: float) -> float:
    """The lowest threshold that raises at most `rate` false alerts on these streams."""
    candidates = sorted({score for each in scores for score in each})
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        told = [judged(stream, each, candidates[middle])
                for stream, each in zip(streams, scores, strict=True)]  # fmt: skip
        if statistics.fmean(each.false_alerts for each in told) <= rate:
            high = middle
        else:
            low = middle + 1
    return candidates[high]


def _mean(judgements: list[Judged]) -> Judged:
    def over(pick: Callable[[Judged], dict[str, float]]) -> dict[str, float]:
        """The mean over the seeds on which the detector found anything."""
        found = {name: [pick(each)[name] for each in judgements] for name in _ATTACKS}
        kept = {name: [v for v in values if not math.isnan(v)] for name, values in found.items()}
        return {name: statistics.fmean(values or [math.nan]) for name, values in kept.items()}

    return Judged(
        over(lambda j: j.found), over(lambda j: j.minutes),
        statistics.fmean(each.false_alerts for each in judgements),
    )  # fmt: skip


def _thresholds(tuning: list[list[Labelled]]) -> dict[str, float]:
    ours = [scores_of(stream, _watch()) for stream in tuning]
    told = [judged(stream, each, _ALERT_FROM) for stream, each in zip(tuning, ours, strict=True)]
    rate = statistics.fmean(each.false_alerts for each in told)
    found = {"watch": float(_ALERT_FROM)}
    for name in ("fixed", "river"):
        scores = [scores_of(stream, _DETECTORS[name]()) for stream in tuning]
        found[name] = _threshold(tuning, scores, rate)
    return found


def _speed(stream: list[Labelled]) -> float:
    """Events a second of processor time, on one core."""
    score = _watch()
    began = time.process_time()
    for labelled in stream:
        score(labelled.event)
    return len(stream) / (time.process_time() - began)


def anomaly_figures(quick: bool) -> dict[str, Figure]:
    """Figures by name: what each detector found, how soon, at what price, and how fast we are."""
    size = {"events": 8_000, "parties": 800} if quick else {"events": 100_000, "parties": 5_000}
    tuned_on, judged_on = (TUNED_ON[:1], _JUDGED_ON[:1]) if quick else (TUNED_ON, _JUDGED_ON)
    thresholds = _thresholds([labelled_stream(seed, **size) for seed in tuned_on])
    streams = [labelled_stream(seed, **size) for seed in judged_on]
    figures: dict[str, Figure] = {}
    for name, make in _DETECTORS.items():
        told = _mean([judged(s, scores_of(s, make()), thresholds[name]) for s in streams])
        say(f"{name}: {told}")
        for attack in _ATTACKS:
            figures[f"risk.anomaly_{name}_{attack}"] = Figure(
                told.found[attack], "", f"share of attacks found, seeds {judged_on}"
            )
            if not math.isnan(told.minutes[attack]):
                figures[f"risk.anomaly_{name}_{attack}_min"] = Figure(
                    told.minutes[attack], "min", "from the first event of the attack, median"
                )
        figures[f"risk.anomaly_{name}_false"] = Figure(
            told.false_alerts, "", "false alerts per 1,000 accounts a day"
        )
    figures["risk.anomaly_events"] = Figure(_speed(streams[0]), "/s", "on one core")
    figures["risk.anomaly_row"] = Figure(ROW_BYTES, "B", "an account's profile")
    return figures
