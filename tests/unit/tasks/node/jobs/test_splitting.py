from __future__ import annotations

from dataclasses import replace

import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.dataset import AboveSplitSpec, GroupsSplitSpec, ShareSplitSpec
from tansaku.models.domain.surrogates import Example
from tansaku.tasks.node.jobs.splitting import side_of, split


def make(*groups: str) -> list[Example]:
    return [Example(str(number), group, Atoms("Cu"), {}, info={"sigma": len(group)}) for number, group in enumerate(groups)]


MANY = make(*(f"g{number}" for number in range(200) for _ in range(2)))


@given(st.integers(0, 2**63 - 1), st.floats(0.1, 0.9))
def test_a_group_is_on_one_side_and_none_is_lost(seed, share):
    groups = split(MANY, ShareSplitSpec(held_out=share), seed)
    training, held_out = side_of(MANY, groups, "training"), side_of(MANY, groups, "held_out")
    assert {one.group for one in training} & {one.group for one in held_out} == set()
    assert len(training) + len(held_out) == len(MANY)
    assert abs(len(held_out) / len(MANY) - share) < 0.25


def test_a_group_stays_on_its_side_when_others_come():
    rule = ShareSplitSpec(held_out=0.3)
    few, all_of_them = split(MANY[:100], rule, 0), split(MANY, rule, 0)
    assert all(all_of_them[group] == side for group, side in few.items())


def test_the_seed_matters():
    rule = ShareSplitSpec(held_out=0.3)
    assert split(MANY, rule, 0) != split(MANY, rule, 1)


def test_groups_above_a_number_are_held_out():
    examples = make("a", "bb", "ccc", "a")
    examples[3] = replace(examples[3], info={"sigma": 9})
    assert split(examples, AboveSplitSpec(key="sigma", above=1.5), 0) == {"a": "training", "bb": "held_out", "ccc": "held_out"}


def test_groups_are_held_out_by_name_and_pattern():
    examples = make("fcc-rattle-0.2", "bcc-rattle-0.2", "bcc-shear", "fcc-shear", "bcc-shear")
    held_out = split(examples, GroupsSplitSpec(held_out=("bcc-shear", "*-rattle-0.2")), 0)
    assert sorted(group for group, side in held_out.items() if side == "held_out") == [
        "bcc-rattle-0.2",
        "bcc-shear",
        "fcc-rattle-0.2",
    ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (AboveSplitSpec(key="sigma", above=9.0), "no group of 2 is held out"),
        (AboveSplitSpec(key="sigma", above=0.0), "no group of 2 is left for training"),
        (GroupsSplitSpec(held_out=("a", "c*")), r"split\.held_out: no group 'c\*'; available: a, bb"),
        (GroupsSplitSpec(held_out=("*",)), "no group of 2 is left for training"),
        (AboveSplitSpec(key="angle", above=0.0), r"split\.key: 0 has no number 'angle'; its metadata keys are sigma"),
    ],
)
def test_a_rule_that_divides_nothing_is_refused(rule, message):
    with pytest.raises(ConfigurationError, match=message):
        split(make("a", "bb"), rule, 0)
