"""Networks are trained, compared, promoted and used by the commands that the LASSO is: a potential, and a network of voxels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.surrogate_registry import restored
from tansaku.tasks.node.jobs.dataset_files import read_hdf5

COPPER = """\
schema_version: 1
name: NAME
source:
  type: computed
  space:
    type: crystals
    crystals:
      fcc: {structure: fcc, elements: [Cu], lattice_parameter: 3.6}
      bcc: {structure: bcc, elements: [Cu], lattice_parameter: 2.87}
    scans:
      - {type: lattice, percent: {start: -6, stop: 6, steps: 4}}
      - {type: rattle, atoms: [4], draws: 5, strain: 1}
  calculator: {type: emt}
  per_system: PER
  execution: {in_flight: 2, polish: 0}
split: {type: groups, held_out: [bcc-rattle-0.1]}
"""
POTENTIAL = """\
schema_version: 1
name: NAME
dataset: NAME-scans
START
surrogate:
  type: potential
  environment: {type: symmetry_functions, cutoff: 4.5, radial: 4, angular: 1, zetas: [1]}
  hidden: [4]
  members: 2
  trainer: {type: levenberg_marquardt, cycles: 5}
"""
USED = """\
schema_version: 1
name: NAME-used
space:
  type: crystals
  crystals: {fcc: {structure: fcc, elements: [Cu], lattice_parameter: 3.6}}
  scans: [{type: lattice, percent: {start: -3, stop: 3, steps: 3}}]
calculator: CALCULATOR
objective: {property: energy_per_atom, unit: eV/atom}
proposer: {type: grid}
execution: {in_flight: 1, polish: 0}
"""
DENSITIES = """\
schema_version: 1
name: NAME-fields
source:
  type: computed
  space:
    type: crystals
    crystals:
      fcc: {structure: fcc, elements: [Al], lattice_parameter: 4.05}
      bcc: {structure: bcc, elements: [Al], lattice_parameter: 3.24}
      sc: {structure: sc, elements: [Al], lattice_parameter: 2.7}
      diamond: {structure: diamond, elements: [Al], lattice_parameter: 5.95}
    scans: [{type: lattice, percent: {start: -4, stop: 4, steps: 2}}]
  calculator: {type: gpaw, xc: LDA, cutoff: 150, kpoint_density: 0.8, smearing: {width: 0.4}, density: true}
  per_system: null
  execution: {in_flight: 1, polish: 0}
