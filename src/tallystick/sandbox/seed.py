"""The sandbox: a marketplace with an app and keys, merchants, buyers with money, an operator.

Seeded once into an empty data folder, all through the pipeline. What a developer needs to call
the gateway is written into `<data>/sandbox/`; it opens nothing but this sandbox.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tallystick.decoding import decode_json
from tallystick.parties.model import IssuePaymentCode, Party, PartyKind, RegisterParty
from tallystick.parties.passwords import PasswordHasher
from tallystick.parties.views import login_index, payment_code_index, seal_login, seal_name
from tallystick.partners.api_keys import new_secret, secret_digest
from tallystick.partners.keyring import seal_aes_key
from tallystick.partners.model import (
    AddSeller,
    App,
    CreateApiKey,
    CreateApp,
    CreateGatewayKey,
    CreateOperator,
    GatewayKey,
    Role,
)
from tallystick.payments.trades.model import RelateReceivers
from tallystick.payments.wallet.model import BankOrder, BankOrderDone, BankOrderStatus, StartTopUp
from tallystick.pipeline.commands import SYSTEM, Command, Reply
from tallystick.platform import Platform
from tallystick.sandbox.seed_credit import credit_steps
from tallystick.sandbox.seed_joint import INSTITUTIONS, joint_steps
from tallystick.settings import Settings
from tallystick.store.engine import StoreError

__all__ = ["APP_ID", "CREDENTIALS", "needs_seed", "read_credentials", "refresh_credentials", "seed"]

APP_ID: Final = "2026000000000001"
CREDENTIALS: Final = "credentials.json"

_DRAFT: Final = "draft.json"
_OPERATORS: Final = {"operator": Role.OPERATOR, "viewer": Role.VIEWER}
_YEAR_MS: Final = 365 * 86_400_000
_PASSWORD: Final = "sandbox-1"  # noqa: S105 - sandbox personas are public
_PAYMENT_PASSWORD: Final = "123456"  # noqa: S105
_SCOPES: Final = (
    "payments:write payments:read wallet:write wallet:read ledger:write ledger:read "
    "parties:write parties:read parties:codes parties:challenge apps:write apps:read "
    "notifications:write "
    "disputes:resolve credit:write credit:read reconciliation:write "
    "reconciliation:read risk:write risk:read risk:review ledger:close "
    "blacklist:read blacklist:write blacklist:subject blacklist:keep blacklist:audit "
    "webhooks:write webhooks:read"
    " institution:write institution:read"
)


class Persona(NamedTuple):
    """A party of the sandbox; `money` is in fen."""

    party_id: str
    login: str
    name: str
    kind: PartyKind
    money: int


_SHOP, _HUMAN = PartyKind.MERCHANT, PartyKind.PERSON
PERSONAS: Final = (
    Persona("2088000000000001", "market@sandbox.test", "Tally Market 集市", _SHOP, 0),
    Persona("2088000000000002", "tea@sandbox.test", "Cloud Tea House 云茶馆", _SHOP, 0),
    Persona("2088000000000003", "courier@sandbox.test", "Swift Courier 快送", _SHOP, 0),
    Persona("2088000000000101", "alice@sandbox.test", "Alice Zhang 张爱丽", _HUMAN, 10**8),
    Persona("2088000000000102", "bob@sandbox.test", "Bob Li 李博", _HUMAN, 10**7),
    Persona("2088000000000103", "poor@sandbox.test", "Penny Wu 吴分", _HUMAN, 100),
)


def needs_seed(platform: Platform) -> bool:
    """Whether the folder is new, or an earlier seeding was cut off."""
    if (platform.settings.data / "sandbox" / _DRAFT).exists():
        return True
    return not platform.rows.query(Party, "LIMIT 1")


async def _do(platform: Platform, request_id: str, command: Command) -> Reply | None:
    """Run a step; one that a cut-off seeding did already is done (its salts differ)."""
    answer = await platform.submit(SYSTEM, command, f"seed:{request_id}")
    if answer.refusal is not None and answer.refusal.code != "IDEMPOTENCY_MISMATCH":
        raise StoreError(f"The sandbox cannot be seeded: {answer.refusal.code} for {request_id}.")
    return answer.reply


def _bare(der: bytes) -> str:
    return base64.b64encode(der).decode()


def _public(key: rsa.RSAPrivateKey) -> str:
    """The public half as one line of base64 (SubjectPublicKeyInfo)."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _bare(key.public_key().public_bytes(serialization.Encoding.DER, form))


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _pem(key: rsa.RSAPrivateKey, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    ).decode()


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, text: str) -> None:
    """Write a file anew, so that a reader sees the old one or the new one and no half."""
    new = path.with_name(f"{path.name}.new")
    _write(new, text)
    new.replace(path)


class Draft(msgspec.Struct):
    """The random part of a sandbox, written before the first step so that none is lost."""

    app_key: str
    gateway_key: str
    aes_key: str
    rest_key: str
    operator_passwords: dict[str, str]


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _pem(key, serialization.PrivateFormat.PKCS8)


