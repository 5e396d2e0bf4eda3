"""Licences of models are those that packages and files say."""

import importlib.metadata
import re

import pytest

from tansaku.calculators.engines.potentials import shipped_folder
from tansaku.calculators.licences import licence_of
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.ase import AseCalculatorSpec
from tansaku.models.domain.specs.calculators.ase_table import ASE_CALCULATORS
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.calculators.table import CALCULATORS

POTENTIAL = "NiAlH_jea.eam.alloy"


def said_by(package: str) -> set[str]:
    """Words of the metadata of a package about its licence."""
    found = importlib.metadata.metadata(package)
    classified = [text.rpartition(" :: ")[2] for text in found.get_all("Classifier", ()) if text.startswith("License")]
    return {found.get("License-Expression"), found.get("License"), *classified}


def test_licences_of_packages_are_those_of_their_metadata():
    every = [kind.facts.licence for kind in CALCULATORS] + [entry.licence for entry in ASE_CALCULATORS.values()]
    named = {(match[1], item.words) for item in every if (match := re.match(r"metadata of the package ([\w-]+)", item.source))}
    assert {"ase", "chgnet", "diep", "gpaw-data", "lammps", "sevenn", "tblite"} == {package for package, _ in named}
    installed = [(package, words) for package, words in named if _is_installed(package)]
    assert ("ase", "LGPL-2.1-or-later") in installed
    for package, words in installed:
        assert words in said_by(package), package
    assert all(item.source for item in every)


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def test_a_file_of_ones_own_says_its_licence_or_nothing_does(require, tmp_path):
    require("lammps")
    text = (shipped_folder() / POTENTIAL).read_text(encoding="latin-1")
    (tmp_path / "own").mkdir()

    def found(heading: str):
        first, _, rest = text.partition("\n")
        (tmp_path / "own" / POTENTIAL).write_text(f"{first}{heading}\n{rest}", encoding="latin-1")
        return licence_of(LammpsSpec(potential=f"own/{POTENTIAL}"), tmp_path)

    shipped = licence_of(LammpsSpec(potential=POTENTIAL), tmp_path)
    assert (shipped.words, "package lammps" in shipped.source) == ("GNU General Public License v2 (GPLv2)", True)
    assert (found("").words, found("").source) == (None, f"the header of {POTENTIAL} says none")
    tagged = found(" SPDX-License-Identifier: CC0-1.0")
    assert (tagged.words, tagged.source) == ("CC0-1.0", f"header of {POTENTIAL}")
    assert (found(" under the licence of its journal").words or "").endswith("under the licence of its journal")
    with pytest.raises(ConfigurationError, match="expected"):
        licence_of(LammpsSpec(potential=f"own/{POTENTIAL}", potential_sha256="0" * 64), tmp_path)


def test_a_calculator_of_ase_has_the_licence_of_its_entry_and_its_files_their_own(tmp_path):
    given = {"keywords": {"sigma": 2.5, "epsilon": 0.4}}
    assert licence_of(AseCalculatorSpec(name="lj", **given), tmp_path).source == "its parameters are those of the campaign file"
    assert licence_of(AseCalculatorSpec(name="emt"), tmp_path).words == "LGPL-2.1-or-later"
    (tmp_path / "m.model").write_bytes(b"PK\0SPDX-License-Identifier: MIT")
    spec = AseCalculatorSpec(name="mace", files={"model_paths": "m.model"})
    assert (licence_of(spec, tmp_path).words, licence_of(spec, tmp_path).source) == (None, "the header of m.model says none")
