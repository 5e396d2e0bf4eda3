"""Cache of the objects that jobs need, opened once per process.

Keyed by the specs' text, so that a worker that serves another campaign opens that campaign's objects. What builds crystals is
imported by those who need it: that takes longer than to look a value up.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.frozen_files import Watch, watching
from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.identifiers import canonical_json, file_sha256
from tansaku.models.domain.ports import Calculator, Space
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.grain_boundary import CrystalSpec, GrainBoundarySpaceSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.surrogates import Surrogate
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.ground.settings import given_parallel

if TYPE_CHECKING:
    from tansaku.calculators.workflows.boundary_energy import BulkReference
    from tansaku.calculators.workflows.grain_check import Stiffness
    from tansaku.calculators.workflows.own_crystal import OwnCrystal

_OPEN = 4
_SURFACES = 64


def opened_space(spec: SpaceSpec, base_path: str) -> Space:
    """The space of a spec."""
    return _space(_text(spec), base_path)


def opened_calculator(spec: CalculatorSpec, base_path: str) -> Calculator:
    """The calculator of a spec; it is opened again, which compares their content, when one of its files looks changed.

    Raises:
        ConfigurationError: It cannot be opened, e.g. because a file is another one than the spec says.
    """
    return _calculator(_text(spec), base_path)


def check_calculator(spec: CalculatorSpec, base_path: str) -> None:
    """Checks that what a calculator computed with is what it was opened with; does nothing for one that is not open.

    Raises:
        ConfigurationError: A program or another file was changed meanwhile.
    """
    held = _CALCULATORS.get((_text(spec), base_path))
    if held is not None:
        held[1].check()


def opened_bulk(spec: CalculatorSpec, base_path: str, crystal: CrystalSpec) -> BulkReference:
    """Energy of the perfect crystal with the calculator of a spec."""
    return _bulk(_text(spec), base_path, crystal.model_dump_json())


def opened_stiffness(spec: CalculatorSpec, base_path: str, crystal: CrystalSpec) -> Stiffness:
    """Stiffness of the perfect crystal with the calculator of a spec."""
    return _stiffness(_text(spec), base_path, crystal.model_dump_json())


def opened_own_crystal(spec: CalculatorSpec, base_path: str, crystal: CrystalSpec) -> OwnCrystal:
    """The equilibrium crystal of the calculator of a spec; for a surrogate, that of the relaxing calculator.

    Raises:
        ConfigurationError: It has no such crystal.
    """
    return _own_crystal(_text(spec.relaxing), base_path, crystal.model_dump_json())


def opened_oriented_bulk(spec: CalculatorSpec, base_path: str, space: GrainBoundarySpaceSpec, candidate: str) -> BulkReference:
    """The same in a cell like that of a candidate; once for each surface."""
    return _oriented_bulk(_text(spec), base_path, _text(space), candidate.rpartition("-x")[0])


def opened_surrogate(file: str, sha256: str) -> Surrogate:
    """The trained model of a file.

    Raises:
        TransientError: The file is missing or incomplete; the driver writes it again with the next attempt.
        StoreError: This version does not know the model.
    """
    return _surrogate(file, sha256)


def _text(spec: SpaceSpec | CalculatorSpec) -> str:
    return canonical_json(spec.model_dump(mode="json"))


@lru_cache(maxsize=_OPEN)
def _space(spec: str, base_path: str) -> Space:
    adapter: TypeAdapter[SpaceSpec] = TypeAdapter(SpaceSpec)
    return open_space(adapter.validate_json(spec), Path(base_path))


@lru_cache(maxsize=_OPEN)
def _surrogate(file: str, sha256: str) -> Surrogate:
    from tansaku.models.surrogates.files import read_weights
    from tansaku.models.surrogates.surrogate_registry import restored

    path = Path(file)
    if not path.is_file() or file_sha256(path) != sha256:
        raise TransientError(f"the weights {file} are missing or damaged")
    return restored(read_weights(path))


_CALCULATORS: dict[tuple[str, str], tuple[Calculator, Watch]] = {}
"""By spec and folder, the last used one last."""


def _calculator(spec: str, base_path: str) -> Calculator:
    held = _CALCULATORS.pop((spec, base_path), None)
    if held is None or held[1].touched:
        adapter: TypeAdapter[CalculatorSpec] = TypeAdapter(CalculatorSpec)
        with watching() as watch:
            held = open_calculator(adapter.validate_json(spec), Path(base_path), given_parallel()), watch
        while len(_CALCULATORS) >= _OPEN:
            del _CALCULATORS[next(iter(_CALCULATORS))]
    _CALCULATORS[spec, base_path] = held
    return held[0]


@lru_cache(maxsize=_SURFACES)
def _oriented_bulk(calculator: str, base_path: str, space: str, surface: str) -> BulkReference:
    from tansaku.calculators.workflows.boundary_energy import oriented_reference
    from tansaku.spaces.grain_boundary import GrainBoundarySpace

    spec = GrainBoundarySpaceSpec.model_validate_json(space)
    crystal = GrainBoundarySpace(spec, Path(base_path)).perfect(surface)
    return oriented_reference(_calculator(calculator, base_path), crystal, spec.crystal)


@lru_cache(maxsize=_OPEN)
def _bulk(calculator: str, base_path: str, crystal: str) -> BulkReference:
    from tansaku.calculators.workflows.boundary_energy import bulk_reference

    wanted = CrystalSpec.model_validate_json(crystal)
    return bulk_reference(_calculator(calculator, base_path), wanted.structure, wanted.element, wanted.parameters)


@lru_cache(maxsize=_OPEN)
def _own_crystal(calculator: str, base_path: str, crystal: str) -> OwnCrystal:
    from tansaku.calculators.structures.perfect_crystal import crystal_of
    from tansaku.calculators.workflows.own_crystal import likely_crystal, own_crystal

    wanted = CrystalSpec.model_validate_json(crystal)
    start = (
        likely_crystal(wanted.structure, wanted.element)
        if wanted.lattice_parameter == "auto"
        else crystal_of(wanted.structure, wanted.element, wanted.parameters)
    )
    return own_crystal(_calculator(calculator, base_path), start)


@lru_cache(maxsize=_OPEN)
def _stiffness(calculator: str, base_path: str, crystal: str) -> Stiffness:
    from tansaku.calculators.structures.perfect_crystal import crystal_of
    from tansaku.calculators.workflows.grain_check import crystal_stiffness

    wanted = CrystalSpec.model_validate_json(crystal)
    perfect = crystal_of(wanted.structure, wanted.element, wanted.parameters)
    return crystal_stiffness(_calculator(calculator, base_path), perfect)
