"""Inputs of VASP: POTCARs identified by content, every INCAR tag, and atoms sorted by element."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from ase import Atoms

from tansaku.calculators.engines.electronic import initial_moments, structure_grid
from tansaku.calculators.engines.motion import motion_without_blocks
from tansaku.calculators.engines.universal import installed
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import IntArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.vasp import VaspSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

PROGRAM = "vasp_std"
PROGRAM_HINT = "VASP is licensed (vasp.at): put its vasp_std on the PATH of the machine that computes"
POTCAR_HINT = (
    "VASP's POTCARs are licensed: set PMG_VASP_PSP_DIR (environment or .pmgrc.yaml) to a folder laid out by 'pmg config -p', "
    "and name files that are in it"
)
_RELEASES = get_args(VaspSpec.model_fields["release"].annotation)
_GGA = {"LDA": "CA", "PBE": "PE", "PBEsol": "PS", "RPBE": "RP", "revPBE": "RE"}
_SMEARING = {"fermi_dirac": -1, "methfessel_paxton": 1}
_MIXED = ((57, 6), (21, 4), (0, 2))
_TILT = 1e-9


@dataclass(frozen=True)
class Potcars:
    """The POTCARs of a spec.

    Attributes:
        titels: As the files name themselves, by element.
        sha256: Hash of elements and contents.
        files: By element.
    """

    titels: dict[str, str]
    sha256: str
    files: dict[str, Path]


def find_potcars(spec: VaspSpec) -> Potcars:
    """Finds and reads a spec's POTCARs.

    Raises:
        MissingComponentError: atomate2 or a file is not there.
        ConfigurationError: One is of another element or kind of functional, or they are not the ones that were hashed.
    """
    installed("atomate2", "atomate2")
    from pymatgen.io.vasp.inputs import PmgVaspPspDirError, PotcarSingle

    titels: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for element, name in sorted(spec.potcars.items()):
        key = f"calculator.potcars.{element}"
        try:
            with warnings.catch_warnings():
                # Files that pymatgen does not know yet; ours are known by their hash.
                warnings.simplefilter("ignore")
                found = PotcarSingle.from_symbol_and_functional(name, spec.release)
        except (PmgVaspPspDirError, FileNotFoundError) as error:
            raise MissingComponentError(f"{key}: no POTCAR {name} of release {spec.release}", hint=POTCAR_HINT) from error
        if found.element != element:
            raise ConfigurationError(f"{key}: {name} is of {found.element}, expected a POTCAR of {element}")
        kind = "LDA" if found.LEXCH.strip().upper() == "CA" else "PBE"
        if kind != spec.release.partition("_")[0]:
            raise ConfigurationError(f"{key}: {name} has LEXCH {found.LEXCH}, expected one of release {spec.release}")
        titels[element] = str(found.TITEL)
        hashes[element] = hashlib.sha256(found.data.encode()).hexdigest()
    sha256 = content_hash(hashes)
    if spec.potcars_sha256 not in (None, sha256):
        raise ConfigurationError(
            f"calculator.potcars_sha256: the files have {sha256}, expected {spec.potcars_sha256}",
            hint="use the release of the POTCARs that the campaign was made with",
        )
    return Potcars(titels, sha256, {element: _file_of(name, spec.release) for element, name in spec.potcars.items()})


def found_releases() -> list[str]:
    """Releases of POTCARs that are where pymatgen looks for them."""
    from pymatgen.core import SETTINGS

    return [name for name in _RELEASES if _folder_of(name).is_dir()] if SETTINGS.get("PMG_VASP_PSP_DIR") else []


def _folder_of(release: str) -> Path:
    from pymatgen.core import SETTINGS
    from pymatgen.io.vasp.inputs import PotcarSingle

    places = PotcarSingle.functional_dir | SETTINGS.get("PMG_VASP_PSP_SUB_DIRS", {})
    return Path(SETTINGS["PMG_VASP_PSP_DIR"], places[release]).expanduser()


def _file_of(name: str, release: str) -> Path:
    """The file of a POTCAR that is there, found as pymatgen finds it."""
    from monty.os.path import zpath

    folder = _folder_of(release)
    found = [Path(zpath(str(path))) for path in (folder / f"POTCAR.{name}", folder / name / "POTCAR")]
    return next(path for path in found if path.is_file())


def by_element(structure: Atoms) -> IntArray:
    """Order in which VASP gets the atoms: elements together, else as they are."""
    return np.argsort(structure.numbers, kind="stable").astype(np.intp)


def as_structure(structure: Atoms, spec: VaspSpec, relaxation: RelaxationSpec | None = None) -> Any:  # noqa: ANN401 - pymatgen's
    """The atoms, by element, as pymatgen's ``Structure``, with what they begin with and what of them is held.

    Raises:
        ConfigurationError: Atoms are held in a cell whose third vector is not normal to the plane: VASP holds atoms along
            cell vectors.
    """
    from pymatgen.core.lattice import Lattice
    from pymatgen.core.structure import Structure

    order = by_element(structure)
    atoms = structure[order]
    properties: dict[str, list[Any]] = {}
    if spec.spin:
        properties["magmom"] = initial_moments(atoms, spec.magnetic_moments)
    held = motion_without_blocks(structure, relaxation).held
    if len(held):
        if np.abs(structure.cell.array[2, :2]).max() > _TILT:
            raise ConfigurationError(
                "calculator.relaxation.translation: held; VASP holds atoms along cell vectors and this cell's third one is not "
                "normal to the boundary; expected free"
            )
        moves = np.ones((len(atoms), 3), dtype=bool)
        moves[np.isin(order, held), :2] = False
        properties["selective_dynamics"] = moves.tolist()
    return Structure(
        Lattice(structure.cell.array),
        atoms.get_chemical_symbols(),
        atoms.get_scaled_positions(wrap=False),
        site_properties=properties,
    )


def incar_of(spec: VaspSpec, structure: Atoms, relaxation: RelaxationSpec | None) -> JsonDict:
    """Every tag of a run: nothing is left to the defaults of an input set; None takes a set's own tag away."""
    tags: JsonDict = {
        "ALGO": "Normal",
        "EDIFF": spec.energy_tolerance * len(structure),
        "ENCUT": spec.cutoff,
        "GGA": _GGA[spec.xc],
        "IBRION": -1,
        "ISMEAR": _SMEARING[spec.smearing.type],
        "ISPIN": 2 if spec.spin else 1,
        "LASPH": True,
        "LCHARG": False,
        # As VASP's manual has it where there are f or d electrons.
        "LMAXMIX": next(most for lightest, most in _MIXED if structure.numbers.max() >= lightest),
        "LORBIT": None,
        "LREAL": False,
        "LWAVE": False,
        "NELM": spec.scf_steps,
        "NSW": 0,
        "PREC": "Accurate",
        "SIGMA": spec.smearing.width,
    }
    if relaxation is not None:
        # VASP counts ionic steps from the one that it begins with.
        moving = {"IBRION": 2, "ISIF": 3 if relaxation.cell == "full" else 2, "EDIFFG": -relaxation.fmax}
        tags |= moving | {"NSW": relaxation.max_steps + 1}
    return tags


