"""Compositions of one structure as a space: every allowed combination of ions on its sites is a candidate.

The parent of a composition space, from a shipped prototype or a CIF, with the ions of its sites.
The lists of ions, exclusions and marks of the shipped prototypes are our own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np
from ase.data import atomic_numbers

from tansaku.calculators.structures.bond_valence import bond_valence_sums
from tansaku.calculators.structures.cif_parent import SiteRequest, build_transformation, parent_from_cif
from tansaku.calculators.structures.ion_data import (
    bond_valence_length,
    d_electrons,
    electronegativity,
    element_of,
    ionic_radius,
    mass,
    period_and_group,
)
from tansaku.calculators.structures.parent import Parent, site_permutations
from tansaku.calculators.structures.substitution import length_factor, substitute
from tansaku.calculators.structures.tavorite import tavorite
from tansaku.calculators.workflows.rigid_path import RigidPaths
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.identifiers import check_unchanged
from tansaku.models.domain.ions import HYDROXIDE, Ion
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.composition import CombinationSpec, CompositionSpaceSpec
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec, check_limit
from tansaku.models.engine.cost import CostModel
from tansaku.spaces.competing import compositions
from tansaku.spaces.composition_rules import Rule, build_combinations, build_rules, require_site

if TYPE_CHECKING:
    from ase import Atoms


class CompositionSpace:
    """A composition space (implements ``ScreenedSpace``).

    Candidate ids read ``Li-V3-P5-F``: the ions of the substituted sites in order of the sites' names, each with the size of
    its charge unless that is 1.

    Args:
        base_path: Folder in which relative paths start.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: Parent, sites, ions and rules do not fit each other, or no candidate is left.
        MissingComponentError: pymatgen is not installed.
    """

    def __init__(self, spec: CompositionSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> None:
        self._spec, self._base_path = spec, base_path
        if spec.parent.prototype is not None:
            self._opened = _from_prototype(spec)
        else:
            self._opened = _from_cif(spec, base_path, limits)
        combinations = math.prod(map(len, self._opened.ions.values()))
        check_limit(limits, "combinations", combinations, "space.sites: combinations of ions")
        self._ions = _checked_ions(self._opened)
        self._system_site = _system_site(spec, self._opened)
        self._selection = self._select()
        self._by_id = {composition.id: composition for composition in self._selection.candidates}

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    def structure(self, candidate: str) -> Atoms:
        """Unrelaxed atoms of a candidate: the parent with its ions, in a cell scaled to their radii.

        Raises:
            NotFoundError: The id is not in the pool.
        """
        composition = self._find(candidate)
        atoms = substitute(self._parent, composition.ions)
        atoms.info |= {
            "candidate": candidate,
            "system": self._system(composition),
            "formula": formula(self._parent, composition.ions),
            "ions": " ".join(f"{site}={ion}" for site, ion in self._substituted(composition).items()),
        }
        if composition.marks:
            # Structure files are written in the encoding of the node.
            atoms.info["unlikely"] = normalize("NFKD", "; ".join(composition.marks)).encode("ascii", "ignore").decode()
        return atoms

    def elements(self) -> frozenset[str]:
        """Elements of the parent's ions and of every candidate."""
        there = {
            ion for composition in self._selection.candidates for ion in {**self._parent.ions, **composition.ions}.values()
        }
        return _elements_in(there)

    def elements_of(self, candidate: str) -> frozenset[str]:
        """Elements of a candidate. Raises NotFoundError for an id outside the pool."""
        return _elements_in(set(self._find(candidate).ions.values()))

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict per system; ``unlikely`` counts the candidates marked."""
        rows = []
        for name in self._systems:
            mine = [composition for composition in self._selection.candidates if self._system(composition) == name]
            rows.append(
                {
                    "system": name,
                    "parent": self._parent.name,
                    "candidates": len(mine),
                    "unlikely": sum(bool(composition.marks) for composition in mine),
                }
            )
        return rows

    def census(self) -> Sequence[JsonDict]:
        """The effect of each rule, in the order applied."""
        return [asdict(line) for line in self._selection.census]

    def describe_candidate(self, candidate: str) -> JsonDict:
        """Formula, ions by site and marks.

        Raises:
            NotFoundError: The id is not in the pool.
        """
        composition = self._find(candidate)
        return {
            "formula": formula(self._parent, composition.ions),
            "ions": {site: str(ion) for site, ion in self._substituted(composition).items()},
            "marks": list(composition.marks),
        }

    @property
    def _parent(self) -> Parent:
        return self._opened.parent

    def _select(self) -> Selection:
        parent, opened = self._parent, self._opened
        exclude = opened.exclude if self._spec.exclude is not None else self._within_reach(opened.exclude)
        mark = opened.mark if self._spec.mark is not None else self._within_reach(opened.mark)
        rules = [
            *build_combinations(exclude, parent, "exclude"),
            *build_rules(self._spec.rules, parent),
            *build_combinations(mark, parent, "mark"),
        ]
        permutations = site_permutations(parent, self._spec.symmetry_tolerance) if self._spec.fold else ()
        return select(parent, self._ions, rules, permutations)

    def _within_reach(self, combinations: Sequence[CombinationSpec]) -> tuple[CombinationSpec, ...]:
        """The prototype's combinations whose ions are in the space."""
        there = {site: {str(ion) for ion in self._ions.get(site, (own,))} for site, own in self._parent.ions.items()}
        return tuple(
            composition
            for composition in combinations
            if all(there[site] & set(ions) for site, ions in composition.ions.items())
        )

    def _find(self, candidate: str) -> Composition:
        if candidate not in self._by_id:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        return self._by_id[candidate]

    def _substituted(self, composition: Composition) -> dict[str, Ion]:
        return {site: composition.ions[site] for site in sorted(self._ions)}

    def _system(self, composition: Composition) -> str:
        return "all" if self._system_site is None else composition.ions[self._system_site].label

    @cached_property
    def _systems(self) -> tuple[str, ...]:
        return tuple(sorted({self._system(composition) for composition in self._selection.candidates}))

    @cached_property
    def _pool(self) -> CandidatePool:
        candidates = self._selection.candidates
        codes = np.array([self._systems.index(self._system(composition)) for composition in candidates], dtype=np.intp)
        sizes = [
            [float(_atoms(self._parent, composition.ions)), _electrons(self._parent, composition.ions)]
            for composition in candidates
        ]
        described = FeatureGroup.compact("cost", np.array(sizes), np.arange(len(sizes)), ("atoms", "electrons"))
        prior = self._spec.cost_prior()
        return CandidatePool(
            ids=np.array([composition.id for composition in candidates]),
            systems=self._systems,
            system_codes=codes,
            surfaces=self._systems,
            surface_codes=codes,
            groups=_composition_groups(self._parent, sorted(self._ions), candidates),
            cost=np.ones(len(candidates)) if prior is None else CostModel.of_prior(prior).predict(described),
            cost_descriptors=described,
            compositions=compositions(
                [_counts(self._parent, composition.ions) for composition in candidates], self._spec.phases, self._base_path
            ),
        )


