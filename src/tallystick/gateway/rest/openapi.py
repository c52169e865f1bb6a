"""The API's own description: an OpenAPI 3.1 document, made from the operations themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, get_type_hints

import msgspec

import tallystick
from tallystick.gateway.rest.identity import SCOPE_MEANINGS
from tallystick.gateway.rest.operation import Operation
from tallystick.gateway.rest.problem import PROBLEM_TYPE, Problem, problem_of
from tallystick.gateway.rest.reading import BodyReader, without_none
from tallystick.pipeline.refusals import REFUSALS, Refusal

__all__ = ["SECURITY_SCHEME", "TAG_MEANINGS", "openapi_document", "openapi_json", "refusals_of"]

SECURITY_SCHEME: Final = "apiKey"
_REF: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_EXAMPLE_REQUEST_ID: Final = "9f0c2ad5e1b44c67a830"

TAG_MEANINGS: Final = {
    "Trades": "Escrow trades: open, pay, ship, confirm, refund, dispute, split.",
    "Holds": "A buyer's money frozen, then given free or paid in parts.",
    "Wallets": "Balances, statements, bank orders, and transfers between wallets.",
    "Ledger": "Double-entry bookkeeping in books of your own; statements and trial balances.",
    "Webhooks": "Events sent to an address of yours, in the form of Standard Webhooks.",
    "Bookkeeping": "Named books, periods that close, reversals, schedules, monitors, exchange.",
    "Real-person check": "What is bound to a person, challenges, levels and their limits.",
    "Proofs": "Signed heads of the ledger, and proofs that anyone can check offline.",
    "Parties": "People and merchants.",
    "Apps": "Partners' apps, their public keys and sellers.",
    "API keys": "Keys of this API.",
    "Notifications": "What partners were told, and every attempt to tell them.",
    "Joint lending": "Institutions and their programmes, who funds a loan, quotas, what if.",
    "Institution": "An institution's own quotas, loans, files and reports, with its own key.",
    "Reconciliation": "The bank's statements beside the ledger: proposals and breaks.",
    "Collections": "Overdue borrowers: contact rules, strategies, cases, promises, offers.",
    "Credit": "What a loan costs, for anybody; products, lines and loans.",
    "Blacklist": "The shared blacklist: warn others, ask without saying whom, check the log.",
    "Risk": "The fraud graph: people, accounts, devices, and the money between them.",
}

_LEADS: Final = {
    "topUp": ("getBankOrder",),
    "withdraw": ("getBankOrder",),
    "registerParty": ("getWallet", "getStatement", "topUp", "withdraw"),
}
"""Where an answer leads that its address does not tell."""

_EVERY: Final = ("MALFORMED_REQUEST", "INTERNAL_ERROR")
_EVERY_WITH_KEY: Final = ("API_KEY_INVALID", "NOT_PERMITTED")
_EVERY_WITH_BODY: Final = ("MEDIA_TYPE_UNSUPPORTED", "TOO_LARGE")
_EVERY_CHANGE: Final = (
    "IDEMPOTENCY_KEY_MISSING", "IDEMPOTENCY_KEY_INVALID", "IDEMPOTENCY_MISMATCH",
    "STORE_UNAVAILABLE", "SYSTEM_BUSY", "RISK_CHALLENGE", "RISK_HELD", "RISK_DENIED",
    "RISK_UNAVAILABLE",
)  # fmt: skip
_DESCRIPTION: Final = """\
Tallystick's own API: what the partner protocol lacks, and the ledger in bulk.

* Send your key as `Authorization: Bearer tsk_…`. Each operation says which scope it needs.
* Every change takes an `Idempotency-Key`: the same request again gets the first answer, marked
  with `Idempotent-Replayed: true`; other contents under the same key are refused.
