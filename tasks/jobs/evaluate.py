"""From a job document to an outcome. What the job needs is opened once per process and stays warm for the next one."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.io.extxyz import read_extxyz
from pydantic import TypeAdapter

import tansaku
from tansaku.calculators.registry import open_calculator
from tansaku.calculators.workflows.boundary_energy import BoundaryEnergy, BulkReference, boundary_energy, bulk_reference
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.ports import Calculator, Space, TabulatedSpace
from tansaku.models.domain.records import Failure, JsonDict, Outcome, Provenance, Quantity
from tansaku.models.domain.specs.calculator import CalculatorSpec, RelaxationSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.space import CrystalSpec, GrainBoundarySpaceSpec, SpaceSpec, TableSpaceSpec
from tansaku.models.domain.states import FailureKind
from tansaku.spaces.registry import open_space
from tansaku.tasks.jobs.document import STRUCTURE_FILE, JobDocument
from tansaku.tasks.machine import cpu_name

_OPEN = 4
_BOUNDARY_ENERGY = "grain_boundary_energy"
_PER_J_M2 = {"J/m2": 1.0, "mJ/m2": 1000.0}


def evaluate(document: JobDocument, folder: Path) -> Outcome:
    """Computes one evaluation.

    Args:
        document: What is to be computed.
        folder: Existing folder for the result's files; ``Outcome.artifacts`` names them.

    Returns:
        The objective's value in the objective's unit, or a science failure. ``wall_time`` counts building the structure and
        computing it, not opening space and potential.

    Raises:
        ConfigurationError: The document cannot be computed, e.g. a file it names is not there.
        MissingComponentError: An optional package is not installed.
        NotFoundError: The space has no such candidate.
        TransientError: The plumbing failed.
    """
    base_path = document.base_path
    compute: Callable[[], Outcome]
    provenance: Provenance | None = None
    if isinstance(document.space, TableSpaceSpec):
        compute = _Recorded(_space(_text(document.space), base_path), document.candidate)
    elif document.calculator is None:
        raise ConfigurationError(f"calculator: missing; a {document.space.type} space needs one")
    else:
        calculator = _calculator(_text(document.calculator), base_path)
        provenance = calculator.provenance
        compute = _Boundary(
            space=_space(_text(document.space), base_path),
            candidate=document.candidate,
            calculator=calculator,
            bulk=_bulk(_text(document.calculator), base_path, document.space.crystal.model_dump_json()),
            relaxation=document.relaxation or document.calculator.relaxation,
            scale=_scale(document.objective, document.space),
            folder=folder,
            start=document.start,
        )
    started_at, begun = datetime.now(UTC), time.perf_counter()
    try:
        outcome = compute()
    except CalculationError as error:
        failure = Failure(kind=FailureKind.SCIENCE, reason=error.reason, message=error.message)
        outcome = Outcome(failure=failure, provenance=provenance)
    wall_time = outcome.wall_time or time.perf_counter() - begun
    where = {"host": socket.gethostname(), "cpu": _cpu(), "tansaku_version": tansaku.__version__}
    return outcome.model_copy(
        update={
            "wall_time": wall_time,
            "started_at": started_at,
            "finished_at": datetime.now(UTC),
            "provenance": outcome.provenance.model_copy(update=where) if outcome.provenance is not None else None,
        }
    )


@dataclass(frozen=True)
class _Recorded:
    space: Space
    candidate: str

    def __call__(self) -> Outcome:
        if not isinstance(self.space, TabulatedSpace):
            raise ConfigurationError("this space holds no recorded values; it needs a calculator")
        return self.space.recorded(self.candidate)


@dataclass(frozen=True)
class _Boundary:
    space: Space
    candidate: str
    calculator: Calculator
    bulk: BulkReference
    relaxation: RelaxationSpec
    scale: float
    folder: Path
    start: str | None

    def __call__(self) -> Outcome:
        begun = time.perf_counter()
        start = self.space.structure(self.candidate) if self.start is None else _given(self.start, self.candidate)
        found = boundary_energy(self.calculator, start, self.relaxation, self.bulk)
        wall_time = time.perf_counter() - begun
        properties = _properties(start, found)
        # Measured from the cell that was built, also where the start was relaxed before.
        expansion = float(start.info.get("expansion", 0.0)) + found.expansion
        travelled = {"final_translation": properties["final_translation"], "expansion": expansion}
        _write_structure(self.folder / STRUCTURE_FILE, found, travelled)
        result = found.result
        return Outcome(
            value=self.scale * found.value,
            quantities={
                _BOUNDARY_ENERGY: Quantity(value=found.value, unit="J/m^2"),
                "energy": Quantity(value=result.energy, unit="eV"),
                "bulk_energy_per_atom": Quantity(value=self.bulk.energy_per_atom, unit="eV"),
                "expansion": Quantity(value=expansion, unit="Angstrom"),
            },
            properties=properties,
            wall_time=wall_time,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE},
            provenance=result.provenance,
        )


def _given(text: str, candidate: str) -> Atoms:
    """A structure that an earlier job of the candidate left."""
    atoms: Atoms = next(iter(read_extxyz(io.StringIO(text))))
    if atoms.info.get("candidate") != candidate:
        raise ConfigurationError(f"start: a structure of candidate {atoms.info.get('candidate')!r}, expected {candidate!r}")
    atoms.calc = None
    return atoms


def _properties(start: Atoms, found: BoundaryEnergy) -> JsonDict:
    # An earlier relaxation's shift counts too.
    key = "final_translation" if "final_translation" in start.info else "translation"
    given = [float(value) for value in start.info[key]]
    final = [given[0] + found.drift[0], given[1] + found.drift[1], given[2]]
    return {
        "boundary_energies": list(found.values),
        "boundary_energies_unit": "J/m^2",
        "boundaries_differ": found.differ,
        "drift": list(found.drift),
        "final_translation": final,
        "steps": found.result.steps,
        "converged": found.result.converged,
        "n_atoms": len(start),
    }


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
        "grain_boundary_energies": list(found.values),
    }
    write(path, atoms, format="extxyz")


def _scale(objective: ObjectiveSpec, space: GrainBoundarySpaceSpec) -> float:
    if objective.property not in (None, _BOUNDARY_ENERGY):
        raise ConfigurationError(
            f"objective.property: a {space.type} space gives {_BOUNDARY_ENERGY}, not {objective.property!r}"
        )
    if objective.unit not in _PER_J_M2:
        raise ConfigurationError(f"objective.unit: {objective.unit!r} is no unit of {_BOUNDARY_ENERGY}; expected J/m2 or mJ/m2")
    return _PER_J_M2[objective.unit]


def _text(spec: SpaceSpec | CalculatorSpec) -> str:
    return canonical_json(spec.model_dump(mode="json"))


# Keyed by the specs' text, so that a worker that is handed another campaign opens what that one means.


@lru_cache(maxsize=_OPEN)
def _space(spec: str, base_path: str) -> Space:
    adapter: TypeAdapter[SpaceSpec] = TypeAdapter(SpaceSpec)
    return open_space(adapter.validate_json(spec), Path(base_path))


@lru_cache(maxsize=_OPEN)
def _calculator(spec: str, base_path: str) -> Calculator:
    adapter: TypeAdapter[CalculatorSpec] = TypeAdapter(CalculatorSpec)
    return open_calculator(adapter.validate_json(spec), Path(base_path))


@lru_cache(maxsize=_OPEN)
def _bulk(calculator: str, base_path: str, crystal: str) -> BulkReference:
    wanted = CrystalSpec.model_validate_json(crystal)
    return bulk_reference(_calculator(calculator, base_path), wanted.structure, wanted.element, wanted.lattice_parameter)


@lru_cache(maxsize=1)
def _cpu() -> str:
    return cpu_name()
