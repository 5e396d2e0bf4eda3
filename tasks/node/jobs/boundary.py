"""Jobs that compute grain-boundary energies.

The final relaxation of a boundary, repeated with thicker grains.
Thin grains are cheap to search with, but they can turn or bend towards a boundary of another energy. A thicker cell begins with
the displacements of the atoms in the thinner one; the value is that of the thickest grains.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from tansaku.calculators.engines.motion import BLOCK
from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.calculators.structures.grain_orientation import ORIENTATIONS, grain_axes
from tansaku.calculators.structures.perfect_crystal import crystal_of
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, BoundaryEnergy, BulkReference, boundary_energy
from tansaku.calculators.workflows.boundary_stress import (
    COMPONENTS,
    GrainCrystal,
    Straining,
    boundary_stress,
    elastic_opening,
    normal_stress,
)
from tansaku.calculators.workflows.grain_check import Stiffness, check_grains
from tansaku.calculators.workflows.own_crystal import TOLERANCE, OwnCrystal, refuse_misfit
from tansaku.models.domain.annealing import AnnealingCalculator, AnnealRun
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import Calculator, Space
from tansaku.models.domain.records import JsonDict, Outcome, Quantity
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.grain_boundary import CrystalSpec, GrainBoundarySpaceSpec
from tansaku.models.domain.specs.label import LABEL_PROPERTY
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.tasks.node.jobs.document import (
    BOUNDARY_STRESS,
    EXCESS_VOLUME,
    GRAIN_THICKNESSES,
    LATTICE_WARNING,
    OWN_LATTICE_PARAMETER,
    STRUCTURE_FILE,
    THICKNESS_CHANGE,
    JobDocument,
)
from tansaku.tasks.node.jobs.kept import scratch_of, searched_structure, take_files
from tansaku.tasks.node.jobs.opened import (
    opened_bulk,
    opened_calculator,
    opened_oriented_bulk,
    opened_own_crystal,
    opened_space,
    opened_stiffness,
)
from tansaku.tasks.node.jobs.steps import write_steps

_ANNEALING_KEYS = ("anneal_temperature", "anneal_steps", "anneal_seed")

_OF_DENSITY = (
    "replication",
    "fraction",
    "removed_atoms",
    "removed_evenly",
    "overlapping_pairs",
    "anneal_temperature",
    "anneal_steps",
)
"""Keys of a structure about its number of atoms and its molecular dynamics."""

_BOUNDARY_ENERGY = "grain_boundary_energy"
PER_J_M2 = {"J/m2": 1.0, "mJ/m2": 1000.0}
"""Allowed units of the objective."""


def open_boundary_job(document: JobDocument, folder: Path) -> BoundaryJob:
    """Opens the job of a document whose space has grain boundaries.

    Raises:
        ConfigurationError: The document is of another kind, or its objective is not a boundary's.
    """
    space, spec, base_path = document.space, document.calculator, document.base_path
    if not isinstance(space, GrainBoundarySpaceSpec) or spec is None:
        raise ConfigurationError(f"a {space.type} space has no grain boundaries")
    own = _own_crystal(document, space, spec)
    # What a cell that cannot stretch does to its grains is no fault of theirs.
    stretches = (document.relaxation or spec.relaxation).cell == "normal" or space.rigid_blocks
    return BoundaryJob(
        space=opened_space(space, base_path),
        candidate=document.candidate,
        calculator=opened_calculator(spec, base_path),
        bulk=opened_oriented_bulk(spec, base_path, space, document.candidate)
        if spec.facts.dft
        else opened_bulk(spec, base_path, space.crystal),
        # The crystal is much cheaper than the boundary, so its energy is computed too.
        stiffness=None if spec.facts.dft or not spec.facts.own_forces else opened_stiffness(spec, base_path, space.crystal),
        relaxation=document.relaxation or spec.relaxation,
        scale=_scale(document.objective, space),
        folder=folder,
        start=document.start,
        own=own,
        judge_strain=stretches and not _is_strained(space.crystal, own),
        thicknesses=document.thicknesses,
        strains=_strains(document, space) if spec.facts.atomic_energies else (),
        # A search has thousands of short relaxations, and its final ones are those that people look at.
        keeps_steps=document.relaxation is not None,
    )


def _strains(document: JobDocument, space: GrainBoundarySpaceSpec) -> tuple[str, ...]:
    """Components of the stress that a boundary between rigid blocks gets, for two energies of strained cells each.

    They take as long as a short relaxation, and a search's is rough. Where phases of different numbers of atoms are compared,
    each of them has the normal ones: a shear would take another kind of cell.
    """
    if document.relaxation is not None:
        return tuple(COMPONENTS)
    return ("xx", "yy") if space.densities else ()


def _is_strained(crystal: CrystalSpec, own: OwnCrystal | None) -> bool:
    off = own.misfit if own is not None else crystal.misfit
    return bool(crystal.strained) or (off is not None and abs(off) > TOLERANCE)


def _own_crystal(document: JobDocument, space: GrainBoundarySpaceSpec, spec: CalculatorSpec) -> OwnCrystal | None:
    """Compares the calculator's own crystal with the campaign's if that was not done yet; once per process.

    Raises:
        ConfigurationError: They differ. A campaign stored by a version without this check continues with a warning.
    """
    crystal = space.crystal
    if crystal.strained or crystal.own_lattice_parameter is not None:
        return None
    if crystal.strained is None and spec.facts.dft:
        return None
    own = opened_own_crystal(spec, document.base_path, crystal)
    if crystal.strained is None:
        return own
    refuse_misfit(crystal, own, f"the calculator of type {spec.type}")
    return own


@dataclass(frozen=True)
class BoundaryJob:
    """Relaxes a cell with two boundaries, starting from the space's structure or that of an earlier job."""

    space: Space
    candidate: str
    calculator: Calculator
    bulk: BulkReference
    stiffness: Stiffness | None
    relaxation: RelaxationSpec
    scale: float
    folder: Path
    start: str | None
    own: OwnCrystal | None = None
    judge_strain: bool = True
    thicknesses: tuple[float, ...] = ()
    strains: tuple[str, ...] = ()
    keeps_steps: bool = False

    def __call__(self) -> Outcome:
        """Relaxes the cell, and where asked for thicker ones, and computes the energy of its boundaries."""
        begun = time.perf_counter()
        if self.start is None:
            start = annealed(self.space.structure(self.candidate), self.calculator, self.relaxation)
        else:
            start = searched_structure(self.start, self.candidate)
        thickness: JsonDict = {}
        if self.thicknesses and isinstance(self.space, Cells):
            relaxed, thickness = relaxed_in_thicker_grains(self._relaxed, self.space, self.candidate, start, self.thicknesses)
        else:
            relaxed = self._relaxed(start)
        found, result = relaxed.found, relaxed.found.result
        wall_time = time.perf_counter() - begun
        properties = _properties(relaxed) | thickness | _properties_of_crystal(self.own)
        # Measured from the cell that was built, also where the start was relaxed before.
        travelled = relaxed.travelled
        excess = self._excess(relaxed)
        steps = write_steps(result, self.folder) if self.keeps_steps else {}
        _write_structure(self.folder / STRUCTURE_FILE, found, travelled | {name: item.value for name, item in excess.items()})
        return Outcome(
            value=self.scale * found.value,
            quantities={
                _BOUNDARY_ENERGY: Quantity(value=found.value, unit="J/m^2"),
                "energy": Quantity(value=result.energy, unit="eV"),
                "bulk_energy_per_atom": Quantity(value=self.bulk.energy_per_atom, unit="eV"),
                "expansion": Quantity(value=travelled["expansion"], unit="Angstrom"),
                **excess,
                **{name: Quantity(value=value, unit="eV") for name, value in result.terms.items()},
            },
            properties=properties | ({"calculation": dict(result.details)} if result.details else {}),
            wall_time=wall_time,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, **steps, **relaxed.files},
            provenance=result.provenance,
            predicted_by=result.provenance.model if result.predicted else None,
            deviation=0.5 * EV_PER_A2 * self.scale * result.deviation / found.area if result.deviation is not None else None,
        )

    def _excess(self, relaxed: RelaxedBoundary) -> dict[str, Quantity]:
        if "region" not in relaxed.start.arrays and self.relaxation.cell == "fixed":
            return {}  # The grains are under a stress along the normal.
        return excess_quantities(relaxed, self.bulk, self.stiffness, Straining(self.calculator, self.strains))

    def _relaxed(self, start: Atoms) -> RelaxedBoundary:
        with scratch_of(self.calculator, start, self.relaxation, self.folder) as calculator:
            found = boundary_energy(calculator, start, self.relaxation, self.bulk)
            files = take_files(found.result, self.folder)
        grains = check_grains(start, found.result, self.stiffness, judge_strain=self.judge_strain)
        return RelaxedBoundary(start, found, grains, files)


