"""Which voids are sites, from what became of an ion in them."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.workflows.migration.interstitials import Rest, Settled, find_sites, with_sites
from tansaku.calculators.workflows.migration.network import find_operations
from tansaku.calculators.workflows.migration.voids import VoidMaker, find_voids
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.specs.workflow import InterstitialMechanismSpec

HOST = bulk("Pd", "fcc", a=4.0, cubic=True)
OPERATIONS = find_operations(HOST)
MAKER = VoidMaker(HOST, OPERATIONS, 0.5)
VOIDS, _ = find_voids(HOST, OPERATIONS, InterstitialMechanismSpec())


def rest(*place: float) -> Rest:
    return Rest(np.array(place), np.zeros((32, 3)), np.zeros(3), 1.0)


def test_an_ion_that_falls_into_an_equal_place_of_a_known_site_makes_no_new_one():
    outcomes = [Settled((rest(0.5, 0.5, 0.5),), "", ""), Settled((rest(0.5, 0.02, 0.0),), "unstable", "it goes elsewhere")]
    sites, dropped = find_sites(VOIDS, MAKER, lambda number, known: outcomes[number])
    assert [len(one.void.fractions) for one in sites] == [4]
    assert [(one.reason, one.place) for one in dropped] == [("unstable", VOIDS[1].place)]


def test_a_place_that_no_void_named_is_a_site_and_known_to_those_after_it():
    seen = []

    def settled(number, known):
        seen.append(len(known))
        return [Settled((rest(0.25, 0.25, 0.5), rest(0.5, 0.5, 0.5)), "unstable", ""), Settled((), "merged", "")][number]

    sites, dropped = find_sites(VOIDS, MAKER, settled)
    assert [len(one.void.fractions) for one in sites] == [24, 4]
    assert seen == [0, 2]
    # The first void is near the second site after all.
    assert [one.place for one in dropped] == [VOIDS[1].place]


def test_a_state_a_little_off_a_symmetry_element_is_on_it_and_a_state_far_off_it_is_not():
    for off, places in ((0.05, 4), (0.2, 24)):
        outcome = Settled((rest(0.5, 0.5, 0.5 + off),), "", "")
        (site,), _ = find_sites(VOIDS[:1], MAKER, lambda number, known, outcome=outcome: outcome)
        assert len(site.void.fractions) == places


def test_a_crystal_in_which_no_ion_rests_is_a_failure_that_says_why():
    with pytest.raises(CalculationError, match="rests in none of 2 voids: exploded: gone; exploded: gone") as caught:
        find_sites(VOIDS, MAKER, lambda number, known: Settled((), "exploded", "gone"))
    assert caught.value.reason == "no_site"


def test_sites_stand_behind_the_crystal_s_atoms_and_its_own_ions_of_the_mobile_site_are_no_polyhedra():
    host = HOST.copy()
    host.set_array("site", np.array(["A", "M", "M", "M"]))
    host.set_array("oxidation_state", np.array([1, 2, 2, 2]))
    host.info["mobile_site"] = "A"
    full = with_sites(host, "H", VOIDS)
    assert full.get_chemical_symbols() == ["Pd"] * 4 + ["H"] * 12
    assert full.arrays["site"].tolist() == ["", "M", "M", "M"] + [""] * 12
    assert host.arrays["site"].tolist() == ["A", "M", "M", "M"]
