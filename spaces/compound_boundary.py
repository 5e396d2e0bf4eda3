"""Boundaries of a crystal of any elements as a space: terminations and shifts of one grain against the other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.formula import Formula

from tansaku.calculators.structures.compound_boundary import (
    Content,
    SlabPair,
    content_of,
    fewest_near,
    formula_unit,
    without_atoms,
)
from tansaku.calculators.structures.compound_crystal import ONE_PLANE, CompoundCrystal, compound_crystal
from tansaku.calculators.structures.grain_pair import PlanePair
from tansaku.calculators.structures.structure_reader import read_structures
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.identifiers import check_unchanged
from tansaku.models.domain.pool import WIDEST, CandidatePool, FeatureGroup, FloatArray, IntArray, PotentialLines
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.compound_boundary import CompoundBoundarySpaceSpec, NeutralUnitSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.units import quantity_in
from tansaku.spaces.compound_selection import Meeting, Selection, check_planes, selection

if TYPE_CHECKING:
    from ase import Atoms

Ends = tuple[tuple[int, int], tuple[int, int]]
"""Cut of each of two grains, with the steps of the slab: a relaxed crystal has the same number of planes."""

_SHOWN = 20
"""Boundaries that are left out are named with their reasons up to here."""

_DIGITS = 8
_ON_GRID = 1e-4
_THIN = 3.0
"""Thickness of the grains of a cut-out, at least [Å]."""


@dataclass(frozen=True)
class Surface:
    """A pair of terminations of a boundary.

    Attributes:
        name: Name in ids, ``111-TiO2m2-t0-1-m1``.
        meeting: The boundary.
        ends: Of the lower and the upper grain.
        slabs: Of the crystal as its file has it.
        content: Formula units of a cell.
        shape: Steps of the shift along the two translations.
        shifts: Those of its candidates, in steps, shape ``(n, 2)``.
        removed: Atoms of each element that are taken from each boundary, by atomic number.
        seeds: Candidates of each shift.
    """

    name: str
    system: str
    meeting: Meeting
    ends: Ends
    slabs: SlabPair
    content: Content
    shape: tuple[int, int]
    shifts: IntArray
    removed: Mapping[int, int]
    seeds: int

    @property
    def atoms(self) -> int:
        """Atoms of a cell."""
        return self.slabs.count - 2 * sum(self.removed.values())

    def candidates(self) -> Iterator[tuple[str, int, int]]:
        """Ids, with the place of the shift and the seed."""
        for place, (x, y) in enumerate(self.shifts):
            for seed in range(self.seeds):
                yield f"{self.name}-x{x:02d}-y{y:02d}" + (f"-s{seed}" if self.removed else ""), place, seed


class CompoundBoundarySpace:
    """Boundaries of a compound (implements ``Space``).

    A system is a boundary and the units that a cell has more or fewer than its crystal: ``210`` (symmetric), ``111-TiO2p1``
    (one more), ``111-TiO2m2`` (two fewer), ``s005-001-001-t3687`` (Σ, both planes and the angle). Candidate ids add the cuts of
    both grains and the shift in steps: ``210-t0-0-x03-y01``.

    Args:
        base_path: Folder in which relative paths start.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: A file cannot be read, the crystal has no centre of inversion, the unit is no part of it, two planes
            are the same by symmetry, or one has no termination of whole formula units; two planes have no common period within
            the strain that is allowed, or a cell has too many atoms.
        MissingComponentError: A package is not installed.
    """

    def __init__(self, spec: CompoundBoundarySpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> None:
        self._spec = spec
        self._limits = limits
        self._base_path = base_path
        self._left_out: dict[str, str] = {}
        given = _read(base_path, "crystal", spec.crystal, spec.sha256, limits)
        self._crystal = compound_crystal(given, "space.crystal")
        self._bulk = formula_unit(self._crystal.numbers)
        self._phases = self._read_phases(base_path)
        self._unit = None if spec.unit is None else self._neutral_unit(spec.unit)
        self._second = None if spec.second_unit is None else self._neutral_unit(spec.second_unit, "second")
        if self._unit is not None:
            _check_parts(self._bulk, self._unit, self._phases)
        if self._unit is not None and self._second is not None:
            _check_independent(self._bulk, self._unit, self._second)
        check_planes(self._crystal, spec.planes)
        if spec.supercell is not None:
            check_limit(limits, "atoms", len(given) * math.prod(spec.supercell), "space.supercell: atoms")

    def _read_phases(self, base_path: Path) -> dict[str, Atoms]:
        found = {}
        for name, unit in self._spec.units.items():
            for key, (path, sha256) in unit.crystals.items():
                found["second" if name == "second_unit" else key] = _read(
                    base_path, f"{name}.{key}", path, sha256, self._limits
                )
        return found

    def _neutral_unit(self, unit: NeutralUnitSpec, phase: str = "phase") -> dict[int, int]:
        if unit.formula is None:
            return formula_unit(self._phases[phase].numbers)
        return formula_unit(_numbers_of(unit.formula))

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    @property
    def crystal(self) -> CompoundCrystal:
        """The crystal as its file has it."""
        return self._crystal

    @property
    def phases(self) -> Mapping[str, Atoms]:
        """Crystals of the unit (``phase``) and of the rest of the bulk's formula unit (``rest``), where there are any."""
        return self._phases

    @property
    def supercell(self) -> tuple[int, int, int] | None:
        """Cell in which distortions of the crystal are looked for; None: they are not."""
        return self._spec.supercell

    @property
    def unit_energies(self) -> Mapping[str, float]:
        """Energies of the units that have no crystal, ``phase`` and ``second``, as the spec gives them [eV]."""
        found = {}
        units = (("phase", self._spec.unit, self._unit), ("second", self._spec.second_unit, self._second))
        for name, unit, own in units:
            if unit is not None and unit.formula is not None and own is not None:
                multiple = len(_numbers_of(unit.formula)) // sum(own.values())
                found[name] = quantity_in(unit.energy or "", "eV") / multiple
        return found

    @property
    def unit_name(self) -> str | None:
        """Formula of the neutral unit."""
        return None if self._unit is None else _formula(self._unit)

    @property
    def second_name(self) -> str | None:
        """Formula of the second unit."""
        return None if self._second is None else _formula(self._second)

    def structure(self, candidate: str) -> Atoms:
        """The cell of a candidate, of the crystal as its file has it.

        Raises:
            NotFoundError: The id is not in the pool.
        """
        return self.built(candidate, self._crystal)

    def built(self, candidate: str, lower: CompoundCrystal, upper: CompoundCrystal | None = None) -> Atoms:
        """The cell of a candidate.

        Args:
            lower: The crystal of the lower grain, such as a relaxed one.
            upper: Of the upper one; None: the same.

        Raises:
            NotFoundError: The id is not in the pool.
        """
        surface, place, seed = self._place(candidate)
        slabs = surface.slabs if lower is self._crystal and upper is None else self._slabs(surface, lower, upper)
        shift = surface.shifts[place] / np.array(surface.shape)
        atoms = slabs.cell(shift, self._spec.closest * lower.nearest, self._spec.opening)
        if surface.removed and self._spec.exchange is not None:
            atoms = without_atoms(atoms, slabs, surface.removed, self._spec.exchange.layer, place * surface.seeds + seed)
        atoms.info |= {
            "candidate": candidate,
            "system": surface.system,
            "plane": " ".join(map(str, surface.meeting.plane)),
            "formula_units": surface.content.bulk,
            "excess_units": surface.content.excess,
            **surface.meeting.metadata,
            **({} if self._second is None else {"second_units": surface.content.second}),
            **({} if not self._spec.units else {"phases": " ".join(map(_identity, self._spec.units.values()))}),
            **({} if self._spec.supercell is None else {"supercell": " ".join(map(str, self._spec.supercell))}),
        }
        return atoms

    def meeting(self, candidate: str) -> Meeting:
        """The boundary of a candidate.

        Raises:
            NotFoundError: The id is not in the pool.
        """
        return self._place(candidate)[0].meeting

    def slabs(self, candidate: str, lower: CompoundCrystal, upper: CompoundCrystal | None = None) -> SlabPair:
        """The slabs of a candidate, of a relaxed crystal; arguments as of ``built``."""
        return self._slabs(self._place(candidate)[0], lower, upper)

    def thickened(self, start: Atoms, relaxed: Atoms, slabs: SlabPair, thickness: float) -> tuple[Atoms, Atoms]:
        """A cell with thicker grains of a relaxed one.

        Args:
            start: The candidate as it was built.
            slabs: Its slabs.
            thickness: Of each grain, at least [Å].

        Returns:
            As it would have been built, and with the displacements of the relaxation.
        """
        surface, place, _ = self._place(str(start.info["candidate"]))
        thick = slabs.thicker(thickness - slabs.thinnest)
        built, moved = slabs.thickened(thick, surface.shifts[place] / np.array(surface.shape), start, relaxed)
        more = (len(built) - len(start)) // sum(self._bulk.values())
        for atoms in (built, moved):
            atoms.info = start.info | {"formula_units": int(start.info["formula_units"]) + more}
        return built, moved

    def cut_out(self, start: Atoms, relaxed: Atoms, slabs: SlabPair, most: int) -> Atoms | None:
        """Both boundaries with their surroundings, out of a relaxed cell: the middle of both grains is left out.

        Args:
            start: The cell as it was built.
            slabs: Of the cell.
            most: Atoms that the thinner cell may have.

        Returns:
            The thinner cell with the displacements of the relaxation; None: its grains would be thinner than 3 Å, or than the
            layers from which units are taken.
        """
        surface, place, _ = self._place(str(start.info["candidate"]))
        thin = slabs.thinner(most, 2.0 * self._spec.exchange.layer if surface.removed and self._spec.exchange else _THIN)
        if thin is None:
            return None
        found = slabs.thinned(thin, surface.shifts[place] / np.array(surface.shape), start, relaxed)
        less = (len(start) - len(found)) // sum(self._bulk.values())
        found.info = start.info | {"formula_units": int(start.info["formula_units"]) - less}
        return found

    def _place(self, candidate: str) -> tuple[Surface, int, int]:
        if candidate not in self._places:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        return self._places[candidate]

    def elements(self) -> frozenset[str]:
        """The crystal's and the unit's."""
        several = [self._crystal.atoms(), *self._phases.values()]
        return frozenset(symbol for atoms in several for symbol in atoms.get_chemical_symbols())

    def describe_systems(self) -> Sequence[JsonDict]:
        """A dict for each boundary and number of units."""
        return [
            {
                "system": system,
                "plane": list(several[0].meeting.plane),
                **({} if self._spec.boundaries is None else several[0].meeting.description),
                "excess": several[0].content.excess,
                "unit": self.unit_name,
                **self._described_second(several[0]),
                "area": several[0].slabs.area,
                "terminations": len(several),
                "atoms": max(item.atoms for item in several),
                "candidates": sum(len(item.shifts) * item.seeds for item in several),
            }
            for system, several in self._systems.items()
        ]

    def _described_second(self, surface: Surface) -> JsonDict:
        return {} if self._second is None else {"second_excess": surface.content.second, "second_unit": self.second_name}

    def _slabs(self, surface: Surface, lower: CompoundCrystal, upper: CompoundCrystal | None) -> SlabPair:
        """The slabs of a surface in another state of the crystal.

        Raises:
            ConfigurationError: Their surfaces would be others than those of the file's crystal.
        """
        pair, given = surface.meeting.pair.of(lower, upper).fitted(), (surface.slabs.lower, surface.slabs.upper)
        slabs = _slab_pair(pair, surface.ends, self._spec.repeats)
        if any(sorted(new.numbers) != sorted(old.numbers) for new, old in zip((slabs.lower, slabs.upper), given, strict=True)):
            raise ConfigurationError(
                f"space.crystal: planes of atoms of {list(surface.meeting.plane)} are others after the calculator relaxed the "
                "crystal; expected the crystal that it relaxes to"
            )
        return slabs

    @property
    def meetings(self) -> Mapping[str, Meeting]:
        """All boundaries by name, the symmetric ones first; those that are left out for their cells too."""
        return self._selection.meetings

    @cached_property
    def _selection(self) -> Selection:
        return selection(self._spec, self._crystal, self._base_path, self._limits)

    def left_out(self) -> Sequence[str]:
        """Boundaries that are left out, with the reason (implements ``BoundedSpace``)."""
        _ = self._surfaces
        reasons = list(self._left_out.items())
        shown = [f"left out: {reason}" for _, reason in reasons[:_SHOWN]]
        names = ", ".join(name for name, _ in reasons[_SHOWN:])
        return [*shown, *([f"left out for such reasons, {len(reasons) - _SHOWN} more: {names}"] if names else [])]

    @cached_property
    def _surfaces(self) -> list[Surface]:
        self._left_out = dict(self._selection.left_out)
        found: list[Surface] = []
        for meeting in self.meetings.values():
            try:
                found += self._of_meeting(meeting)
            except ConfigurationError as error:
                if not (meeting.selected and self._selection.leaves_out):
                    raise
                self._left_out[meeting.name] = error.message
        if not found:
            first = next(iter(self._left_out.values()), "there is none")
            raise ConfigurationError(f"space.boundaries: no boundary is left; the first that is left out: {first}")
        return sorted(found, key=lambda item: item.name)

    @cached_property
    def _systems(self) -> dict[str, list[Surface]]:
        found: dict[str, list[Surface]] = {}
        for item in self._surfaces:
            found.setdefault(item.system, []).append(item)
        return dict(sorted(found.items()))

    def _of_meeting(self, meeting: Meeting) -> list[Surface]:
        spec, pair = self._spec, meeting.pair.fitted()
        for planes, indices in zip((pair.lower, pair.upper), meeting.planes, strict=True):
            if not planes.cuts:
                raise ConfigurationError(
                    f"{meeting.key.partition(':')[0]}: {list(indices)}: planes of atoms are nearer to each other than "
                    f"{ONE_PLANE:g} Å; expected lower indices"
                )
        cuts = [
            [(cut, planes.steps_for(cut, spec.thickness)) for cut in range(len(planes.cuts))]
            for planes in (pair.lower, pair.upper)
        ]
        found: list[Surface] = []
        left: list[dict[int, int]] = []
        for ends in itertools.product(*cuts):
            slabs = _slab_pair(pair, (ends[0], ends[1]), spec.repeats)
            self._check_atoms(meeting, slabs)
            left.append(_left_over(slabs.counts, self._bulk))
            # Terminations the other way round are the same boundary where symmetry takes each grain to the other.
            if ends[1] < ends[0] and slabs.exchangeable:
                continue
            found += self._of_slabs(meeting, (ends[0], ends[1]), slabs)
        if not found:
            parts = [
                _formula(self._bulk),
                *(f"up to {most} {_formula(unit)} more or fewer" for unit, most in self._exchanged),
            ]
            nearest = min(left, key=lambda atoms: sum(atoms.values()))
            charge = f"the nearest leaves {_formula(nearest)}, and has a charge unless that is neutral; " if nearest else ""
            raise ConfigurationError(
                f"{meeting.key}: planes {' / '.join(str(list(plane)) for plane in meeting.planes)}: no pair of terminations, "
                f"with what is removed, is made of whole formula units of {' and '.join(parts)}; {charge}expected another "
                "plane, or a unit"
            )
        return found

    def _check_atoms(self, meeting: Meeting, slabs: SlabPair) -> None:
        what = list(meeting.plane) if meeting.general is None else meeting.name
        check_limit(self._limits, "atoms", slabs.count, f"space.thickness: atoms in a cell of {what}")
        most = self._spec.max_atoms
        if most is not None and slabs.count > most:
            raise ConfigurationError(
                f"space.max_atoms: {most}; a cell of {what} has {slabs.count} atoms, expected as many or more"
            )

    def _of_slabs(self, meeting: Meeting, ends: Ends, slabs: SlabPair) -> Iterator[Surface]:
        """Both grains as they are cut, and without some units, as far as they are made of whole formula units."""
        spec, shape = self._spec, _shape(slabs.translations, self._spec.step)
        near = {} if spec.exchange is None else fewest_near(slabs, spec.exchange.layer)
        shifts = _folded(slabs, shape) if spec.fold else _grid(shape)
        for units, lacking in ((0, 0),) if spec.exchange is None else spec.exchange.numbers:
            removed = self._removed(units, lacking)
            counts = {number: count - 2 * removed.get(number, 0) for number, count in slabs.counts.items()}
            content = content_of(counts, self._bulk, *self._exchanged)
            if content is None or any(near.get(number, 0) < count for number, count in removed.items()):
                continue
            system = meeting.name + _suffix(self.unit_name, content.excess) + _suffix(self.second_name, content.second)
            name = f"{system}-t{ends[0][0]}-{ends[1][0]}" + (f"-{_signed(units)}" if units else "")
            name += f"-l{lacking}" if lacking else ""
            seeds = 1 if spec.exchange is None or not removed else spec.exchange.seeds
            yield Surface(name, system, meeting, ends, slabs, content, shape, shifts, removed, seeds)

    @property
    def _exchanged(self) -> list[tuple[dict[int, int], int]]:
        """The units, and how many of each a cell may have more or fewer."""
        found = zip((self._unit, self._second), (self._spec.unit, self._spec.second_unit), strict=True)
        return [(own, unit.most) for own, unit in found if own is not None and unit is not None]

    def _removed(self, units: int, lacking: int) -> dict[int, int]:
        """Atoms that are taken from each boundary, by atomic number."""
        found: dict[int, int] = {}
        for atoms, count in ((self._taken(units), abs(units)), (self._second or {}, lacking)):
            for number, each in atoms.items():
                found[number] = found.get(number, 0) + count * each
        return {number: count for number, count in found.items() if count}

    def _taken(self, units: int) -> dict[int, int]:
        """The unit that is taken away where boundaries have fewer, or more, units than their terminations."""
        if self._unit is None or units < 0:
            return self._unit or self._bulk
        return _left(self._bulk, self._unit)

    @cached_property
    def _places(self) -> dict[str, tuple[Surface, int, int]]:
        every = ((name, (item, place, seed)) for item in self._surfaces for name, place, seed in item.candidates())
        return dict(sorted(every, key=lambda named: named[0]))

    @cached_property
    def _pool(self) -> CandidatePool:
        places = list(self._places.values())
        check_limit(self._limits, "pool", len(places), "space.step: candidates")
        systems = {name: code for code, name in enumerate(self._systems)}
        surfaces = {item.name: code for code, item in enumerate(self._surfaces)}
        count = np.array([float(item.atoms) for item, _, _ in places])
        turns = 2.0 * np.pi * np.array([item.shifts[place] / np.array(item.shape) for item, place, _ in places])
        waves = np.round(np.concatenate((np.cos(turns), np.sin(turns)), axis=1), _DIGITS)
        columns = ("cos x", "cos y", "sin x", "sin y")
        every = np.arange(len(places))
        return CandidatePool(
            ids=np.array(list(self._places)),
            systems=tuple(systems),
            system_codes=np.array([systems[item.system] for item, _, _ in places], dtype=np.intp),
            surfaces=tuple(surfaces),
            surface_codes=np.array([surfaces[item.name] for item, _, _ in places], dtype=np.intp),
            groups={"translation": FeatureGroup.compact("translation", waves, every, columns)},
            cost=count**self._spec.cost.power,
            cost_descriptors=FeatureGroup.compact("cost", count[:, None], every, ("atoms",)),
            lines=self._lines(),
        )

    def _lines(self) -> PotentialLines | None:
        """Each system's change with the potential of the unit; the systems of a boundary compete."""
        if self._spec.unit is None or self.unit_name is None:
            return None
        first = [several[0] for several in self._systems.values()]
        density = np.array([item.content.excess / (2.0 * item.slabs.area) for item in first])
        places = {name: place for place, name in enumerate(self.meetings)}
        groups = np.array([places[item.meeting.name] for item in first], dtype=np.intp)
        lowest = None if self._spec.unit.lowest is None else quantity_in(self._spec.unit.lowest, "eV")
        return PotentialLines(self.unit_name, -density * EV_PER_A2, groups, lowest, self._second_window)

    @property
    def _second_window(self) -> tuple[str, float] | None:
        unit = self._spec.second_unit
        if unit is None or self.second_name is None:
            return None
        return self.second_name, WIDEST if unit.lowest is None else quantity_in(unit.lowest, "eV")