def _properties(relaxed: RelaxedBoundary) -> JsonDict:
    found = relaxed.found
    return {
        "boundary_energies": list(found.values) if found.values is not None else None,
        "boundary_energies_unit": "J/m^2",
        "boundaries_differ": found.differ,
        "drift": list(found.drift),
        "final_translation": relaxed.travelled["final_translation"],
        "steps": found.result.steps,
        "converged": found.result.converged,
        "n_atoms": len(relaxed.start),
        "grains": relaxed.grains,
        **{key: relaxed.start.info[key] for key in _OF_DENSITY if key in relaxed.start.info},
    }


def _properties_of_crystal(own: OwnCrystal | None) -> JsonDict:
    if own is None:
        return {}
    numbers = {OWN_LATTICE_PARAMETER: own.lattice_parameter, "bulk_stress": own.stress, "bulk_stress_unit": "GPa"}
    warned = {LATTICE_WARNING: f"space.crystal.lattice_parameter: {own.describe()}"} if abs(own.misfit) > TOLERANCE else {}
    return numbers | warned


def _write_structure(path: Path, found: BoundaryEnergy, travelled: JsonDict) -> None:
    atoms = found.result.atoms.copy()
    results = {"energy": found.result.energy, "forces": found.result.forces}
    if found.result.energies is not None:
        results["energies"] = found.result.energies
    if found.result.stress is not None:
        results["stress"] = found.result.stress
    atoms.calc = SinglePointCalculator(atoms, **results)
    atoms.info |= travelled | {
        "potential": found.result.provenance.model,
        "potential_sha256": found.result.provenance.model_sha256,
        "grain_boundary_energy": found.value,
    }
    if found.values is not None:
        atoms.info["grain_boundary_energies"] = list(found.values)
    write_extended_xyz(path, atoms)


