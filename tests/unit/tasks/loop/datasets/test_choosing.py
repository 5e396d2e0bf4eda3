"""Rules by which structures get labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.specs.dataset import ChoiceSpec
from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.tasks.loop.datasets.choosing import order_of

RADIAL = (RadialDescriptorSpec(cutoff=5.0, widths=(0.4, 0.8)),)


@pytest.fixture
def examples(emt_examples):
    found = emt_examples(groups=3, per_group=2)
    # One of each group is twice as large.
    return [replace(one, structure=one.structure.repeat((1, 1, 1 + number % 2))) for number, one in enumerate(found)]


def order(examples, seed: int = 0, power: float = 1.0, **keys: object) -> list[int]:
    spec = ChoiceSpec(share=0.5, power=power, descriptors=RADIAL, **keys)
    cost = np.array([len(one.structure) for one in examples], dtype=np.float64) ** spec.power
    return order_of(spec, examples, cost, np.arange(5), seed).tolist()


def test_every_rule_takes_each_structure_once_and_none_that_is_held_out(examples):
    for rule in ("information", "size", "random"):
        assert sorted(order(examples, by=rule)) == [0, 1, 2, 3, 4]


def test_the_small_ones_come_first_by_size(examples):
    sizes = [len(examples[place].structure) for place in order(examples, by="size")]
    assert sizes == sorted(sizes)


def test_the_seed_matters_where_something_is_left_to_chance(examples):
    for rule in ("size", "random"):
        assert len({tuple(order(examples, seed=seed, by=rule)) for seed in range(12)}) > 3
    assert order(examples, seed=0) == order(examples, seed=5)


def test_information_is_weighed_against_cost_and_looks_at_no_energy(examples):
    dear = order(examples, power=8.0)
    assert [len(examples[place].structure) for place in dear] == [16, 16, 16, 32, 32]
    assert order(examples, power=0.01) != dear
    assert order([replace(one, properties={}) for one in examples]) == order(examples)


def test_what_is_seen_of_the_surroundings_matters(examples):
    short = (RadialDescriptorSpec(cutoff=2.6, shortest=2.5, widths=(0.05,)),)
    spec = ChoiceSpec(share=0.5, descriptors=short)
    cost = np.ones(6)
    assert (
        order_of(spec, examples, cost, np.arange(6), 0).tolist()
        != order_of(spec.model_copy(update={"descriptors": RADIAL}), examples, cost, np.arange(6), 0).tolist()
    )
