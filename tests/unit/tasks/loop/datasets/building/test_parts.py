"""Parts of the energy reach the data set, and nothing else does."""

from types import SimpleNamespace

from tansaku.calculators.engines.energy_partition import PARTS
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.tasks.loop.datasets.building import parts_of


def test_parts_that_were_told_are_properties():
    told = {"energy": -3.0, "hartree_energy": 5.0, "band_gap": 0.0, "kinetic_energy": 1.0}
    outcome = Outcome(value=1.0, quantities={name: Quantity(value=value, unit="eV") for name, value in told.items()})
    found = parts_of(SimpleNamespace(outcome=outcome))
    assert {name: float(value) for name, value in found.items()} == {"hartree_energy": 5.0, "band_gap": 0.0}
    assert set(found) <= set(PARTS)


def test_without_an_outcome_there_are_none():
    assert parts_of(SimpleNamespace(outcome=None)) == {}
