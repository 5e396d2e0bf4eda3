"""The calculators of ASE that campaign files may name: the keywords of each, and what it may read. Nothing else is allowed.

An entry is data: nothing is imported for it. Keywords that are not listed are errors, so that no path, program, object or
input text reaches a calculator except as the table says. A name that ends in ``*`` means all that begin so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.contract import NO_LICENCE, Licence
from tansaku.models.domain.specs.calculators.keywords import AllowedKeywords

FileShape = Literal["file", "folder"]


@dataclass(frozen=True)
class AseEntry:
    """The table's entry of a calculator: its allowed keywords and files.

    Attributes:
        name: The word in campaign files.
        factory: Module and name of its factory, which is called with the keywords, and with the path of each file under its
            keyword.
        distribution: Package that holds it; None: ASE itself.
        install: What to do where that, or a program, is missing.
        keywords: Those that are allowed.
        required: Keywords and files that must be given.
        files: What it may read, by keyword: a file or a folder. Their content is part of the level of theory.
        endings: Endings of file names, by keyword, where reading a file runs code that it holds. The dashboard's library takes
            none of them, so such a file comes from the campaign's own folder.
        programs: Programs that it starts; each must be on PATH.
        version: Arguments with which the first of these prints its version; none: it is not recorded.
        folder: Keyword that names the folder of its files; None: it leaves none.
        elements: Elements that it knows; None: unknown, or only its files know.
        stress: Whether it gives the stress: without it, cells stay fixed.
        charge: Keyword of the total charge, of a calculator that also computes molecules, which have no cell, and gives
            charges of atoms; None: it computes neutral crystals only.
        licence: Of its parameters, as the package says that ships them; files say their own.
        kept: Whether one object computes structure after structure, because making it takes long.
        example: Keywords that suit aluminium; for the conformance suite.
    """

    name: str
    factory: str
    distribution: str | None = None
    install: str = ""
    keywords: AllowedKeywords = field(default_factory=dict)
    required: tuple[str, ...] = ()
    files: Mapping[str, FileShape] = field(default_factory=dict)
    endings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    folder: str | None = None
    elements: tuple[str, ...] | None = None
    stress: bool = True
    charge: str | None = None
    licence: Licence = NO_LICENCE
    kept: bool = False
    example: JsonDict | None = None


_FACTORIES = "tansaku.calculators.engines.ase_factories"
_DEVICES = ("cpu", "cuda")
_PRECISIONS = ("float32", "float64")
_OF_CAMPAIGN = Licence(None, "its parameters are those of the campaign file")

_ENTRIES = (
    AseEntry(
        name="emt",
        factory="ase.calculators.emt:EMT",
        licence=Licence("LGPL-2.1-or-later", "metadata of the package ase, which has the parameters"),
        keywords={"asap_cutoff": "boolean"},
        elements=("Al", "Cu", "Ag", "Au", "Ni", "Pd", "Pt", "C", "N", "O", "H"),
        example={},
    ),
    AseEntry(
        name="lj",
        factory="ase.calculators.lj:LennardJones",
        keywords={"sigma": "number", "epsilon": "number", "rc": "number", "ro": "number", "smooth": "boolean"},
        required=("sigma", "epsilon"),
        licence=_OF_CAMPAIGN,
        example={"sigma": 2.55, "epsilon": 0.4, "rc": 6.0, "smooth": True},
    ),
    AseEntry(
        name="morse",
        factory="ase.calculators.morse:MorsePotential",
        keywords={"epsilon": "number", "r0": "number", "rho0": "number", "rcut1": "number", "rcut2": "number"},
        required=("epsilon", "r0", "rho0"),
        licence=_OF_CAMPAIGN,
        example={"epsilon": 0.27, "r0": 3.25, "rho0": 3.8, "rcut1": 1.4, "rcut2": 1.7},
    ),
    AseEntry(
        name="tblite",
        factory=f"{_FACTORIES}:tblite",
        distribution="tblite",
        licence=Licence("LGPL-3.0-or-later", "metadata of the package tblite, which has the parameters"),
        install="pip install 'tansaku[tblite]'",
        keywords={
            "method": ("GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"),
            "accuracy": "number",
            "electronic_temperature": "number",
            "max_iterations": "integer",
            "charge": "number",
            "multiplicity": "integer",
        },
        charge="charge",
    ),
    AseEntry(
        name="dftb",
        factory=f"{_FACTORIES}:dftb",
        install="install DFTB+ and put dftb+ on the PATH",
        keywords={
            "kpts": "list",
            "Hamiltonian_SCC": "boolean",
            "Hamiltonian_SCCTolerance": "number",
            "Hamiltonian_MaxSCCIterations": "integer",
            "Hamiltonian_ThirdOrderFull": "boolean",
            "Hamiltonian_MaxAngularMomentum_*": ("s", "p", "d", "f"),
        },
        required=("slako_dir", "kpts"),
        files={"slako_dir": "folder"},
        programs=("dftb+",),
        folder="directory",
    ),
    AseEntry(
        name="cp2k",
        factory="tansaku.calculators.engines.cp2k_shell:Cp2kInFolder",
        install="install CP2K and put cp2k_shell.psmp on the PATH",
        keywords={
            "basis_set": "text",
            "pseudo_potential": "text",
            "xc": ("LDA", "PBE", "PBE0", "BLYP", "B3LYP", "TPSS"),
            "cutoff": "number",
            "max_scf": "integer",
            "charge": "number",
            "multiplicity": "integer",
            "uks": "boolean",
            "kpts": "list",
            "electronic_temperature": "number",
            "eps_scf": "number",
        },
        required=("basis_set_file", "potential_file", "basis_set"),
        files={"basis_set_file": "file", "potential_file": "file"},
        programs=("cp2k_shell.psmp",),
        version=("--version",),
        folder="directory",
    ),
    AseEntry(
        name="mace",
        factory="mace.calculators:MACECalculator",
        distribution="mace-torch",
        install="pip install mace-torch; where its e3nn excludes another package's, call it as a command of the site instead",
        keywords={"device": _DEVICES, "default_dtype": _PRECISIONS},
        required=("model_paths",),
        files={"model_paths": "file"},
        endings={"model_paths": (".model",)},
        kept=True,
    ),
    AseEntry(
        name="orb",
        factory=f"{_FACTORIES}:orb",
        distribution="orb-models",
        install="pip install orb-models",
        keywords={
            "model": ("orb-v3-conservative-inf-omat", "orb-v3-conservative-20-omat", "orb-v3-conservative-inf-mpa"),
            "device": _DEVICES,
            "precision": ("float32-high", "float32-highest", "float64"),
        },
        required=("model", "weights_path"),
        files={"weights_path": "file"},
        kept=True,
    ),
    AseEntry(
        name="mattersim",
        factory=f"{_FACTORIES}:mattersim",
        distribution="mattersim",
        install="pip install mattersim",
        keywords={"device": _DEVICES},
        required=("load_path",),
        files={"load_path": "file"},
        kept=True,
    ),
    AseEntry(
        name="diep",
        factory=f"{_FACTORIES}:diep",
        distribution="diep",
        licence=Licence("BSD-3-Clause", "metadata of the package diep, which has the weights"),
        install="pip install diep",
        keywords={"device": _DEVICES},
        kept=True,
    ),
    AseEntry(
        name="grace",
        factory=f"{_FACTORIES}:grace",
        distribution="tensorpotential",
        install="pip install tensorpotential",
        required=("model",),
        files={"model": "folder"},
        kept=True,
    ),
)

ASE_CALCULATORS: dict[str, AseEntry] = {entry.name: entry for entry in _ENTRIES}
"""Entries by name; those of installed plug-ins come behind."""


def ase_entry(name: str) -> AseEntry:
    """The table's entry of a calculator.

    Raises:
        ValueError: The table does not have it.
    """
    if name not in ASE_CALCULATORS:
        raise ValueError(
            f"name: calculator {name!r} of ASE is not allowed; expected one of {', '.join(ASE_CALCULATORS)}, or a plug-in's"
        )
    return ASE_CALCULATORS[name]