def _draft(folder: Path) -> Draft:
    path = folder / _DRAFT
    if path.exists():
        return decode_json(path.read_bytes(), Draft)
    draft = Draft(
        app_key=_new_key(),
        gateway_key=_new_key(),
        aes_key=_bare(secrets.token_bytes(16)),
        rest_key=new_secret("sandbox").text,
        operator_passwords={login: secrets.token_urlsafe(9) for login in _OPERATORS},
    )
    _write(path, msgspec.json.encode(draft).decode())
    return draft


def _private(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


async def _top_up(platform: Platform, who: Persona) -> None:
    """Have the sandbox's bank send the persona's money, and wait for it."""
    command = StartTopUp(party_id=who.party_id, amount=who.money, bank_id="1")
    order = await _do(platform, f"top-up:{who.login}", command)
    assert isinstance(order, BankOrderDone)
    for _ in range(200):
        row = platform.rows.get(BankOrder, order.order_id)
        if row is not None and row.status is BankOrderStatus.ACCEPTED:
            return
        await asyncio.sleep(0.05)
    raise StoreError("The sandbox cannot be seeded: its bank does not answer.")


async def register_persona(platform: Platform, who: Persona, hasher: PasswordHasher) -> str:
    """Open a persona with the sandbox's passwords and money; gives its lasting payment code."""
    sealer = platform.sealer
    await _do(
        platform,
        f"party:{who.login}",
        RegisterParty(
            party_id=who.party_id,
            kind=who.kind,
            login_index=login_index(sealer, who.login),
            login_sealed=seal_login(sealer, who.login),
            name_sealed=seal_name(sealer, who.name),
            login_hash=await asyncio.to_thread(hasher.hash_password, _PASSWORD),
            payment_hash=await asyncio.to_thread(hasher.hash_password, _PAYMENT_PASSWORD),
        ),
    )
    if who.money:
        await _top_up(platform, who)
    code = f"28{int(who.party_id) % 10**16:016d}"
    await _do(
        platform,
        f"code:{who.login}",
        IssuePaymentCode(
            party_id=who.party_id,
            code_index=payment_code_index(sealer, code),
            expires_ms=platform.clock_ms() + 10 * _YEAR_MS,
            reusable=True,
        ),
    )
    return code


async def _seed_app(platform: Platform, draft: Draft) -> None:
    """The marketplace's app with its keys, sellers, receivers of splits, and a REST key."""
    sealer = platform.sealer
    market, tea, courier = (who.party_id for who in PERSONAS[:3])
    receivers = {courier: "delivery", tea: "partner shop"}
    steps: dict[str, Command] = {
        "gateway-key": CreateGatewayKey(
            key_id="gateway-1",
            public_key=_public(_private(draft.gateway_key)),
            private_sealed=sealer.seal("gateway_key.private", draft.gateway_key),
        ),
        "app": CreateApp(
            app_id=APP_ID,
            name="Tally Market",
            merchant_id=market,
            public_key=_public(_private(draft.app_key)),
            key_id="app-key-1",
            gateway_key_id="gateway-1",
            aes_key_sealed=seal_aes_key(sealer, draft.aes_key),
        ),
        "seller:tea": AddSeller(app_id=APP_ID, party_id=tea),
        "seller:courier": AddSeller(app_id=APP_ID, party_id=courier),
        "royalty": RelateReceivers(app_id=APP_ID, receivers=receivers),
        "api-key": CreateApiKey(
            key_id="sandbox",
            name="Sandbox",
            secret_hash=secret_digest(draft.rest_key),
            scopes=_SCOPES,
        ),
    }
    for request_id, command in steps.items():
        await _do(platform, request_id, command)


async def _seed_operators(platform: Platform, draft: Draft, hasher: PasswordHasher) -> None:
    for login, role in _OPERATORS.items():
        password_hash = await asyncio.to_thread(
            hasher.hash_password, draft.operator_passwords[login]
        )
        command = CreateOperator(
            operator_id=f"sandbox-{login}", login=login, role=role, password_hash=password_hash
        )
        await _do(platform, f"operator:{login}", command)


def _places(settings: Settings) -> dict[str, str]:
    """What of the credentials depends on where the server and its data folder are."""
    base, folder = settings.public_base, (settings.data / "sandbox").absolute()
    return {
        "base_url": base,
        "gateway_url": f"{base}/gateway.do",
        "app_private_key_file": str(folder / "app_private_key.pem"),
        "app_private_key_pkcs8_file": str(folder / "app_private_key_pkcs8.pem"),
        "alipay_public_key_file": str(folder / "alipay_public_key.pem"),
    }


def _credentials(
    platform: Platform, folder: Path, draft: Draft, people: list[dict[str, str]]
) -> dict[str, Any]:
    app_key = _private(draft.app_key)
    gateway_public = _public(_private(draft.gateway_key))
    texts = {
        "app_private_key.pem": _pem(app_key, serialization.PrivateFormat.TraditionalOpenSSL),
        "app_private_key_pkcs8.pem": _pem(app_key, serialization.PrivateFormat.PKCS8),
        "alipay_public_key.txt": gateway_public + "\n",
        "alipay_public_key.pem": _public_pem(_private(draft.gateway_key)),
    }
    for name, text in texts.items():
        _write(folder / name, text)
    return {
        **_places(platform.settings),
        "app_id": APP_ID,
        "alipay_public_key": gateway_public,
        "aes_key": draft.aes_key,
        "rest_key": draft.rest_key,
        "buyers": [p for p in people if p["kind"] == "person"],
        "merchants": [p for p in people if p["kind"] == "merchant"],
        "operators": [
            {"login": login, "password": draft.operator_passwords[login], "role": role.value}
            for login, role in _OPERATORS.items()
        ],
    }


async def _seed_institutions(platform: Platform, hasher: PasswordHasher) -> list[dict[str, str]]:
    """Institutions, each with an operator of its own; their parties have no use of a wallet."""
    sealer, found = platform.sealer, []
    unknown = await asyncio.to_thread(hasher.hash_password, secrets.token_hex(16))
    for who in INSTITUTIONS:
        login = f"{who.login}@sandbox.test"
        party = RegisterParty(
            party_id=who.institution_id, kind=PartyKind.INSTITUTION,
            login_index=login_index(sealer, login), login_sealed=seal_login(sealer, login),
            name_sealed=seal_name(sealer, who.name), login_hash=unknown, payment_hash=unknown,
        )  # fmt: skip
        await _do(platform, f"party:{who.institution_id}", party)
    for request_id, command in joint_steps().items():
        await _do(platform, request_id, command)
    for who in INSTITUTIONS:
        password = _PASSWORD
        operator = CreateOperator(
            operator_id=f"sandbox-{who.login}", login=who.login, role=Role.VIEWER,
            password_hash=await asyncio.to_thread(hasher.hash_password, password),
            institution_id=who.institution_id,
        )  # fmt: skip
        await _do(platform, f"operator:{who.login}", operator)
        found.append(
            {
                "institution_id": who.institution_id, "name": who.name, "kind": who.kind.value,
                "login": who.login, "password": password,
            }
        )  # fmt: skip
    return found


async def seed(platform: Platform) -> None:
    """Fill an empty platform, or go on where an earlier seeding was cut off.

    The platform must be started: the sandbox's bank has to answer. Writes
    `<data>/sandbox/credentials.json` and the key files beside it.
    """
    folder = platform.settings.data / "sandbox"
    folder.mkdir(exist_ok=True, mode=0o700)
    draft = _draft(folder)
    hasher = PasswordHasher.of(platform.settings)
    people = []
    for who in PERSONAS:
        code = await register_persona(platform, who, hasher)
        people.append(
            {
                "party_id": who.party_id,
                "login": who.login,
                "name": who.name,
                "kind": who.kind.value,
                "password": _PASSWORD,
                "payment_password": _PAYMENT_PASSWORD,
                "payment_code": code,
            }
        )
    await _seed_app(platform, draft)
    await _seed_operators(platform, draft, hasher)
    borrowers = [p["party_id"] for p in people if p["kind"] == PartyKind.PERSON.value]
    for request_id, command in credit_steps(borrowers).items():
        await _do(platform, request_id, command)
    institutions = await _seed_institutions(platform, hasher)
    credentials = _credentials(platform, folder, draft, people)
    credentials["institutions"] = institutions
    _write(folder / CREDENTIALS, json.dumps(credentials, indent=2, ensure_ascii=False) + "\n")
    (folder / _DRAFT).unlink()


def read_credentials(data: Path) -> dict[str, Any]:
    """What `seed` wrote into a data folder (FileNotFoundError when it has no sandbox)."""
    found: dict[str, Any] = json.loads((data / "sandbox" / CREDENTIALS).read_text("utf-8"))
    return found


def _signed_with(platform: Platform, app_id: str) -> str:
    """The public half of the key that signs for the sandbox's app now; empty without the app."""
    app = platform.rows.get(App, app_id)
    key = platform.rows.get(GatewayKey, app.gateway_key_id) if app else None
    return key.public_key if key else ""


def _wrapped(public_key: str) -> str:
    """A public key of one line as PEM."""
    lines = [public_key[at : at + 64] for at in range(0, len(public_key), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def refresh_credentials(platform: Platform) -> None:
    """Bring the credentials up to date with the server's address, the folder's place, and the
    key that the platform signs with.

    A folder without a sandbox, or with credentials that cannot be read, is left as it is.
    """
    folder = platform.settings.data / "sandbox"
    try:
        found = read_credentials(platform.settings.data)
    except (FileNotFoundError, ValueError):
        return
    current = _places(platform.settings)
    public_key = _signed_with(platform, str(found.get("app_id", "")))
    if public_key and public_key != found.get("alipay_public_key"):
        current["alipay_public_key"] = public_key
        _replace(folder / "alipay_public_key.txt", public_key + "\n")
        _replace(folder / "alipay_public_key.pem", _wrapped(public_key))
    if any(found.get(name) != value for name, value in current.items()):
        text = json.dumps({**found, **current}, indent=2, ensure_ascii=False) + "\n"
        _replace(folder / CREDENTIALS, text)
