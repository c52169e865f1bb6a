"""Reading `|` separated files, from a folder or a .tar.gz, a part of a file at a time."""

from __future__ import annotations

import codecs
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.columns import MALFORMED
from tallystick.risk.graph.errors import FileError

__all__ = ["DataFiles", "Part", "open_data"]

_PART_BYTES = 1 << 24
_Kind = TypeVar("_Kind", bound=np.generic)


class Part:
    """Some whole lines of a file, by column.

    Args:
        file: the file's name, for messages.
        first_line: the number of the first of its lines.
        columns: the texts of each wanted column; None for one that the file does not have.
    """

    def __init__(self, file: str, first_line: int, columns: dict[str, Sequence[str]]) -> None:
        self.file = file
        self.first_line = first_line
        self.columns = columns

    def parsed(
        self, column: str, parse: Callable[[Sequence[str]], NDArray[_Kind]]
    ) -> NDArray[_Kind]:
        """A column as numbers.

        Raises:
            FileError: a text in it is none; says the line.
        """
        texts = self.columns[column]
        try:
            return parse(texts)
        except ValueError:
            raise self._first_bad(column, parse) from None

    def error(self, place: int, column: str, problem: str) -> FileError:
        """What is wrong with one of its lines, counted from 0."""
        return FileError(self.file, self.first_line + place, column, problem)

    def _first_bad(
        self, column: str, parse: Callable[[Sequence[str]], NDArray[_Kind]]
    ) -> FileError:
        for place, text in enumerate(self.columns[column]):
            try:
                parse([text])
            except ValueError:
                return self.error(place, column, f"{text[:40]!r} {MALFORMED[parse]}")
        raise AssertionError(column)


class DataFiles:
    """The files of one folder.

    Args:
        where: what a person calls it.
        names: the files that it has.
        opener: opens one of them for reading.
    """

    def __init__(
        self, where: str, names: frozenset[str], opener: Callable[[str], IO[bytes]]
    ) -> None:
        self.where = where
        self.names = names
        self._opener = opener

    def parts(self, name: str, wanted: Sequence[tuple[str, ...]]) -> Iterator[Part]:
        """A file's lines, some megabytes at a time.

        Args:
            wanted: the columns; each may have several names, of which the file must have one.
                A part knows them by their first name.

        Raises:
            FileError: a column is missing, or a line has too few or too many columns.
        """
        with self._opener(name) as stream:
            first = stream.readline().removeprefix(codecs.BOM_UTF8)
            header = _decoded(name, 1, first).rstrip("\r\n").split("|")
            places = {names[0]: _place(name, header, names) for names in wanted}
            line, rest = 2, b""
            while chunk := stream.read(_PART_BYTES):
                whole, newline, rest = (rest + chunk).rpartition(b"\n")
                if newline:
                    yield (part := _part(name, line, whole, len(header), places))
                    line += len(next(iter(part.columns.values())))
            if rest:
                yield _part(name, line, rest, len(header), places)


def _decoded(name: str, line: int, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        at = line + data.count(b"\n", 0, error.start)
        raise FileError(name, at, "", "is not UTF-8 text") from error


def _place(name: str, header: Sequence[str], names: tuple[str, ...]) -> int:
    found = [place for place, column in enumerate(header) if column in names]
    if len(found) != 1:
        problem = "is missing" if not found else "is there twice"
        raise FileError(name, 1, names[0], f"{problem}; the columns are {'|'.join(header)[:200]}")
    return found[0]


def _part(name: str, line: int, data: bytes, width: int, places: dict[str, int]) -> Part:
    text = _decoded(name, line, data).replace("\r\n", "\n").rstrip("\r")
    lines = text.split("\n")
    for at, row in enumerate(lines):
        if row.count("|") != width - 1:
            have = row.count("|") + 1 if row else 0
            raise FileError(name, line + at, "", f"has {have} columns instead of {width}")
    flat = "|".join(lines).split("|")
    return Part(name, line, {column: flat[at::width] for column, at in places.items()})


@contextmanager
def open_data(where: Path, folder: str) -> Iterator[DataFiles]:
    """The files of a folder, of its subfolder of that name, or of a .tar.gz with such a folder.

    Raises:
        FileError: there is no such thing.
    """
    if where.is_dir():
        inside = where / folder
        base = inside if inside.is_dir() else where
        names = frozenset(path.name for path in base.iterdir() if path.is_file())
        yield DataFiles(str(base), names, lambda name: (base / name).open("rb"))
    elif where.is_file():
        yield _opened_archive(where, folder)
    else:
        raise FileError(str(where), 0, "", "is not there")


def _opened_archive(where: Path, folder: str) -> DataFiles:
    try:
        with tarfile.open(where) as archive:
            return _archive(str(where), archive, folder)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise FileError(where.name, 0, "", f"is not a readable .tar.gz ({error})") from error


def _archive(where: str, archive: tarfile.TarFile, folder: str) -> DataFiles:
    """Read the archive once, from its beginning to its end; nothing is written to disk."""
    found: dict[str, bytes] = {}
    inside: dict[str, bytes] = {}
    for member in archive:
        stream = archive.extractfile(member) if member.isfile() else None
        if stream is None or not member.name.endswith(".csv"):
            continue
        path = PurePosixPath(member.name)
        (inside if path.parent.name == folder else found)[path.name] = stream.read()
    files = inside or found
    return DataFiles(where, frozenset(files), lambda name: io.BytesIO(files[name]))
