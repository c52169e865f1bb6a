"""The one typed configuration: defaults, then a TOML file, then the environment, then flags.

`Settings` is the table of all keys: its fields give each key's name, type, default, limits and
meaning, and the documentation is checked against it. A key that is not in the table, or a value
that does not fit, is refused by name; nothing is guessed.
"""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from msgspec import inspect as shapes

from tallystick.decoding import convert

__all__ = ["ENVIRONMENT_PREFIX", "KeyRow", "Settings", "SettingsError", "key_table",
           "load_settings", "shown_settings"]  # fmt: skip

ENVIRONMENT_PREFIX: Final = "TALLYSTICK_"
_NOT_KEYS: Final = frozenset({"TALLYSTICK_CHROMIUM", "TALLYSTICK_CONFIG", "TALLYSTICK_PYTHON"})
"""Variables that say where the file lies, and which Python the scripts start with."""

_MASK: Final = "(secret)"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_LOOPBACK_OF: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


class SettingsError(ValueError):
    """The configuration cannot be used; the message names the key and the reason."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a platform runs. A path in the file is taken from the file's own folder."""

    data: Annotated[Path, Meta(description="The data folder; one server at a time owns it.")] = (
        Path("data")
    )
    master_key_file: Annotated[
        Path | None,
        Meta(
            description="The key that seals personal data and secrets; outside the data folder. "
            "By default `<data>.keys/master.key`, made at the first start."
        ),
    ] = None
    database: Annotated[
        str,
        Meta(
            description="Where the books are kept: empty for the embedded database in the data "
            "folder, or `postgresql://user:password@host/name`, which several servers may share.",
            extra={"secret": True},
        ),
    ] = ""
    host: Annotated[str, Meta(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="The port to listen on.")] = 8800
    public_url: Annotated[
        str,
        Meta(
            description="The address that browsers and partners use, when a proxy stands before "
            "the server. By default `http://<host>:<port>`."
        ),
    ] = ""
    sandbox: Annotated[
        bool, Meta(description="Whether an empty data folder is filled with a sandbox.")
    ] = True
    notify_allow: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks (`10.1.0.0/16`), addresses and host names inside the platform's "
            "own network that notifications may be sent to all the same."
        ),
    ] = ()
    timestamp_window_s: Annotated[
        int,
        Meta(ge=10, le=86_400, description="How far a partner's clock may be off, in seconds."),
    ] = 600
    timestamp_utc_offsets_min: Annotated[
        tuple[Annotated[int, Meta(ge=-720, le=840)], ...],
        Meta(
            description="The wall clocks that a partner's stamp may mean, in minutes east of "
            "UTC. By default China time, UTC and the server's own."
        ),
    ] = ()
    body_max_bytes: Annotated[
        int,
        Meta(ge=1024, le=64 * 1024 * 1024, description="The largest request body, in bytes."),
    ] = 1024 * 1024
    operator_session_hours: Annotated[
        int, Meta(ge=1, le=720, description="How long an operator stays signed in, in hours.")
    ] = 8
    wallet_session_hours: Annotated[
        int, Meta(ge=1, le=720, description="How long a buyer stays signed in, in hours.")
    ] = 2
    payment_code_seconds: Annotated[
        int,
        Meta(ge=10, le=600, description="How long a payment code on a screen lasts, in seconds."),
    ] = 60
    password_memory_kib: Annotated[
        int,
        Meta(
            ge=8192,
            le=1024 * 1024,
            description="Memory of one argon2id password hash, in KiB; a few are made at a time.",
        ),
    ] = 19_456
    password_passes: Annotated[
        int, Meta(ge=1, le=20, description="Passes of argon2id over that memory.")
    ] = 2
    batch_max: Annotated[
        int, Meta(ge=1, le=8192, description="The most commands in one transaction.")
    ] = 256
    risk_budget_ms: Annotated[
        int,
        Meta(
            ge=1,
            le=60_000,
            description="How long risk may take for a command before the command's failure policy "
            "counts, in milliseconds.",
        ),
    ] = 50
    timer_tick_ms: Annotated[
        int,
        Meta(ge=10, le=60_000, description="How often due timers are looked for, in milliseconds."),
    ] = 200
    books_check_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="How often all books are added up for the metrics, in seconds.",
        ),
    ] = 60
    archive: Annotated[
        Path | None,
        Meta(
            description="A folder on another disk to which every commit of the embedded database "
            "is copied, so that it can be restored as of any moment."
        ),
    ] = None
    head_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="How often a head of the ledger's tree is signed when there are new "
            "entries, in seconds.",
        ),
    ] = 60
    disk_free_min_mb: Annotated[
        int,
        Meta(
            ge=1,
            le=1024 * 1024,
            description="Below so much free space the server says it is not ready, in MiB.",
        ),
    ] = 256
    drain_seconds: Annotated[
        int,
        Meta(ge=1, le=600, description="How long a stop waits for open requests, in seconds."),
    ] = 10
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least level of log lines that are written."),
    ] = "info"
    log_format: Annotated[
        Literal["console", "json"],
        Meta(description="Log lines for people, or one JSON object a line."),
    ] = "console"
    metrics_token: Annotated[
        str,
        Meta(
            description="The bearer token for `/metrics`. Without one only this machine may ask.",
            extra={"secret": True},
        ),
    ] = ""

    def __post_init__(self) -> None:
        """Refuse what is wrong only in the sight of other keys, or by its form."""
        data = self.data.resolve()
        if data == data.parent:
            raise SettingsError("data: the root of the file system is no data folder.")
        if self.master_key_path.resolve().is_relative_to(data):
            raise SettingsError(
                f"master_key_file: {self.master_key_path} lies inside the data folder; a copy of "
                "the folder must not carry its key."
            )
        if self.archive is not None and self.database:
            raise SettingsError("archive: PostgreSQL has an archive of its own.")
        if self.archive is not None and self.archive.resolve().is_relative_to(data):
            raise SettingsError("archive: it must not lie inside the data folder.")
        if self.database and urlsplit(self.database).scheme not in ("postgresql", "postgres"):
            raise SettingsError("database: not an address that begins with postgresql://.")
        if self.public_url:
            _check_public_url(self.public_url)
        for entry in self.notify_allow:
            _check_allowed(entry)

    @property
    def master_key_path(self) -> Path:
        """Where the master key lies: as configured, else in a folder beside the data folder."""
        if self.master_key_file is not None:
            return self.master_key_file
        data = self.data.resolve()
        return data.parent / f"{data.name}.keys" / "master.key"

    @property
    def public_base(self) -> str:
        """The address that browsers and partners use, without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = _LOOPBACK_OF.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def _check_public_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"public_url: {url!r} is not an http or https address.")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise SettingsError(
            f"public_url: {url!r} must be scheme and host only; the pages lie at its root."
        )


def _check_allowed(entry: str) -> None:
    """A host name needs no more than letters, digits, dots and dashes."""
    try:
        ipaddress.ip_network(entry.strip())
    except ValueError:
        name = entry.strip().replace("-", "").replace(".", "").replace("_", "")
        if not name.isalnum() or all(part.isdigit() for part in entry.strip().split(".")):
            raise SettingsError(
                f"notify_allow: {entry!r} is neither a network, an address nor a host name."
            ) from None


# The table.


class KeyRow(NamedTuple):
    """One key as the documentation shows it; `default` is written as in the file."""

    name: str
    kind: str
    default: str
    meaning: str
    secret: bool


def _fields() -> dict[str, shapes.Field]:
    info = shapes.type_info(Settings)
    assert isinstance(info, shapes.StructType)
    return {field.name: field for field in info.fields}


def _hints() -> dict[str, Any]:
    return get_type_hints(Settings, include_extras=True)


def _kind(shape: shapes.Type) -> str:
    """A field's type in a few words, with its limits."""
    while isinstance(shape, shapes.Metadata):
        shape = shape.type
    match shape:
        case shapes.BoolType():
            return "true or false"
        case shapes.IntType():
            return f"whole number, {shape.ge} to {shape.le}"
        case shapes.LiteralType():
            return " or ".join(f"`{value}`" for value in shape.values)
        case shapes.VarTupleType():
            return f"list of {_kind(shape.item_type)}"
        case shapes.StrType():
            return "text"
        case _:
            return "path"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool | int):
        return str(value).lower()
    return '"' + str(value or "").replace("\\", "\\\\").replace('"', '\\"') + '"'


