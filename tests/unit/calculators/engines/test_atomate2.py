"""Force-field makers of atomate2, run through jobflow for real: the numbers of the network's own engine, by another way."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from pydantic import TypeAdapter, ValidationError

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.calculators.atomate2 import Atomate2Spec
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec


def opened(**spec):
    return open_calculator(TypeAdapter(CalculatorSpec).validate_python(spec), Path("/nonexistent"))


@pytest.fixture(scope="module")
def makers(require):
    require("atomate2")
    require("chgnet")
    return opened(type="atomate2")


def rattled():
    atoms = bulk("Al", "fcc", a=4.05, cubic=True)
    atoms.positions += np.random.default_rng(0).normal(scale=0.08, size=atoms.positions.shape)
    atoms.positions[2] += atoms.cell[0]
    atoms.arrays["held"] = np.array([True, False, False, False])
    atoms.info["candidate"] = "c1"
    return atoms


def test_a_static_flow_gives_the_network_s_numbers(makers):
    ours, own = makers.evaluate(rattled()), opened(type="chgnet").evaluate(rattled())
    assert ours.energy == pytest.approx(own.energy, abs=1e-4)
    np.testing.assert_allclose(ours.forces, own.forces, atol=1e-3)
    np.testing.assert_allclose(ours.stress, own.stress, atol=1e-4)
    np.testing.assert_array_equal(ours.atoms.positions, rattled().positions)
    assert ours.atoms.calc is None
    assert ours.atoms.info["candidate"] == "c1"
    assert ours.energies is None
    assert ours.steps == 0
    # Another code: its results never meet those of the engine in one surrogate.
    assert ours.provenance.code == "atomate2"
    assert ours.provenance.model_sha256 == own.provenance.model_sha256
    assert ours.provenance != own.provenance


def test_a_relaxation_flow_holds_what_is_held(makers):
    before = rattled()
    result = makers.evaluate(before, RelaxationSpec(fmax=0.03))
    assert before == rattled()
    moved = result.atoms.positions - before.positions
    np.testing.assert_allclose(moved[0, :2], 0.0, atol=1e-9)
    assert 1e-3 < np.abs(moved).max() < 0.5
    assert result.energy < makers.evaluate(before).energy
    assert result.steps > 1
    assert result.converged
    again = opened(type="chgnet").evaluate(result.atoms)
    assert again.energy == pytest.approx(result.energy, abs=1e-4)


def test_what_it_cannot_do_is_said(makers):
    with pytest.raises(CalculationError) as caught:
        makers.evaluate(rattled(), RelaxationSpec(fmax=1e-4, max_steps=2))
    assert caught.value.reason == "not_converged"
    with pytest.raises(ConfigurationError, match="expected fixed"):
        makers.evaluate(rattled(), RelaxationSpec(cell="normal"))
    with pytest.raises(ValidationError, match="expected fixed"):
        Atomate2Spec(relaxation=RelaxationSpec(cell="normal"))
    unknown = rattled()
    unknown.symbols[0] = "Cm"
    with pytest.raises(ConfigurationError, match="Cm"):
        makers.evaluate(unknown)
