"""Molecules as a space: known ones, and others that are made of their parts and by edits of them."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import CalculationError, ConfigurationError, MissingComponentError, NotFoundError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.column_scale import have_different_units
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec, check_limit
from tansaku.models.domain.specs.molecules import SMILES, GenerationSpec, MoleculeRulesSpec, MoleculesSpaceSpec
from tansaku.models.engine.cost import CostModel
from tansaku.models.features.molecules import (
    CHARGES,
    GRAPH,
    INSTALL_HINT,
    Molecule,
    canonical,
    donor_descriptors,
    formula_of,
    graph_descriptors,
    load_rdkit,
    molecule_of,
    pattern,
)
from tansaku.spaces.molecules.edits import Edits
from tansaku.spaces.molecules.fragments import Parts
from tansaku.spaces.table_file import TableFile

if TYPE_CHECKING:
    from ase import Atoms


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


_SYSTEM = "all"
_KEPT = 100_000
"""Molecules whose descriptors are kept."""


class MoleculesSpace:
    """A space of molecules (implements ``RefinedSpace`` and ``ScreenedSpace``).

    An id is the canonical SMILES of a molecule without its stereochemistry; nothing else is needed to know the candidate. Any
    molecule that meets the rules can be asked for; the pool lists those that are known or were made.

    Args:
        base_path: Folder in which the path of the file starts.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: A known molecule cannot be read, or there are too many.
        MissingComponentError: RDKit is not installed.
    """

    def __init__(self, spec: MoleculesSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> None:
        load_rdkit()
        self._spec = spec
        self._limits = limits or (DEFAULT_LIMITS if spec.sha256 is None else None)
        self._given = [(smiles, f"space.seeds[{i}]") for i, smiles in enumerate(spec.seeds)]
        if spec.file is not None:
            self._given += self._read(base_path / spec.file)
        made = spec.generate.number if spec.generate is not None else 0
        check_limit(self._limits, "combinations", len(self._given) + made, "space.generate.number: candidates")
        self._near: dict[str, list[str]] = {}

    def pool(self) -> CandidatePool:
        """The known and the made molecules, in ascending order of their SMILES.

        Raises:
            ConfigurationError: No molecule meets the rules.
        """
        return self._base

    def refined(self, candidates: Sequence[str], incumbents: Sequence[str]) -> CandidatePool:
        """The pool, some other molecules, and neighbours of the best ones.

        Args:
            candidates: Ids that the pool must hold.
            incumbents: The best candidates found, the best first.

        Raises:
            NotFoundError: An id is no molecule that meets the rules.
        """
        there = set(self._base.ids.tolist())
        wanted = dict.fromkeys(self._checked(name) for name in candidates if name not in there)
        rules = self._spec.refine
        for parent in incumbents[: rules.around] if rules is not None else ():
            if parent not in self._near:
                near = self._workshop.neighbours(self._checked(parent))
                self._near[parent] = [name for name in near if self._spec.known or name not in self._known]
            wanted |= dict.fromkeys(self._near[parent][: rules.neighbours if rules is not None else 0])
        added = [name for name in wanted if name not in there]
        return self._pool_of(sorted({*there, *added})) if added else self._base

    def structure(self, candidate: str) -> Atoms:
        """A conformer by distance geometry and a force field.

        Raises:
            NotFoundError: The id is no molecule that meets the rules.
            CalculationError: It has no coordinates (``overlap``).
        """
        from ase import Atoms

        from tansaku.calculators.structures.conformers import conformers_of

        self._checked(candidate)
        try:
            found = conformers_of(candidate, most=1)
        except CalculationError as error:
            raise CalculationError("overlap", error.message) from error
        atoms = Atoms(found.symbols, found.positions[0])
        atoms.info = {"candidate": candidate, "system": _SYSTEM, SMILES: candidate, "formula": _formula(candidate)}
        return atoms

    def elements(self) -> frozenset[str]:
        """Hydrogen, and those that the rules allow."""
        return self._elements | {"H"}

    def elements_of(self, candidate: str) -> frozenset[str]:
        """Elements of a candidate. Raises NotFoundError for what is no molecule that meets the rules."""
        self._checked(candidate)
        return frozenset(re.findall("[A-Z][a-z]?", _formula(candidate)))

    def describe_systems(self) -> Sequence[JsonDict]:
        """One system."""
        return [
            {"system": _SYSTEM, "known": len(self._found.known), "made": len(self._found.made), "candidates": len(self._base)}
        ]

    def census(self) -> Sequence[JsonDict]:
        """Number of molecules, and the number that each rule excluded first."""
        found = self._found
        left = len(found.known) + len(found.made) + found.left_out.total()
        rows: list[JsonDict] = [{"rule": "known and made", "left_out": 0, "marked": 0, "left": left}]
        for name in self._workshop.rules.names:
            left -= found.left_out[name]
            rows.append({"rule": name, "left_out": found.left_out[name], "marked": 0, "left": left})
        return rows

    def describe_candidate(self, candidate: str) -> JsonDict:
        """Formula, and whether it is known; there are no sites.

        Raises:
            NotFoundError: The id is no molecule that meets the rules.
        """
        self._checked(candidate)
        marks = ["known"] if candidate in self._found.known else []
        return {"formula": _formula(candidate), "ions": {}, "marks": marks}

    def _read(self, path: Path) -> list[tuple[str, str]]:
        """Molecules of the file with the keys that name them.

        Raises:
            ConfigurationError: It is missing, or is not the one that was hashed, or a cell is empty.
        """
        file = TableFile(path, "space.file", self._spec.sha256)
        most = (self._limits or DEFAULT_LIMITS).combinations
        check_limit(self._limits, "combinations", file.rows(most), "space.file: molecules")
        name = file.require(self._spec.column, "space.column")
        cells = file.read([name]).text(name, "space.column")
        return [(str(cell), f"space.file: row {row}") for row, cell in enumerate(cells, start=2)]

    @cached_property
    def _known(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for smiles, key in self._given:
            try:
                found[canonical(molecule_of(smiles))] = None
            except NotFoundError as error:
                raise ConfigurationError(f"{key}: {error.message}") from error
        return tuple(sorted(found))

    @cached_property
    def _elements(self) -> frozenset[str]:
        asked = self._spec.rules.elements
        if asked is not None:
            return frozenset(asked) - {"H"}
        return frozenset(atom.GetSymbol() for smiles in self._known for atom in molecule_of(smiles).GetAtoms())

    @cached_property
    def _workshop(self) -> Workshop:
        parts = Parts(self._known)
        edits = Edits(tuple(sorted(self._elements)), parts.groups)
        return Workshop(self._known, parts, edits, Rules(self._spec.rules, self._elements))

    @cached_property
    def _found(self) -> Found:
        found = self._workshop.candidates(self._spec)
        if not found.known and not found.made:
            worst, count = found.left_out.most_common(1)[0]
            raise ConfigurationError(
                f"space.rules: no molecule meets them; {count} break the rule on {worst} first",
                hint="relax space.rules, or name other molecules",
            )
        return found

    @cached_property
    def _base(self) -> CandidatePool:
        return self._pool_of(sorted({*self._found.known, *self._found.made}))

    def _checked(self, candidate: str) -> str:
        """The id, if it is a molecule that meets the rules. Raises NotFoundError."""
        molecule = molecule_of(candidate)
        broken = self._workshop.rules.broken(molecule)
        if broken is not None:
            raise NotFoundError(f"candidate {candidate!r} is not in the space: it breaks the rule on {broken}")
        return candidate

    def _pool_of(self, names: Sequence[str]) -> CandidatePool:
        every, nothing = np.arange(len(names)), np.zeros(len(names), dtype=np.intp)
        graph = np.array([_rows(name)[0] for name in names])
        donors = np.array([_rows(name)[1] for name in names])
        graphs = FeatureGroup.compact("graph", graph, every, GRAPH)
        atoms = FeatureGroup.compact("cost", np.array([[_rows(name)[2]] for name in names]), every, ("atoms",))
        prior = self._spec.cost_prior()
        cost = (
            np.asarray((atoms.values[:, 0] ** self._spec.cost.power)[atoms.index], dtype=np.float64)
            if prior is None
            else CostModel.of_prior(prior).predict(atoms)
        )
        return CandidatePool(
            ids=np.array(names),
            systems=(_SYSTEM,),
            system_codes=nothing,
            surfaces=(_SYSTEM,),
            surface_codes=nothing,
            groups={
                "donors": FeatureGroup.compact("donors", donors, every, CHARGES),
                "graph": replace(graphs, mixed=have_different_units(self._spec.scale, GRAPH)),
            },
            cost=cost,
            cost_descriptors=atoms,
        )


@lru_cache(maxsize=_KEPT)
def _rows(smiles: str) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Descriptors of the graph, those of the donors, and the number of atoms."""
    molecule = molecule_of(smiles)
    atoms = float(molecule.GetNumAtoms() + sum(atom.GetTotalNumHs() for atom in molecule.GetAtoms()))
    return tuple(graph_descriptors(molecule).values()), tuple(donor_descriptors(molecule).values()), atoms