def _meta(field: shapes.Field) -> tuple[str, bool]:
    """A field's meaning, and whether its value is a secret."""
    shape, secret = field.type, False
    if isinstance(shape, shapes.Metadata):
        secret = bool((shape.extra or {}).get("secret"))
        meaning = str((shape.extra_json_schema or {})["description"])
        return meaning, secret
    raise AssertionError(f"{field.name} has no meaning")


def key_table() -> list[KeyRow]:
    """Every key, in the order of the table."""
    rows = []
    for name, field in _fields().items():
        meaning, secret = _meta(field)
        rows.append(KeyRow(name, _kind(field.type), _toml(field.default), meaning, secret))
    return rows


def shown_settings(settings: Settings) -> dict[str, Any]:
    """All keys with their values, fit to be shown: secrets are masked, paths are absolute."""
    shown: dict[str, Any] = {}
    for row in key_table():
        value = getattr(settings, row.name)
        if row.name == "master_key_file":
            value = settings.master_key_path
        if row.name == "public_url":
            value = settings.public_base
        if isinstance(value, Path):
            value = str(value.absolute())
        shown[row.name] = _MASK if row.secret and value else value
    return shown


# Loading.


class _Given(NamedTuple):
    """A value as it was given: `place` names its source for a person."""

    key: str
    value: object
    place: str
    is_text: bool


