"""Structures with energies and forces: the shipped ones, or those of aluminium by an embedded-atom potential."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from ase import Atoms
from ase.io import read

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.ports import Calculator, Space
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.dataset import ComputedSourceSpec, DatasetSpec
from tansaku.models.domain.surrogates import Example
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.splitting import side_of, split

HERE = Path(__file__).parent
SPEC = HERE / "al.yaml"
DATA = HERE / "al.extxyz.gz"
"""Energies and forces by density-functional theory, one structure of each scan in turn."""
EMBEDDED_ATOM = LammpsSpec(potential="NiAlH_jea.eam.alloy")

_KINDS = (
    ("lattice", "lattice"),
    ("shear", "shear"),
    ("tetragonal", "strain"),
    ("orthorhombic", "strain"),
    ("rattle", "rattle"),
    ("vacancy", "vacancy"),
)


@dataclass(frozen=True)
class Sides:
    """Training structures, and whole scans for the test."""

    training: Sequence[Example]
    held_out: Sequence[Example]

    def first(self, count: int) -> Sequence[Example]:
        """The first training structures, of all scans in turn."""
        return in_turn(self.training)[:count]


def sides(source: str) -> Sides:
    """Both sides of the data.

    Args:
        source: ``gpaw``: the file that ships; ``embedded_atom``: the same scans by a potential.
    """
    return divided(SPEC, shipped(DATA) if source == "gpaw" else _stand_in())


def origin(source: str) -> JsonDict:
    """Identification of a source's data."""
    return of_file(DATA) if source == "gpaw" else {"potential": EMBEDDED_ATOM.potential}


def of_file(data: Path) -> JsonDict:
    """Identification of a file."""
    return {"file": data.name, "sha256": file_sha256(data)}


def divided(spec: Path, examples: Sequence[Example]) -> Sides:
    """Both sides as defined by a data set's file."""
    wanted = DatasetSpec.model_validate(yaml.safe_load(spec.read_text()))
    groups = split(examples, wanted.split, wanted.seed)
    return Sides(side_of(examples, groups, "training"), side_of(examples, groups, "held_out"))


def aluminium() -> tuple[Space, GpawSpec]:
    """The structures of ``al.yaml`` and the level of theory that they are computed at."""
    source = DatasetSpec.model_validate(yaml.safe_load(SPEC.read_text())).source
    if not isinstance(source, ComputedSourceSpec) or not isinstance(source.calculator, GpawSpec):
        raise AssertionError(f"{SPEC.name} computes by GPAW")
    return open_space(source.space, HERE), source.calculator


def kind_of(group: str) -> str:
    """Kind of a scan: lattice, shear, strain, rattle or vacancy."""
    scan = group.partition("-")[2]
    return next(kind for word, kind in _KINDS if scan.startswith(word))


def in_scan(examples: Sequence[Example], group: str) -> list[Example]:
    """Structures of one scan."""
    return [example for example in examples if example.group == group]


def in_turn(examples: Sequence[Example]) -> list[Example]:
    """One of each group after the other, at random within a group; a longer list continues where a shorter one ends."""
    rng = np.random.default_rng(0)
    waiting: dict[str, list[Example]] = {}
    for place in rng.permutation(len(examples)):
        waiting.setdefault(examples[place].group, []).append(examples[place])
    found: list[Example] = []
    while len(found) < len(examples):
        for group in sorted(waiting):
            found += [waiting[group].pop()] if waiting[group] else []
    return found


def shipped(data: Path) -> list[Example]:
    """Structures of a file that ``tansaku dataset export`` wrote."""
    return [_example(atoms, str(atoms.info["group"]), number) for number, atoms in enumerate(read(data, index=":"))]


def computed(space: Space, calculator: Calculator, groups: Container[str] | None = None) -> list[Example]:
    """Structures of a space with energies and forces; those that cannot be computed are left out.

    Args:
        space: Of them.
        calculator: Computes each without relaxation.
        groups: Only of these; None: of all.
    """
    pool, found = space.pool(), []
    for place, candidate in enumerate(pool.ids):
        group = pool.systems[pool.system_codes[place]]
        if groups is not None and group not in groups:
            continue
        try:
            atoms = space.structure(str(candidate))
            result = calculator.evaluate(atoms)
        except CalculationError:
            continue
        properties = {"energy": np.asarray(result.energy), "forces": np.asarray(result.forces)}
        found.append(Example(str(candidate), group, atoms, properties))
    return found


@cache
def _stand_in() -> list[Example]:
    space, _ = aluminium()
    return computed(space, open_calculator(EMBEDDED_ATOM, HERE))


def _example(atoms: Atoms, group: str, number: int) -> Example:
    properties = {"energy": np.asarray(atoms.get_potential_energy()), "forces": np.array(atoms.get_forces())}
    atoms.calc = None
    return Example(str(atoms.info.get("candidate", f"{number:06d}")), group, atoms, properties)
