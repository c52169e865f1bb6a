"""Credit: schedules a second, and the end of a day for many loans through the pipeline.

Parts: `schedules`, `days` (10 k and 100 k loans), `joint` (100 k loans that fifty institutions
fund), `score` (what scores are worth on two public files), `million` (a million loans, with 100 k
beside them) and `joint-million`; these two only when asked.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pyxirr

from bench.credit_days import PRODUCT, START, Days, Spent
from bench.credit_joint import joint_figures
from bench.report import Figure, Options, Report, say
from bench.score import score_figures
from tallystick.credit.loans.model import Contract, terms_of
from tallystick.credit.schedules.all_in_rate import all_in_rate, cash_flows
from tallystick.credit.schedules.walk import schedule_of

__all__ = ["run"]

_MILLION = [100_000, 1_000_000]
_SECONDS_MAX = 120
_MB_MAX = 3 * 1024


def _schedules(quick: bool) -> dict[str, Figure]:
    seconds = 0.2 if quick else 2.0
    figures = {}
    for count in (12, 360):
        contract = Contract(principal=10_000_000, start=START, count=count, product=PRODUCT)
        terms = terms_of(contract)
        flows = cash_flows(schedule_of(terms))
        days, amounts = [f.day for f in flows], [float(f.amount) for f in flows]
        made = _per_s(partial(schedule_of.__wrapped__, terms), seconds)
        rated = _per_s(partial(all_in_rate, flows), seconds)
        beside = _per_s(partial(pyxirr.xirr, days, amounts), seconds)
        name = f"credit.{count}"
        figures[f"{name}.schedules_per_s"] = Figure(made, "/s", f"exact, {count} payments")
        figures[f"{name}.rates_per_s"] = Figure(
            rated, "/s", f"34 digits; {rated / beside:.3f} of pyxirr's floats"
        )
    return figures


def _per_s(act: Callable[[], object], seconds: float) -> float:
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        act()
        done += 1
    return done / (time.perf_counter() - begun)


def _days(count: int, *, stand: bool = True) -> list[Spent]:
    """What is spent for each of two days of so many loans; without standings for one.

    In the first day no standing is kept yet: each loan is folded from its history.
    """
    say(f"{count:,} loans: filling")
    spent = []
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        days = Days(Path(folder), count, stand=stand)
        try:
            for day in (START, START + timedelta(days=1))[: 2 if stand else 1]:
                spent.append(days.close(day))
                wall, cpu = spent[-1].wall, spent[-1].cpu
                say(f"{count:,} loans: {day} took {wall:.1f} s, {cpu:.1f} s of work")
        finally:
            days.executor.stop()
    return spent


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _million(figures: dict[str, Figure], each: dict[int, float]) -> dict[str, Figure]:
    """What is said of a million loans, beside what may be spent."""
    few, many = _MILLION
    seconds, memory = (figures[f"credit.days.{many}.{name}"].value for name in ("s", "rss_mb"))
    return {
        "credit.million_s": Figure(seconds, "s", f"{seconds / _SECONDS_MAX:.2f} of two minutes"),
        "credit.million_rss_mb": Figure(memory, "MB", f"{memory / _MB_MAX:.2f} of 3 GB"),
        "credit.million_flatness": Figure(
            each[many] / each[few], "",
            f"{each[many] * 1e6:.1f} us of work a loan against {each[few] * 1e6:.1f} of {few:,}",
        ),
    }  # fmt: skip


def run(options: Options) -> Report:
    """Measure what was asked for."""
    only = options.only or frozenset({"schedules", "days", "joint", "score"})
    figures: dict[str, Figure] = {}
    if "schedules" in only:
        figures |= _schedules(options.quick)
    sizes = [2_000] if options.quick else [10_000, 100_000]
    each: dict[int, float] = {}
    if "days" in only:
        by_fold = _days(sizes[0], stand=False)[0]
        figures["credit.fold_us"] = Figure(
            by_fold.cpu / sizes[0] * 1e6, "us", "work for a loan that is closed by the fold"
        )
    counts = (sizes if "days" in only else []) + (_MILLION if "million" in only else [])
    for count in dict.fromkeys(counts):
        first, spent = _days(count)
        each[count] = spent.cpu / count
        name = f"credit.days.{count}"
        figures[f"{name}.first_s"] = Figure(
            first.wall, "s", "the first day, in which each loan is folded from its history"
        )
        figures[f"{name}.s"] = Figure(spent.wall, "s", "a day, postings durable; 1 in 28 due")
        figures[f"{name}.cpu_s"] = Figure(spent.cpu, "s", "the same in processor time")
        figures[f"{name}.rss_mb"] = Figure(_rss_mb(), "MB", "most memory so far")
    if len(each) > 1:
        most, fewest = max(each), min(each)
        figures["credit.days.flat_ratio"] = Figure(
            each[most] / each[fewest], "", f"work for a loan of {most:,} against one of {fewest:,}"
        )
    if "million" in only:
        figures |= _million(figures, each)
    if "joint" in only:
        figures |= joint_figures(2_000 if options.quick else 100_000)
    if "score" in only:
        figures |= score_figures(only, quick=options.quick)
    if "joint-million" in only:
        figures |= joint_figures(_MILLION[-1])
    return figures
