"""Crystals and scans of them as a space: every deformed, rattled or defective cell is a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.engines.kpoints import kpoint_grid
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.crystals import CrystalsSpaceSpec, PrototypeSpec, Scan, SlabScanSpec, VacancyScanSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.engine.cost import CostModel
from tansaku.spaces.crystal_scans import Candidate, candidates_of, count_of

if TYPE_CHECKING:
    from ase import Atoms

_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


class CrystalsSpace:
    """A space of crystals (implements ``Space``).

    Systems are the scans of the crystals, ``fcc-lattice``. Candidate ids add what tells structures of a scan apart:
    ``fcc-lattice-a10250`` has 1.0250 times the lattice parameter, ``bcc-shear-a10000-p0500`` an angle larger by 5.00 degrees,
    ``fcc-rattle-0.1-n08-d0003`` is the third draw of 8 atoms, ``fcc-slab-s1_1_1-d0001`` the first of a (111) slab.

    Args:
        spec: The spec.
        base_path: Unused: the spec names no files.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: A scan does not fit its crystal, or there are too many candidates.
    """

    def __init__(
        self,
        spec: CrystalsSpaceSpec,
        base_path: Path,  # noqa: ARG002 - every space is opened alike
        limits: LimitsSpec | None = None,
    ) -> None:
        self._spec = spec
        self._scans = {
            f"{name}-{scan.called}": (name, crystal, scan)
            for name, crystal in spec.crystals.items()
            for scan in spec.scans
            if scan.of is None or name in scan.of
        }
        _check_limits(self._scans, limits)
        self._systems = {
            system: tuple(candidates_of(system, crystal, scan, spec.seed)) for system, (_, crystal, scan) in self._scans.items()
        }
        empty = [system for system, several in self._systems.items() if not several]
        if empty:
            raise ConfigurationError(f"space.scans: {empty[0]} has no candidate, a change of 0 being left out")
        self._by_id = {
            f"{system}-{member.label}": (system, member) for system, several in self._systems.items() for member in several
        }

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    def structure(self, candidate: str) -> Atoms:
        """Atoms of a candidate.

        Raises:
            NotFoundError: The id is not in the pool.
            CalculationError: Two atoms are hopelessly close (reason ``overlap``).
        """
        if candidate not in self._by_id:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        system, member = self._by_id[candidate]
        atoms = member.build()
        atoms.info = self._metadata(candidate, system, member)
        return atoms

    def elements(self) -> frozenset[str]:
        """Elements of the crystals."""
        return self._spec.elements

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict per scan of a crystal."""
        rows = []
        for system, several in self._systems.items():
            name, crystal, scan = self._scans[system]
            atoms = [member.atoms for member in several]
            rows.append(
                {
                    "system": system,
                    "crystal": name,
                    "structure": crystal.structure,
                    "elements": list(crystal.elements),
                    "scan": scan.type,
                    "atoms_min": min(atoms),
                    "atoms_max": max(atoms),
                    "candidates": len(several),
                }
            )
        return rows

    def _metadata(self, candidate: str, system: str, member: Candidate) -> JsonDict:
        name, crystal, scan = self._scans[system]
        info: JsonDict = {
            "candidate": candidate,
            "system": system,
            "crystal": name,
            "structure": crystal.structure,
            "scan": scan.type,
            "lattice_parameter": crystal.lattice_parameter,
            "lattice_change": member.lattice_change,
            "change": member.change,
            "amplitude": member.amplitude,
            "draw": member.draw,
        }
        return info | ({"plane": list(member.plane)} if member.plane is not None else {})

    @cached_property
    def _pool(self) -> CandidatePool:
        ids = np.array(list(self._by_id))
        order = np.argsort(ids, kind="stable")
        several = [self._by_id[str(name)] for name in ids[order]]
        systems = tuple(self._systems)
        codes = np.array([systems.index(system) for system, _ in several], dtype=np.intp)
        candidates = [member for _, member in several]
        sizes = self._sizes(candidates)
        prior = self._spec.cost_prior()
        return CandidatePool(
            ids=ids[order],
            systems=systems,
            system_codes=codes,
            surfaces=systems,
            surface_codes=codes,
            groups={group.name: group for group in self._groups(several)},
            cost=(sizes.values[:, 0] ** self._spec.cost.power)[sizes.index]
            if prior is None
            else CostModel.of_prior(prior).predict(sizes),
            cost_descriptors=sizes,
        )

    def _sizes(self, candidates: Sequence[Candidate]) -> FeatureGroup:
        """Numbers of atoms, and of k-points where cost is learned from them."""
        density = self._spec.cost.kpoint_density
        rows = np.array([[float(member.atoms)] for member in candidates])
        columns: tuple[str, ...] = ("atoms",)
        if density is not None:
            points = [[float(np.prod(kpoint_grid(member.cell @ member.gradient, density)))] for member in candidates]
            rows, columns = np.hstack((rows, np.array(points))), ("atoms", "kpoints")
        return FeatureGroup.compact("cost", rows, np.arange(len(rows)), columns)

    def _groups(self, several: Sequence[tuple[str, Candidate]]) -> list[FeatureGroup]:
        every = np.arange(len(several))
        names = list(self._spec.crystals)
        crystals = np.array([[float(names.index(self._scans[system][0]))] for system, _ in several])
        strains = np.array([_strain(member.gradient) for _, member in several])
        disorder = np.array(
            [
                [
                    member.amplitude,
                    float(isinstance(member.scan, VacancyScanSpec)),
                    float(isinstance(member.scan, SlabScanSpec)),
                ]
                for _, member in several
            ]
        )
        return [
            FeatureGroup.compact("crystal", crystals, every, ("crystal",), categorical=True),
            FeatureGroup.compact("strain", strains, every, ("xx", "yy", "zz", "yz", "xz", "xy")),
            FeatureGroup.compact("disorder", disorder, every, ("amplitude [Å]", "vacancy", "slab")),
        ]


def _check_limits(scans: Mapping[str, tuple[str, PrototypeSpec, Scan]], limits: LimitsSpec | None) -> None:
    """Refuses too many candidates and too large indices, by arithmetic alone."""
    check_limit(limits, "combinations", sum(count_of(scan) for _, _, scan in scans.values()), "space.scans: candidates")
    for _, _, scan in scans.values():
        for plane in scan.planes if isinstance(scan, SlabScanSpec) else ():
            check_limit(limits, "index", max(map(abs, plane)), f"space.scans: {list(plane)}: largest index")


def _strain(gradient: FloatArray) -> FloatArray:
    """Green's strain of a deformation, invariant to rotations, shape ``(6,)``; rounded, so that equal strains share a row."""
    tensor = 0.5 * (gradient @ gradient.T - np.eye(3))
    return np.round(np.array([tensor[place] for place in _VOIGT]), 12) + 0.0