def generator_keywords(spec: VaspSpec, structure: Atoms, relaxation: RelaxationSpec | None) -> JsonDict:
    """Keywords of atomate2's input-set generators."""
    from pymatgen.io.vasp.inputs import Kpoints

    tags = incar_of(spec, structure, relaxation)
    moments: JsonDict = {"MAGMOM": {}} if spec.spin else {}
    return {
        "config_dict": {
            "INCAR": {**{name: value for name, value in tags.items() if value is not None}, **moments},
            "KPOINTS": {},
            "POTCAR": dict(spec.potcars),
            "POTCAR_FUNCTIONAL": spec.release,
        },
        "user_incar_settings": tags,
        "user_kpoints_settings": Kpoints.gamma_automatic(structure_grid(structure, spec.kpoint_density)),
        "auto_ismear": False,
        "sort_structure": False,
        "inherit_incar": False,
    }


def band_keywords(spec: VaspSpec, structure: Atoms, images: int, fmax: float, max_steps: int) -> JsonDict:
    """Keywords of atomate2's generator for a band: climbing, by the optimiser of the VTST tools.

    Henkelman, Uberuaga, Jónsson, J. Chem. Phys. 113, 9901 (2000), doi:10.1063/1.1329672.
    """
    keywords = generator_keywords(spec, structure, None)
    band = {"IBRION": 3, "ISIF": 2, "POTIM": 0.0, "IOPT": 1, "LCLIMB": True, "SPRING": -5.0, "IMAGES": images}
    keywords["user_incar_settings"] |= band | {"NSW": max_steps + 1, "EDIFFG": -fmax}
    return keywords


def changed_tags(asked: JsonDict, found: JsonDict) -> list[str]:
    """Tags of a level of theory in which what VASP says it used differs from what was asked for, in words."""
    said = []
    for name in ("ENCUT", "GGA", "ISMEAR", "ISPIN", "SIGMA", "PREC", "LREAL", "LASPH"):
        wanted, used = asked[name], found.get(name)
        same = (
            np.isclose(wanted, used)
            if isinstance(wanted, float) and isinstance(used, int | float)
            else str(wanted).upper() == str(used).strip().upper()
        )
        if not same:
            said.append(f"{name} is {used}, expected {wanted}")
    return said


def check_program(found: str | None) -> str:
    """The program's path.

    Raises:
        MissingComponentError: There is none.
    """
    if found is None:
        raise MissingComponentError(f"calculator type vasp needs the program {PROGRAM}", hint=PROGRAM_HINT)
    return found
