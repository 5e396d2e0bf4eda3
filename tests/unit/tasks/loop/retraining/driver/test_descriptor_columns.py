"""A campaign on structures with many descriptors trains the average of sparse models on them."""

import numpy as np
from ase.build import bulk
from ase.io import write

from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.surrogate_registry import restored


def test_a_campaign_learns_from_descriptors_of_its_structures(retrained, tmp_path_factory, tmp_path):
    rng = np.random.default_rng(0)
    structures = []
    for number in range(40):
        strain = 0.02 * rng.normal()
        atoms = bulk("Cu", "fcc", 3.6 * (1.0 + strain), cubic=True)
        atoms.info = {f"d{place:02d}": float(value) for place, value in enumerate(rng.normal(size=20))}
        atoms.info |= {"d07": strain**2, "d11": strain, "family": f"f{number % 6}"}
        structures.append(atoms)
    path = tmp_path_factory.getbasetemp() / "described.extxyz"
    write(path, structures, format="extxyz")
    surrogate = {"type": "sparse", "columns": ["d*"]}
    space = {"type": "structures", "paths": [path.name], "system_key": "family", "duplicates": "ignore"}
    space["features"] = {"described": {"type": "info", "keys": [f"d{place:02d}" for place in range(20)]}}
    campaign = retrained(
        space=space,
        calculator={"type": "emt"},
        label=None,
        pre_screening=None,
        proposer={"type": "sparse"},
        objective={"property": "energy_per_atom", "unit": "meV/atom"},
        retrain={"surrogate": surrogate, "learns": "calculator", "first": 24, "every": 100, "held_out": ["f1", "f4"]},
        budget={"evaluations": 28},
    )
    campaign.drive()
    ((begun, end),) = campaign.retrains()
    assert (end.ok, begun.observations) == (True, 24), end.message
    model = restored(read_weights(campaign.resources.artifacts.get(end.weights, tmp_path / "w.safetensors")))
    found = model.training["probabilities"]
    assert max(found, key=found.get) == "d07"
    # The spread of the energies is some 30 meV/atom; two descriptors explain most of it.
    assert end.held_out["energy"].rmse < 0.006
