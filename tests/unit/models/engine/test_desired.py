"""Choices by the desirability of several quantities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.desirability import desirability
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tests.support.pools import pool_of

X = np.linspace(0.0, 1.0, 41)
POOL = pool_of(41, FeatureGroup("x", X[:, None], np.arange(41), ("x",)))


def objective(**ends: tuple[str, str]) -> ObjectiveSpec:
    desired = [{"property": name, "worthless": worst, "ideal": best} for name, (worst, best) in ends.items()]
    return ObjectiveSpec.model_validate(
        {"unit": "1", "direction": "maximize", "goal": {"type": "best_overall"}, "desirability": desired}
    )


def proposed(wanted: ObjectiveSpec, quantities: np.ndarray, observed: list[int], **changes):
    values = desirability(wanted.desirability, quantities[observed])
    history = replace(History(np.array(observed), -values, others=quantities[observed]), **changes)
    proposer = build_proposer(GPProposerSpec(engine=3), wanted)
    return proposer.propose(POOL, history, 9, proposal_rng(0, 9), proposer.fit(POOL, history, None))


def test_the_best_compromise_is_chosen_although_none_like_it_has_a_desirability_yet():
    """Strength rises, price rises too: all known samples are too weak or too expensive, those between are neither."""
    wanted = objective(strength=("2 eV", "10 eV"), price=("8 eV", "0 eV"))
    quantities = np.column_stack([12 * X - 1, 10 * X])
    choice = proposed(wanted, quantities, [0, 4, 8, 34, 38, 40])
    assert (
        desirability(wanted.desirability, quantities)[choice.position]
        > 0.9 * desirability(wanted.desirability, quantities).max()
    )


def test_while_no_sample_is_expected_to_be_of_use_the_nearest_is_chosen():
    wanted = objective(strength=("200 eV", "300 eV"), price=("1 eV", "0 eV"))
    quantities = np.column_stack([10 * X, np.full(41, 0.5) + 1e-3 * np.sin(9 * X)])
    assert proposed(wanted, quantities, [0, 8, 16, 24, 32]).position >= 38


def test_what_is_awaited_counts_at_its_prediction():
    wanted = objective(strength=("2 eV", "10 eV"), price=("8 eV", "0 eV"))
    quantities = np.column_stack([12 * X - 1, 10 * X])
    observed = [0, 4, 8, 34, 38, 40]
    first = proposed(wanted, quantities, observed)
    second = proposed(wanted, quantities, observed, pending=np.array([first.position]))
    assert second.position != first.position
    assert second.acquisition < first.acquisition


@pytest.mark.parametrize("weights", [(1, 9), (9, 1)])
def test_the_heavier_quantity_decides(weights):
    wanted = objective(strength=("0 eV", "10 eV"), price=("10 eV", "0 eV"))
    heavier = tuple(
        item.model_copy(update={"weight": weight}) for item, weight in zip(wanted.desirability, weights, strict=True)
    )
    quantities = np.column_stack([10 * X, 10 * X])
    found = proposed(wanted.model_copy(update={"desirability": heavier}), quantities, [0, 10, 20, 30, 40]).position
    assert (found < 20) == (weights == (1, 9))
