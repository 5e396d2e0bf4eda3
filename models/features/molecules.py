"""Molecules as RDKit reads them, and descriptors of their graph."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from math import isfinite
from typing import Any

from tansaku.models.domain.errors import NotFoundError, installed

INSTALL_HINT = "install it with: pip install 'tansaku[molecules]'"

Molecule = Any
"""A molecule of RDKit; the package's types are not ours."""


def load_rdkit(module: str = "rdkit.Chem") -> Any:  # noqa: ANN401 - a module
    """Imports a module of RDKit.

    Raises:
        MissingComponentError: RDKit is not installed.
    """
    with installed("molecules need RDKit", hint=INSTALL_HINT):
        return importlib.import_module(module)


def molecule_of(smiles: str) -> Molecule:
    """The molecule of a SMILES, without its stereochemistry.

    Raises:
        NotFoundError: RDKit cannot read it.
        MissingComponentError: RDKit is not installed.
    """
    chem = load_rdkit()
    with load_rdkit("rdkit.rdBase").BlockLogs():
        molecule = chem.MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        raise NotFoundError(f"{smiles!r} is not the SMILES of a molecule")
    chem.RemoveStereochemistry(molecule)
    return molecule


def canonical(molecule: Molecule) -> str:
    """The canonical SMILES of a molecule, without stereochemistry."""
    return str(load_rdkit().MolToSmiles(molecule, isomericSmiles=False))


def sanitized(molecule: Molecule) -> bool:
    """Brings an edited molecule into order; whether its valences and aromatic rings can be.

    Args:
        molecule: Is changed.
    """
    chem = load_rdkit()
    with load_rdkit("rdkit.rdBase").BlockLogs():
        return bool(chem.SanitizeMol(molecule, catchErrors=True) == chem.SanitizeFlags.SANITIZE_NONE)


def formula_of(molecule: Molecule) -> str:
    """The formula, in Hill's order."""
    return str(load_rdkit("rdkit.Chem.rdMolDescriptors").CalcMolFormula(molecule))


def pattern(smarts: str) -> Molecule:
    """Parses a SMARTS pattern.

    Raises:
        NotFoundError: RDKit cannot read it.
    """
    with load_rdkit("rdkit.rdBase").BlockLogs():
        found = load_rdkit().MolFromSmarts(smarts)
    if found is None:
        raise NotFoundError(f"{smarts!r} is not a SMARTS pattern")
    return found


DONORS = ("N", "O", "F", "P", "S", "Cl")
"""Elements that bind a cation."""

_GRAPH = {
    "mass [amu]": "rdkit.Chem.Descriptors:MolWt",
    "heavy_atoms": "rdkit.Chem.rdMolDescriptors:CalcNumHeavyAtoms",
    "carbons": "[#6]",
    "nitrogens": "[#7]",
    "oxygens": "[#8]",
    "fluorines": "[#9]",
    "sulfurs": "[#16]",
    "phosphorus": "[#15]",
    "hydrogens_given": "rdkit.Chem.rdMolDescriptors:CalcNumLipinskiHBD",
    "hydrogens_taken": "rdkit.Chem.rdMolDescriptors:CalcNumLipinskiHBA",
    "rotatable_bonds": "rdkit.Chem.rdMolDescriptors:CalcNumRotatableBonds",
    "rings": "rdkit.Chem.rdMolDescriptors:CalcNumRings",
    "aromatic_rings": "rdkit.Chem.rdMolDescriptors:CalcNumAromaticRings",
    "sp3_share": "rdkit.Chem.rdMolDescriptors:CalcFractionCSP3",
    "polar_surface [angstrom**2]": "rdkit.Chem.rdMolDescriptors:CalcTPSA",
    "surface [angstrom**2]": "rdkit.Chem.rdMolDescriptors:CalcLabuteASA",
    "log_partition": "rdkit.Chem.Crippen:MolLogP",
    "refractivity [cm**3/mol]": "rdkit.Chem.Crippen:MolMR",
    "carbonyls": "[CX3]=[OX1]",
    "amides": "[NX3][CX3]=[OX1]",
    "esters": "[CX3](=[OX1])[OX2][#6]",
    "ethers": "rdkit.Chem.Fragments:fr_ether",
    "hydroxyls": "[OX2H]",
    "amines": "[NX3;+0;!$(N-C=O);!$(N-S);!$(N-P)]",
    "nitriles": "rdkit.Chem.Fragments:fr_nitrile",
    "aromatic_nitrogens": "[n;X2]",
    "oxides_of_sulfur": "[#16]=[OX1]",
    "oxides_of_phosphorus": "[#15]=[OX1]",
}
"""Descriptors of the graph, with units in brackets: a function of RDKit, or the SMARTS whose matches are counted."""

GRAPH = tuple(_GRAPH)
"""Names of the descriptors of a molecule's graph."""

CHARGES = ("charge_lowest [e]", "charge_second [e]", "charge_highest [e]", "donors", "near_donors", "far_donors")
"""Names of the descriptors of donor atoms: charges by Gasteiger and Marsili (doi:10.1016/0040-4020(80)80168-2), and how many
pairs of donors are two or three, and four or five bonds apart."""


def graph_descriptors(molecule: Molecule) -> dict[str, float]:
    """The descriptors of ``GRAPH`` by name."""
    return {name: float(compute(molecule)) for name, compute in _functions().items()}


def donor_descriptors(molecule: Molecule) -> dict[str, float]:
    """The descriptors of ``CHARGES`` by name; without donors, lowest charges are those of all heavy atoms."""
    partial = load_rdkit("rdkit.Chem.rdPartialCharges")
    partial.ComputeGasteigerCharges(molecule)
    found = [atom.GetDoubleProp("_GasteigerCharge") for atom in molecule.GetAtoms()]
    charges = [charge if isfinite(charge) else 0.0 for charge in found]  # elements without parameters have none
    donors = [atom.GetIdx() for atom in molecule.GetAtoms() if atom.GetSymbol() in DONORS]
    lowest = sorted(charges[i] for i in donors) or sorted(charges)
    bonds = load_rdkit().GetDistanceMatrix(molecule)
    apart = [int(bonds[i, j]) for i in donors for j in donors if i < j]
    values = (
        lowest[0],
        lowest[1] if len(lowest) > 1 else 0.0,
        max(charges),
        float(len(donors)),
        float(sum(distance in (2, 3) for distance in apart)),
        float(sum(distance in (4, 5) for distance in apart)),
    )
    # Charges come from an iteration: the last digits may differ between machines.
    return {name: round(value, 6) for name, value in zip(CHARGES, values, strict=True)}


@cache
def _functions() -> dict[str, Callable[[Molecule], float]]:
    known: dict[str, Callable[[Molecule], float]] = {}
    for name, how in _GRAPH.items():
        module, _, function = how.partition(":")
        known[name] = getattr(load_rdkit(module), function) if module.startswith("rdkit.") else _counting(how)
    return known


def _counting(smarts: str) -> Callable[[Molecule], float]:
    wanted = pattern(smarts)
    return lambda molecule: float(len(molecule.GetSubstructMatches(wanted)))
