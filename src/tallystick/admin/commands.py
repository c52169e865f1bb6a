"""The command line of whoever runs the platform; each command says what it did, or one error.

Commands that change something need the server to be stopped: they own the data folder as it
does, and what they change goes through the pipeline.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App as CommandApp
from cyclopts import Parameter

from tallystick.admin.backup import back_up
from tallystick.admin.doctor import Level, examine
from tallystick.admin.master_key import rotate_master_key
from tallystick.admin.offline import carry_out, offline
from tallystick.parties.passwords import PasswordHasher
from tallystick.partners.api_keys import INSTITUTION_SCOPES, SCOPES, new_key_id, new_secret
from tallystick.partners.keyring import new_gateway_key
from tallystick.partners.model import (
    ApiKey,
    App,
    CreateApiKey,
    CreateOperator,
    GatewayKey,
    KeyStatus,
    Operator,
    ResetOperatorPassword,
    RevokeApiKey,
    Role,
    SetOperatorStatus,
    UpdateApp,
)
from tallystick.platform import Platform
from tallystick.settings import Settings, key_table, load_settings, shown_settings

__all__ = [
    "HERE",
    "Place",
    "UsageError",
    "api_keys",
    "backup",
    "config",
    "doctor",
    "keys",
    "operators",
]

_PASSWORD_LENGTH_MIN: Final = 8
_MARKS: Final = {Level.OK: "ok  ", Level.WARN: "warn", Level.FAIL: "FAIL"}


class UsageError(Exception):
    """What was asked for cannot be done; the message is one sentence."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Place:
    """Which platform, and how to answer.

    Attributes:
        data: the data folder.
        config: a TOML file with the configuration.
        as_json: answer with one JSON object.
    """

    data: Path | None = None
    config: Path | None = None
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return load_settings(self.config, os.environ, data=self.data)

    def say(self, found: dict[str, Any], text: str) -> None:
        """Answer in the form that was asked for."""
        print(json.dumps(found, ensure_ascii=False) if self.as_json else text)


HERE: Final = Place()


# Looking.


