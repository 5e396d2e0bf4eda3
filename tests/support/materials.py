"""Structures, potentials and campaigns that several suites use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

    from ase import Atoms

    from tansaku.models.domain.surrogates import Example
    from tansaku.potentials.network.model import Potential


@pytest.fixture(scope="session")
def emt_examples() -> Callable[..., list[Example]]:
    """``emt_examples(elements, groups, per_group)``: strained and rattled fcc cells with energies and forces of EMT.

    Cells of a group have one strain; EMT's energies of the atoms are known too.
    """
    import numpy as np
    from ase.build import bulk
    from ase.calculators.emt import EMT

    from tansaku.models.domain.surrogates import Example

    def make(elements: tuple[str, ...] = ("Cu",), groups: int = 6, per_group: int = 3, seed: int = 0) -> list[Example]:
        rng = np.random.default_rng(seed)
        found = []
        for group in range(groups):
            for member in range(per_group):
                atoms = bulk("Cu", "fcc", 3.6, cubic=True).repeat((2, 2, 1))
                atoms.symbols = [elements[(place + member) % len(elements)] for place in range(len(atoms))]
                atoms.set_cell(atoms.cell * (0.97 + 0.06 * group / max(1, groups - 1)), scale_atoms=True)
                atoms.positions += 0.12 * rng.normal(size=(len(atoms), 3))
                atoms.calc = EMT()
                properties = {
                    "energy": np.asarray(atoms.get_potential_energy()),
                    "energies": np.array(atoms.get_potential_energies()),
                    "forces": np.array(atoms.get_forces()),
                }
                atoms.calc = None
                info = {"strain": float(group), "member": member}
                found.append(Example(f"g{group}-{member}", f"g{group}", atoms, properties, info=info))
        return found

    return make


@pytest.fixture(scope="session")
def mortal() -> ModuleType:
    """Trainings that are killed (``mortal.py``)."""
    from tests.support import mortal as module

    return module


@pytest.fixture(scope="session")
def retrained_keys() -> Callable[..., dict[str, object]]:
    """``retrained_keys(changes of retrain, **changes)``: a campaign's keys (``retrained_campaign.py``)."""
    from tests.support.retrained_campaign import keys as function

    return function


@pytest.fixture(scope="session")
def growing_keys() -> Callable[..., dict[str, object]]:
    """``growing_keys(changes of retrain, **changes)``: a campaign's keys (``growing_campaign.py``)."""
    from tests.support.growing_campaign import keys as function

    return function


@pytest.fixture(scope="session")
def alloys() -> Callable[..., list[Atoms]]:
    """``alloys(species, count=4, seed=0)``: distorted cells of eight atoms (``random_potentials.py``)."""
    from tests.support.random_potentials import alloys as function

    return function


@pytest.fixture(scope="session")
def random_potential() -> Callable[..., Potential]:
    """``random_potential(environment, species, **spec)``: a committee of random networks (``random_potentials.py``)."""
    from tests.support.random_potentials import random_potential as function

    return function


@pytest.fixture
def check_exported() -> Callable[..., None]:
    """``check_exported(calculator, start, folder)``: results in all formats, read back by ASE (``exported.py``)."""
    from tests.support.exported import check_exported as function

    return function