def _formula(candidate: str) -> str:
    return formula_of(molecule_of(candidate))


_ROUNDS = 64
"""The wanted number times this is tried at most."""

_IN_VAIN = 2000
"""Attempts in a row without a new molecule after which there are no more."""


@dataclass(eq=False)
class Found:
    """The candidates of a space.

    Attributes:
        known: SMILES of known molecules that are candidates, in ascending order.
        made: SMILES of the others, in ascending order.
        left_out: How many distinct molecules broke each rule first, known or made.
    """

    known: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Workshop:
    """Everything needed to generate molecules.

    Attributes:
        known: SMILES of known molecules, in ascending order.
        edits: Of molecules.
        rules: What candidates must meet.
    """

    known: tuple[str, ...]
    parts: Parts
    edits: Edits
    rules: Rules

    def candidates(self, spec: MoleculesSpaceSpec) -> Found:
        """The known molecules that meet the rules, and generated ones, according to the spec."""
        found, how = Found(), spec.generate
        if spec.known:
            found.known = tuple(smiles for smiles in self.known if self._meets(smiles, found))
        if how is None:
            return found
        rng = np.random.default_rng(spec.seed)
        written, seen, made, in_vain = set[str](), set(self.known), list[str](), 0
        for _ in range(_ROUNDS * how.number):
            raw = self._try(how, rng)
            new = raw is not None and raw not in written
            written |= {raw} if raw is not None else set()
            smiles = _plain(raw) if new and raw is not None else None
            if smiles is None or smiles in seen:
                in_vain += 1
                if in_vain == _IN_VAIN:
                    break
                continue
            seen.add(smiles)
            in_vain = 0
            if self._meets(smiles, found):
                made.append(smiles)
                if len(made) == how.number:
                    break
        found.made = tuple(sorted(made))
        return found

    def neighbours(self, smiles: str) -> list[str]:
        """The candidates that are one edit away from a molecule, each kind of edit in turn."""
        by_kind = [list(found) for found in self.edits.neighbours(smiles).values()]
        # Within a kind neighbours are in an order that is the same everywhere and follows no rule.
        for found in by_kind:
            np.random.default_rng(list(smiles.encode())).shuffle(found)
        in_turn = [found[i] for i in range(max(map(len, by_kind), default=0)) for found in by_kind if i < len(found)]
        kept: dict[str, None] = {}
        for raw in in_turn:
            own = _plain(raw)
            if own is not None and own != smiles and own not in kept and self.rules.broken(molecule_of(own)) is None:
                kept[own] = None
        return list(kept)

    def _try(self, spec: GenerationSpec, rng: np.random.Generator) -> str | None:
        """A molecule, joined from parts or known, with some edits."""
        joining = spec.fragments > 0 and bool(self.parts.smiles) and (spec.edits == 0 or rng.uniform() < 0.5)
        molecule = self.parts.joined(spec.fragments, rng) if joining else self._molecules[int(rng.integers(len(self.known)))]
        for _ in range(int(rng.integers(0 if joining else 1, spec.edits + 1)) if spec.edits else 0):
            molecule = None if molecule is None else self.edits.changed(molecule, rng)
        return None if molecule is None else canonical(molecule)

    @cached_property
    def _molecules(self) -> list[Molecule]:
        return [molecule_of(smiles) for smiles in self.known]

    def _meets(self, smiles: str, found: Found) -> bool:
        broken = self.rules.broken(molecule_of(smiles))
        if broken is not None:
            found.left_out[broken] += 1
        return broken is None


def _plain(smiles: str) -> str | None:
    """Canonical SMILES of a molecule; None if RDKit cannot read it.

    The SMILES of an edited molecule is read once more, because its aromaticity may be perceived differently.
    """
    try:
        return canonical(molecule_of(smiles))
    except NotFoundError:
        return None
