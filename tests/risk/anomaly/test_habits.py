"""What the watch learns of accounts, and what it makes of what breaks their habits."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.risk_anomaly import judged, labelled_stream, scores_of

from tallystick.risk.anomaly.profiles import ProfileFileError, Profiles
from tallystick.risk.anomaly.scoring import PARTS, Part, Scored, StreamEvent, Watcher, place_of
from tallystick.risk.anomaly.words import reason, reasons

_DAY_MS = 86_400_000
_NOON_MS = 1_790_050_000_000 // _DAY_MS * _DAY_MS + 4 * 3_600_000


def _event(
    at_ms: int, *, kind: str = "payment", amount: int = 2_000, payee: str = "shop",
    device: str = "phone", address: str = "10.1.2.3", party: str = "ann",
) -> StreamEvent:  # fmt: skip
    return StreamEvent(1, at_ms, kind, amount, party, payee, device, address, "accepted")


def _used_to(watcher: Watcher, days: int = 20) -> int:
    """An account that buys at noon, from one phone at one place; the moment after."""
    for day in range(days):
        watcher.see(_event(_NOON_MS + day * _DAY_MS))
    return _NOON_MS + days * _DAY_MS


def _scored(watcher: Watcher, event: StreamEvent) -> Scored:
    scored = watcher.see(event)
    assert scored is not None
    return scored


def test_what_an_account_always_does_scores_next_to_nothing() -> None:
    watcher = Watcher(Profiles())
    after = _used_to(watcher)
    assert _scored(watcher, _event(after)).score < 30


def test_another_device_place_amount_and_payee_at_night_is_a_takeover_and_says_why() -> None:
    watcher = Watcher(Profiles())
    after = _used_to(watcher)
    for _ in range(3):
        assert watcher.see(_event(after, kind="sign_in_wrong", device="theirs")) is None
    found = _scored(
        watcher,
        _event(after + 14 * 3_600_000, kind="transfer", amount=90_000, payee="mule",
               device="theirs", address="203.0.113.9"),
    )  # fmt: skip
    assert found.kind == "takeover"
    assert found.score >= 330
    assert {"device", "place", "stranger", "amount", "payee"} <= {p.name for p in found.parts}
    points = [part.points for part in found.parts]
    assert points == sorted(points, reverse=True)
    english, chinese = reasons(found.parts)
    assert "device" in english
    assert "设备" in chinese


def test_money_that_goes_on_at_once_out_of_a_new_account_is_a_mule() -> None:
    watcher = Watcher(Profiles())
    after = _used_to(watcher, days=40)
    watcher.see(_event(after, kind="transfer", amount=80_000, payee="mule"))
    found = _scored(
        watcher,
        _event(after + 60_000, kind="transfer", amount=78_000, party="mule", payee="next",
               device="other"),
    )  # fmt: skip
    assert found.kind == "mule"
    assert found.score >= 330
    assert found.parts[0].name in ("pass_through", "fresh")


def test_what_its_owner_has_proved_to_be_theirs_is_no_stranger() -> None:
    watcher = Watcher(Profiles())
    after = _used_to(watcher)
    bought = _event(after, device="new phone", address="198.51.100.1")
    assert _scored(watcher, bought).score >= 150
    watcher.trust("ann", after)
    again = _scored(watcher, bought._replace(at_ms=after + 60_000, device="their tablet"))
    assert not {"device", "place", "stranger"} & {part.name for part in again.parts}


def test_a_refused_event_does_not_make_a_device_known() -> None:
    watcher = Watcher(Profiles())
    after = _used_to(watcher)
    refused = _event(after, device="theirs")._replace(result="RISK_CHALLENGE")
    watcher.see(refused)
    row = watcher.profiles.row_of("ann")
    assert int((watcher.profiles.devices.marks[row] != 0).sum()) == 1


def test_memory_is_bounded_and_the_longest_unseen_account_is_forgotten() -> None:
    watcher = Watcher(Profiles(accounts_max=3))
    for at, party in enumerate(("ann", "ben", "cat", "ann", "dan")):
        watcher.see(_event(_NOON_MS + at, party=party))
    profiles = watcher.profiles
    assert len(profiles) == 3
    assert profiles.forgotten == 1
    assert profiles.row_of("ben") == -1
    assert profiles.row_of("ann") >= 0
    assert profiles.figures.shape[0] == 3


def test_a_restart_does_not_forget(tmp_path: Path) -> None:
    watcher = Watcher(Profiles())
    after = _used_to(watcher)
    watcher.profiles.position = 77
    watcher.profiles.save(tmp_path / "habits.npz")
    kept = Profiles.load(tmp_path / "habits.npz")
    assert kept.position == 77
    event = _event(after, device="other", amount=70_000)
    assert Watcher(kept).see(event) == watcher.see(event)


@pytest.mark.parametrize("spoil", [b"", b"not a file of habits", None])
def test_a_file_that_is_damaged_is_refused_by_name(tmp_path: Path, spoil: bytes | None) -> None:
    path = tmp_path / "habits.npz"
    watcher = Watcher(Profiles())
    _used_to(watcher)
    watcher.profiles.save(path)
    path.write_bytes(path.read_bytes()[:-200] if spoil is None else spoil)
    with pytest.raises(ProfileFileError, match=r"habits\.npz"):
        Profiles.load(path)


@pytest.mark.parametrize(
    ("address", "place"),
    [("203.0.113.77", "203.0.113"), ("2001:db8:1:2::3", "2001:db8:1"), ("shop-lan", "shop-lan"),
     ("", "")],
)  # fmt: skip
def test_a_place_is_the_part_of_an_address_that_stays(address: str, place: str) -> None:
    assert place_of(address) == place


def test_every_part_has_words_in_both_languages() -> None:
    watcher = Watcher(Profiles())
    _, surprises, _ = watcher.surprises(_event(_NOON_MS))
    assert len(surprises) == len(PARTS)

    for name in PARTS:
        english, chinese = reason(Part(name, 10, 3.0, 0.0))
        assert english.isascii()
        assert not chinese.isascii()


def test_take_overs_and_mules_of_unseen_seeds_are_found_and_honest_people_left_alone() -> None:
    stream = labelled_stream(104, events=8_000, parties=800)
    watcher = Watcher(Profiles())

    def score(event: StreamEvent) -> float:
        scored = watcher.see(event)
        return 0.0 if scored is None else float(scored.score)

    found = judged(stream, scores_of(stream, score), 250)
    assert found.found["takeover"] >= 0.6
    assert found.found["mule_chain"] >= 0.6
    assert found.false_alerts < 10
