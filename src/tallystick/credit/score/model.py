"""A model as files: JSON and arrays with checksums, never code; written whole, read with doubt.

```
DIR/manifest.json    format, the model's number, and the SHA-256 of every other file
    model.json       columns, derivations, the scorecard
    challenger.npz   the challenger's trees, if there is one
    card.json, card.md, report.html
```
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from tallystick.credit.score.binning import Attribute
from tallystick.credit.score.challenger import Challenger
from tallystick.credit.score.columns import Column, ColumnSpec, parse
from tallystick.credit.score.derived import Derived, derive
from tallystick.credit.score.errors import ModelError
from tallystick.credit.score.scorecard import Scorecard
from tallystick.credit.score.tables import Table
from tallystick.credit.score.trees import Trees
from tallystick.decoding import decode_json

__all__ = [
    "FORMAT", "Model", "ModelText", "columns_of", "load_model", "number_of",
    "number_of_sums", "require_free", "save_model", "text_of",
]  # fmt: skip

FORMAT: Final = "tallystick-score/1"
_MANIFEST: Final = "manifest.json"
_MODEL: Final = "model.json"
_TREES: Final = "challenger.npz"


class ModelText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `model.json` holds.

    Args:
        target: what was foretold.
        bad: its value of a bad outcome.
        identifier: the column that names a row; empty if there was none.
        specs: the columns of a file that are needed.
        derived: what is derived from them.
        scorecard: the points.
        inputs: the attributes that the challenger's trees see; empty if there is no challenger.
        linear: the scorecard's weight in the challenger.
    """

    target: str
    bad: str
    identifier: str
    specs: tuple[ColumnSpec, ...]
    derived: tuple[Derived, ...]
    scorecard: Scorecard
    inputs: tuple[Attribute, ...] = ()
    linear: float = 0.0


class _Manifest(msgspec.Struct, frozen=True):
    format: str
    model: str
    files: dict[str, str]


class Model(NamedTuple):
    """A model that was read: its number, which a decision keeps, and its parts."""

    number: str
    text: ModelText
    challenger: Challenger | None


def text_of(
    roles: tuple[str, str, str], specs: tuple[ColumnSpec, ...], derived: tuple[Derived, ...],
    card: Scorecard, challenger: Challenger | None,
) -> ModelText:  # fmt: skip
    """What is kept of a training: only the columns that an attribute needs.

    Args:
        roles: target, its bad value, identifier.
    """
    inputs = challenger.inputs if challenger else ()
    used = {one.name for one in (*card.attributes, *inputs)}
    needed = tuple(one for one in derived if one.name in used)
    used |= {name for one in needed for name in (*one.columns, *one.below)}
    kept = tuple(spec for spec in specs if spec.name in used)
    linear = challenger.linear if challenger else 0.0
    return ModelText(*roles, kept, needed, card, inputs, linear)


def columns_of(text: ModelText, table: Table) -> dict[str, Column]:
    """A file's columns as the model needs them.

    Raises:
        DataError: one is not there, or holds what it cannot.
    """
    columns = {spec.name: parse(spec, table) for spec in text.specs}
    columns |= {one.name: derive(one, columns) for one in text.derived}
    return columns


def save_model(
    directory: Path, text: ModelText, challenger: Challenger | None, others: dict[str, bytes]
) -> str:
    """Write a model whole or not at all; a model that is there is replaced.

    Args:
        others: further files by name, which only people read.

    Returns:
        The model's number: of its contents, so that the same model has the same.

    Raises:
        ModelError: the folder holds something else.
    """
    files = _contents(text, challenger)
    number = _number(files)
    files |= others
    manifest = _Manifest(FORMAT, number, {name: _sum(data) for name, data in files.items()})
    files[_MANIFEST] = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
    require_free(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        new.chmod(0o755)
        for name, data in files.items():
            (new / name).write_bytes(data)
        _put(new, directory)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return number


def number_of(text: ModelText, challenger: Challenger | None) -> str:
    """The number that a model will have."""
    return _number(_contents(text, challenger))


def require_free(directory: Path) -> None:
    """Refuse a folder that holds something else than a model."""
    if directory.exists() and not directory.is_dir():
        raise ModelError(f"{directory}: not a folder")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / _MANIFEST).is_file():
        raise ModelError(f"{directory}: the folder holds something else; name an empty one")


def _put(new: Path, directory: Path) -> None:
    if directory.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        os.rename(directory, old / "old")
        os.rename(new, directory)
        shutil.rmtree(old)
    else:
        os.rename(new, directory)


def _contents(text: ModelText, challenger: Challenger | None) -> dict[str, bytes]:
    files = {_MODEL: msgspec.json.format(msgspec.json.encode(text)) + b"\n"}
    if challenger is not None:
        buffer = io.BytesIO()
        arrays = {name: np.asarray(part) for name, part in challenger.trees._asdict().items()}
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        files[_TREES] = buffer.getvalue()
    return files


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _number(files: dict[str, bytes]) -> str:
    return number_of_sums({name: _sum(data) for name, data in files.items()})


def number_of_sums(sums: Mapping[str, str]) -> str:
    """The number of a model whose files have these SHA-256 by name; it is of what scores alone."""
    return _sum("".join(sums[name] for name in (_MODEL, _TREES) if name in sums).encode())[:16]


def load_model(directory: Path) -> Model:
    """Read a model.

    Raises:
        ModelError: there is none, it is of another format, or a file of it was changed.
    """
    path = directory / _MANIFEST
    if not path.is_file():
        raise ModelError(f"{directory}: there is no model here ({_MANIFEST} is missing)")
    try:
        manifest = decode_json(path.read_bytes(), _Manifest)
    except msgspec.MsgspecError as error:
        raise ModelError(f"{path}: {error}") from error
    if manifest.format != FORMAT:
        raise ModelError(f"{path}: format {manifest.format!r}; this version reads {FORMAT!r}")
    files: dict[str, bytes] = {name: _checked(directory, manifest, name)
             for name in _parts(manifest)}  # fmt: skip
    if _number(files) != manifest.model:
        raise ModelError(f"{path}: the model's number is not that of its files")
    try:
        text = decode_json(files[_MODEL], ModelText)
        challenger = _challenger(text, files[_TREES]) if text.inputs else None
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(f"{directory}: the model cannot be read: {error}") from error
    return Model(manifest.model, text, challenger)


def _parts(manifest: _Manifest) -> list[str]:
    return [_MODEL, _TREES] if _TREES in manifest.files else [_MODEL]


def _checked(directory: Path, manifest: _Manifest, name: str) -> bytes:
    try:
        data = (directory / name).read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{directory / name}: the file is missing") from error
    if manifest.files.get(name) != _sum(data):
        raise ModelError(f"{directory / name}: the file is not what was written (checksum)")
    return data


def _challenger(text: ModelText, data: bytes) -> Challenger:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        parts = {name: arrays[name] for name in Trees._fields}
    parts["base"] = float(parts["base"])
    return Challenger(text.inputs, Trees(**parts), text.linear)