* What cannot be done is a problem (RFC 9457) with a stable `code`, and nothing has changed.
* Lists are pages; `next_cursor` continues one.
* Amounts are decimal texts with their currency; the ledger counts whole minor units.
"""

_REQUEST_ID: Final = {
    "description": "The request's id, for asking about it.",
    "schema": {"type": "string"},
}
_REPLAYED: Final = {
    "description": "`true` when the answer was given before.",
    "schema": {"type": "string", "enum": ["true"]},
}
_KEY_PARAMETER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Your own id for this request; sent again, it gets the first answer.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,64}$"},
    "example": "ship-ORDER-1001",
}


_DECIMAL: Final = {
    "anyOf": [{"type": "string", "pattern": r"^-?[0-9]{1,20}(\.[0-9]{1,20})?$"}, {"type": "number"}]
}
"""A decimal as it is read: a text, or a number, of which every written digit counts."""


def _portable(schema: Any) -> Any:
    """A schema in JSON Schema's own words: `$` is a text's very end there."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            rest = {n: v for n, v in schema.items() if n not in ("type", "format", "pattern")}
            return _DECIMAL | _portable(rest)
        return {
            name: value[:-2] + "$"
            if name == "pattern" and isinstance(value, str) and value.endswith(r"\Z")
            else _portable(value)
            for name, value in schema.items()
        }
    if isinstance(schema, list):
        return [_portable(one) for one in schema]
    return schema


