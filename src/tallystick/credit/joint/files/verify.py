"""Checking an institution's files without the platform: it derives its balance from them alone.

Every manifest must be signed and follow the one before it; every file must be as its manifest
says; and from what was owed before, what was charged, drawn, paid and borne since, must come what
is owed now, loan by loan, and what the platform owes in all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import polars as pl

from tallystick.credit.joint.files.errors import PartnerFileError
from tallystick.credit.joint.files.layout import (
    AMOUNTS,
    FORMAT,
    KINDS,
    TEXTS,
    FileEntry,
    Manifest,
    Standing,
    digest_of,
    manifest_name,
)
from tallystick.decoding import decode_json
from tallystick.money.share import apportion
from tallystick.transparency.notes import NoteError, NoteKey, read_note

__all__ = ["Checked", "Problem", "verify_files"]

_OWED: Final = ("principal", "interest", "fee", "penalty")
_CHARGED: Final = ("interest", "fee", "penalty")
_SHOWN_MAX: Final = 20
_SHARE: Final = ["loan_id", "programme_id"]


class Problem(NamedTuple):
    """What is wrong, by name, and where.

    Args:
        name: `signature`, `manifest`, `missing_day`, `missing_file`, `unknown_file`, `columns`,
            `rows`, `total`, `digest`, `share`, `balance`, `settlement` or `forms_differ`.
        place: a line, a column or a loan of the file.
    """

    name: str
    file: str
    place: str
    sentence: str

    @property
    def text(self) -> str:
        """For a person."""
        where = f"{self.file}: {self.place}: " if self.place else f"{self.file}: "
        return f"{self.name}: {where}{self.sentence}"


class Checked(NamedTuple):
    """What came of checking one institution's days in a currency, in order."""

    institution_id: str
    currency: str
    days: tuple[str, ...]
    closing: Standing
    key: str
    problems: tuple[Problem, ...]


class _Signed(NamedTuple):
    path: Path
    manifest: Manifest
    digest: str
    by: int
    """The place of the key that signed it."""


def _files(paths: Iterable[Path]) -> dict[str, Path]:
    """All files by name, those in folders too."""
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise PartnerFileError(f"{path}: there is no such file or folder.")
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in inside:
            if file.name in found and file.resolve() != found[file.name].resolve():
                raise PartnerFileError(f"{file.name} is given twice.")
            found[file.name] = file
    return found


def _keys(text: str) -> list[NoteKey]:
    """The platform's keys, one a line, the one of now last."""
    try:
        return [NoteKey.read(line) for line in text.splitlines() if line.strip()]
    except NoteError as error:
        raise PartnerFileError(f"The key cannot be read: {error}.") from error


def _shown(key: NoteKey) -> str:
    """A key that follows another may have its name; they are told apart by their ids."""
    return f"{key.name}+{key.key_id.hex()}"


def _manifest(path: Path, keys: Sequence[NoteKey]) -> _Signed | Problem:
    """A manifest that is signed by one of the keys."""
    try:
        whole = path.read_bytes().decode()
        note = read_note(whole)
        manifest = decode_json(note.text, Manifest)
    except (UnicodeDecodeError, NoteError, msgspec.MsgspecError) as error:
        return Problem("manifest", path.name, "", f"This is no signed manifest: {error}.")
    if manifest.format != FORMAT:
        return Problem("manifest", path.name, "format", f"{manifest.format} is not {FORMAT}.")
    by = next((n for n, key in enumerate(keys) if key.signed(note) is not None), None)
    if by is None:
        names = " or ".join(_shown(key) for key in keys)
        return Problem("signature", path.name, "", f"It is not signed by {names}.")
    name = manifest_name(manifest.institution_id, manifest.currency, manifest.day)
    if path.name != name:
        return Problem("manifest", path.name, manifest.day, f"By its contents this is {name}.")
    return _Signed(path, manifest, hashlib.sha256(whole.encode()).hexdigest(), by)