def _slab_pair(pair: PlanePair, ends: Ends, repeats: tuple[int, int]) -> SlabPair:
    (lower, steps), (upper, further) = ends
    slabs = pair.lower.slab(lower, steps), pair.upper.slab(upper, further)
    return SlabPair(*slabs, repeats, pair.parts, folds=not pair.strained)


def _identity(unit: NeutralUnitSpec) -> str:
    """Text on which energies of boundaries depend besides their atoms."""
    given = () if unit.formula is None else (unit.formula, str(unit.energy))
    return " ".join((*given, *unit.sha256))


def _numbers_of(formula: str) -> IntArray:
    """Atomic numbers of the atoms of a formula.

    Raises:
        ConfigurationError: It names no element.
    """
    from ase.data import atomic_numbers

    try:
        return np.array([atomic_numbers[symbol] for symbol in Formula(formula)], dtype=np.intp)
    except KeyError as error:
        raise ConfigurationError(f"space.unit.formula: {formula}: {error.args[0]!r} is no element") from error


def _suffix(unit: str | None, excess: int) -> str:
    return "" if unit is None else f"-{unit}{_signed(excess)}"


def _signed(number: int) -> str:
    """A number in letters that are safe in file names: ``p2``, ``m1``."""
    return f"{'m' if number < 0 else 'p'}{abs(number)}"


