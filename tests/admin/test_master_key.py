"""A new master key: everything opens with it and nothing with the old one, cut off or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.admin.conftest import Folder
from tests.stores import settings_on

from tallystick.admin import master_key
from tallystick.admin.doctor import Level, examine
from tallystick.admin.master_key import rotate_master_key
from tallystick.parties.model import PaymentCode
from tallystick.parties.views import party_by_login, party_name, payment_code_index
from tallystick.platform import Platform
from tallystick.sandbox.seed import APP_ID, read_credentials
from tallystick.settings import Settings
from tallystick.store.engine import StoreError
from tallystick.store.sealing import Sealer, key_fits


class Cut(Exception):
    """The process ends here."""


def _fails(settings: Settings) -> list[str]:
    return [c.name for c in examine(settings, whole=True) if c.level is Level.FAIL]


def _opens_wholly(folder: Folder) -> None:
    """Whatever needs the key still works."""
    assert _fails(folder.settings) == []
    found = read_credentials(folder.settings.data)
    buyer = found["buyers"][0]
    platform = Platform.open(folder.settings)
    try:
        party = party_by_login(platform.rows, platform.sealer, buyer["login"])
        assert party is not None
        assert party.party_id == buyer["party_id"]
        assert party_name(platform.sealer, party) == buyer["name"]
        code = payment_code_index(platform.sealer, buyer["payment_code"])
        assert platform.rows.get(PaymentCode, code) is not None
        keys = platform.keyring.app(APP_ID)
        assert keys is not None
        assert keys.aes_key
        assert keys.signing_key.key_size == 2048
    finally:
        platform.close()


def test_everything_opens_with_the_new_key(folder: Folder) -> None:
    old = folder.key.read_text()
    done = rotate_master_key(folder.settings)
    assert folder.key.read_text() != old
    assert done.kept.read_text() == old
    assert done.values > 10
    _opens_wholly(folder)


def test_nothing_opens_with_the_old_key(folder: Folder) -> None:
    done = rotate_master_key(folder.settings)
    with pytest.raises(StoreError, match="not the one"):
        Platform.open(settings_on(folder.settings.data, master_key_file=done.kept))


def test_the_key_can_be_changed_again_and_again(folder: Folder) -> None:
    kept = {rotate_master_key(folder.settings).values for _ in range(3)}
    assert len(kept) == 1
    _opens_wholly(folder)


def test_keys_are_readable_by_their_owner_alone(folder: Folder) -> None:
    kept = rotate_master_key(folder.settings).kept
    assert [path.stat().st_mode & 0o777 for path in (folder.key, kept)] == [0o600, 0o600]


@pytest.mark.parametrize("cut_at", ["_reseal", "_reindex_logins", "_swap"])
def test_a_change_that_was_cut_off_is_finished_by_running_it_again(
    cut_at: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any) -> Any:
        raise Cut

    with monkeypatch.context() as patched:
        patched.setattr(master_key, cut_at, cut)
        with pytest.raises(Cut):
            rotate_master_key(folder.settings)
    old_still_fits = _fits(folder)
    if old_still_fits:
        _opens_wholly(folder)
    else:
        with pytest.raises(StoreError, match="keys rotate-master"):
            Platform.open(folder.settings)
    assert old_still_fits == (cut_at != "_swap")
    rotate_master_key(folder.settings)
    assert sorted(path.name for path in folder.key.parent.iterdir())[0] == "master.key"
    assert not folder.key.with_name("master.key.new").exists()
    _opens_wholly(folder)


def _fits(folder: Folder) -> bool:
    connection = folder.connect()
    try:
        return key_fits(connection, Sealer(bytes.fromhex(folder.key.read_text().strip())))
    finally:
        connection.close()


def test_a_server_that_runs_is_not_disturbed(folder: Folder) -> None:
    platform = Platform.open(folder.settings)
    try:
        with pytest.raises(StoreError, match="in use"):
            rotate_master_key(folder.settings)
    finally:
        platform.close()
    _opens_wholly(folder)


def test_a_server_elsewhere_on_the_same_database_is_not_disturbed(
    folder: Folder, tmp_path: Path, chosen_store: str
) -> None:
    platform = Platform.open(folder.settings)
    elsewhere = replace(folder.settings, data=tmp_path / "elsewhere", master_key_file=folder.key)
    try:
        sentence = "in use by" if chosen_store == "postgres" else "has no database"
        with pytest.raises(StoreError, match=sentence):
            rotate_master_key(elsewhere)
    finally:
        platform.close()
    _opens_wholly(folder)


def test_the_wrong_key_changes_nothing(folder: Folder) -> None:
    right = folder.key.read_text()
    folder.key.write_text("ab" * 32 + "\n")
    with pytest.raises(StoreError, match="not the one"):
        rotate_master_key(folder.settings)
    folder.key.write_text(right)
    _opens_wholly(folder)


def test_a_folder_without_a_database_has_nothing_to_change(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no database"):
        rotate_master_key(settings_on(tmp_path / "data"))


def test_the_change_is_in_the_audit_trail(folder: Folder) -> None:
    rotate_master_key(folder.settings)
    connection = folder.connect()
    found = connection.execute(
        "SELECT caller_id, outcome FROM audit WHERE command = 'keys.rotate_master'"
    ).fetchall()
    connection.close()
    assert found == [("command-line", "accepted")]