def _schema(kind: Any) -> dict[str, Any]:
    """The schema of one type; structs and enumerations are referred to."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    found: dict[str, Any] = _portable(schema)
    return found


def _components(operations: Sequence[Operation]) -> dict[str, Any]:
    kinds: list[Any] = [Problem]
    for operation in operations:
        kinds.append(operation.answer)
        kinds += [operation.body] if operation.body is not None else []
        kinds += [kind for _, kind, _, _ in _query_fields(operation)]
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    return {name: _portable(schema) for name, schema in sorted(components.items())}


def _query_fields(operation: Operation) -> Iterator[tuple[str, Any, Any, bool]]:
    """Each query parameter: its name, type, default or None, and whether it is required."""
    if operation.query is None:
        return
    hints = get_type_hints(operation.query, include_extras=True)
    for field in msgspec.structs.fields(operation.query):
        default = None if field.default is msgspec.NODEFAULT else field.default
        yield field.name, without_none(hints[field.name]), default, field.required


def _described(place: str, name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    description = schema.pop("description", "")
    parameter = {"name": name, "in": place, "required": required, "schema": schema}
    return parameter | ({"description": description} if description else {})


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    made = [
        _described("path", name, _schema(kind), required=True)
        for name, kind in operation.parameters.items()
    ]
    for name, kind, default, required in _query_fields(operation):
        schema = _schema(kind) | ({} if default is None else {"default": default})
        made.append(_described("query", name, schema, required=required))
    return made + ([_KEY_PARAMETER] if operation.changes else [])


def _request_body(operation: Operation) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": _schema(operation.body)}
    if operation.example is not None:
        media["example"] = operation.example
    return {
        "required": not BodyReader(operation.body).may_be_empty,
        "description": f"At most {operation.body_bytes_max} bytes.",
        "content": {_JSON: media},
    }


def refusals_of(operation: Operation) -> list[str]:
    """Every code with which an operation can be refused, once, in the order of the table."""
    codes = {*_EVERY, *operation.refusals}
    if operation.needs_key:
        codes.update(_EVERY_WITH_KEY)
    if operation.body is not None:
        codes.update(_EVERY_WITH_BODY)
    if operation.changes:
        codes.update(_EVERY_CHANGE)
    if any(name == "cursor" for name, *_ in _query_fields(operation)):
        codes.add("CURSOR_INVALID")
    return [code for code in REFUSALS if code in codes]


def _problem_example(code: str) -> dict[str, Any]:
    problem = problem_of(Refusal(code), _EXAMPLE_REQUEST_ID)
    return {"summary": REFUSALS[code].english, "value": msgspec.to_builtins(problem)}


def _by_status(codes: Iterable[str]) -> dict[int, tuple[str, ...]]:
    """The codes of each HTTP status, in the order of the table."""
    found: dict[int, tuple[str, ...]] = {}
    for code in codes:
        status = REFUSALS[code].http_status
        found[status] = (*found.get(status, ()), code)
    return dict(sorted(found.items()))


def _problem_name(codes: tuple[str, ...]) -> str:
    return ".".join(codes)


def _problem_response(codes: tuple[str, ...]) -> dict[str, Any]:
    """The refusals of one status as one response."""
    return {
        "description": "\n".join(f"* `{code}`: {REFUSALS[code].english}" for code in codes),
        "headers": {"x-request-id": _REQUEST_ID},
        "content": {
            PROBLEM_TYPE: {
                "schema": {"$ref": _REF.format(name="Problem")},
                "examples": {c: {"$ref": f"#/components/examples/{c}"} for c in codes},
            }
        },
    }


def _leads_to(source: Operation, target: Operation) -> bool:
    """Whether what one operation answers is what another is asked about."""
    if source is target or not target.parameters:
        return False
    return target.path.startswith(f"{source.path}/") or target.name in _LEADS.get(source.name, ())


def _links(source: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    """The operations on what a change made, by the numbers in its answer."""
    shown = set(getattr(source.answer, "__struct_fields__", ()))
    links = {}
    for target in operations if source.method == "POST" else ():
        known = {
            name: f"$request.path.{name}" if name in source.parameters
            else f"$response.body#/{name}"
            for name in target.parameters
            if name in source.parameters or name in shown
        }  # fmt: skip
        if _leads_to(source, target) and len(known) == len(target.parameters):
            links[target.name] = {"operationId": target.name, "parameters": known}
    return links


def _content(operation: Operation) -> dict[str, Any]:
    """What is answered: JSON of a type, or files."""
    if not operation.media_types:
        return {_JSON: {"schema": _schema(operation.answer)}}
    return {
        media_type: {"schema": {} if media_type == _JSON else {"type": "string"}}
        for media_type in operation.media_types
    }


def _responses(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    headers = {"x-request-id": _REQUEST_ID}
    if operation.changes:
        headers["idempotent-replayed"] = _REPLAYED
    done = {
        "description": "Done." if operation.body is not None else "Found.",
        "headers": headers,
        "content": _content(operation),
        "links": _links(operation, operations),
    }
    refused = {
        str(status): {"$ref": f"#/components/responses/{_problem_name(codes)}"}
        for status, codes in _by_status(refusals_of(operation)).items()
    }
    return {str(operation.status): done, **refused}


def _operation(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    whose = "" if operation.for_apps else " A key that is bound to an app cannot do this."
    scope = operation.scope
    needed = f"Needs the scope `{scope}`.{whose}" if operation.needs_key else "Needs no key."
    made: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{operation.description}\n\n{needed}".strip(),
        "parameters": _parameters(operation),
        "responses": _responses(operation, operations),
    }
    whose_key: dict[str, Any] = {"x-scope": scope} if operation.needs_key else {"security": []}
    made |= whose_key
    return made | ({"requestBody": _request_body(operation)} if operation.body is not None else {})


def openapi_document(operations: Sequence[Operation], base_url: str) -> dict[str, Any]:
    """The whole document.

    Args:
        base_url: where the API is, as clients reach it.
    """
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, operations
        )
    groups = {g for o in operations for g in _by_status(refusals_of(o)).values()}
    scopes = "\n".join(f"* `{name}`: {meaning}" for name, meaning in SCOPE_MEANINGS.items())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tallystick",
            "version": tallystick.__version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "security": [{SECURITY_SCHEME: []}],
        "tags": [{"name": name, "description": said} for name, said in TAG_MEANINGS.items()],
        "paths": paths,
        "components": {
            "schemas": _components(operations),
            "responses": {_problem_name(g): _problem_response(g) for g in sorted(groups)},
            "examples": {code: _problem_example(code) for g in sorted(groups) for code in g},
            "securitySchemes": {
                SECURITY_SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "tsk_…",
                    "description": f"A key of this API. Its scopes say what it may do:\n\n{scopes}",
                }
            },
        },
    }


def openapi_json(operations: Sequence[Operation], base_url: str) -> bytes:
    """The document as it is served. Whole numbers of 128 bits are in it, so msgspec cannot."""
    return json.dumps(openapi_document(operations, base_url), ensure_ascii=False).encode()
