"""The kernel compiled to machine code, for calls of many transfers.

The text is the kernel's own: each of its functions is taken as it stands, with its callees
compiled before it. Compiling takes some seconds once; the result is cached beside the source or
in the folder that `NUMBA_CACHE_DIR` names. Nothing here is loaded before a bulk call is made.
"""

from __future__ import annotations

import hashlib
import os
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from tallystick.ledger import kernel

__all__ = ["compiled", "compiled_kernel"]

F = TypeVar("F", bound=Callable[..., Any])

# Callees before callers.
_FUNCTIONS = (
    "is_transient", "_settled_amount", "_refused_differing", "_refused_settling", "_settle",
    "_settling_exists", "_exists", "_balanced", "_overflow", "_malformed", "_move", "_undo",
    "_create", "apply_in_place",
)  # fmt: skip


@cache
def _cache_folder() -> str:
    """Where compiled code is kept: by the digest of all sources that may be compiled into it.

    A function's own file does not tell whether it is up to date, for what it calls is compiled
    into it. Empty when no folder can be written.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    here = Path(__file__).parent
    for source in sorted(here.glob("*.py")):
        digest.update(source.read_bytes())
    named = os.environ.get("NUMBA_CACHE_DIR")
    cached = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for base in [Path(named)] if named else [here / "__pycache__", Path(cached) / "tallystick"]:
        folder = base / f"compiled-{digest.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return ""


def compiled(function: F, *, alone: bool = True) -> F:
    """Compile a function over arrays when it is first called.

    Args:
        alone: whether other threads of Python wait while it runs; long work lets them go on.

    Columns are passed on as they are; without the counting of references, which these functions
    do not need because they allocate nothing, a call costs a tenth.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    options: dict[str, Any] = {"cache": bool(_cache_folder()), "_nrt": False, "nogil": not alone}
    try:
        config.CACHE_DIR = _cache_folder() or before
        return cast(F, numba.njit(**options)(function))
    finally:
        config.CACHE_DIR = before


@cache
def compiled_kernel() -> Callable[..., None]:
    """`kernel.apply_in_place` over int64 arrays."""
    names = dict(vars(kernel))
    for name in _FUNCTIONS:
        written = getattr(kernel, name)
        copy = types.FunctionType(written.__code__, names, name)
        copy.__module__, copy.__qualname__ = written.__module__, written.__qualname__
        names[name] = compiled(copy)
    return cast(Callable[..., None], names["apply_in_place"])