def _read(entry: FileEntry, path: Path) -> pl.DataFrame | Problem:
    """A file's rows."""
    columns = KINDS.get(entry.kind)
    if columns is None:
        return Problem("manifest", path.name, "kind", f"{entry.kind} is no kind of file.")
    schema = {name: pl.String if name in TEXTS else pl.Int64 for name in columns}
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            frame = pl.read_csv(path, schema=schema)
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        return Problem("columns", path.name, "", f"It cannot be read: {first}.")
    if dict(frame.schema) != schema:
        return Problem("columns", path.name, "line 1", f"The columns are not {', '.join(columns)}.")
    empty = [c for c in frame.columns if frame[c].null_count() and c not in TEXTS]
    if empty:
        line = int(frame[empty[0]].is_null().arg_max() or 0) + 2
        return Problem("columns", path.name, f"line {line}", f"{empty[0]} is empty.")
    return frame.with_columns(pl.col(c).fill_null("") for c in columns if c in TEXTS)


def _as_said(entry: FileEntry, path: Path, frame: pl.DataFrame) -> list[Problem]:
    """Whether a file is what its manifest says: rows, totals, and every byte."""
    found = []
    if frame.height != entry.rows:
        said = f"It has {frame.height} rows, and the manifest says {entry.rows}."
        found.append(Problem("rows", path.name, "", said))
    for column in (c for c in frame.columns if c in AMOUNTS):
        total, wanted = int(frame[column].sum()), entry.totals.get(column)
        if total != wanted:
            said = f"The total is {total}, and the manifest says {wanted}."
            found.append(Problem("total", path.name, column, said))
    if not found and digest_of(path) != entry.sha256:
        found.append(Problem("digest", path.name, "", "Its contents are not those of the day."))
    return found


def _day_frames(
    signed: _Signed, files: dict[str, Path]
) -> tuple[dict[str, pl.DataFrame], list[Problem]]:
    """A day's rows by kind, from whichever form is there; both forms must say the same."""
    frames: dict[str, pl.DataFrame] = {}
    found: list[Problem] = []
    for entry in signed.manifest.files:
        path = files.get(entry.name)
        if path is None:
            continue
        frame = _read(entry, path)
        if isinstance(frame, Problem):
            found.append(frame)
            continue
        found += _as_said(entry, path, frame)
        if entry.kind in frames and not frames[entry.kind].equals(frame):
            found.append(Problem("forms_differ", path.name, "", "CSV and Parquet differ."))
        frames.setdefault(entry.kind, frame)
    for kind in KINDS:
        if kind not in frames and not any(p.name == "columns" for p in found):
            said = f"The file of {kind} is not there."
            found.append(Problem("missing_file", signed.path.name, signed.manifest.day, said))
    return frames, found


def _shares(signed: _Signed, loans: pl.DataFrame) -> list[Problem]:
    """Whether its part of each new loan is its share of the whole, by the rule."""
    found = []
    for line, row in enumerate(loans.iter_rows(named=True), 2):
        try:
            shares = [int(share) for share in row["shares"].split()]
            part = apportion(row["whole_principal"], shares)[row["place"]]
            whole = sum(shares)
        except (ValueError, IndexError):
            part, whole = None, 0
        if part != row["principal"] or whole != 1_000_000:
            said = f"{row['principal']} is not its share of {row['whole_principal']}."
            place = f"line {line}, loan {row['loan_id']}"
            found.append(Problem("share", signed.path.name, place, said))
    return found


