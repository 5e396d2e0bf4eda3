"""Small oxides of named structures as a space: every combination of suitable ions, at a few volumes, is a candidate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.structures.ion_data import electronegativity, ionic_radius
from tansaku.calculators.structures.oxide_cells import BOND_LENGTHS, oxide_cell
from tansaku.calculators.structures.oxide_prototypes import OXIDE_PROTOTYPES, RADII
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.specs.prototypes import PrototypesSpaceSpec

if TYPE_CHECKING:
    from ase import Atoms


_CLOSED_SHELLS = tuple(ion for ion in BOND_LENGTHS if ion not in ("Sn2+", "Cl7+", "I7+"))
"""Cations without a magnetic moment. Shannon gives no radius for Sn2+; oxides of heptavalent halogens are left out."""

_OXYGEN = Ion("O", -2)


@dataclass(frozen=True)
class Oxide:
    """A composition in a structure.

    Attributes:
        prototype: Name of the structure.
        cations: One for each of its sites.
        formula: Cations in order of the sites, then oxygen, in lowest terms (``SrTiO3``).
        atoms: In the primitive cell.
    """

    prototype: str
    cations: tuple[Ion, ...]
    formula: str
    atoms: int


def oxides(name: str, ions: Sequence[Ion]) -> Iterator[Oxide]:
    """All oxides of a structure with compatible ions, in the order of the ions."""
    sites, counts = OXIDE_PROTOTYPES[name].cations, OXIDE_PROTOTYPES[name].counts
    fits = _TOGETHER.get(name, _always)
    for charges in dict.fromkeys(zip(*(site.charges for site in sites), strict=True)):
        lists = [
            [ion for ion in ions if ion.charge == charge and _has_room(name, place, ion)]
            for place, charge in enumerate(charges)
        ]
        for cations in itertools.product(*lists):
            if len({ion.element for ion in cations}) == len(cations) and fits(cations):
                yield Oxide(name, cations, _formula(cations, counts), sum(counts))


def _cations_of(texts: Sequence[str]) -> tuple[Ion, ...]:
    """Ions as a spec writes them."""
    found = []
    for number, text in enumerate(texts):
        if text not in BOND_LENGTHS:
            raise ConfigurationError(f"space.ions[{number}]: {text!r}; expected one of {', '.join(BOND_LENGTHS)}")
        ion = Ion.parse(text)
        try:
            ionic_radius(ion, 6)
        except ConfigurationError as error:
            raise ConfigurationError(f"space.ions[{number}]: {error.message}") from error
        found.append(ion)
    return tuple(found)


def _has_room(name: str, place: int, ion: Ion) -> bool:
    site = OXIDE_PROTOTYPES[name].cations[place]
    least, most = site.radii or RADII[site.neighbours]
    return least <= ionic_radius(ion, site.neighbours) <= most


def _formula(cations: Sequence[Ion], counts: Sequence[int]) -> str:
    divisor = math.gcd(*counts)
    parts = zip((*(ion.element for ion in cations), "O"), (count // divisor for count in counts), strict=True)
    return "".join(symbol if count == 1 else f"{symbol}{count}" for symbol, count in parts)


_Fits = Callable[[Sequence[Ion]], bool]


def _always(_: Sequence[Ion]) -> bool:
    return True


def _tolerance(least: float, most: float, of_b: Callable[[Sequence[Ion]], float]) -> _Fits:
    """Goldschmidt's factor (r_A + r_O) / √2 (r_B + r_O) within a window."""
    oxygen = ionic_radius(_OXYGEN, 6)

    def fits(cations: Sequence[Ion]) -> bool:
        factor = (ionic_radius(cations[0], 12) + oxygen) / (math.sqrt(2.0) * (of_b(cations) + oxygen))
        return least <= factor <= most

    return fits


def _second(cations: Sequence[Ion]) -> float:
    return ionic_radius(cations[1], 6)


def _mean_of_others(cations: Sequence[Ion]) -> float:
    return sum(ionic_radius(ion, 6) for ion in cations[1:]) / len(cations[1:])


def _first_within(least: float, most: float, neighbours: int) -> _Fits:
    return lambda cations: least <= ionic_radius(cations[0], neighbours) <= most


def _larger(by: float) -> _Fits:
    """The first cation is larger than the second, both with six neighbours."""
    return lambda cations: ionic_radius(cations[0], 6) >= ionic_radius(cations[1], 6) + by


_TOGETHER: Mapping[str, _Fits] = MappingProxyType(
    {
        "perovskite": _tolerance(0.80, 1.10, _second),
        "polar-perovskite": _tolerance(0.97, 1.10, _second),
        "tilted-perovskite": _tolerance(0.85, 1.00, _second),
        "layered-perovskite": _tolerance(0.80, 1.05, _second),
        "double-perovskite": _tolerance(0.88, 1.05, _mean_of_others),
        "post-perovskite": _larger(0.1),
        "lithium-niobate": _larger(-0.05),
        "ilmenite": _larger(-0.05),
        "layered-rocksalt": _larger(0.05),
        "hexagonal-manganate": _larger(0.2),
        "scheelite": _first_within(0.95, 1.50, 8),
        "zircon": _first_within(0.70, 1.15, 8),
        "wolframite": _first_within(0.55, 0.97, 6),
    }
)
"""Further conditions on the ions of a structure; these limits are our own choice."""


_SIX = 6


@dataclass(frozen=True)
class _Candidate:
    oxide: Oxide
    percent: int

    @property
    def id(self) -> str:
        return f"{self.oxide.formula}-{self.oxide.prototype}-{self.percent:03d}"


