"""What schemathesis is told before it begins.

JSON Schema calls 261.0 a whole number; the API does not, because a number with a point has no
place near money. So a valid body is sent with its whole numbers written as such. And the key that
the description gives as an example is made a new one for each request: else the first takes it
and all others are refused.
"""

from __future__ import annotations

import uuid
from typing import Any

import schemathesis


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    return value


_KEY = "Idempotency-Key"
_EXAMPLE = "ship-ORDER-1001"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Write whole numbers as whole numbers, and give each request a key of its own."""
    if case.headers and case.headers.get(_KEY) == _EXAMPLE:
        case.headers[_KEY] = uuid.uuid4().hex
    if case.meta is None or case.meta.generation.mode.is_positive:
        case.body = _whole(case.body)