def _derived(before: pl.DataFrame, balances: pl.DataFrame, flows: pl.DataFrame) -> pl.DataFrame:
    """What each loan must have come to, beside what the file says: `want_` and plain columns."""
    moved = flows.group_by(_SHARE).agg(pl.col(name).sum().alias(f"flow_{name}") for name in _OWED)
    old = before.select(
        *_SHARE, *(pl.col(name).alias(f"old_{name}") for name in _OWED),
        *(pl.col(f"charged_{name}").alias(f"was_{name}") for name in _CHARGED),
    )  # fmt: skip
    every = balances.join(moved, on=_SHARE, how="full", coalesce=True).join(
        old, on=_SHARE, how="full", coalesce=True
    )
    # A share that is settled and on which nothing happened any more is left out of the file.
    every = every.with_columns(
        pl.col(f"charged_{n}").fill_null(pl.col(f"was_{n}")) for n in _CHARGED
    ).with_columns(pl.col(pl.Int64).fill_null(0))
    return every.with_columns(
        (pl.col("old_principal") + pl.col("flow_principal")).alias("want_principal"),
        *(
            (pl.col(f"old_{n}") + pl.col(f"flow_{n}") + pl.col(f"charged_{n}") - pl.col(f"was_{n}"))
            .alias(f"want_{n}")
            for n in _CHARGED
        ),
    )  # fmt: skip


def _remembered(before: pl.DataFrame, balances: pl.DataFrame) -> pl.DataFrame:
    """A day's balances, with shares that were settled earlier.

    Files leave those out, but a payment that is taken back makes one of them owe again, and what
    was charged on it before counts then.
    """
    return pl.concat([balances, before.join(balances, on=_SHARE, how="anti")])


