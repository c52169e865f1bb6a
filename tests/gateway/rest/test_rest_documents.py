"""What describes the API is true: the OpenAPI document, its page, the guide, the refusals."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from schemathesis.core.result import Ok
from tests.gateway.rest.rest_client import Rest
from tests.server_process import ROOT, ServerProcess

from tallystick.gateway.rest.api import OPERATIONS
from tallystick.gateway.rest.openapi import TAG_MEANINGS, openapi_document, refusals_of
from tallystick.gateway.rest.reading import BodyReader
from tallystick.gateway.rest.refusal_table import refusals_markdown
from tallystick.partners.api_keys import SCOPES
from tallystick.pipeline.refusals import REFUSALS

GUIDE = ROOT / "docs" / "rest.md"


@pytest.fixture(scope="module")
def document(running_server: ServerProcess) -> dict[str, Any]:
    """The document as it is served."""
    found: dict[str, Any] = httpx2.get(f"{running_server.base_url}/openapi.json").json()
    return found


def test_the_document_is_valid_openapi_with_every_operation(document: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(document)
    schema.validate()
    results = list(schema.get_all_operations())
    found = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(found) == len(results)
    assert {(o.method.upper(), o.path) for o in found} == {(o.method, o.path) for o in OPERATIONS}


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        at: Any = document
        for name in reference.split("/"):
            at = at[name]


def test_every_operation_is_described_whole(document: dict[str, Any]) -> None:
    names = {o["operationId"] for path in document["paths"].values() for o in path.values()}
    assert names == {o.name for o in OPERATIONS}
    for operation in OPERATIONS:
        assert operation.summary, operation.name
        assert operation.tag in TAG_MEANINGS, operation.name
        assert not operation.needs_key or operation.scope in SCOPES, operation.name
        assert set(operation.refusals) <= set(REFUSALS), operation.name
        assert set(re.findall("{(.*?)}", operation.path)) == set(operation.parameters)
        described = document["paths"][operation.path][operation.method.lower()]
        statuses = {str(REFUSALS[code].http_status) for code in refusals_of(operation)}
        assert set(described["responses"]) == {str(operation.status), *statuses}


def test_every_change_has_an_example_that_is_read(document: dict[str, Any]) -> None:
    for operation in (o for o in OPERATIONS if o.body is not None):
        reader = BodyReader(operation.body)
        assert operation.example is not None or reader.may_be_empty, operation.name
        if operation.example is not None and "public_key" not in str(operation.example):
            reader.read(json.dumps(operation.example).encode(), "application/json")


def test_every_link_names_an_operation_and_its_parameters() -> None:
    document = openapi_document(OPERATIONS, "http://api.example")
    by_name = {o.name: o for o in OPERATIONS}
    links = [
        (name, link)
        for path in document["paths"].values()
        for described in path.values()
        for response in described["responses"].values()
        for name, link in response.get("links", {}).items()
    ]
    assert len(links) > 20
    for name, link in links:
        assert set(link["parameters"]) == set(by_name[name].parameters)


def test_the_pages_are_served_with_a_strict_policy(running_server: ServerProcess) -> None:
    for path in ("/docs", "/docs/refusals", "/docs/page/docs.js", "/docs/page/docs.css"):
        answer = httpx2.get(running_server.base_url + path)
        assert answer.status_code == 200, path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "://" not in answer.text.replace("http://www.w3.org", ""), "nothing from elsewhere"
        known = {"if-none-match": answer.headers["etag"]}
        assert httpx2.get(running_server.base_url + path, headers=known).status_code == 304


def test_a_problem_links_to_its_row(running_server: ServerProcess, rest: Rest) -> None:
    problem = rest.look("/v1/trades/2026112412345678901234567890").body
    path, _, row = problem["type"].partition("#")
    page = httpx2.get(running_server.base_url + path).text
    assert f'<tr id="{row}">' in page
    assert REFUSALS[row].chinese in page


def test_the_table_of_refusals_is_up_to_date() -> None:
    written = (ROOT / "docs" / "refusals.md").read_text("utf-8")
    assert written == refusals_markdown(), (
        "python -m tallystick.gateway.rest.refusal_table > docs/refusals.md"
    )


def test_the_guides_example_runs(running_server: ServerProcess, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    program = tmp_path / "guide.py"
    program.write_text("\n".join(blocks), "utf-8")
    credentials = running_server.data / "sandbox" / "credentials.json"
    done = subprocess.run(
        [sys.executable, program], env=os.environ | {"CREDENTIALS": str(credentials)},
        capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "available" in done.stdout


def test_the_guide_names_every_scope_and_what_is_there() -> None:
    guide = GUIDE.read_text("utf-8")
    assert set(re.findall(r"`([a-z]+:[a-z]+)`", guide)) == SCOPES
    paths = {o.path for o in OPERATIONS}
    for named in re.findall(r"`(?:GET|POST)\s(/v1/[^`?]+)", guide):
        bare = re.sub(r"{\w+}", "{}", named)
        assert bare in {re.sub(r"{\w+}", "{}", path) for path in paths}, named