def _shape(vectors: FloatArray, step: float) -> tuple[int, int]:
    """Steps along two vectors, even numbers, so that symmetry takes most shifts to others; the same number in oblique cells."""
    first, second = (2 * math.ceil(float(length) / (2.0 * step) - 1e-9) for length in np.linalg.norm(vectors, axis=1))
    oblique = abs(float(vectors[0] @ vectors[1])) > _ON_GRID
    return (max(first, second),) * 2 if oblique else (first, second)


def _grid(shape: tuple[int, int]) -> IntArray:
    return np.array([(x, y) for x in range(shape[0]) for y in range(shape[1])], dtype=np.intp)


def _folded(slabs: SlabPair, shape: tuple[int, int]) -> IntArray:
    """The first of all shifts that symmetry makes equal, in steps, shape ``(n, 2)``."""
    steps, grid = np.array(shape), _grid(shape)
    lowest = np.arange(len(grid))
    for matrix, shift in slabs.equivalents():
        image = (grid / steps @ matrix.T + shift) * steps
        on_grid = np.abs(image - np.rint(image)).max() < _ON_GRID
        if not on_grid:
            continue
        x, y = (np.rint(image).astype(np.intp) % steps).T
        lowest = np.minimum(lowest, x * shape[1] + y)
    return np.asarray(grid[lowest == np.arange(len(grid))])


