"""The engine: what each rule finds, and the laws that hold for whatever it is given."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.reconciliation.matching.columns import frame_of
from tallystick.reconciliation.matching.engine import match
from tallystick.reconciliation.matching.entry import Entry
from tallystick.reconciliation.matching.outcome import Group, Outcome
from tallystick.reconciliation.matching.rules import Rule, Rules, Tolerance, read_rules
from tallystick.reconciliation.matching.subsets import Steps, find_subsets
from tallystick.reconciliation.statements.model import StatementError

FEE = Tolerance(name="bank fee", account="5001", minor_units_max=200, rate_max="0.01")
RULES = Rules(tolerances=(FEE,))


def matched(bank: list[Entry], ledger: list[Entry], rules: Rules = RULES) -> Outcome:
    return match(frame_of(bank), frame_of(ledger), rules)


def only(bank: list[Entry], ledger: list[Entry], rules: Rules = RULES) -> Group:
    (group,) = matched(bank, ledger, rules).groups()
    return group


def row(
    name: str, amount: int, day: int = 10, reference: str = "", who: str = "", *, own: str = "",
    currency: str = "CNY",
) -> Entry:  # fmt: skip
    return Entry(name, day, amount, currency, reference, own, who)


def test_the_same_reference_and_amount_are_a_match_however_late() -> None:
    group = only([row("b", 100, 90, "R")], [row("l", 100, 1, "R")])
    assert (group.rule, group.matched) == (Rule.REFERENCE, True)
    assert group.reason == "The reference and the amount agree."


def test_either_side_may_have_the_reference_as_its_own_number() -> None:
    assert only([row("b", 100, own="R")], [row("l", 100, reference="R")]).rule is Rule.REFERENCE


def test_references_of_different_currencies_are_different() -> None:
    assert list(matched([row("b", 100, reference="R")],
                        [row("l", 100, reference="R", currency="USD")]).groups()) == []  # fmt: skip


def test_a_fee_within_the_tolerance_is_a_match_that_names_it() -> None:
    group = only([row("b", 99_900, reference="R")], [row("l", 100_000, reference="R")])
    assert (group.rule, group.matched, group.difference, group.tolerance) == (
        Rule.TOLERANCE, True, -100, "bank fee",
    )  # fmt: skip


@pytest.mark.parametrize("bank", [99_799, 100_001])
def test_a_difference_beyond_the_tolerance_is_a_proposal(bank: int) -> None:
    group = only([row("b", bank, reference="R")], [row("l", 100_000, reference="R")])
    assert (group.rule, group.matched) == (Rule.REFERENCE_AMOUNT, False)
    assert group.difference == bank - 100_000


def test_a_tolerance_s_share_binds_small_amounts() -> None:
    assert not only([row("b", 998, reference="R")], [row("l", 1000 + 50, reference="R")]).matched


def test_all_with_a_reference_add_up_to_the_one_on_the_other_side() -> None:
    parts = [row("l1", 60, reference="R"), row("l2", 40, reference="R")]
    group = only([row("b", 100, reference="R")], parts)
    assert (group.rule, group.ledger) == (Rule.REFERENCE_TOTAL, ("l1", "l2"))


def test_a_line_that_the_bank_repeats_is_proposed_once_and_left_once() -> None:
    bank = [row("b1", 100, reference="R"), row("b2", 100, reference="R")]
    outcome = matched(bank, [row("l", 100, reference="R")])
    (group,) = outcome.groups()
    assert (group.rule, group.matched, group.choices) == (Rule.REFERENCE_REPEATED, False, 1)
    assert outcome.unmatched == (["b2"], [])


def test_amount_and_day_alone_are_a_match_only_when_nothing_else_is_near() -> None:
    assert only([row("b", 100, 12)], [row("l", 100, 10, "R")]).rule is Rule.AMOUNT_DAY
    assert list(matched([row("b", 100, 14)], [row("l", 100, 10)]).groups()) == []
    near = only([row("b", 100, 12)], [row("l1", 100, 10), row("l2", 100, 13)])
    assert (near.matched, near.choices) == (False, 1)


def test_the_counterparty_tells_equal_amounts_apart() -> None:
    bank = [row("b1", 100, who="A"), row("b2", 100, who="B")]
    groups = list(matched(bank, [row("l1", 100, who="B"), row("l2", 100, who="A")]).groups())
    assert [(g.bank, g.ledger, g.matched) for g in groups] == [
        (("b1",), ("l2",), True), (("b2",), ("l1",), True),
    ]  # fmt: skip


def test_another_reference_makes_an_equal_amount_a_proposal() -> None:
    group = only([row("b", 100, reference="X")], [row("l", 100, reference="Y")])
    assert (group.rule, group.matched) == (Rule.AMOUNT_DAY, False)


def test_a_bank_that_nets_a_day_s_payouts_is_matched_by_their_sum() -> None:
    payouts = [row(f"l{n}", -n, 10, f"R{n}") for n in (10, 20, 30)]
    came = row("l9", 500, 10, "R9")
    group = only([row("b", -60, 11)], [*payouts, came])
    assert (group.rule, group.matched, group.ledger) == (
        Rule.TOTAL_DAY,
        True,
        ("l10", "l20", "l30"),
    )


def test_each_payee_s_day_is_netted_by_itself() -> None:
    ledger = [row("l1", -10, who="A"), row("l2", -20, who="A"),
              row("l3", -5, who="B"), row("l4", -25, who="B")]  # fmt: skip
    groups = list(matched([row("b1", -30, who="B"), row("b2", -30, who="A")], ledger).groups())
    assert {(g.rule, g.bank, g.ledger) for g in groups} == {
        (Rule.TOTAL_COUNTERPARTY, ("b2",), ("l1", "l2")),
        (Rule.TOTAL_COUNTERPARTY, ("b1",), ("l3", "l4")),
    }


def test_a_day_s_payouts_netted_less_a_fee_are_proposed_with_the_tolerance() -> None:
    payouts = [row(f"l{n}", -n, 10, f"R{n}", who="A") for n in (10_000, 20_000, 30_000)]
    others = [row("m1", -7_000, 10, "Q1", who="B"), row("m2", -8_000, 10, "Q2", who="B")]
    group = only([row("b", -60_150, 11, who="A")], [*payouts, *others])
    assert (group.rule, group.matched, group.difference, group.tolerance) == (
        Rule.TOTAL_FEE, False, -150, "bank fee",
    )  # fmt: skip
    assert group.ledger == ("l10000", "l20000", "l30000")
    assert "fee within a tolerance" in group.reason


def test_receipts_less_a_fee_are_proposed_and_of_two_days_the_nearer_sum() -> None:
    days = [
        row("l1", 50_000, 9),
        row("l2", 50_020, 9),
        row("l3", 60_000, 10),
        row("l4", 40_000, 10),
    ]
    group = only([row("b", 99_990, 11)], days)
    assert (group.rule, group.ledger, group.difference) == (Rule.TOTAL_FEE, ("l3", "l4"), -10)
    assert group.choices == 1


@pytest.mark.parametrize(
    ("amount", "day"), [(-60_201, 11), (-59_850, 11), (-60_150, 14), (60_150, 11)]
)
def test_a_netted_sum_beyond_the_tolerance_the_window_or_the_wrong_way_is_left(
    amount: int, day: int
) -> None:
    payouts = [row(f"l{n}", -n, 10, f"R{n}") for n in (10_000, 20_000, 30_000)]
    assert list(matched([row("b", amount, day)], payouts).groups()) == []


def test_many_lines_for_one_entry() -> None:
    group = only([row("b1", 40), row("b2", 60)], [row("l", 100)])
    assert (group.rule, group.bank) == (Rule.TOTAL_DAY, ("b1", "b2"))


def test_some_that_add_up_are_a_proposal_and_never_a_match() -> None:
    ledger = [row("l1", 30), row("l2", 47), row("l3", 3)]
    group = only([row("b", 77)], ledger)
    assert (group.rule, group.matched, group.ledger) == (Rule.SUBSET, False, ("l1", "l2"))
    assert group.choices == 0


def test_a_search_among_too_many_is_not_begun_and_is_told_of() -> None:
    rules = Rules(subset_candidates_max=2)
    outcome = matched([row("b", 77)], [row("l1", 30), row("l2", 47), row("l3", 3)], rules)
    assert (list(outcome.groups()), outcome.unsearched) == ([], 1)


def test_a_search_that_is_cut_short_calls_nothing_the_only_one() -> None:
    whole = find_subsets([5, 4, 3, 2, 1], 9, parts_max=5, steps=Steps(10_000))
    assert whole is not None
    assert not whole.is_only
    few = find_subsets([5, 4], 9, parts_max=2, steps=Steps(3))
    assert few is None or not few.is_only


def test_ids_that_are_not_unique_are_refused() -> None:
    with pytest.raises(ValueError, match="unique"):
        matched([row("b", 1), row("b", 2)], [])


def test_rules_are_read_from_toml_and_refused_without_sense() -> None:
    rules = read_rules(
        'window_days = 1\n[[tolerances]]\nname = "f"\naccount = "5001"\nminor_units_max = 5\n'
    )
    assert (rules.window_days, rules.tolerances[0].name) == (1, "f")
    for text in ("window = 1", "window_days = -1", "=", '[[tolerances]]\nname = "f"\n'
                 'account = "5001"\nminor_units_max = 5\nrate_max = "much"'):  # fmt: skip
        with pytest.raises(StatementError):
            read_rules(text)


# Laws.

_ROWS = st.lists(
    st.tuples(
        st.integers(8, 14), st.integers(-6, 6), st.sampled_from(["CNY", "USD"]),
        st.sampled_from(["", "", "R1", "R2", "R3"]), st.sampled_from(["", "", "R1", "Q"]),
        st.sampled_from(["", "A", "B"]),
    ),
    max_size=14,
)  # fmt: skip


def _entries(prefix: str, rows: list[tuple[int, int, str, str, str, str]]) -> list[Entry]:
    return [Entry(f"{prefix}{at:02d}", *found) for at, found in enumerate(rows)]


@given(_ROWS, _ROWS)
def test_each_line_and_entry_is_used_once_and_sums_agree(
    left: list[tuple[int, int, str, str, str, str]],
    right: list[tuple[int, int, str, str, str, str]],
) -> None:
    rules = Rules(tolerances=(Tolerance(name="t", account="2901", minor_units_max=1,
                                        bank_has="either"),))  # fmt: skip
    bank, ledger = _entries("b", left), _entries("l", right)
    outcome = matched(bank, ledger, rules)
    groups = list(outcome.groups())
    left_over = outcome.unmatched
    for side, used, rest in (
        (bank, [i for g in groups for i in g.bank], left_over[0]),
        (ledger, [i for g in groups for i in g.ledger], left_over[1]),
    ):
        assert Counter([*used, *rest]) == Counter(e.id for e in side)
    rows = {e.id: e for e in (*bank, *ledger)}
    for group in groups:
        assert group.bank
        assert group.ledger
        assert len({rows[i].currency for i in (*group.bank, *group.ledger)}) == 1
        apart = sum(rows[i].amount for i in group.bank) - sum(rows[i].amount for i in group.ledger)
        assert group.difference == apart
        if group.rule in (Rule.TOLERANCE, Rule.TOTAL_FEE):
            assert abs(apart) == 1
            assert group.matched == (group.rule is Rule.TOLERANCE)
        elif group.rule is not Rule.REFERENCE_AMOUNT:
            assert apart == 0
        if group.rule > Rule.REFERENCE_MANY:
            days = [[rows[i].day for i in side] for side in (group.bank, group.ledger)]
            assert all(abs(a - b) <= rules.window_days for a in days[0] for b in days[1])


@given(_ROWS, _ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_has_no_effect(
    left: list[tuple[int, int, str, str, str, str]],
    right: list[tuple[int, int, str, str, str, str]],
    shuffler: random.Random,
) -> None:
    bank, ledger = _entries("b", left), _entries("l", right)
    first = matched(bank, ledger)
    shuffler.shuffle(bank)
    shuffler.shuffle(ledger)
    again = matched(bank, ledger)
    assert list(first.groups()) == list(again.groups())
    assert first.unmatched == again.unmatched


@given(st.lists(st.integers(1, 30), min_size=2, max_size=9), st.integers(1, 120))
def test_a_subset_is_found_exactly_when_there_is_one(amounts: list[int], target: int) -> None:
    sums = [
        picked
        for mask in range(1 << len(amounts))
        if len(picked := [i for i in range(len(amounts)) if mask >> i & 1]) > 1
        and sum(amounts[i] for i in picked) == target
    ]
    found = find_subsets(amounts, target, parts_max=9, steps=Steps(100_000))
    assert (found is not None) == bool(sums)
    if found is not None:
        assert list(found.positions) in sums
        assert found.is_only == (len(sums) == 1)
