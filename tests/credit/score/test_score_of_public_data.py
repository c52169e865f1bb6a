"""What the score is worth on people it has not seen, on two public files; quickly."""

from __future__ import annotations

import numpy as np
from tests.credit.score.people import CLIENTS, GERMAN

from tallystick.credit.score.challenger import Shape
from tallystick.credit.score.dataset import Roles, prepare
from tallystick.credit.score.tables import read_table
from tallystick.credit.score.training import Settings, cross_validate


def test_german_credit_by_repeated_cross_validation() -> None:
    data = prepare(read_table(GERMAN), Roles("creditability"))
    assert data.roles.bad == "bad"
    assert data.roles.protected == ("personal_status_and_sex", "age_in_years", "foreign_worker")
    found = cross_validate(data, Settings(challenger=True, folds=10, repeats=1, bag=6))
    assert np.mean(found.scorecard) >= 0.78
    # The whole bag is three times as large; the benchmark has it at 0.79 and more.
    assert np.mean(found.challenger) >= 0.787


def test_credit_card_clients_who_were_held_out() -> None:
    data = prepare(read_table(CLIENTS), Roles("default.payment.next.month"))
    assert data.roles.identifier == "ID"
    assert data.roles.protected == ("SEX", "MARRIAGE", "AGE")
    settings = Settings(challenger=True, folds=3, bag=1, shape=Shape(8, 150, 0.25))
    found = cross_validate(data, settings)
    assert np.mean(found.scorecard) >= 0.77
    assert np.mean(found.challenger) >= 0.78
