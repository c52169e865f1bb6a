"""Passwords: what is stored, what is right, and what never raises."""

from __future__ import annotations

import argon2
import pytest

from tallystick.parties.passwords import PasswordHasher

QUICK = PasswordHasher(memory_kib=64, passes=1)


def test_a_password_is_stored_as_salted_argon2id() -> None:
    first, second = QUICK.hash_password("correct horse"), QUICK.hash_password("correct horse")
    assert first.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert first != second
    assert "horse" not in first


def test_only_the_right_password_verifies() -> None:
    stored = QUICK.hash_password("密码 123456")
    assert QUICK.verify_password(stored, "密码 123456")
    for wrong in ("密码 123457", "", "密码 123456 ", "\ud800"):
        assert not QUICK.verify_password(stored, wrong)


@pytest.mark.parametrize(
    "stored", ["", "x", "$argon2id$", "$argon2id$v=19$m=64,t=1,p=1$AAAA$", "$2b$12$abc", "\x00"]
)
def test_what_is_no_hash_is_never_right_and_never_an_error(stored: str) -> None:
    assert not QUICK.verify_password(stored, "nobody has this password")


def test_a_hash_made_with_other_work_still_verifies() -> None:
    stored = PasswordHasher(memory_kib=128, passes=2).hash_password("123456")
    assert QUICK.verify_password(stored, "123456")


def test_a_login_that_nobody_has_costs_one_whole_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    hasher = PasswordHasher(memory_kib=64, passes=1)
    real = argon2.PasswordHasher.verify

    def counting(self: argon2.PasswordHasher, stored: str, password: str) -> bool:
        checked.append(stored)
        return bool(real(self, stored, password))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)
    assert not hasher.verify_password("", "123456")
    assert [stored.startswith("$argon2id$v=19$m=64,t=1,p=1$") for stored in checked] == [True]


def test_the_configuration_says_how_much_work_a_hash_is() -> None:
    class Configured:
        password_memory_kib = 96
        password_passes = 2

    assert "$m=96,t=2,p=1$" in PasswordHasher.of(Configured()).hash_password("x")