def _scale(objective: ObjectiveSpec, space: GrainBoundarySpaceSpec) -> float:
    if objective.property not in (None, _BOUNDARY_ENERGY, LABEL_PROPERTY):
        raise ConfigurationError(
            f"objective.property: a {space.type} space gives {_BOUNDARY_ENERGY} and, with a label, {LABEL_PROPERTY}; "
            f"not {objective.property!r}"
        )
    if objective.unit not in PER_J_M2:
        raise ConfigurationError(
            f"objective.unit: {objective.unit!r} is not a unit of {_BOUNDARY_ENERGY}; expected J/m2 or mJ/m2"
        )
    return PER_J_M2[objective.unit]


def annealed(start: Atoms, calculator: Calculator, relaxation: RelaxationSpec) -> Atoms:
    """The structure after its molecular dynamics; the same where none is asked for.

    Args:
        start: As the space built it; ``info`` says how it is annealed.
        relaxation: Of the candidate: says whether atoms are held.

    Raises:
        ConfigurationError: The calculator has no molecular dynamics.
        CalculationError: The atoms went astray.
    """
    if any(key not in start.info for key in _ANNEALING_KEYS):
        return start
    if not isinstance(calculator, AnnealingCalculator):
        raise ConfigurationError(f"space.anneal: {calculator.provenance.code} has no molecular dynamics")
    temperature, steps, seed = (start.info[key] for key in _ANNEALING_KEYS)
    atoms = calculator.anneal(start, AnnealRun(float(temperature), int(steps), int(seed)), relaxation)
    moved = atoms.positions - start.positions
    lower, upper = (moved[start.arrays[BLOCK] == number].mean(axis=0) for number in (1, 2))
    x, y, z = (float(part) for part in upper - lower)
    given = [float(value) for value in start.info["translation"]]
    atoms.info.update(final_translation=[given[0] + x, given[1] + y, given[2]], expansion=z)
    return atoms


def excess_quantities(
    relaxed: RelaxedBoundary, bulk: BulkReference, stiffness: Stiffness | None, straining: Straining
) -> dict[str, Quantity]:
    """Computes the excess of a boundary, relaxed along its normal, over as many atoms of the crystal, by area.

    Args:
        bulk: The crystal at the lattice parameter of the campaign.
        stiffness: Of that crystal; None: it is not known, and the stress of the boundary cannot be computed.

    Returns:
        The excess volume, without what the grains are stretched by a stress that the relaxation has left along the normal; and
        the excess stress in the plane, where it can be computed.
    """
    volume, found = _opening(relaxed), relaxed.found
    normal = normal_stress(found)
    info = relaxed.start.info
    if stiffness is None or bulk.stress is None or normal is None or ORIENTATIONS in info:
        # Two grains that are no mirror images are strained differently by a stress along the normal.
        return {EXCESS_VOLUME: Quantity(value=volume, unit="Angstrom")}
    axis, plane = ([int(index) for index in info[key]] for key in ("axis", "plane"))
    perfect = crystal_of(str(info["structure"]), str(info["element"]), bulk.lattice_parameter)
    crystal = GrainCrystal(bulk.stress, 1.0 / perfect.atoms_per_volume, stiffness, grain_axes(perfect, axis, plane))
    volume -= elastic_opening(found, crystal, normal)
    stress = boundary_stress(found, crystal, normal, straining)
    return {EXCESS_VOLUME: Quantity(value=volume, unit="Angstrom")} | {
        f"{BOUNDARY_STRESS}{name}": Quantity(value=value, unit="J/m^2") for name, value in stress.items()
    }