def _formula(unit: Mapping[int, int]) -> str:
    from ase.data import chemical_symbols

    return str(Formula.from_dict({chemical_symbols[number]: count for number, count in unit.items()}).format("metal"))


def _left(bulk: Mapping[int, int], unit: Mapping[int, int]) -> dict[int, int]:
    """Atoms of a formula unit that another one leaves, by atomic number; negative where it has more."""
    left = {number: bulk.get(number, 0) - unit.get(number, 0) for number in dict.fromkeys((*bulk, *unit))}
    return {number: count for number, count in left.items() if count}


def _left_over(counts: Mapping[int, int], bulk: Mapping[int, int]) -> dict[int, int]:
    """Atoms beyond whole formula units, by atomic number."""
    units = min(counts.get(number, 0) // count for number, count in bulk.items())
    return _left(counts, {number: units * count for number, count in bulk.items()})


def _check_parts(bulk: Mapping[int, int], unit: Mapping[int, int], phases: Mapping[str, Atoms]) -> None:
    """Raises ConfigurationError if the unit is no part of the crystal's formula unit, or the rest is not what it leaves."""
    left = _left(bulk, unit)
    if not left or min(left.values()) < 0:
        raise ConfigurationError(
            f"space.unit.{'phase' if 'phase' in phases else 'formula'}: {_formula(unit)} is no part of {_formula(bulk)}; "
            "expected a neutral unit that the crystal's formula contains, such as TiO2 of SrTiO3"
        )
    if "rest" in phases and (found := formula_unit(phases["rest"].numbers)) != left:
        raise ConfigurationError(
            f"space.unit.rest: {_formula(found)}; expected {_formula(left)}, which {_formula(bulk)} is without {_formula(unit)}"
        )


def _check_independent(bulk: Mapping[int, int], unit: Mapping[int, int], second: Mapping[int, int]) -> None:
    """Raises ConfigurationError if the second unit is no part of the crystal, or has no potential of its own."""
    name, whole = _formula(second), _formula(bulk)
    if min(_left(bulk, second).values(), default=-1) < 0:
        raise ConfigurationError(f"space.second_unit: {name} is no part of {whole}; expected a unit that its formula contains")
    rows = np.array([[atoms.get(number, 0) for number in bulk] for atoms in (bulk, unit, second)])
    if np.linalg.matrix_rank(rows) < len(rows):
        raise ConfigurationError(
            f"space.second_unit: {name}; where {whole} is stable, the chemical potential of {_formula(unit)} gives that of "
            f"{name}, because the three formulas depend on each other; expected another unit, or none"
        )


def _read(base_path: Path, key: str, path: str, sha256: str | None, limits: LimitsSpec | None) -> Atoms:
    """The one structure of a file."""
    whole, named = base_path / path, f"space.{key}"
    if not whole.is_file():
        raise ConfigurationError(f"{named}: no file {str(whole)!r}")
    check_limit(limits, "structure_bytes", whole.stat().st_size, f"{named}: bytes of {whole.name!r}")
    check_unchanged(whole, sha256, named)
    several = [item.atoms for item in read_structures(whole, limits, named)]
    if len(several) != 1:
        raise ConfigurationError(f"{named}: {whole.name} holds {len(several)} structures; expected one")
    return several[0]
