"""Score models over REST: put to service as the command line prints them, listed, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.credit.scoring.borrowers import model_of_incomes
from tests.server_process import ServerProcess

from tallystick.cli import answer


def _ask(server: ServerProcess, path: str, key: str = "", body: Any = None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {server.credentials['rest_key']}"}
    url = f"{server.base_url}/v1/credit/{path}"
    if not key:
        got = httpx.get(url, headers=headers)
    else:
        got = httpx.post(url, headers={**headers, "idempotency-key": f"sm-{key}"}, json=body)
    return got.status_code, got.json()


def test_a_bundle_is_put_to_service_and_what_was_changed_is_not(
    running_server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = model_of_incomes(tmp_path)
    assert answer(["credit", "score", "bundle", str(tmp_path / "incomes")]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body == {name: getattr(made, name) for name in ("manifest", "model", "card")}
    changed = body | {"model": body["model"].replace("income", "outcome")}
    status, said = _ask(running_server, "score-models", "1", changed)
    assert (status, said["code"]) == (422, "SCORE_MODEL_INVALID")
    status, done = _ask(running_server, "score-models", "2", body)
    assert status == 200
    (mine,) = [one for one in _ask(running_server, "score-models")[1]["models"]
               if one["model"] == done["model"]]  # fmt: skip
    assert mine["is_serving"]
    assert mine["rows"] == 400
    assert mine["held_out_auc"] > 0.8
    assert "income" in mine["attributes"]
    status, said = _ask(running_server, "applications/2026112412345678901234567890")
    assert (status, said["code"]) == (404, "CREDIT_APPLICATION_NOT_EXIST")


def test_a_folder_without_a_model_makes_no_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["credit", "score", "bundle", str(tmp_path)]) == 2
    assert "there is no model here" in capsys.readouterr().err