def _opening(relaxed: RelaxedBoundary) -> float:
    """Volume of the cell less that of as many atoms of the unstrained crystal, by area [Å].

    Planes that meet in a boundary without an opening have the crystal's distance, however many of them were removed.
    """
    info, travelled = relaxed.start.info, relaxed.travelled
    opening = float(travelled["final_translation"][2] + travelled["expansion"])
    if "removed_atoms" not in info:
        return opening
    return opening + int(info["removed_atoms"]) * float(info["atomic_volume"]) / relaxed.found.area


_TRAVELLED = ("final_translation", "expansion")
"""Keys of a structure's ``info`` with its translation and expansion since it was built."""


@runtime_checkable
class Cells(Protocol):
    """A space whose structures can be carried into cells with thicker grains."""

    def thicker(self, candidate: str, relaxed: Atoms, thickness: float, before: float | None = None) -> Atoms:
        """A relaxed structure of a candidate, carried into a cell with thicker grains."""
        ...

    def grain_thickness(self, candidate: str, thickness: float | None = None) -> float:
        """Returns the thickness of a candidate's grains [Å]."""
        ...


@dataclass(frozen=True)
class RelaxedBoundary:
    """A boundary after a relaxation.

    Attributes:
        start: Where it began.
        found: Its energy and structure.
        grains: What :func:`check_grains` says of it.
        files: Files that the calculator left, by name of the artifact.
    """

    start: Atoms
    found: BoundaryEnergy
    grains: JsonDict
    files: dict[str, str] = field(default_factory=dict)

    @property
    def travelled(self) -> JsonDict:
        """Movement of grain 1 and of the cell's height since the structure was built, in this and earlier relaxations."""
        info, drift = self.start.info, self.found.drift
        given = [float(value) for value in info["final_translation" if "final_translation" in info else "translation"]]
        final = [given[0] + drift[0], given[1] + drift[1], given[2]]
        return {"final_translation": final, "expansion": float(info.get("expansion", 0.0)) + self.found.expansion}


def relaxed_in_thicker_grains(
    relax: Callable[[Atoms], RelaxedBoundary], cells: Cells, candidate: str, start: Atoms, thicknesses: tuple[float, ...]
) -> tuple[RelaxedBoundary, JsonDict]:
    """Relaxes a boundary in its own cell, and again with thicker grains.

    A relaxation that fails does not end the job as long as there are thicker grains to try: they begin with the last structure
    that was sound.

    Args:
        relax: Relaxes a structure and checks its grains.
        cells: Builds the thicker cells.
        start: In the cell of the search.
        thicknesses: Of the grains [Å], rising.

    Returns:
        The last relaxation, and properties that report all of them: thickness [Å], atoms, energy [J/m^2] or reason of the
        failure, and the change of the energy from the first to the last.

    Raises:
        CalculationError: The relaxation with the thickest grains failed.
    """
    sound, before = start, None
    travelled = {key: start.info[key] for key in _TRAVELLED if key in start.info}
    rows: list[JsonDict] = []
    for place, thickness in enumerate((None, *thicknesses)):
        begin = start
        if thickness is not None:
            begin = cells.thicker(candidate, sound, thickness, before)
            begin.info.update(travelled)
        row: JsonDict = {"thickness": cells.grain_thickness(candidate, thickness), "atoms": len(begin)}
        try:
            relaxed = relax(begin)
        except CalculationError as error:
            if place == len(thicknesses):
                raise
            rows.append(row | {"energy": None, "failure": error.reason})
            continue
        rows.append(row | {"energy": relaxed.found.value, "failure": None})
        sound, before, travelled = relaxed.found.result.atoms, thickness, relaxed.travelled
    first, last = rows[0]["energy"], rows[-1]["energy"]
    return relaxed, {GRAIN_THICKNESSES: rows, THICKNESS_CHANGE: None if first is None else last - first}
