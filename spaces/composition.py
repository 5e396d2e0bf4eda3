"""Compositions of one structure as a space: every allowed combination of ions on its sites is a candidate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np
from ase.data import atomic_numbers

from tansaku.calculators.structures.ion_data import bond_valence_length, electronegativity, ionic_radius
from tansaku.calculators.structures.parent import Parent, site_permutations
from tansaku.calculators.structures.substitution import substitute
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.ions import HYDROXIDE, Ion
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.composition import CombinationSpec, CompositionSpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.engine.cost import CostModel
from tansaku.spaces.composition_features import composition_groups
from tansaku.spaces.composition_parents import OpenedParent, open_parent
from tansaku.spaces.composition_rules import build_combinations, build_rules, require_site
from tansaku.spaces.composition_selection import Composition, Selection, formula, select

if TYPE_CHECKING:
    from ase import Atoms


class CompositionSpace:
    """A composition space (implements ``ScreenedSpace``).

    Candidate ids read ``Li-V3-P5-F``: the ions of the substituted sites in order of the sites' names, each with the size of
    its charge unless that is 1.

    Args:
        spec: The spec.
        base_path: Folder in which relative paths start.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: Parent, sites, ions and rules do not fit each other, or no candidate is left.
        MissingComponentError: pymatgen is not installed.
    """

    def __init__(self, spec: CompositionSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> None:
        self._spec = spec
        self._opened = open_parent(spec, base_path, limits)
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
        return frozenset(ion.element for ion in there) | ({"H"} if HYDROXIDE in there else frozenset())

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
            groups=composition_groups(self._parent, sorted(self._ions), candidates),
            cost=np.ones(len(candidates)) if prior is None else CostModel.of_prior(prior).predict(described),
            cost_descriptors=described,
        )


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
