"""Files of events and of rules.

Events are CSV, Parquet or JSON lines with a line an event, in the order of `at_ms`. `at_ms` and
`kind` must be there; the other facts, what others knew (`graph_…`, `blacklist_…`, `anomaly_level`),
`outcome` and `result` may be (what is missing is not known, and counts as allowed and accepted),
and `fraud` (1, 0 or empty) tells what an event was.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import polars as pl

from tallystick.money.china_time import CHINA_OFFSET_MIN
from tallystick.risk.decision.checking import Kind
from tallystick.risk.decision.columns import Column
from tallystick.risk.decision.errors import RiskFileError
from tallystick.risk.decision.facts import PAST, TOLD
from tallystick.risk.decision.history import Events, History
from tallystick.risk.decision.language import ExpressionError
from tallystick.risk.decision.rules import RuleSet, check_rule_set

__all__ = [
    "events_of",
    "history_of",
    "read_events",
    "read_rules",
    "write_events",
]

_HOUR_MS: Final = 3_600_000
_SAME_IDS: Final = ("party", "payee", "merchant")
_DEFAULTS: Final = {"outcome": "allow", "result": "accepted"}
_READERS: Final[dict[str, Callable[[Path], pl.LazyFrame]]] = {
    ".csv": pl.scan_csv,
    ".parquet": pl.scan_parquet,
    ".jsonl": pl.scan_ndjson,
}


def _texts(frame: pl.DataFrame, names: tuple[str, ...]) -> dict[str, Column]:
    """Columns of categories as codes into one shared list of texts."""
    listed: list[str] = []
    places: dict[str, int] = {}
    found: dict[str, Column] = {}
    for name in names:
        column = frame[name]
        different = column.unique()
        known = different.to_physical().to_numpy()
        for text in different.cast(pl.String).to_list():
            if text not in places:
                places[text] = len(listed)
                listed.append(text)
        shared = np.zeros(int(known.max(initial=0)) + 1, np.int32)
        shared[known] = [places[text] for text in different.cast(pl.String).to_list()]
        found[name] = Column(shared[column.to_physical().to_numpy()], listed)
    return found


def history_of(frame: pl.DataFrame) -> History:
    """A frame with a column for `at_ms` and for each fact but `hour`, as a history."""
    columns = _texts(frame, _SAME_IDS)
    for name, kind in PAST.items():
        if name == "hour":
            hours = (frame["at_ms"].to_numpy() + CHINA_OFFSET_MIN * 60_000) // _HOUR_MS % 24
            columns[name] = Column(hours.astype(np.int32))
        elif kind is Kind.NUMBER:
            columns[name] = Column(frame[name].to_numpy())
        elif name not in columns:
            columns |= _texts(frame, (name,))
    for name in TOLD.keys() & set(frame.columns):
        texts = frame.schema[name] == pl.Categorical
        columns |= _texts(frame, (name,)) if texts else {name: Column(frame[name].to_numpy())}
    return History(frame["at_ms"].to_numpy(), columns)


def _categories(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column of texts as categories, with what stands for a missing one."""
    default = _DEFAULTS.get(name, "")
    if name not in frame.columns:
        return pl.lit(default, pl.String).cast(pl.Categorical).alias(name)
    column = pl.col(name)
    if frame.schema[name] != pl.Categorical:
        column = column.cast(pl.String).cast(pl.Categorical)
    return column.fill_null(default).alias(name)


def _told(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column of what others knew."""
    unknown = TOLD[name]
    if isinstance(unknown, str):
        return _categories(frame, name)
    kind = pl.Boolean if isinstance(unknown, bool) else pl.Int64
    return pl.col(name).cast(kind).fill_null(unknown)


def _completed(frame: pl.DataFrame, path: Path | str) -> pl.DataFrame:
    """The frame with every column, of its type."""
    for name in ("at_ms", "kind"):
        if name not in frame.columns:
            raise RiskFileError(f"{path}: there is no column {name!r}")
    wanted: list[pl.Expr] = []
    for name, kind in {"at_ms": Kind.NUMBER, **PAST, "scenario": Kind.TEXT}.items():
        if name == "hour":
            continue
        if kind is Kind.NUMBER:
            column = pl.col(name).cast(pl.Int64) if name in frame.columns else pl.lit(0, pl.Int64)
            wanted.append(column.fill_null(0).alias(name))
        else:
            wanted.append(_categories(frame, name))
    wanted += [_told(frame, name) for name in TOLD if name in frame.columns]
    fraud = pl.col("fraud").cast(pl.Int8) if "fraud" in frame.columns else pl.lit(None, pl.Int8)
    return frame.select(*wanted, fraud.fill_null(-1).alias("fraud"))


def read_events(path: Path) -> Events:
    """The events of a file.

    Raises:
        RiskFileError: it cannot be read, lacks a column, or its moments go back.
    """
    read = _READERS.get(path.suffix)
    if read is None:
        raise RiskFileError(f"{path}: a file of events ends in .csv, .parquet or .jsonl")
    if not path.is_file():
        raise RiskFileError(f"{path}: there is no such file")
    try:
        return events_of(read(path).collect(), path)
    except pl.exceptions.PolarsError as error:
        raise RiskFileError(f"{path}: {str(error).splitlines()[0]}") from error


def events_of(whole: pl.DataFrame, path: Path | str) -> Events:
    """The events of a frame; `path` is what an error calls it.

    Raises:
        RiskFileError: it lacks a column, or its moments go back.
    """
    frame = _completed(whole, path)
    back = np.flatnonzero(np.diff(frame["at_ms"].to_numpy()) < 0)
    if len(back):
        raise RiskFileError(f"{path}: event {back[0] + 2}: at_ms goes back")
    if frame["fraud"].is_between(-1, 1).all() is False:
        raise RiskFileError(f"{path}: fraud is 1, 0 or empty")
    scenario = _texts(frame, ("scenario",))["scenario"]
    return Events(history_of(frame), frame["fraud"].to_numpy(), scenario)


def write_events(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame of events, as its name's end says.

    Raises:
        RiskFileError: the name ends in none of .csv, .parquet, .jsonl.
    """
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    else:
        raise RiskFileError(f"{path}: a file of events ends in .csv, .parquet or .jsonl")


def read_rules(path: Path) -> RuleSet:
    """A rule set as JSON, checked.

    Raises:
        RiskFileError: it cannot be read, or a feature or rule does not fit.
    """
    try:
        rule_set = msgspec.json.decode(path.read_bytes(), type=RuleSet)
        check_rule_set(rule_set)
    except OSError as error:
        raise RiskFileError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, ExpressionError, ValueError) as error:
        raise RiskFileError(f"{path}: {error}") from error
    return rule_set
