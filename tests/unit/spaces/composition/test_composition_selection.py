import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.structures.tavorite import tavorite
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.specs.composition import CombinationSpec
from tansaku.spaces.composition import PROTOTYPES, formula, select
from tansaku.spaces.composition_rules import Combination

IONS = {site: tuple(map(Ion.parse, PROTOTYPES["tavorite"].ions[site])) for site in "AMXZ"}
CHOICES = st.fixed_dictionaries({site: st.sets(st.sampled_from(ions), min_size=1) for site, ions in IONS.items()})


@given(CHOICES)
def test_the_candidates_are_every_neutral_combination_and_no_other(chosen):
    balanced = {
        "-".join(ion.label for ion in ions)
        for ions in itertools.product(*(chosen[site] for site in "AMXZ"))
        if sum(ion.charge for ion in ions) == 8
    }
    ions = {site: sorted(some) for site, some in chosen.items()}
    if balanced:
        found = select(tavorite(), ions, (), ())
        assert {one.id for one in found.candidates} == balanced
        assert [one.id for one in found.candidates] == sorted(balanced)
    else:
        with pytest.raises(ConfigurationError, match=r"is neutral, the nearest has [+-]\d+ per cell"):
            select(tavorite(), ions, (), ())


@given(CHOICES, st.lists(CHOICES, max_size=3))
def test_every_combination_falls_to_one_rule_at_most(chosen, named):
    rules = [
        Combination(CombinationSpec(ions={site: [str(ion) for ion in ions] for site, ions in one.items()}, reason="so"), False)
        for one in named
    ]
    try:
        found = select(tavorite(), {site: sorted(some) for site, some in chosen.items()}, rules, ())
    except ConfigurationError:
        return  # nothing left; that is tested elsewhere
    for before, line in itertools.pairwise(found.census):
        assert before.left == line.left + line.left_out
    assert found.census[-1].left == len(found.candidates)
    for one in found.candidates:
        assert all(rule.objection(one.ions) is None for rule in rules)


def test_a_permutation_keeps_the_id_that_comes_first():
    parent = tavorite()
    exchange = {"A": "A", "M": "X", "X": "M", "Z": "Z", "O": "O"}
    identity = {site: site for site in exchange}
    ions = {"M": [Ion("Ge", 4), Ion("Si", 4)], "X": [Ion("Ge", 4), Ion("Si", 4)]}
    every, folded = (select(parent, ions, (), permutations) for permutations in ((), (identity, exchange)))
    assert [one.id for one in every.candidates] == ["Ge4-Ge4", "Ge4-Si4", "Si4-Ge4", "Si4-Si4"]
    assert [one.id for one in folded.candidates] == ["Ge4-Ge4", "Ge4-Si4", "Si4-Si4"]
    assert folded.census[-1].left_out == 1


def test_formulas_count_what_stands_on_several_sites():
    parent = tavorite()
    ions = {**parent.ions, "A": Ion("Na", 1), "M": Ion("Ti", 4), "Z": Ion("O", -2)}
    assert formula(parent, parent.ions) == "LiVPO4F"
    assert formula(parent, ions) == "NaTiPO5"