def _elements_in(ions: set[Ion]) -> frozenset[str]:
    return frozenset(ion.element for ion in ions) | ({"H"} if HYDROXIDE in ions else frozenset())


def _counts(parent: Parent, ions: Mapping[str, Ion]) -> dict[str, int]:
    """Atoms of each element in the cell."""
    found: dict[str, int] = {}
    for site, count in parent.multiplicity.items():
        for element in _elements_in({ions[site]}):
            found[element] = found.get(element, 0) + count
    return found


def _atoms(parent: Parent, ions: Mapping[str, Ion]) -> int:
    return len(parent.sites) + sum(count for site, count in parent.multiplicity.items() if ions[site].symbol == "OH")


def _electrons(parent: Parent, ions: Mapping[str, Ion]) -> float:
    """Electrons of the neutral cell, including core electrons."""
    there = {**parent.ions, **ions}
    count = sum(atomic_numbers[there[site].element] for site in parent.sites)
    hydrogens = sum(many for site, many in parent.multiplicity.items() if there[site].symbol == "OH")
    return float(count + hydrogens)


def _checked_ions(opened: OpenedParent) -> dict[str, tuple[Ion, ...]]:
    """Candidate ions of each substituted site, after a check that all are known.

    Raises:
        ConfigurationError: An ion has no radius or electronegativity, or two of a site have the same label.
    """
    for name, ions in opened.ions.items():
        key = f"space.sites.{name}.ions"
        for index, ion in enumerate(ions):
            try:
                ionic_radius(ion, opened.parent.coordination(name))
                electronegativity(ion)
            except ConfigurationError as error:
                raise ConfigurationError(f"{key}[{index}]: {error.message}") from error
            if bond_valence_length(ion, ion) is None:
                raise ConfigurationError(
                    f"{key}[{index}]: {str(ion)!r}; expected an ion with tabulated bond-valence parameters"
                )
        labels = [ion.label for ion in ions]
        twice = next((ion for ion in ions if labels.count(ion.label) > 1), None)
        if twice is not None:
            raise ConfigurationError(f"{key}: {str(twice)!r}; expected each ion once, and not with both signs")
    return dict(opened.ions)


