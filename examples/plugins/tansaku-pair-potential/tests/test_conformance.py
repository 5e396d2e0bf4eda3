"""The contract that every calculator of tansaku keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase.build import bulk

from tansaku_pair_potential.spec import PairPotentialSpec
from tansaku.calculators.conformance import CHECKS, Case


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(check):
    spec = PairPotentialSpec(**PairPotentialSpec.facts.example)
    check(Case(spec, bulk("Al", "fcc", a=4.05, cubic=True), Path()))
