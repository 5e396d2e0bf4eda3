"""Rules that decide which molecules are candidates."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError, NotFoundError
from tansaku.models.domain.specs.molecules import MoleculeRulesSpec
from tansaku.models.features.molecules import INSTALL_HINT, Molecule, load_rdkit, pattern

UNSTABLE: Mapping[str, str] = {
    "peroxide or hypohalite": "[O;X2][O,F,Cl,Br,I]",
    "bond of sulphur to sulphur": "[#16]~[#16]",
    "bond of oxygen or nitrogen to divalent sulphur": "[S;X2;!a][O,F,Cl,N,n]",
    "halogen at nitrogen": "[#7][F,Cl,Br,I]",
    "hydrazine, hydroxylamine": "[N;!$([N+]);!a][N,O;!$(N=O);!a]",
    "chain of nitrogen": "[N;!a]=[N;!a]",
    "hemiacetal, aminal": "[CX4]([$([OX2H]),$([NX3;H1,H2]),$([SX2H])])[OX2,NX3,SX2,F,Cl,Br,I,$(S=O)]",
    "halogen next to oxygen or nitrogen": "[$([CX4]([Cl,Br,I])[OX2,NX3,SX2]),$([CX4](F)[NX3])]",
    "orthoester": "[CX4]([OX2,NX3,SX2])([OX2,NX3,SX2])[OX2,NX3,SX2]",
    "enol, enamine": "[C;!a]=[C;!a][OX2H,SX2H,NX3H1,NX3H2]",
    "ynol, ynamine": "[CX2]#[CX2][O,N,S,F,Cl]",
    "allene, ketene, cumulene": "[C,N,O;!$(N=C=O)]=[C;!$(C(=N)=O)]=[C,N,O,S]",
    "imine with a hydrogen": "[C;!a]=[NX2H]",
    "imine": "[CX3;!a;!$(C[O,N,S])]=[NX2;!a;!$(N=*=*)][C,H]",
    "multiple bond of carbon to sulphur or phosphorus": "[#6]=,#[S,P]",
    "halide of an acid": "[$([C,P](=O)[F,Cl,Br,I]),$(S(=O)[Cl,Br,I])]",
    "anhydride": "[C,S,P](=O)[OX2][C,S,P]=O",
    "carbonic or carbamic acid": "[OX2H,SX2H]C(=O)[OX2,NX3,SX2]",
    "thioacid": "[SX2H]C=O",
    "sulphur with four bonds": "[S;v4,v6;!$(S=O)]",
    "phosphorus with five bonds": "[P;v5;!$(P=O)]",
    "hydrogen at phosphorus, silicon or boron": "[P,Si,B;!H0]",
    "sulphinic or sulphenic acid": "[S;X3,X2][OX2H]",
    "atom in two small rings": "[r3,r4;R2]",
    "double bond in a small ring": "[r3,r4]=,#,:[r3,r4]",
    "carbonyl in a three-membered ring": "[r3]=O",
    "bridge across an aromatic ring": "[$(a1:a:a~A~A1),$(a1:a:a~A~A~A1),$(a1:a:a:a~A~A1),$(a1:a:a:a~A~A~A1)]",
    "triple or cumulated bond in a ring": "[R]#[R]",
    "three-membered ring of two other atoms": "[!#6;r3]@[!#6;r3]",
}
"""Groups that seldom last at room temperature, or in water or air, as SMARTS by name."""


class Rules:
    """The rules of a space.

    Args:
        spec: As the campaign file gives them.
        elements: Elements besides hydrogen.

    Raises:
        ConfigurationError: A SMARTS cannot be read.
        MissingComponentError: RDKit, or its score, is not installed.
    """

    def __init__(self, spec: MoleculeRulesSpec, elements: frozenset[str]) -> None:
        self.elements = elements
        self._spec = spec
        # A spec without the rule does not read the file of the score, which takes a second.
        self._score = None if spec.max_synthesizability is None else accessibility()
        self._unwanted = [] if spec.unstable else [pattern(smarts) for smarts in UNSTABLE.values()]
        self._excluded = [_given(smarts, i) for i, smarts in enumerate(spec.exclude)]

    @property
    def names(self) -> Sequence[str]:
        """The rules, in the order in which they are applied."""
        return tuple(self._judges)

    def broken(self, molecule: Molecule) -> str | None:
        """The first rule that a molecule breaks, None for a candidate."""
        return next((name for name, meets in self._judges.items() if not meets(molecule)), None)

    @property
    def _judges(self) -> Mapping[str, Callable[[Molecule], bool]]:
        spec = self._spec
        found: dict[str, Callable[[Molecule], bool]] = {
            "one neutral molecule without radicals": _is_whole,
            "elements": lambda molecule: {atom.GetSymbol() for atom in molecule.GetAtoms()} <= self.elements,
            "heavy atoms": lambda molecule: spec.min_heavy_atoms <= molecule.GetNumHeavyAtoms() <= spec.max_heavy_atoms,
        }
        if spec.max_rings is not None:
            most = spec.max_rings
            found["rings"] = lambda molecule: molecule.GetRingInfo().NumRings() <= most
        if self._unwanted:
            found["unstable groups"] = lambda molecule: not any(map(molecule.HasSubstructMatch, self._unwanted))
        if self._excluded:
            found["exclude"] = lambda molecule: not any(map(molecule.HasSubstructMatch, self._excluded))
        if self._score is not None and spec.max_synthesizability is not None:
            score, worst = self._score, spec.max_synthesizability
            found["synthesizability"] = lambda molecule: score(molecule) <= worst
        return found


@cache
def accessibility() -> Callable[[Molecule], float]:
    """The synthetic accessibility score of Ertl and Schuffenhauer (https://doi.org/10.1186/1758-2946-1-8).

    RDKit's packages bring it as a file of contributions, which is no module of the package.

    Raises:
        MissingComponentError: This RDKit has none.
    """
    path = Path(load_rdkit("rdkit.RDConfig").RDContribDir) / "SA_Score" / "sascorer.py"
    described = importlib.util.spec_from_file_location("tansaku_sascorer", path) if path.is_file() else None
    if described is None or described.loader is None:
        raise MissingComponentError(
            f"space.rules.max_synthesizability: this RDKit has no {path.name}; expected one from PyPI, or null",
            hint=INSTALL_HINT,
        )
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return lambda molecule: float(module.calculateScore(molecule))


def _is_whole(molecule: Molecule) -> bool:
    chem = load_rdkit()
    if chem.GetFormalCharge(molecule) or len(chem.GetMolFrags(molecule)) > 1:
        return False
    return not any(atom.GetNumRadicalElectrons() or atom.GetIsotope() for atom in molecule.GetAtoms())


def _given(smarts: str, place: int) -> Molecule:
    try:
        return pattern(smarts)
    except NotFoundError as error:
        raise ConfigurationError(f"space.rules.exclude[{place}]: {error.message}") from error
