"""Molecules as a space: known ones, and others that are made of their parts and by edits of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import CalculationError, ConfigurationError, NotFoundError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.column_scale import have_different_units
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec, check_limit
from tansaku.models.domain.specs.molecules import SMILES, GenerationSpec, MoleculesSpaceSpec
from tansaku.models.engine.cost import CostModel
from tansaku.models.features.molecules import (
    CHARGES,
    GRAPH,
    Molecule,
    canonical,
    donor_descriptors,
    formula_of,
    graph_descriptors,
    load_rdkit,
    molecule_of,
)
from tansaku.spaces.molecules.edits import Edits
from tansaku.spaces.molecules.fragments import Parts
from tansaku.spaces.molecules.rules import Rules
from tansaku.spaces.table_file import TableFile

if TYPE_CHECKING:
    from ase import Atoms


_SYSTEM = "all"
_KEPT = 100_000
"""Molecules whose descriptors are kept."""


class MoleculesSpace:
    """A space of molecules (implements ``RefinedSpace`` and ``ScreenedSpace``).

    An id is the canonical SMILES of a molecule without its stereochemistry; nothing else is needed to know the candidate. Any
    molecule that meets the rules can be asked for; the pool lists those that are known or were made.

    Args:
        spec: The spec.
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
        parts: Their parts.
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