def _system_site(spec: CompositionSpaceSpec, opened: OpenedParent) -> str | None:
    if spec.systems == "all":
        return None
    site = spec.systems if spec.systems is not None else opened.parent.mobile
    if site is None or (spec.systems is None and site not in opened.ions):
        return None
    return require_site(site, opened.parent, "space.systems")


_ION_COLUMNS = (
    "radius [Å]",
    "electronegativity",
    "mass [u]",
    "period",
    "group",
    "d_electrons",
    "oxidation_state [e]",
)
_CELL_COLUMNS = ("volume_guess [Å^3]", "instability_index [e]", "bond_valence [e]", "bottleneck_rise [e]")
"""The third where an ion is mobile, the fourth where its sites also join to paths."""

_DIGITS = 9


def _ion_code(ion: Ion) -> float:
    """A number that identifies an ion on every machine: 100 times the atomic number plus the charge.

    Hydroxide and a (hypothetical) O- would have the same elements and charge, so hydroxide counts as element 0.5.
    """
    number = 0.5 if ion == HYDROXIDE else float(element_of(ion).Z)
    return 100.0 * number + ion.charge


def _composition_groups(parent: Parent, names: Sequence[str], candidates: Sequence[Composition]) -> dict[str, FeatureGroup]:
    """Feature groups of candidates.

    For each substituted site S the groups ``site_s`` (columns :data:`_ION_COLUMNS`, after the site's name) and ``ion_s`` (one
    column, a code of the ion that means nothing but equal or not), and ``cell``.
    """
    groups = []
    for name in names:
        ions = [candidate.ions[name] for candidate in candidates]
        distinct = sorted(set(ions))
        index = np.array([distinct.index(ion) for ion in ions], dtype=np.intp)
        rows = np.array([_ion_row(ion, parent.coordination(name)) for ion in distinct])
        columns = tuple(f"{name}_{column}" for column in _ION_COLUMNS)
        groups.append(FeatureGroup.compact(f"site_{name.lower()}", rows, index, columns))
        codes = np.array([[_ion_code(ion)] for ion in distinct])
        groups.append(FeatureGroup.compact(f"ion_{name.lower()}", codes, index, (f"{name}_ion",), categorical=True))
    paths = RigidPaths.of(parent) if parent.mobile is not None else None
    rows = np.array([_cell_row(parent, candidate.ions, paths) for candidate in candidates])
    groups.append(FeatureGroup.compact("cell", rows, np.arange(len(rows)), _CELL_COLUMNS[: rows.shape[1]]))
    return {group.name: group for group in groups}


