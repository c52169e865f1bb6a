"""The kernel compiled to machine code, for calls of many transfers.

The text is the kernel's own: each of its functions is taken as it stands, with its callees
compiled before it. Compiling takes some seconds once; the result is cached beside the source or
in the folder that `NUMBA_CACHE_DIR` names. Nothing here is loaded before a bulk call is made.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
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


def compiled(function: F) -> F:
    """Compile a function over arrays when it is first called.

    Columns are passed on as they are; without the counting of references, which these functions
    do not need because they allocate nothing, a call costs a tenth.
    """
    options: dict[str, Any] = {"cache": True, "_nrt": False}
    try:
        return cast(F, numba.njit(**options)(function))
    except RuntimeError:  # No folder can be written: compile in every process.
        return cast(F, numba.njit(**(options | {"cache": False}))(function))


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