def doctor(*, place: Place = HERE, whole: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Check this machine and the data folder; exit code 1 when something is wrong.

    Args:
        whole: read every page and every sealed value instead of a quick look and a sample.
    """
    checks = examine(place.settings, whole=whole)
    failed = any(check.level is Level.FAIL for check in checks)
    width = max(len(check.name) for check in checks)
    lines = [f"{_MARKS[c.level]}  {c.name:<{width}}  {c.sentence}" for c in checks]
    place.say({"ok": not failed, "checks": [c._asdict() for c in checks]}, "\n".join(lines))
    return int(failed)


def config(*, place: Place = HERE, table: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Show every key of the configuration with its value; secrets are masked.

    Args:
        table: print the table of the documentation instead.
    """
    if table:
        lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
        lines += [f"| `{r.name}` | {r.kind} | `{r.default}` | {r.meaning} |" for r in key_table()]
        print("\n".join(lines))
        return 0
    shown = shown_settings(place.settings)
    width = max(map(len, shown))
    text = "\n".join(
        f"{name:<{width}} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in shown.items()
    )
    place.say(shown, text)
    return 0


def backup(folder: Path, *, place: Place = HERE) -> int:
    """Copy the database into a new folder; the server may run meanwhile.

    The master key is not copied. To restore, start the server with --data on a copy of the
    folder and the master key that belongs to it.

    Args:
        folder: a folder that is empty or not there yet.
    """
    made = back_up(place.settings, folder)
    place.say(
        {"folder": str(made.folder), "bytes": made.size_bytes, "schema": made.schema},
        f"Copied {made.size_bytes} bytes to {made.folder}. The master key is not in it.",
    )
    return 0


# Operators.

operators = CommandApp(name="operator", help="Who may sign in at the console.")


def _password(*, from_stdin: bool) -> tuple[str, bool]:
    """A password that was given, or a fresh one; and whether it is fresh."""
    if not from_stdin:
        return secrets.token_urlsafe(12), True
    given = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(given) < _PASSWORD_LENGTH_MIN:
        raise UsageError(f"A password has at least {_PASSWORD_LENGTH_MIN} characters.")
    return given, False


def _say_password(place: Place, operator: dict[str, Any], password: str, *, fresh: bool) -> None:
    shown = {**operator, "password": password} if fresh else operator
    text = f"Operator {operator['login']} can sign in at the console."
    place.say(shown, f"{text} Password, shown once: {password}" if fresh else text)


def _operator(platform: Platform, login: str) -> Operator:
    found = platform.rows.find(Operator, login=login)
    if found is None:
        raise UsageError(f"There is no operator {login}.")
    return found


@operators.command
def add(
    login: str, *, place: Place = HERE, role: Role = Role.OPERATOR,
    password_stdin: Annotated[bool, Parameter(negative=())] = False, institution: str = "",
) -> int:  # fmt: skip
    """Let somebody sign in at the console, or at an institution's own pages.

    Args:
        login: the name to sign in with.
        role: operators may act, viewers only look.
        password_stdin: read the password from standard input instead of making one.
        institution: the institution for which it works; by default the platform itself.
    """
    settings = place.settings
    password, fresh = _password(from_stdin=password_stdin)
    with offline(settings) as platform:
        command = CreateOperator(
            operator_id=f"operator-{secrets.token_hex(6)}",
            login=login,
            role=role,
            password_hash=PasswordHasher.of(settings).hash_password(password),
            institution_id=institution,
        )
        carry_out(platform, command)
    _say_password(place, {"login": login, "role": role.value}, password, fresh=fresh)
    return 0


@operators.command
def reset(
    login: str, *, place: Place = HERE,
    password_stdin: Annotated[bool, Parameter(negative=())] = False,
) -> int:  # fmt: skip
    """Give an operator a new password, end its sessions and open its lock.

    Args:
        login: the name to sign in with.
        password_stdin: read the password from standard input instead of making one.
    """
    settings = place.settings
    password, fresh = _password(from_stdin=password_stdin)
    with offline(settings) as platform:
        operator = _operator(platform, login)
        password_hash = PasswordHasher.of(settings).hash_password(password)
        carry_out(
            platform,
            ResetOperatorPassword(operator_id=operator.operator_id, password_hash=password_hash),
        )
    _say_password(place, {"login": login, "role": operator.role.value}, password, fresh=fresh)
    return 0


@operators.command
def retire(login: str, *, place: Place = HERE) -> int:
    """Let an operator sign in no more; the last who may act stays.

    Args:
        login: the name to sign in with.
    """
    with offline(place.settings) as platform:
        operator_id = _operator(platform, login).operator_id
        carry_out(platform, SetOperatorStatus(operator_id=operator_id, status=KeyStatus.RETIRED))
    place.say({"login": login, "status": "retired"}, f"Operator {login} can sign in no more.")
    return 0


# Keys of the REST API.

api_keys = CommandApp(name="api-key", help="Keys of the REST API.")


@api_keys.command
def create(
    name: str, *, place: Place = HERE,
    scope: Annotated[list[str] | None, Parameter(negative=())] = None, app: str = "",
    operator: str = "",
    institution: str = "",
) -> int:  # fmt: skip
    """Make a key; its secret is shown this once and kept nowhere.

    Args:
        name: what the key is for.
        scope: what it may do, once for each scope; every scope by default.
        app: the app that it acts as; none by default.
        operator: the login of the operator for whom it stands; nobody by default.
        institution: the institution whose own loans it may see; none by default.
    """
    key_id = new_key_id()
    secret = new_secret(key_id)
    scopes = " ".join(scope or sorted(INSTITUTION_SCOPES if institution else SCOPES))
    with offline(place.settings) as platform:
        command = CreateApiKey(
            key_id=key_id, name=name, secret_hash=secret.digest, scopes=scopes, app_id=app,
            operator_id=_operator(platform, operator).operator_id if operator else "",
            institution_id=institution,
        )  # fmt: skip
        carry_out(platform, command)
    place.say(
        {"key_id": key_id, "name": name, "scopes": scopes.split(), "secret": secret.text},
        f"Key {key_id} may {scopes}.\nIts secret, shown once: {secret.text}",
    )
    return 0


@api_keys.command
def revoke(key_id: str, *, place: Place = HERE) -> int:
    """Accept a key no more.

    Args:
        key_id: its id, the middle part of its text.
    """
    with offline(place.settings) as platform:
        carry_out(platform, RevokeApiKey(key_id=key_id))
    place.say({"key_id": key_id, "status": "retired"}, f"Key {key_id} is accepted no more.")
    return 0


# Keys of the platform itself.

keys = CommandApp(name="keys", help="The platform's own keys.")


@keys.command(name="list")
def list_keys(*, place: Place = HERE) -> int:
    """The keys that the platform signs with and the apps that use each, and all API keys."""
    with offline(place.settings) as platform:
        rows = platform.rows
        apps = rows.query(App, "ORDER BY app_id")
        gateway = [
            {
                "key_id": key.key_id,
                "public_key": key.public_key,
                "apps": [app.app_id for app in apps if app.gateway_key_id == key.key_id],
            }
            for key in rows.query(GatewayKey, "ORDER BY created_ms DESC, key_id")
        ]
        rest = [
            {"key_id": key.key_id, "name": key.name, "status": key.status.value}
            for key in rows.query(ApiKey, "ORDER BY created_ms DESC, key_id")
        ]
    lines = [f"gateway key {k['key_id']}  used by {', '.join(k['apps']) or 'no app'}"
             for k in gateway]  # fmt: skip
    lines += [f"API key {k['key_id']}  {k['name']}  {k['status']}" for k in rest]
    place.say({"gateway_keys": gateway, "api_keys": rest}, "\n".join(lines) or "There are none.")
    return 0


@keys.command
def new_gateway(*, place: Place = HERE) -> int:
    """Make a further key pair for the platform's signatures; apps keep theirs until moved.

    Give its public half to the partners first, then move them with `keys use-gateway`. While
    the server runs, the console's page of keys does the same.
    """
    key_id = f"gateway-{secrets.token_hex(4)}"
    with offline(place.settings) as platform:
        command = new_gateway_key(platform.sealer, key_id)
        carry_out(platform, command)
    place.say(
        {"key_id": key_id, "public_key": command.public_key},
        f"Key {key_id}; its public half for partners:\n{command.public_key}",
    )
    return 0


@keys.command
def use_gateway(
    key_id: str, *, place: Place = HERE,
    app: Annotated[list[str] | None, Parameter(negative=())] = None,
    every_app: Annotated[bool, Parameter(negative=())] = False,
) -> int:  # fmt: skip
    """Sign for apps with this key from the next start on.

    Args:
        key_id: a key of the platform.
        app: an app to move; may be given several times.
        every_app: move all apps.
    """
    if bool(app) == every_app:
        raise UsageError("Name apps with --app, or say --every-app.")
    with offline(place.settings) as platform:
        moved = app or [found.app_id for found in platform.rows.query(App, "ORDER BY app_id")]
        for app_id in moved:
            carry_out(platform, UpdateApp(app_id=app_id, gateway_key_id=key_id))
    place.say(
        {"key_id": key_id, "apps": moved}, f"{len(moved)} apps are answered with {key_id} now."
    )
    return 0


@keys.command
def rotate_master(*, place: Place = HERE) -> int:
    """Make a new master key and seal everything with it; cut off, run it again."""
    done = rotate_master_key(place.settings)
    place.say(
        {"values": done.values, "kept": str(done.kept)},
        f"{done.values} values are sealed with the new master key. The old one, for older "
        f"backups, is {done.kept}; keep it elsewhere.",
    )
    return 0