def _ion_row(ion: Ion, coordination: int) -> list[float]:
    period, group = period_and_group(ion)
    return [
        ionic_radius(ion, coordination),
        electronegativity(ion),
        mass(ion),
        float(period),
        float(group),
        float(d_electrons(ion)),
        float(ion.charge),
    ]


def _cell_row(parent: Parent, ions: Mapping[str, Ion], paths: RigidPaths | None) -> list[float]:
    factor = length_factor(parent, ions)
    sums = bond_valence_sums(parent, ions, factor)
    counts = parent.multiplicity
    squares = [counts[site] * (sums[site] - abs(ions[site].charge)) ** 2 for site in sums]
    volume = abs(float(np.linalg.det(parent.cell))) * factor**3 / math.gcd(*counts.values())
    row = [volume, math.sqrt(sum(squares) / sum(counts.values()))]
    if parent.mobile is not None:
        row.append(sums[parent.mobile])
        if paths is not None and paths.percolate:
            row.append(paths.bottleneck(ions, factor) - sums[parent.mobile])
    # Rounded, so that the last bits of a library's exponential have no effect.
    return [round(value, _DIGITS) for value in row]


@dataclass(frozen=True)
class Prototype:
    """A structure with the ions its sites may take.

    Attributes:
        parent: Makes the structure.
        ions: Ions of each site that takes others.
        exclude: Combinations left out.
        mark: Combinations marked as unlikely.
    """

    parent: Callable[[], Parent]
    ions: Mapping[str, tuple[str, ...]]
    exclude: tuple[CombinationSpec, ...]
    mark: tuple[CombinationSpec, ...]


_MARKS = (
    ({"M": ("Ca2+", "Cd2+", "Y3+")}, "M larger than 0.85 Å usually has more than six neighbours"),
    ({"M": ("Cu2+",)}, "Cu2+ distorts its octahedron (Jahn-Teller)"),
    ({"M": ("Fe2+", "V3+"), "X": ("Se6+",)}, "Se(VI) oxidises M"),
    ({"Z": ("Cl-",)}, "no tavorite with bridging chloride is known to us"),
    ({"X": ("Si4+", "Ge4+"), "Z": ("F-", "Cl-", "OH-")}, "no tavorite of this kind with SiO4 or GeO4 is known to us"),
    ({"X": ("S6+", "Se6+"), "Z": ("O2-",)}, "no oxide sulfate or selenate with this structure is known to us"),
)

PROTOTYPES: Mapping[str, Prototype] = {
    "tavorite": Prototype(
        parent=tavorite,
        ions={
            "A": ("Li+", "Na+"),
            "M": (
                *("Mg2+", "Ca2+", "Mn2+", "Fe2+", "Co2+", "Ni2+", "Cu2+", "Zn2+", "Cd2+"),
                *("Al3+", "Ga3+", "In3+", "Sc3+", "Y3+", "V3+", "Cr3+", "Fe3+"),
                *("Ti4+", "Zr4+", "Hf4+", "Sn4+", "Ge4+"),
                *("Nb5+", "Ta5+"),
            ),
            "X": ("S6+", "Se6+", "P5+", "As5+", "Si4+", "Ge4+"),
            "Z": ("F-", "Cl-", "OH-", "O2-"),
        },
        exclude=(CombinationSpec(ions={"M": ("Ge4+",), "X": ("Ge4+",)}, reason="one element on octahedra and tetrahedra"),),
        mark=tuple(CombinationSpec(ions=ions, reason=reason) for ions, reason in _MARKS),
    )
}
"""Prototypes by name."""


