"""Reading a request strictly: its media type, idempotency key, path, query and body.

Whatever does not have the documented form is refused with the place where it goes wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect as shapes

from tallystick.decoding import convert, json_decoder
from tallystick.gateway.rest.fields import Query
from tallystick.gateway.rest.problem import BadRequest, bad_request
from tallystick.pipeline.refusals import Refused

__all__ = [
    "BodyReader", "QueryReader", "idempotency_key", "read_path", "require_json", "without_none",
]  # fmt: skip

_KEY: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,38}")
_JSON: Final = re.compile(r"application/json(\s*;\s*charset\s*=\s*\"?utf-?8\"?)?\s*", re.IGNORECASE)


def idempotency_key(values: Sequence[str]) -> str:
    """The key in an `Idempotency-Key` header.

    Raises:
        Refused: IDEMPOTENCY_KEY_MISSING, or IDEMPOTENCY_KEY_INVALID for another form or two.
    """
    if not values or values == [""]:
        raise Refused("IDEMPOTENCY_KEY_MISSING")
    if len(values) > 1 or _KEY.fullmatch(values[0]) is None:
        raise Refused("IDEMPOTENCY_KEY_INVALID")
    return values[0]


def require_json(content_type: str) -> None:
    """See that a body says that it is JSON in UTF-8.

    Raises:
        Refused: MEDIA_TYPE_UNSUPPORTED.
    """
    if _JSON.fullmatch(content_type.strip()) is None:
        raise Refused("MEDIA_TYPE_UNSUPPORTED")


def read_path(types: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, str]:
    """The words in the path, each of its documented form.

    Raises:
        BadRequest: one is not.
    """
    read = {}
    for name, kind in types.items():
        try:
            read[name] = convert(words[name], kind)
        except msgspec.ValidationError as error:
            raise bad_request(error, f"path.{name}") from error
    return read


def without_none(kind: Any) -> Any:
    """A type less its None: what is left out is not sent, so nothing stands for it."""
    if get_origin(kind) is Annotated:
        inner, *notes = get_args(kind)
        return Annotated[(without_none(inner), *notes)]
    if get_origin(kind) not in (Union, UnionType):
        return kind
    kept = [part for part in get_args(kind) if part is not NoneType]
    return Union[tuple(kept)]  # noqa: UP007 - made of values


class QueryReader:
    """Reads a query's parameters into their struct; each may be given once."""

    def __init__(self, query: type[Query]) -> None:
        hints = get_type_hints(query, include_extras=True)
        self._query = query
        fields = msgspec.structs.fields(query)
        self._kinds = {f.name: without_none(hints[f.name]) for f in fields}
        self._required = tuple(f.name for f in fields if f.required)

    def read(self, pairs: Iterable[tuple[str, str]]) -> Query:
        """The query as a record.

        Raises:
            BadRequest: a parameter that is not known, given twice, not of its form, or missing.
        """
        values: dict[str, Any] = {}
        for name, text in pairs:
            where = f"query.{name[:64]}"
            if name not in self._kinds:
                raise BadRequest(f"There is no parameter `{name[:64]}`.", where)
            if name in values:
                raise BadRequest("This parameter is given twice.", where)
            values[name] = self._value(name, text)
        for name in self._required:
            if name not in values:
                raise BadRequest("This parameter is required.", f"query.{name}")
        return self._query(**values)

    def _value(self, name: str, text: str) -> Any:
        kind = self._kinds[name]
        is_number = isinstance(_bare(shapes.type_info(kind)), shapes.IntType)
        if is_number and _DIGITS.fullmatch(text) is None:
            raise BadRequest("Expected a whole number.", f"query.{name}")
        try:
            return convert(text, kind, strict=False)
        except msgspec.ValidationError as error:
            raise bad_request(error, f"query.{name}") from error


def _bare(kind: shapes.Type) -> shapes.Type:
    return kind.type if isinstance(kind, shapes.Metadata) else kind


class BodyReader:
    """Reads a JSON body into its type; one whose fields may all be left out may be empty."""

    def __init__(self, body: Any) -> None:
        self._decode: Callable[[bytes | str], Any] = json_decoder(body)
        self._empty = self._of_nothing()

    def _of_nothing(self) -> Any:
        try:
            return self._decode(b"{}")
        except msgspec.ValidationError:
            return None

    @property
    def may_be_empty(self) -> bool:
        """Whether a request without a body is taken."""
        return self._empty is not None

    def read(self, data: bytes, content_type: str) -> Any:
        """The body as a record.

        Raises:
            Refused: MEDIA_TYPE_UNSUPPORTED.
            BadRequest: it is not JSON, or not of the documented form.
        """
        if not data and self._empty is not None:
            return self._empty
        require_json(content_type)
        try:
            return self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise bad_request(error) from error
