"""The charge of an energy surface's cell: who computes it, and what depends on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from tansaku.calculators.engines.electronic import TOTAL_CHARGE, task_key, total_charge
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.reuse.keys import computation_key
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate

MGO = {"type": "energy_surface", "host": {"prototype": "rocksalt", "ions": ["Mg2+"]}, "ion": "H", "grid": 0.55}
GPAW = {"type": "gpaw", "xc": "LDA", "cutoff": 200, "kpoint_density": 0.3, "smearing": {"width": 0.2}}
OBJECTIVE = {"property": "energy", "unit": "eV", "goal": {"type": "bottleneck", "dimensions": 3}}


def campaign(calculator: object, **space: object) -> CampaignSpec:
    document = {"schema_version": 1, "name": "c", "space": MGO | space, "calculator": calculator, "objective": OBJECTIVE}
    return CampaignSpec.model_validate(document | {"proposer": {"type": "gp"}, "execution": {"polish": 0}})


@pytest.mark.parametrize("calculator", [{"type": "chgnet"}, {"type": "emt"}])
def test_a_calculator_of_neutral_cells_is_refused_by_name(calculator):
    kind = calculator["type"]
    with pytest.raises(ValidationError, match=rf"space\.charge: 1; a calculator of type {kind} computes neutral cells only"):
        campaign(calculator, charge=1)
    assert campaign(calculator, charge=0).space.total_charge == 0
    assert campaign(GPAW, charge=1).space.total_charge == 1
    with pytest.raises(ValidationError, match="less than or equal to 8"):
        campaign(GPAW, charge=9)


def test_results_of_another_charge_are_others(require):
    require("pymatgen")
    neutral, proton = campaign(GPAW), campaign(GPAW, charge=1)
    assert spec_hash(campaign(GPAW, charge=0)) == spec_hash(neutral) != spec_hash(proton)
    assert computation_key(neutral) != computation_key(proton)
    spaces = [open_space(TypeAdapter(SpaceSpec).validate_python(MGO | {"charge": charge}), Path()) for charge in (0, 1)]
    name = str(spaces[0].pool().ids[0])
    plain, charged = (space.structure(name) for space in spaces)
    assert (total_charge(plain), total_charge(charged)) == (0, 1)
    assert TOTAL_CHARGE not in plain.info
    assert total_charge(spaces[1].structure_at(np.zeros(3))) == 1
    made_by = Provenance(code="gpaw", code_version="1")
    assert task_key(plain, None, made_by) != task_key(charged, None, made_by)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ion": "X"}, r"space\.ion: 'X'; expected a chemical symbol"),
        ({"host": {"structure": "fcc", "elements": ["X"], "lattice_parameter": 4.0}}, r"space\.host\.elements: 'X'"),
    ],
)
def test_a_ghost_is_no_element(change, message):
    with pytest.raises(ConfigurationError, match=message):
        open_space(TypeAdapter(SpaceSpec).validate_python(MGO | change), Path())


def test_gpaw_computes_the_points_of_the_same_file(require, tmp_path):
    """A proton in magnesium oxide is bound to an oxygen atom, at the length of the bond in a hydroxide ion (0.96 Å)."""
    require("gpaw")
    require("pymatgen")
    space = open_space(TypeAdapter(SpaceSpec).validate_python(MGO), tmp_path)
    ids = [str(name) for name in space.pool().ids]

    def bond(name: str) -> float:
        atoms = space.structure(name)
        return float(atoms.get_distances(-1, [k for k, symbol in enumerate(atoms.symbols) if symbol == "O"], mic=True).min())

    bound = min(ids, key=lambda name: abs(bond(name) - 0.96))
    others = [max(ids, key=bond), min(ids, key=bond)]
    energies = []
    for name in (bound, *others):
        document = {
            "campaign": "c",
            "candidate": name,
            "space": MGO | {"charge": 1},
            "calculator": GPAW,
            "objective": {"property": "energy", "unit": "eV"},
            "base_path": str(tmp_path),
        }
        outcome = evaluate(JobDocument.model_validate(document), tmp_path)
        assert outcome.failure is None, outcome.failure
        # Mg 10, O 6, H 1, less the electron that left.
        assert outcome.properties["calculation"]["electrons"] == pytest.approx(16.0)
        energies.append(outcome.value)
    assert energies[0] < min(energies[1:]) - 0.1