@dataclass(frozen=True)
class OpenedParent:
    """A parent with the ions allowed on its sites.

    Attributes:
        ions: Candidate ions of the substituted sites.
        exclude: Combinations left out.
        mark: Combinations marked as unlikely.
    """

    parent: Parent
    ions: Mapping[str, tuple[Ion, ...]]
    exclude: tuple[CombinationSpec, ...]
    mark: tuple[CombinationSpec, ...]


def _from_prototype(spec: CompositionSpaceSpec) -> OpenedParent:
    prototype = PROTOTYPES[str(spec.parent.prototype)]
    parent = prototype.parent()
    lists = dict(prototype.ions)
    for name, site in spec.sites.items():
        if name not in lists:
            raise ConfigurationError(f"space.sites: {parent.name} has no site {name!r} to fill; expected {', '.join(lists)}")
        if site.replaces is not None or site.labels is not None:
            raise ConfigurationError(f"space.sites.{name}: replaces and labels belong to a CIF; {parent.name} needs ions only")
        lists[name] = site.ions or lists[name]
    mobile = parent.mobile if spec.mobile is None else require_site(spec.mobile, parent, "space.mobile")
    return OpenedParent(
        parent=replace(parent, mobile=mobile),
        ions={name: tuple(map(Ion.parse, ions)) for name, ions in lists.items()},
        exclude=prototype.exclude if spec.exclude is None else spec.exclude,
        mark=prototype.mark if spec.mark is None else spec.mark,
    )


def _from_cif(spec: CompositionSpaceSpec, base_path: Path, limits: LimitsSpec | None) -> OpenedParent:
    path = base_path / str(spec.parent.cif)
    if path.is_file():
        check_unchanged(path, spec.parent.sha256, "space.parent.cif")
    requests = {}
    for name, site in spec.sites.items():
        if site.replaces is None:
            raise ConfigurationError(f"space.sites.{name}.replaces: missing; expected what stands there in the CIF, e.g. V3+")
        requests[name] = SiteRequest(Ion.parse(site.replaces), site.labels or ())
    transformations = [build_transformation(transformation) for transformation in spec.parent.transformations]
    parent = parent_from_cif(path, requests, spec.mobile, transformations, _judged(spec, limits))
    if spec.mobile is not None:
        require_site(spec.mobile, parent, "space.mobile")
    ions = {name: tuple(map(Ion.parse, site.ions)) for name, site in spec.sites.items() if site.ions is not None}
    if not ions:
        raise ConfigurationError("space.sites: no site has ions to choose from; expected ions on at least one")
    return OpenedParent(parent=parent, ions=ions, exclude=spec.exclude or (), mark=spec.mark or ())


def _judged(spec: CompositionSpaceSpec, limits: LimitsSpec | None) -> LimitsSpec | None:
    """Limits for the file; none if its known content was checked before."""
    return limits or (None if spec.parent.sha256 is not None else DEFAULT_LIMITS)


@dataclass(frozen=True)
class Composition:
    """One candidate.

    Attributes:
        id: Labels of the ions on the substituted sites, in order of the sites' names, e.g. ``Li-V3-P5-F``.
        ions: Ion of each site of the parent.
        marks: Why it is unlikely; empty without such reasons.
    """

    id: str
    ions: Mapping[str, Ion]
    marks: tuple[str, ...]


@dataclass(frozen=True)
class CensusLine:
    """The effect of a rule.

    Attributes:
        rule: The rule in words.
        left_out: Combinations that it excludes; each is counted for the first rule that it breaks.
        marked: Candidates that it marks as unlikely; one candidate may have several marks.
        left: Combinations left after it.
    """

    rule: str
    left_out: int
    marked: int
    left: int


@dataclass(frozen=True)
class Selection:
    """Candidates in ascending order of their ids, and the census."""

    candidates: tuple[Composition, ...]
    census: tuple[CensusLine, ...]


