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

from tallystick.decoding import decode_json
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
_NUMBER: Final = r"^(-?[0-9]+)(?:\.0+)?$"
"""A whole number, also as programs write it that keep a column with gaps as floats."""


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


def _bad(column: pl.Series, good: pl.Series, path: Path | str, meaning: str) -> RiskFileError:
    at = int((column.is_not_null() & ~good).arg_max() or 0)
    shown = repr(column[at])[:40]
    return RiskFileError(f"{path}: event {at + 1}: {column.name}: {shown} is not {meaning}")


def _whole(column: pl.Series, path: Path | str) -> pl.Series:
    """A column as whole numbers; what is empty stays so, and moments are milliseconds.

    Raises:
        RiskFileError: one is none; says which event.
    """
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.epoch("ms")
    if column.dtype == pl.Boolean or column.dtype.is_temporal():
        raise _bad(column, column.is_null(), path, "a whole number")
    if column.dtype == pl.String:
        numbers = column.str.extract(_NUMBER).cast(pl.Int64, strict=False)
        good = numbers.is_not_null()
    else:
        numbers = column.cast(pl.Int64, strict=False)
        good = numbers.is_not_null() & (column.dtype.is_integer() | (column == numbers))
    if not (good | column.is_null()).all():
        raise _bad(column, good, path, "a whole number")
    return numbers


def _truth(column: pl.Series, path: Path | str) -> pl.Series:
    """A column as booleans: 1, 0, true, false.

    Raises:
        RiskFileError: one is none of them; says which event.
    """
    if column.dtype == pl.Boolean:
        return column
    words = {"1": True, "0": False, "true": True, "false": False}
    found = column.cast(pl.String).replace_strict(words, default=None, return_dtype=pl.Boolean)
    if not (found.is_not_null() | column.is_null()).all():
        raise _bad(column, found.is_not_null(), path, "true or false")
    return found


def _told(frame: pl.DataFrame, name: str, path: Path | str) -> pl.Expr:
    """A column of what others knew."""
    unknown = TOLD[name]
    if isinstance(unknown, str):
        return _categories(frame, name)
    read = _truth if isinstance(unknown, bool) else _whole
    return pl.lit(read(frame[name], path).fill_null(unknown)).alias(name)


def _labels(frame: pl.DataFrame, path: Path | str) -> pl.Series:
    """1 fraud, 0 genuine, -1 not known."""
    if "fraud" not in frame.columns:
        return pl.Series("fraud", [-1], pl.Int8).new_from_index(0, frame.height)
    given = frame["fraud"]
    if given.dtype in (pl.String, pl.Boolean):
        given = given.cast(pl.String).replace({"true": "1", "false": "0"})
    fraud = _whole(given, path).fill_null(-1)
    if not fraud.is_between(-1, 1).all():
        raise RiskFileError(f"{path}: fraud is 1, 0 or empty")
    return fraud.cast(pl.Int8)


def _require(frame: pl.DataFrame, path: Path | str) -> None:
    """See that every event has a moment and a kind."""
    for name in ("at_ms", "kind"):
        if name not in frame.columns:
            raise RiskFileError(f"{path}: there is no column {name!r}")
        empty = frame[name].is_null()
        if empty.any():
            raise RiskFileError(f"{path}: event {int(empty.arg_max() or 0) + 1}: {name} is empty")


def _completed(frame: pl.DataFrame, path: Path | str) -> pl.DataFrame:
    """The frame with every column, of its type."""
    _require(frame, path)
    wanted: list[pl.Expr] = []
    for name, kind in {"at_ms": Kind.NUMBER, **PAST, "scenario": Kind.TEXT}.items():
        if name == "hour":
            continue
        if kind is not Kind.NUMBER:
            wanted.append(_categories(frame, name))
        elif name in frame.columns:
            wanted.append(pl.lit(_whole(frame[name], path).fill_null(0)).alias(name))
        else:
            wanted.append(pl.lit(0, pl.Int64).alias(name))
    wanted += [_told(frame, name, path) for name in TOLD if name in frame.columns]
    return frame.select(*wanted, pl.lit(_labels(frame, path)).alias("fraud"))


def _rows_of_csv(path: Path) -> pl.DataFrame:
    """A CSV's columns as texts: `007` is a name, and no number is guessed.

    Raises:
        RiskFileError: a line has too few values, which the reader would take for empty ones.
    """
    whole = pl.scan_csv(path, infer_schema=False).collect()
    lines = pl.scan_csv(
        path, infer_schema=False, has_header=False, separator="\x1f", quote_char=None,
        new_columns=["line"], empty_string_is_null=False,
    )  # fmt: skip
    line = pl.col("line")
    short = lines.with_row_index("at", 1).filter(
        ~line.str.contains('"', literal=True),
        line.str.count_matches(",", literal=True) < whole.width - 1,
        line.str.strip_chars() != "",
    )
    for at, text in short.head(1).collect().iter_rows():
        have = text.count(",") + 1
        raise RiskFileError(f"{path}: line {at}: has {have} values instead of {whole.width}")
    return whole


def _rows_of_lines(path: Path) -> pl.DataFrame:
    """JSON lines; texts are read as texts whatever they look like.

    Raises:
        RiskFileError: a line is no object; says which.
    """
    try:
        known = pl.scan_ndjson(path, infer_schema_length=None).collect_schema().names()
        wanted = dict.fromkeys(known, pl.String)
        return pl.scan_ndjson(path, schema=wanted).collect()
    except pl.exceptions.PolarsError:
        with path.open("rb") as lines:
            for at, line in enumerate(lines, 1):
                _see_object(line, at, path)
        raise


def _see_object(line: bytes, at: int, path: Path) -> None:
    if line.strip():
        try:
            decode_json(line, dict[str, object])
        except msgspec.DecodeError as error:
            raise RiskFileError(f"{path}: line {at}: {error}") from error


_READERS: Final[dict[str, Callable[[Path], pl.DataFrame]]] = {
    ".csv": _rows_of_csv,
    ".parquet": lambda path: pl.scan_parquet(path).collect(),
    ".jsonl": _rows_of_lines,
}


def read_events(path: Path) -> Events:
    """The events of a file.

    Raises:
        RiskFileError: it cannot be read, lacks a column, has a value that is none, or its moments
            go back.
    """
    read = _READERS.get(path.suffix)
    if read is None:
        raise RiskFileError(f"{path}: a file of events ends in .csv, .parquet or .jsonl")
    if not path.is_file():
        raise RiskFileError(f"{path}: there is no such file")
    try:
        return events_of(read(path), path)
    except pl.exceptions.PolarsError as error:
        raise RiskFileError(f"{path}: {str(error).splitlines()[0]}") from error


def events_of(whole: pl.DataFrame, path: Path | str) -> Events:
    """The events of a frame; `path` is what an error calls it.

    Raises:
        RiskFileError: it lacks a column, has a value that is none, or its moments go back.
    """
    frame = _completed(whole, path)
    back = np.flatnonzero(np.diff(frame["at_ms"].to_numpy()) < 0)
    if len(back):
        raise RiskFileError(f"{path}: event {back[0] + 2}: at_ms goes back")
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
        rule_set = decode_json(path.read_bytes(), RuleSet)
        check_rule_set(rule_set)
    except OSError as error:
        raise RiskFileError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, ExpressionError, ValueError) as error:
        raise RiskFileError(f"{path}: {error}") from error
    return rule_set