def _unknown(name: str, known: list[str], what: str) -> SettingsError:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else "."
    return SettingsError(f"{name}: {what}{hint}")


def _from_file(path: Path) -> Iterator[_Given]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"The configuration file {path} cannot be read: {reason}.") from error
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The configuration file {path} is not TOML: {error}.") from error
    known = list(Settings.__struct_fields__)
    for key, value in found.items():
        if key not in known:
            raise _unknown(key, known, f"there is no such key (in {path})")
        if key in ("data", "master_key_file") and isinstance(value, str) and value.strip():
            value = str(path.absolute().parent / value)
        yield _Given(key, value, str(path), False)


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Given]:
    known = {f"{ENVIRONMENT_PREFIX}{key.upper()}": key for key in Settings.__struct_fields__}
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _NOT_KEYS:
            continue
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise SettingsError(f"{name}: this environment variable is no key{hint}")
        yield _Given(known[name], environ[name], name, True)


def _parsed(text: str, shape: shapes.Type) -> object:
    """An environment variable's text in the shape that the file would have."""
    while isinstance(shape, shapes.Metadata):
        shape = shape.type
    if isinstance(shape, shapes.BoolType):
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise msgspec.ValidationError("Expected `true` or `false`")
    if isinstance(shape, shapes.VarTupleType):
        items = [item.strip() for item in text.split(",") if item.strip()]
        return [_parsed(item, shape.item_type) for item in items]
    if isinstance(shape, shapes.IntType):
        try:
            return int(text)
        except ValueError as error:
            raise msgspec.ValidationError("Expected a whole number") from error
    return text


_ONE_KEY: Final = {
    field.name: msgspec.defstruct(
        f"_{field.name}", [(field.name, hint)], forbid_unknown_fields=True
    )
    for field, hint in ((f, _hints()[f.name]) for f in msgspec.structs.fields(Settings))
}
"""A struct of each key alone, so that what is wrong with one is said of that one."""


def _value(given: _Given) -> object:
    shape = _fields()[given.key].type
    try:
        raw = _parsed(str(given.value), shape) if given.is_text else given.value
        one = convert({given.key: raw}, _ONE_KEY[given.key], strict=True, dec_hook=_path)
    except (msgspec.ValidationError, TypeError) as error:
        reason = str(error).split(" - at ")[0].replace("`", "")
        raise SettingsError(f"{given.key}: {reason} (in {given.place}).") from error
    value = getattr(one, given.key)
    if isinstance(value, Path) and not str(raw).strip():
        raise SettingsError(f"{given.key}: the path is empty (in {given.place}).")
    return value


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise TypeError(f"Expected a path, got {type(value).__name__}")


def load_settings(file: Path | None, environ: Mapping[str, str], **flags: object) -> Settings:
    """The configuration from a file, the environment and flags; what comes later wins.

    Args:
        file: a TOML file; None takes the one that `TALLYSTICK_CONFIG` names, if any.
        environ: the process's environment.
        flags: values of the command line by key; None for those that were not given.

    Raises:
        SettingsError: an unknown key, a value that does not fit, or a file that cannot be read.
    """
    named = environ.get("TALLYSTICK_CONFIG", "")
    file = file or (Path(named) if named else None)
    values: dict[str, Any] = {}
    for given in (*(_from_file(file) if file else ()), *_from_environment(environ)):
        values[given.key] = _value(given)
    for key, flag in flags.items():
        if flag is not None:
            raw = str(flag) if isinstance(flag, Path) else flag
            values[key] = _value(_Given(key, raw, "the command line", False))
    return Settings(**values)
