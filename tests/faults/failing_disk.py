"""The command line on a disk that begins to fail: `python -m tests.faults.failing_disk …` (Linux).

As soon as the file `FAILING_DISK_SWITCH` is there, the kernel itself answers the process's calls
named by `FAILING_DISK` with an error, as it would for a bad disk: a seccomp filter on all its
threads. It cannot be taken back; a process that is started anew has a good disk.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Final, NamedTuple

from tallystick.cli import main

__all__ = ["KINDS"]


class Kind(NamedTuple):
    """Which calls fail, by the names of the kernel, and with what."""

    calls: tuple[str, ...]
    error: int


KINDS: Final = {
    "sync": Kind(("fsync", "fdatasync"), errno.EIO),
    "read_only": Kind(("pwrite64",), errno.EROFS),
    "full": Kind(("pwrite64",), errno.ENOSPC),
}

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NUMBERS: Final = {
    "x86_64": {"seccomp": 317, "fsync": 74, "fdatasync": 75, "pwrite64": 18},
    "aarch64": {"seccomp": 277, "fsync": 82, "fdatasync": 83, "pwrite64": 68},
}
_LOAD, _JUMP_IF, _RETURN = 0x20, 0x15, 0x06  # Of the kernel's packet filter machine.
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES = 38
_SET_FILTER, _ON_ALL_THREADS = 1, 1


def _program(kind: Kind, machine: str) -> bytes:
    """The filter: which architecture, then which call."""
    calls = [_NUMBERS[machine][name] for name in kind.calls]
    steps = [(_LOAD, 0, 0, 4), (_JUMP_IF, 1, 0, _ARCHITECTURES[machine]), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_LOAD, 0, 0, 0))
    steps += [(_JUMP_IF, len(calls) - at, 0, call) for at, call in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERROR | kind.error)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _fail_from_now_on(kind: Kind) -> None:
    machine, library = platform.machine(), ctypes.CDLL(None, use_errno=True)
    program = _program(kind, machine)
    kept = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(kept))
    library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    number = _NUMBERS[machine]["seccomp"]
    if library.syscall(number, _SET_FILTER, _ON_ALL_THREADS, header) != 0:
        print(f"no filter: {os.strerror(ctypes.get_errno())}", file=sys.stderr, flush=True)
        os._exit(70)


def _watch(switch: Path, kind: Kind) -> None:
    while not switch.exists():
        time.sleep(0.02)
    _fail_from_now_on(kind)


if __name__ == "__main__":
    if name := os.environ.get("FAILING_DISK"):
        watched = Path(os.environ["FAILING_DISK_SWITCH"]), KINDS[name]
        threading.Thread(target=_watch, args=watched, daemon=True).start()
    main()
