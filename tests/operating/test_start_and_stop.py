"""Starting and stopping: what cannot start says why; what was accepted is finished."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.operating.client import Client, run_tallystick
from tests.server_process import ServerProcess, free_port
from tests.stores import ask, change, settings_on

from tallystick.platform import Platform
from tallystick.settings import Settings
from tallystick.store.engine import StoreError


def _settings(folder: Path) -> Settings:
    return settings_on(folder / "data", port=free_port())


def _made(folder: Path) -> Settings:
    """A data folder that was in use once."""
    settings = _settings(folder)
    Platform.open(settings).close()
    return settings


def _sentence(result: object) -> str:
    """The one line that a command said on its way out, with exit code 2."""
    code, out, err = (getattr(result, name) for name in ("returncode", "stdout", "stderr"))
    assert code == 2, err
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("tallystick: ")
    return str(err)


# What cannot start.


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run_tallystick("server", "--data", tmp_path / "data", "--port", port)
    assert f"port {port}: Address already in use" in _sentence(result)
    assert not (tmp_path / "data").exists()


def test_a_folder_that_another_server_owns_is_one_sentence(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    platform = Platform.open(settings)
    try:
        port = str(settings.port)
        result = run_tallystick("server", "--data", settings.data, "--port", port)
    finally:
        platform.close()
    assert "in use by another Tallystick server" in _sentence(result)


@pytest.mark.parametrize("place", ["file", "file/data"])
def test_a_folder_that_cannot_be_written_is_one_sentence(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be written|is a file and no folder"):
        Platform.open(
            settings_on(tmp_path / place, master_key_file=tmp_path / "keys" / "master.key")
        )


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    settings = _made(tmp_path)
    change(settings.data, "INSERT INTO schema_version VALUES (9999, 'later')")
    with pytest.raises(StoreError, match="newer version"):
        Platform.open(settings)


def test_a_missing_master_key_is_refused_and_none_is_made(tmp_path: Path) -> None:
    settings = _made(tmp_path)
    settings.master_key_path.unlink()
    with pytest.raises(StoreError, match=r"master key .* is missing"):
        Platform.open(settings)
    assert not settings.master_key_path.exists()


def test_another_master_key_is_refused(tmp_path: Path) -> None:
    settings = _made(tmp_path)
    settings.master_key_path.write_text("ab" * 32)
    with pytest.raises(StoreError, match="not the one that this data folder was sealed with"):
        Platform.open(settings)


def test_a_master_key_that_is_no_key_is_refused(tmp_path: Path) -> None:
    settings = _made(tmp_path)
    settings.master_key_path.write_text("not a key")
    with pytest.raises(StoreError, match="cannot be read"):
        Platform.open(settings)


@pytest.mark.embedded_store
@pytest.mark.parametrize("spoilt_at", [0, 4096])
def test_a_damaged_database_is_refused_and_the_folder_given_free(
    spoilt_at: int, tmp_path: Path
) -> None:
    settings = _made(tmp_path)
    database = settings.data / "tallystick.db"
    content = bytearray(database.read_bytes())
    content[spoilt_at : spoilt_at + 4096] = b"\xff" * 4096
    database.write_bytes(content)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged|cannot be opened"):
            Platform.open(settings)


def test_an_unknown_key_of_the_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "tallystick.toml").write_text("batchmax = 3\n")
    result = run_tallystick("server", "--config", tmp_path / "tallystick.toml")
    assert "batchmax: there is no such key" in _sentence(result)
    assert "did you mean batch_max?" in result.stderr


# Stopping.


def _orders(server: ServerProcess, worker: int, acknowledged: list[str]) -> None:
    """Open one order after another until the server is gone."""
    client = Client(server)
    try:
        for number in range(100_000):
            name = f"w{worker}-{number}"
            content = {
                "app_id": server.app_id, "out_trade_no": name, "amount": "1.00", "subject": "Tea",
            }  # fmt: skip
            reply = client.post(server, "/v1/trades", content, name)
            if reply.status == 201:
                acknowledged.append(name)
    except OSError:
        return
    finally:
        client.close()


def test_a_stop_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data").start()
    acknowledged: list[str] = []
    workers = [
        threading.Thread(target=_orders, args=(server, worker, acknowledged)) for worker in range(8)
    ]
    for worker in workers:
        worker.start()
    while len(acknowledged) < 200:
        assert server.process is not None
        assert server.process.poll() is None
        time.sleep(0.01)
    code = server.stop()
    for worker in workers:
        worker.join(120)
    assert code == 0, server.log.read_text("utf-8")[-2000:]
    kept = {number for (number,) in ask(server.data, "SELECT out_trade_no FROM trade")}
    assert set(acknowledged) <= kept
    assert "Traceback" not in server.log.read_text("utf-8")


def _ask_without_end(client: socket.socket) -> None:
    """Send one request after another, waiting for no answer, until the server has gone."""
    ask = b"GET /v1/trades HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tsk_x_y\r\n\r\n"
    with suppress(OSError):
        while True:
            client.sendall(ask * 500)


def _hear_all(client: socket.socket, answered: threading.Event) -> None:
    """Take in what comes, until the server has gone."""
    with suppress(OSError):
        while client.recv(1 << 16):
            answered.set()


def test_ctrl_c_stops_it_as_well(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", arguments=["--empty"]).start()
    assert server.process is not None
    with socket.create_connection((server.host, server.port), 60) as client:
        # More is asked than is answered until the end, and a second signal does not wait for it.
        answered = threading.Event()
        talking = [
            threading.Thread(target=_ask_without_end, args=(client,)),
            threading.Thread(target=_hear_all, args=(client, answered)),
        ]
        for thread in talking:
            thread.start()
        assert answered.wait(120)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(120) == 0
        for thread in talking:
            thread.join(120)
    assert "nobody can sign in yet" in server.log.read_text("utf-8")
    assert "Traceback" not in server.log.read_text("utf-8")


def test_a_stop_while_it_starts_is_no_error(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    process = server.launch()
    while not (tmp_path / "data" / "server.lock").exists():
        assert process.poll() is None
        time.sleep(0.001)
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text("utf-8")
    server.start()
    assert server.credentials["app_id"]
    assert server.stop() == 0


# The sandbox's credentials.


@pytest.mark.embedded_store
def test_credentials_follow_the_server_to_another_port_and_folder(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data").start()
    before = server.credentials
    server.stop()
    moved = tmp_path / "elsewhere"
    server.data.rename(moved)
    (tmp_path / "data.keys").rename(tmp_path / "elsewhere.keys")
    again = ServerProcess(moved).start()
    after = again.credentials
    again.stop()
    assert after["base_url"] == again.base_url
    assert after["gateway_url"] == f"{again.base_url}/gateway.do"
    for name in ("app_private_key_file", "app_private_key_pkcs8_file", "alipay_public_key_file"):
        assert Path(after[name]).parent == moved / "sandbox"
        assert Path(after[name]).exists()
    same = {"app_id", "alipay_public_key", "aes_key", "rest_key", "buyers", "operators"}
    assert {k: after[k] for k in same} == {k: before[k] for k in same}
    assert json.loads((moved / "sandbox" / "credentials.json").read_text("utf-8")) == after