def _without_returning(
    derived: pl.DataFrame, before: pl.DataFrame, frames: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """Without shares that were settled before the first of the days that are given.

    What was charged on them is in files that are not there.
    """
    taken = frames["payments"].filter(pl.col("kind") == "taken_over")
    known = [before, frames["drawdowns"], taken]
    shares = pl.concat(frame.select(_SHARE) for frame in known).unique()
    return derived.join(shares, on=_SHARE, how="semi")


def _balances(signed: _Signed, derived: pl.DataFrame) -> list[Problem]:
    wrong = derived.filter(
        pl.any_horizontal(pl.col(f"want_{n}") != pl.col(n) for n in _OWED)
        | pl.any_horizontal(pl.col(n) < 0 for n in _OWED)
        | pl.any_horizontal(pl.col(f"charged_{n}") < pl.col(f"was_{n}") for n in _CHARGED)
    ).sort(_SHARE)
    found = []
    for row in wrong.head(_SHOWN_MAX).iter_rows(named=True):
        name = next((n for n in _OWED if row[f"want_{n}"] != row[n]), "charged")
        if name == "charged":
            said = "What was charged shrinks, or what is owed is less than nothing."
        else:
            said = f"{name} is {row[name]}, and from the files comes {row[f'want_{name}']}."
        found.append(Problem("balance", signed.path.name, f"loan {row['loan_id']}", said))
    return found


def _standing(frame: pl.DataFrame, settlement: int) -> Standing:
    owed = {name: int(frame[name].sum()) for name in _OWED}
    return Standing(**owed, settlement=settlement)


def _standings(
    signed: _Signed, before: Standing, balances: pl.DataFrame, net: int
) -> list[Problem]:
    """Whether the manifest's opening, movements and closing agree with the files."""
    manifest, found = signed.manifest, []
    if manifest.opening != before:
        said = "The day does not begin with what the day before ended with."
        found.append(Problem("balance", signed.path.name, "opening", said))
    settlement = manifest.opening.settlement + net + manifest.settled
    if settlement != manifest.closing.settlement:
        said = f"The platform owes {manifest.closing.settlement}, and from the files comes {{}}."
        found.append(
            Problem("settlement", signed.path.name, "closing", said.format(settlement))
        )  # fmt: skip
    if _standing(balances, manifest.closing.settlement) != manifest.closing:
        said = "The balances are not what the manifest says they are together."
        found.append(Problem("balance", signed.path.name, "closing", said))
    return found


_EMPTY: Final = {
    kind: {name: pl.String if name in TEXTS else pl.Int64 for name in columns}
    for kind, columns in KINDS.items()
}


def _one(chain: Sequence[_Signed], files: dict[str, Path], keys: Sequence[NoteKey]) -> Checked:
    """All days of one institution in a currency."""
    found: list[Problem] = []
    last: _Signed | None = None
    whole = False
    before = pl.DataFrame(schema=_EMPTY["balances"])
    for signed in chain:
        manifest = signed.manifest
        known = last is not None and manifest.previous == last.digest
        if last is not None and not known:
            said = f"The files between {last.manifest.day} and {manifest.day} are missing."
            if manifest.since == last.manifest.day:
                said = f"It does not follow the files of {manifest.since} that are given."
            found.append(Problem("missing_day", signed.path.name, manifest.since, said))
        if last is not None and signed.by < last.by:
            said = f"It is signed by {_shown(keys[signed.by])}, which was replaced before this day."
            found.append(Problem("signature", signed.path.name, manifest.day, said))
        frames, wrong = _day_frames(signed, files)
        found += wrong
        if not wrong:
            flows = pl.concat(
                [frames["payments"].select(*_SHARE, "principal", "interest", "fee", "penalty"),
                 frames["drawdowns"].select(
                     *_SHARE, "principal", *(pl.lit(0, pl.Int64).alias(n) for n in _CHARGED))]
            )  # fmt: skip
            net = int(frames["payments"]["net"].sum()) + int(frames["drawdowns"]["net"].sum())
            found += _shares(signed, frames["loans"])
            # The first of the days that are given may go on from one that is not.
            whole = (whole and known) or not manifest.previous
            balances = frames["balances"]
            if known or whole:
                derived = _derived(before, balances, flows)
                if not whole:
                    derived = _without_returning(derived, before, frames)
                found += _balances(signed, derived)
                balances = _remembered(before, balances)
            opening = last.manifest.closing if known and last is not None else manifest.opening
            found += _standings(signed, opening, frames["balances"], net)
            before = balances
        last = signed
    assert last is not None
    return Checked(
        last.manifest.institution_id, last.manifest.currency,
        tuple(s.manifest.day for s in chain), last.manifest.closing,
        keys[last.by].name, tuple(found),
    )  # fmt: skip


def verify_files(paths: Sequence[Path], key_text: str = "") -> list[Checked]:
    """Check files of institutions, of any number of days, by themselves.

    Args:
        paths: files and folders; one of them may be the key, in a file that ends with `.key`.
        key_text: the platform's public keys as it publishes them, `name+id+base64`, one a line,
            the one of now last.

    Raises:
        PartnerFileError: there is nothing to check, or no key to check it with.
    """
    files = _files(paths)
    manifests = [p for name, p in sorted(files.items()) if name.endswith("-manifest.txt")]
    if not manifests:
        raise PartnerFileError("There is no manifest among the files.")
    given = [p for name, p in files.items() if name.endswith(".key")]
    if not key_text and len(given) == 1:
        key_text = given[0].read_text("utf-8", "replace")
    if not key_text.strip():
        raise PartnerFileError("Give the platform's public key: --key, or a file NAME.key.")
    keys = _keys(key_text)
    chains: dict[tuple[str, str], list[_Signed]] = {}
    wrong: list[Problem] = []
    named: set[str] = set()
    for path in manifests:
        signed = _manifest(path, keys)
        if isinstance(signed, Problem):
            wrong.append(signed)
            continue
        named |= {entry.name for entry in signed.manifest.files}
        owner = (signed.manifest.institution_id, signed.manifest.currency)
        chains.setdefault(owner, []).append(signed)
    if not wrong:
        wrong += [
            Problem("unknown_file", name, "", "No manifest among the files names it.")
            for name, path in sorted(files.items())
            if path.suffix in (".csv", ".parquet") and name not in named
        ]
    checked = [
        _one(sorted(chain, key=lambda s: s.manifest.day), files, keys)
        for _, chain in sorted(chains.items())
    ]
    if wrong:
        checked.append(Checked("", "", (), Standing(), keys[-1].name, tuple(wrong)))
    return checked
