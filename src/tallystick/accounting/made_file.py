"""Files that are made when they are asked for: whole and checked before the first byte is sent.

What is large lies in a temporary file, so neither memory nor a connection to the database is held
while somebody slow receives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, Final, NamedTuple, cast

__all__ = ["MadeFile", "make_file"]

_KEPT_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 256 * 1024


class MadeFile(NamedTuple):
    """A file at its begin, of `size` bytes; whoever reads it to the end has closed it."""

    name: str
    media_type: str
    size: int
    file: IO[Any]

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its contents, read on a worker thread."""
        try:
            while piece := await asyncio.to_thread(self.file.read, _PIECE_BYTES):
                yield piece
        finally:
            self.file.close()


def make_file(write: Callable[[BinaryIO], tuple[str, str]]) -> MadeFile:
    """Have a file written.

    Args:
        write: writes it, and gives its name and media type.
    """
    file = SpooledTemporaryFile(_KEPT_BYTES)  # noqa: SIM115 - whoever sends it closes it
    try:
        name, media_type = write(cast(BinaryIO, file))
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return MadeFile(name, media_type, size, file)