split: {type: groups, held_out: [sc-lattice]}
"""
FROM_FIELDS = """\
schema_version: 1
name: NAME
dataset: DATASET
seed: SEED
surrogate: SURROGATE
"""
NETWORK = """\
{type: voxel_network, properties: [energy], resolution: 0.6, length: 6.4, filters: 2, layers: 1, hidden: 4, members: 2,
  rotations: 2, views: 1, epochs: 2}"""
STACK = f"{{type: stacked, first: {{type: kernel_ridge, descriptors: [{{type: radial}}]}}, folds: 3, second: {NETWORK}}}"


@pytest.fixture
def write(tmp_path, require):
    for package in ("h5py", "safetensors", "torch"):
        require(package)

    def make(file: str, text: str, **words: str) -> Path:
        for word, meaning in words.items():
            assert word in text
            text = text.replace(word, meaning)
        path = tmp_path / file
        path.write_text(text)
        return path

    return make


def versions(tansaku, name: str) -> list[dict]:
    return [one for one in json.loads(tansaku("model", "list", "--json").out) if one["name"] == name]


def compared_shown_and_promoted(tansaku, name: str, folder: Path) -> None:
    """What every model is asked for once it has two versions."""
    listed = json.loads(tansaku("model", "compare", f"{name}@1", f"{name}@2", "--json").out)
    assert [one["version"] for one in listed] == [1, 2]
    assert all("energy" in one["held_out"] for one in listed)
    for version in (2, 1):
        assert tansaku("model", "promote", f"{name}@{version}").out == f"{name}@{version}: promoted\n"
        assert json.loads(tansaku("model", "show", name, "--json").out)["version"] == version
    shown = tansaku("model", "show", name, "--figures", folder / "figures")
    assert shown.code == 0, shown.err
    drawn = {path.stem.rpartition("-")[2] for path in (folder / "figures").glob(f"{name}-1-*.png")}
    assert {"learning", "energy"} <= drawn


def predicts_a_campaign(tansaku, write, name: str, calculator: str) -> None:
    """The second version as the calculator of a campaign, all of whose values say whose they are."""
    used = write("used.yaml", USED, NAME=name, CALCULATOR=calculator)
    assert tansaku("model", "export", f"{name}@2", "--out", used.with_name("weights.safetensors")).code == 0
    ran = tansaku("run", used, "--plain")
    assert ran.code == 0, ran.err
    rows = json.loads(tansaku("results", f"{name}-used", "--evaluations", "--json").out)
    assert len(rows) == 3
    assert {row["from"] for row in rows} == {"weights.safetensors"}
    assert json.loads(tansaku("show", f"{name}-used", "--json").out)["models"] == {"weights.safetensors": f"{name}@2"}


def test_a_potential_from_its_data_to_a_campaign_that_it_computes(tansaku, write, tmp_path, require):
    require("matscipy")
    name = "copper-networks"
    for per_system in ("3", "null"):
        data = write("data.yaml", COPPER, NAME=f"{name}-scans", PER=per_system)
        built = tansaku("dataset", "build", data, "--plain")
        assert built.code == 0, built.err
        start = f"start: {name}@1" if per_system == "null" else ""
        trained = tansaku("model", "train", write("model.yaml", POTENTIAL, NAME=name, START=start))
        assert trained.code == 0, trained.err
    first, second = versions(tansaku, name)
    assert (first["spec"]["start"], second["spec"]["start"]) == (None, f"{name}@1")
    assert set(second["held_out"]) == {"energy", "forces"}
    compared_shown_and_promoted(tansaku, name, tmp_path)

    predicts_a_campaign(tansaku, write, name, "{type: potential, model: weights.safetensors}")


def test_a_network_of_free_atoms_from_its_data_to_a_campaign_whose_values_it_predicts(tansaku, write, tmp_path, require):
    require("pymatgen")
    name = "copper-voxels"
    built = tansaku("dataset", "build", write("data.yaml", COPPER, NAME=f"{name}-scans", PER="null"), "--plain")
    assert built.code == 0, built.err
    surrogate = NETWORK.replace("[energy]", "[energy], field: free_atoms")
    for seed in ("0", "1"):
        words = {"NAME": name, "DATASET": f"{name}-scans", "SEED": seed, "SURROGATE": surrogate}
        trained = tansaku("model", "train", write("model.yaml", FROM_FIELDS, **words))
        assert trained.code == 0, trained.err
    compared_shown_and_promoted(tansaku, name, tmp_path)
    predicts_a_campaign(tansaku, write, name, "{type: surrogate, model: weights.safetensors, relaxed_by: {type: emt}}")


def test_what_sees_fields_from_densities_to_predictions(tansaku, write, tmp_path, require):
    require("gpaw")
    built = tansaku("dataset", "build", write("fields.yaml", DENSITIES, NAME="aluminium"), "--plain")
    assert built.code == 0, built.err
    data = tmp_path / "fields.h5"
    assert tansaku("dataset", "export", "aluminium-fields", "--out", data).code == 0
    for kind, surrogate in (("voxels", NETWORK), ("stack", STACK)):
        name = f"aluminium-{kind}"
        for seed in ("0", "1"):
            words = {"NAME": name, "DATASET": "aluminium-fields", "SEED": seed, "SURROGATE": surrogate}
            trained = tansaku("model", "train", write("model.yaml", FROM_FIELDS, **words))
            assert trained.code == 0, trained.err
        assert len(versions(tansaku, name)) == 2
        compared_shown_and_promoted(tansaku, name, tmp_path)
        weights = tmp_path / f"{kind}.safetensors"
        assert tansaku("model", "export", name, "--out", weights).code == 0
        predicts_as_reported(tansaku, name, weights, read_hdf5(data))


def predicts_as_reported(tansaku, name: str, weights: Path, examples: list) -> None:
    """The errors of the exported weights are those that the registry has of the version."""
    told = restored(read_weights(weights)).predict(examples)
    assert len(told) == 8
    held_out = [place for place, one in enumerate(examples) if one.group == "sc-lattice"]
    errors = [float(told[place]["energy"].values) - float(examples[place].properties["energy"]) for place in held_out]
    stored = versions(tansaku, name)[0]["held_out"]["energy"]["rmse"]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(stored, rel=1e-6)
