"""The configuration: defaults, file, environment, flags; what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.operating.client import run_tallystick
from tests.server_process import ROOT

from tallystick.settings import (
    Settings,
    SettingsError,
    key_table,
    load_settings,
    shown_settings,
)


def _load(file: Path | None = None, **environ: str) -> Settings:
    return load_settings(file, {f"TALLYSTICK_{k.upper()}": v for k, v in environ.items()})


def _written(folder: Path, text: str) -> Path:
    path = folder / "tallystick.toml"
    path.write_text(text, "utf-8")
    return path


def test_without_anything_given_the_defaults_hold() -> None:
    assert load_settings(None, {"HOME": "/", "PATH": ""}) == Settings()


def test_later_places_win_over_earlier_ones(tmp_path: Path) -> None:
    file = _written(tmp_path, 'port = 1001\nhost = "127.0.0.2"\nbatch_max = 7\n')
    environ = {"TALLYSTICK_PORT": "1002", "TALLYSTICK_HOST": "127.0.0.3"}
    found = load_settings(file, environ, port=1003, host=None)
    assert (found.batch_max, found.host, found.port) == (7, "127.0.0.3", 1003)


def test_the_file_can_be_named_by_the_environment(tmp_path: Path) -> None:
    file = _written(tmp_path, "batch_max = 7\n")
    assert load_settings(None, {"TALLYSTICK_CONFIG": str(file)}).batch_max == 7


def test_a_path_of_the_file_is_taken_from_the_files_folder(tmp_path: Path) -> None:
    found = load_settings(_written(tmp_path, 'data = "books"\n'), {})
    assert found.data == tmp_path / "books"
    assert found.master_key_path == tmp_path / "books.keys" / "master.key"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("sandbox", "off", False),
        ("sandbox", "TRUE", True),
        ("port", "9000", 9000),
        ("log_format", "json", "json"),
        ("notify_allow", "10.1.0.0/16, shop.internal", ("10.1.0.0/16", "shop.internal")),
        ("notify_allow", "", ()),
        ("timestamp_utc_offsets_min", "480,-300", (480, -300)),
        ("metrics_token", "abc", "abc"),
    ],
)
def test_an_environment_variable_is_read_by_its_keys_type(
    name: str, text: str, value: object
) -> None:
    assert getattr(_load(None, **{name: text}), name) == value


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 1\n", "prot: there is no such key (in .*); did you mean port"),
        ('port = "80"\n', "port: Expected int"),
        ("port = 0\n", "port: Expected int >= 1"),
        ("port = 80.5\n", "port: Expected int"),
        ("sandbox = 1\n", "sandbox: Expected bool"),
        ('log_level = "loud"\n', "log_level: "),
        ('notify_allow = ["10.0.0.0/33"]\n', "notify_allow: '10.0.0.0/33' is neither"),
        ('notify_allow = "10.0.0.0/8"\n', "notify_allow: Expected array"),
        ('data = ""\n', "data: the path is empty"),
        ('public_url = "ftp://x"\n', "public_url: 'ftp://x' is not an http or https address"),
        ('public_url = "https://x/y"\n', "public_url: 'https://x/y' must be scheme and host"),
        ("port = \n", "is not TOML"),
        ("[server]\nport = 1\n", "server: there is no such key"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=named.replace("(in .*)", r"\(in .*\)")):
        load_settings(_written(tmp_path, text), {})


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("PORTT", "1", "TALLYSTICK_PORTT: this environment variable is no key; did you mean"),
        ("PORT", "80x", "port: Expected a whole number"),
        ("SANDBOX", "maybe", "sandbox: Expected true or false"),
        ("DATA", " ", "data: the path is empty"),
        ("DATA", "/", "data: the root of the file system"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(name: str, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load_settings(None, {f"TALLYSTICK_{name}": text})


def test_what_is_wrong_in_a_flag_is_named() -> None:
    with pytest.raises(SettingsError, match="port: Expected int <= 65535"):
        load_settings(None, {}, port=99_999)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_settings(tmp_path / "nowhere.toml", {})


def test_the_master_key_may_not_lie_in_the_data_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="inside the data folder"):
        Settings(data=tmp_path, master_key_file=tmp_path / "keys" / "master.key")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8800"),
        ("0.0.0.0", "http://127.0.0.1:8800"),
        ("::", "http://[::1]:8800"),
        ("shop.example", "http://shop.example:8800"),
    ],
)
def test_the_public_address_follows_the_host(host: str, address: str) -> None:
    assert Settings(host=host).public_base == address


def test_secrets_are_masked_where_all_keys_are_shown() -> None:
    shown = shown_settings(Settings(metrics_token="a-secret"))
    assert shown["metrics_token"] == "(secret)"
    assert shown.keys() == {row.name for row in key_table()}
    assert shown_settings(Settings())["metrics_token"] == ""


def test_the_documentation_has_the_table_of_all_keys() -> None:
    table = run_tallystick("config", "--table").stdout
    assert table.count("\n") == len(key_table()) + 2
    assert table in (ROOT / "docs" / "configuration.md").read_text("utf-8")
