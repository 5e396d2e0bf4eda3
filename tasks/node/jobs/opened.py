"""Cache of the objects that jobs need, opened once per process.

Keyed by the specs' text, so that a worker that serves another campaign opens that campaign's objects. What builds crystals is
imported by those who need it: that takes longer than to look a value up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.frozen_files import Watch, watching
from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.ports import Calculator, Space
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.grain_boundary import CrystalSpec, GrainBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.surrogates import Surrogate
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.ground.settings import given_parallel

if TYPE_CHECKING:
    from tansaku.calculators.workflows.boundary_energy import BulkReference
    from tansaku.calculators.workflows.compound_boundary import CompoundReference
    from tansaku.calculators.workflows.grain_check import Stiffness
    from tansaku.calculators.workflows.own_crystal import OwnCrystal
    from tansaku.calculators.workflows.segregation import SegregationReference
    from tansaku.spaces.compound_boundary import CompoundBoundarySpace

_Spec = TypeVar("_Spec", bound=BaseModel)

_OPEN = 4
_SURFACES = 64


def opened_space(spec: SpaceSpec, base_path: str) -> Space:
    """The space of a spec."""
    return _space(_Written.of(spec), base_path)


def opened_calculator(spec: CalculatorSpec, base_path: str) -> Calculator:
    """The calculator of a spec; it is opened again, which compares their content, when one of its files looks changed.

    Raises:
        ConfigurationError: It cannot be opened, e.g. because a file is another one than the spec says.
    """
    return _calculator(_Written.of(spec), base_path)


def check_calculator(spec: CalculatorSpec, base_path: str) -> None:
    """Checks that what a calculator computed with is what it was opened with; does nothing for one that is not open.

    Raises:
        ConfigurationError: A program or another file was changed meanwhile.
    """
    held = _CALCULATORS.get((_Written.of(spec), base_path))
    if held is not None:
        held[1].check()


def opened_bulk(spec: CalculatorSpec, base_path: str, crystal: CrystalSpec) -> BulkReference:
    """Energy of the perfect crystal with the calculator of a spec."""
    return _bulk(_Written.of(spec), base_path, _Written.of(crystal))


def opened_stiffness(spec: CalculatorSpec, base_path: str, crystal: CrystalSpec) -> Stiffness:
    """Stiffness of the perfect crystal with the calculator of a spec."""
    return _stiffness(_Written.of(spec), base_path, _Written.of(crystal))


def opened_own_crystal(spec: CalculatorSpec, base_path: str, crystal: CrystalSpec) -> OwnCrystal:
    """The equilibrium crystal of the calculator of a spec; for a surrogate, that of the relaxing calculator.

    Raises:
        ConfigurationError: It has no such crystal.
    """
    return _own_crystal(_Written.of(spec.relaxing), base_path, _Written.of(crystal))


def opened_oriented_bulk(spec: CalculatorSpec, base_path: str, space: GrainBoundarySpaceSpec, candidate: str) -> BulkReference:
    """The same in a cell like that of a candidate; once for each surface."""
    return _oriented_bulk(_Written.of(spec), base_path, _Written.of(space), candidate.rpartition("-x")[0])


def opened_segregation(
    spec: CalculatorSpec, base_path: str, space: SpaceSpec, relaxation: RelaxationSpec | None
) -> SegregationReference:
    """Energies of a boundary and of the crystal with and without a defect, with the calculator of a spec.

    Args:
        relaxation: Of the candidates; None: they are not relaxed.
    """
    written = None if relaxation is None else _Written.of(relaxation)
    return _segregation(_Written.of(spec), base_path, _Written.of(space), written)


def opened_compound(
    spec: CalculatorSpec, base_path: str, space: SpaceSpec, relaxation: RelaxationSpec, candidate: str
) -> CompoundReference:
    """The relaxed crystal of a space of compound boundaries and the phases that they are compared with.

    Args:
        relaxation: Of the candidates.
        candidate: Whose grains may be strained; they are relaxed once for each boundary.
    """
    keys = _Written.of(spec), base_path, _Written.of(space), _Written.of(relaxation)
    return _strained(*keys, _compound_space(keys[2], base_path).meeting(candidate).name)


def opened_surrogate(file: str, sha256: str) -> Surrogate:
    """The trained model of a file.

    Raises:
        TransientError: The file is missing or incomplete; the driver writes it again with the next attempt.
        StoreError: This version does not know the model.
    """
    return _surrogate(file, sha256)


@dataclass(frozen=True)
class _Written(Generic[_Spec]):
    """A spec as JSON with its keys in their order, on which the candidates of a space of parameters depend."""

    kind: type[_Spec]
    text: str

    @classmethod
    def of(cls, spec: _Spec) -> _Written[_Spec]:
        return cls(type(spec), spec.model_dump_json())

    def read(self) -> _Spec:
        return self.kind.model_validate_json(self.text)


@lru_cache(maxsize=_OPEN)
def _space(spec: _Written[SpaceSpec], base_path: str) -> Space:
    return open_space(spec.read(), Path(base_path))


@lru_cache(maxsize=_OPEN)
def _surrogate(file: str, sha256: str) -> Surrogate:
    from tansaku.models.surrogates.files import read_weights
    from tansaku.models.surrogates.surrogate_registry import restored

    path = Path(file)
    if not path.is_file() or file_sha256(path) != sha256:
        raise TransientError(f"the weights {file} are missing or damaged")
    return restored(read_weights(path))


_CALCULATORS: dict[tuple[_Written[CalculatorSpec], str], tuple[Calculator, Watch]] = {}
"""By spec and folder, the last used one last."""


def _calculator(spec: _Written[CalculatorSpec], base_path: str) -> Calculator:
    held = _CALCULATORS.pop((spec, base_path), None)
    if held is None or held[1].touched:
        with watching() as watch:
            held = open_calculator(spec.read(), Path(base_path), given_parallel()), watch
        while len(_CALCULATORS) >= _OPEN:
            del _CALCULATORS[next(iter(_CALCULATORS))]
    _CALCULATORS[spec, base_path] = held
    return held[0]


@lru_cache(maxsize=_SURFACES)
def _oriented_bulk(
    calculator: _Written[CalculatorSpec], base_path: str, space: _Written[GrainBoundarySpaceSpec], surface: str
) -> BulkReference:
    from tansaku.calculators.workflows.boundary_energy import oriented_reference
    from tansaku.spaces.grain_boundary import GrainBoundarySpace

    spec = space.read()
    crystal = GrainBoundarySpace(spec, Path(base_path)).perfect(surface)
    return oriented_reference(_calculator(calculator, base_path), crystal, spec.crystal)


@lru_cache(maxsize=_OPEN)
def _segregation(
    calculator: _Written[CalculatorSpec],
    base_path: str,
    space: _Written[SpaceSpec],
    relaxation: _Written[RelaxationSpec] | None,
) -> SegregationReference:
    from tansaku.calculators.workflows.segregation import segregation_reference
    from tansaku.spaces.segregation import SegregationSpace

    found = _space(space, base_path)
    assert isinstance(found, SegregationSpace)
    structures = found.perfect(), found.crystal(), found.crystals_with_defect()
    wanted = None if relaxation is None else relaxation.read()
    return segregation_reference(_calculator(calculator, base_path), *structures, wanted)


@lru_cache(maxsize=_OPEN)
def _compound(
    calculator: _Written[CalculatorSpec],
    base_path: str,
    space: _Written[SpaceSpec],
    relaxation: _Written[RelaxationSpec],
) -> CompoundReference:
    from tansaku.calculators.workflows.compound_boundary import compound_reference

    found = _compound_space(space, base_path)
    opened = _calculator(calculator, base_path)
    return compound_reference(opened, found.crystal, found.phases, relaxation.read(), found.unit_energies, found.supercell)


@lru_cache(maxsize=_SURFACES)
def _strained(
    calculator: _Written[CalculatorSpec],
    base_path: str,
    space: _Written[SpaceSpec],
    relaxation: _Written[RelaxationSpec],
    boundary: str,
) -> CompoundReference:
    from tansaku.calculators.workflows.compound_boundary import strained_reference

    reference = _compound(calculator, base_path, space, relaxation)
    pair = _compound_space(space, base_path).meetings[boundary].pair
    return strained_reference(_calculator(calculator, base_path), reference, pair, relaxation.read())


def _compound_space(space: _Written[SpaceSpec], base_path: str) -> CompoundBoundarySpace:
    from tansaku.spaces.compound_boundary import CompoundBoundarySpace as Kind

    found = _space(space, base_path)
    assert isinstance(found, Kind)
    return found


@lru_cache(maxsize=_OPEN)
def _bulk(calculator: _Written[CalculatorSpec], base_path: str, crystal: _Written[CrystalSpec]) -> BulkReference:
    from tansaku.calculators.workflows.boundary_energy import bulk_reference

    wanted = crystal.read()
    return bulk_reference(_calculator(calculator, base_path), wanted.structure, wanted.element, wanted.parameters)


@lru_cache(maxsize=_OPEN)
def _own_crystal(calculator: _Written[CalculatorSpec], base_path: str, crystal: _Written[CrystalSpec]) -> OwnCrystal:
    from tansaku.calculators.structures.perfect_crystal import crystal_of
    from tansaku.calculators.workflows.own_crystal import likely_crystal, own_crystal

    wanted = crystal.read()
    start = (
        likely_crystal(wanted.structure, wanted.element)
        if wanted.lattice_parameter == "auto"
        else crystal_of(wanted.structure, wanted.element, wanted.parameters)
    )
    return own_crystal(_calculator(calculator, base_path), start)


@lru_cache(maxsize=_OPEN)
def _stiffness(calculator: _Written[CalculatorSpec], base_path: str, crystal: _Written[CrystalSpec]) -> Stiffness:
    from tansaku.calculators.structures.perfect_crystal import crystal_of
    from tansaku.calculators.workflows.grain_check import crystal_stiffness

    wanted = crystal.read()
    perfect = crystal_of(wanted.structure, wanted.element, wanted.parameters)
    return crystal_stiffness(_calculator(calculator, base_path), perfect)