class PrototypesSpace:
    """A space of oxides (implements ``Space``).

    Systems are the structures, surfaces the compositions. Candidate ids read ``SrTiO3-perovskite-094``: composition, structure
    and volume in percent of the one at which the bonds' valences fit best.

    Raises:
        ConfigurationError: An ion is not known, or no candidate is left.
        MissingComponentError: pymatgen is not installed.
    """

    def __init__(
        self,
        spec: PrototypesSpaceSpec,
        base_path: Path,  # noqa: ARG002 - every space is opened alike
        limits: LimitsSpec | None = None,
    ) -> None:
        self._spec = spec
        ions = _cations_of(spec.ions if spec.ions is not None else _CLOSED_SHELLS)
        percents = sorted({round(100 * volume) for volume in spec.volumes})
        names = [name for name in OXIDE_PROTOTYPES if spec.prototypes is None or name in spec.prototypes]
        several: list[_Candidate] = []
        for name in names:
            if sum(OXIDE_PROTOTYPES[name].counts) > spec.max_atoms:
                continue
            for oxide in oxides(name, ions):
                several += [_Candidate(oxide, percent) for percent in percents]
                check_limit(limits, "combinations", len(several), "space: candidates, oxides times space.volumes")
        if not several:
            raise ConfigurationError(
                "space: no oxide is left; space.prototypes, space.ions and space.max_atoms exclude all",
                hint="an oxide is neutral, and its cations must have room on the sites",
            )
        self._by_id = {candidate.id: candidate for candidate in sorted(several, key=lambda candidate: candidate.id)}

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    def structure(self, candidate: str) -> Atoms:
        """The primitive cell of a candidate.

        Raises:
            NotFoundError: The id is not in the pool.
        """
        found = self._find(candidate)
        atoms = oxide_cell(found.oxide.prototype, found.oxide.cations, found.percent / 100.0)
        atoms.info = {
            "candidate": candidate,
            "system": found.oxide.prototype,
            "formula": found.oxide.formula,
            "ions": " ".join(map(str, found.oxide.cations)),
            "volume_percent": found.percent,
        }
        return atoms

    def elements(self) -> frozenset[str]:
        """Oxygen and the cations."""
        return frozenset({"O", *(ion.element for candidate in self._by_id.values() for ion in candidate.oxide.cations)})

    def elements_of(self, candidate: str) -> frozenset[str]:
        """Elements of a candidate. Raises NotFoundError for an id outside the pool."""
        return frozenset({"O", *(ion.element for ion in self._find(candidate).oxide.cations)})

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict per structure."""
        rows = []
        for name in self._systems:
            mine = [candidate for candidate in self._by_id.values() if candidate.oxide.prototype == name]
            rows.append(
                {
                    "system": name,
                    "space_group": OXIDE_PROTOTYPES[name].group,
                    "atoms": mine[0].oxide.atoms,
                    "compositions": len({candidate.oxide.formula for candidate in mine}),
                    "candidates": len(mine),
                }
            )
        return rows

    def _find(self, candidate: str) -> _Candidate:
        if candidate not in self._by_id:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        return self._by_id[candidate]

    @cached_property
    def _systems(self) -> tuple[str, ...]:
        there = {candidate.oxide.prototype for candidate in self._by_id.values()}
        return tuple(name for name in OXIDE_PROTOTYPES if name in there)

    @cached_property
    def _pool(self) -> CandidatePool:
        several = list(self._by_id.values())
        surfaces = tuple(dict.fromkeys(f"{candidate.oxide.formula}-{candidate.oxide.prototype}" for candidate in several))
        owners = [f"{candidate.oxide.formula}-{candidate.oxide.prototype}" for candidate in several]
        place = {name: number for number, name in enumerate(surfaces)}
        return CandidatePool(
            ids=np.array([candidate.id for candidate in several]),
            systems=self._systems,
            system_codes=np.array([self._systems.index(candidate.oxide.prototype) for candidate in several], dtype=np.intp),
            surfaces=surfaces,
            surface_codes=np.array([place[name] for name in owners], dtype=np.intp),
            groups={group.name: group for group in _groups(several, self._systems)},
            cost=np.array([float(candidate.oxide.atoms) for candidate in several]) ** self._spec.cost.power,
        )


def _groups(several: Sequence[_Candidate], systems: Sequence[str]) -> list[FeatureGroup]:
    """The structure, the volume, and mean and range of the cations' properties."""
    every = np.arange(len(several))
    structures = np.array([[float(systems.index(candidate.oxide.prototype))] for candidate in several])
    rows = np.array([_cations(candidate.oxide) for candidate in several])
    columns = [f"{what} {name}" for what in ("mean", "range of") for name in ("charge [e]", "radius [Å]", "electronegativity")]
    return [
        FeatureGroup.compact("structure", structures, every, ("structure",), categorical=True),
        FeatureGroup.compact("cations", np.round(rows, 12), every, tuple(columns)),
        FeatureGroup.compact("volume", np.array([[candidate.percent / 100.0] for candidate in several]), every, ("volume",)),
    ]


def _cations(oxide: Oxide) -> FloatArray:
    rows = np.array([[float(ion.charge), ionic_radius(ion, _SIX), electronegativity(ion)] for ion in oxide.cations])
    weights = np.array(OXIDE_PROTOTYPES[oxide.prototype].counts[:-1], dtype=np.float64)
    return np.concatenate((weights @ rows / weights.sum(), rows.max(axis=0) - rows.min(axis=0)))
