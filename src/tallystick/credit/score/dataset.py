"""From a file of people to what a model is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.credit.score.columns import (
    MISSING,
    Column,
    ColumnSpec,
    Floats,
    describe,
    is_number,
    parse,
)
from tallystick.credit.score.derived import Derived, derivations, derive
from tallystick.credit.score.errors import DataError
from tallystick.credit.score.protected import is_protected
from tallystick.credit.score.tables import Table

__all__ = ["Dataset", "Roles", "identifiers", "prepare"]

_PEOPLE_MIN: Final = 100
_EACH_MIN: Final = 20
_DISTINCT_SHARE_MAX: Final = 0.5
_NUMBERS_SHARE: Final = 0.9
_BAD_WORDS: Final = frozenset({
    "1", "1.0", "bad", "default", "defaulted", "yes", "y", "true", "t", "charged off",
    "违约", "坏", "是",
})  # fmt: skip


class Roles(NamedTuple):
    """What a file's columns are for.

    Args:
        target: what is to be foretold.
        bad: the target's value of a bad outcome; empty to know it by its word.
        identifier: names a row; empty to take a column called `id`, if there is one.
        time: when a row is from; empty if that is not known.
        protected: must not decide, beside those known by name.
        specials: values of columns of numbers that stand for something else.
    """

    target: str
    bad: str = ""
    identifier: str = ""
    time: str = ""
    protected: tuple[str, ...] = ()
    specials: tuple[str, ...] = ()


class Dataset(NamedTuple):
    """What a model is trained on.

    Args:
        roles: as they were found, nothing left to guess.
        specs: columns of the file that may decide.
        derived: what is derived from them.
        columns: both, by name.
        protected: columns that must not decide, by name.
        bad: 1.0 for a bad outcome, else 0.0.
        periods: when each row is from; empty if that is not known.
        left_out: columns that say nothing, and why.
    """

    roles: Roles
    specs: tuple[ColumnSpec, ...]
    derived: tuple[Derived, ...]
    columns: dict[str, Column]
    protected: dict[str, Column]
    bad: Floats
    periods: NDArray[np.str_] | None
    left_out: dict[str, str]


def prepare(table: Table, roles: Roles) -> Dataset:
    """Find out what each column is, and derive attributes.

    Raises:
        DataError: a named column is not there; the target is empty somewhere, constant, or has
            more values than can be told apart; too few people; nothing to decide by.
    """
    for name in (roles.identifier, roles.time, *roles.protected):
        if name:
            table.column(name)
    roles = roles._replace(identifier=roles.identifier or _known_identifier(table, roles))
    bad, word = _outcome(table, roles)
    apart = {roles.target, roles.identifier, roles.time}
    shielded = [name for name in table.columns if name not in apart
                and (name in roles.protected or is_protected(name))]  # fmt: skip
    left_out: dict[str, str] = {}
    specs = []
    for name in table.columns:
        if name in apart or name in shielded:
            continue
        spec = describe(name, table.columns[name], roles.specials)
        if not spec.numeric:
            _require_words(table, name)
        reason = _says_nothing(spec, table.columns[name])
        if reason:
            left_out[name] = reason
        else:
            specs.append(spec)
    if not specs:
        raise DataError(table.file, "there is no column to decide by")
    columns = {spec.name: parse(spec, table) for spec in specs}
    derived = derivations(specs, columns)
    columns |= {one.name: derive(one, columns) for one in derived}
    guarded = {name: parse(describe(name, table.columns[name]), table) for name in shielded}
    periods = _periods(table.columns[roles.time]) if roles.time else None
    return Dataset(roles._replace(bad=word, protected=tuple(shielded)), tuple(specs), derived,
                   columns, guarded, bad, periods, left_out)  # fmt: skip


def _known_identifier(table: Table, roles: Roles) -> str:
    for name, cells in table.columns.items():
        if name.lower() == "id" and name != roles.target and len(set(cells)) == len(cells):
            return name
    return ""


def _outcome(table: Table, roles: Roles) -> tuple[Floats, str]:
    cells = table.column(roles.target)
    if len(cells) < _PEOPLE_MIN:
        raise DataError(table.file, f"{len(cells)} rows; a score needs at least {_PEOPLE_MIN}")
    for cell, line in zip(cells, table.lines, strict=True):
        if cell.lower() in MISSING:
            raise DataError(table.file, "the target is missing", line=line, column=roles.target)
    distinct = list(dict.fromkeys(cells))
    word = roles.bad or _bad_word(table.file, roles.target, distinct)
    if word not in distinct:
        raise DataError(table.file, f"no row is {word!r}", column=roles.target)
    bad = np.array([cell == word for cell in cells], dtype=np.float64)
    fewest = int(min(bad.sum(), len(bad) - bad.sum()))
    if fewest < _EACH_MIN:
        problem = f"{fewest} rows of one outcome; a score needs at least {_EACH_MIN} of each"
        raise DataError(table.file, problem, column=roles.target)
    return bad, word


def _bad_word(file: str, target: str, distinct: Sequence[str]) -> str:
    shown = ", ".join(repr(value[:20]) for value in distinct[:5])
    if len(distinct) == 1:
        raise DataError(file, f"the target is constant: {shown}", column=target)
    known = [value for value in distinct if value.lower() in _BAD_WORDS]
    if len(distinct) > 2 or len(known) != 1:
        problem = f"which of {shown}{', …' if len(distinct) > 5 else ''} is bad? Say --bad VALUE"
        raise DataError(file, problem, column=target)
    return known[0]


def _require_words(table: Table, name: str) -> None:
    """Refuse a column that holds numbers but for a few cells: taken as words it would say little.

    Up to three words among numbers are special values, which `describe` finds.
    """
    known = [(cell, line) for cell, line in zip(table.columns[name], table.lines, strict=True)
             if cell.lower() not in MISSING]  # fmt: skip
    odd = [(cell, line) for cell, line in known if not is_number(cell)]
    if not odd or len(known) - len(odd) < _NUMBERS_SHARE * len(known):
        return
    cell, line = odd[0]
    problem = (f"{cell[:40]!r} is not a number, as {len(known) - len(odd):,} of {len(known):,} "
               "cells are; mend it, or name it by --special")  # fmt: skip
    raise DataError(table.file, problem, line=line, column=name)


def _says_nothing(spec: ColumnSpec, cells: Sequence[str]) -> str:
    distinct = len(set(cells))
    if distinct == 1:
        return "constant"
    if not spec.numeric and distinct > _DISTINCT_SHARE_MAX * len(cells):
        return "nearly every row has another word"
    return ""


def _periods(cells: Sequence[str]) -> NDArray[np.str_]:
    """Months of days that are written with the year first; else the cells as they are."""
    dated = all(len(cell) >= 7 and cell[:4].isdigit() and cell[4] in "-/" for cell in cells)
    return np.array([cell[:7] if dated else cell for cell in cells], dtype=np.str_)


def identifiers(table: Table, name: str) -> list[str]:
    """Each row's identifier; its number, from 1, where no column names rows."""
    return table.column(name) if name else [str(at + 1) for at in range(len(table.lines))]