def select(
    parent: Parent, ions: Mapping[str, Sequence[Ion]], rules: Sequence[Rule], permutations: Sequence[Mapping[str, str]]
) -> Selection:
    """Lists the candidates.

    Args:
        ions: Candidate ions of the sites that are substituted; the others keep the parent's.
        rules: In the order in which they are applied, after the charges.
        permutations: Exchanges of sites that are symmetries of the parent; empty: nothing is folded.

    Raises:
        ConfigurationError: There are too many combinations, or none is left.
    """
    names = sorted(ions)
    total = math.prod(len(ions[name]) for name in names)
    everything = [
        Composition("-".join(ion.label for ion in chosen), {**parent.ions, **dict(zip(names, chosen, strict=True))}, ())
        for chosen in itertools.product(*(ions[name] for name in names))
    ]
    charges = [_charge(parent, composition.ions) for composition in everything]
    left = [composition for composition, charge in zip(everything, charges, strict=True) if charge == 0]
    if not left:
        least = min(charges, key=abs)
        raise ConfigurationError(
            f"space.sites: none of {total} combinations is neutral, the nearest has {least:+d} per cell; expected 0",
            hint="the charges of all atoms of the cell are added; sites that are not named keep the parent's ions",
        )
    census = [
        CensusLine("all combinations of ions", 0, 0, total),
        CensusLine("charge balance", total - len(left), 0, len(left)),
    ]
    for rule in rules:
        objections = [rule.objection(composition.ions) for composition in left]
        broken = sum(objection is not None for objection in objections)
        if rule.marks:
            left = [
                composition if why is None else _marked(composition, why)
                for composition, why in zip(left, objections, strict=True)
            ]
        else:
            left = [composition for composition, why in zip(left, objections, strict=True) if why is None]
        census.append(CensusLine(rule.name, 0 if rule.marks else broken, broken if rule.marks else 0, len(left)))
    if len(permutations) > 1:
        before = len(left)
        left = _folded(left, permutations)
        census.append(CensusLine("duplicates by symmetry of the parent", before - len(left), 0, len(left)))
    if not left:
        worst = max(census, key=lambda line: line.left_out)
        raise ConfigurationError(
            f"space: no candidate remains of {total} combinations; {worst.left_out} were excluded by '{worst.rule}'",
            hint="check space.sites, space.exclude and space.rules",
        )
    return Selection(tuple(sorted(left, key=lambda composition: composition.id)), tuple(census))


def formula(parent: Parent, ions: Mapping[str, Ion]) -> str:
    """Reduced formula: cations in order of their sites' names, then anions, the most frequent first (``LiVPO4F``)."""
    counts = parent.multiplicity
    divisor = math.gcd(*counts.values())
    order = sorted(counts, key=lambda site: (site,) if ions[site].charge > 0 else ("~", -counts[site], site))
    parts: dict[str, int] = {}
    for site in order:
        parts[ions[site].symbol] = parts.get(ions[site].symbol, 0) + counts[site] // divisor
    return "".join(_part(symbol, count) for symbol, count in parts.items())


def _part(symbol: str, count: int) -> str:
    if symbol == HYDROXIDE.symbol:
        return "(OH)" if count == 1 else f"(OH){count}"
    return symbol if count == 1 else f"{symbol}{count}"


def _charge(parent: Parent, ions: Mapping[str, Ion]) -> int:
    return sum(count * ions[site].charge for site, count in parent.multiplicity.items())


def _marked(composition: Composition, why: str) -> Composition:
    return Composition(composition.id, composition.ions, (*composition.marks, why))


def _folded(candidates: Sequence[Composition], permutations: Sequence[Mapping[str, str]]) -> list[Composition]:
    """Keeps the first by id of candidates that a permutation maps onto each other."""
    kept: dict[tuple[tuple[str, Ion], ...], Composition] = {}
    for composition in sorted(candidates, key=lambda candidate: candidate.id):
        images = [
            tuple(sorted((permutation[site], ion) for site, ion in composition.ions.items())) for permutation in permutations
        ]
        kept.setdefault(min(images), composition)
    return list(kept.values())
