"""Searches of boundaries by a committee of networks, and the cells in which it is least sure, cut out of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, planar_area
from tansaku.calculators.workflows.compound_boundary import relaxed_boundary
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.compound_boundary import CompoundBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.surrogates.files import write_weights
from tansaku.potentials.engine import PotentialCalculator
from tansaku.potentials.network.model import Potential
from tansaku.potentials.specs.calculator import PotentialCalculatorSpec
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.tasks.loop.training.cut_outs import CutOut, first_of

THICKNESS = 12.0
"""Thickness of each grain in a search [Å]."""

OPENING = 0.3
"""Distance by which grains are apart at first [Å]."""

NEAREST = 1.4
"""Shortest distance of two atoms in a cell that counts [Å]; the first versions have no energy against collapse."""

RELAXATION = RelaxationSpec.model_validate(
    {"cell": "normal", "translation": "free", "fmax": 0.1, "max_steps": 60, "unconverged": "keep"}
)


@dataclass(frozen=True)
class Plane:
    """Candidates of one boundary.

    Attributes:
        indices: Miller indices.
        most: Atoms of its cut-outs, at most.
        lattice: The teacher's lattice parameter [Å].
        step: Between shifts [Å].
    """

    indices: tuple[int, int, int]
    most: int
    lattice: float
    step: float = 0.8

    @property
    def name(self) -> str:
        """Short name."""
        return "".join(map(str, self.indices))

    def space(self) -> CompoundBoundarySpace:
        """The space of its cells."""
        with tempfile.TemporaryDirectory() as folder:
            bulk("MgO", "rocksalt", a=self.lattice, cubic=True).write(Path(folder) / "mgo.cif")
            keys = {
                "crystal": "mgo.cif",
                "planes": (self.indices,),
                "thickness": THICKNESS,
                "step": self.step,
                "opening": OPENING,
            }
            space = CompoundBoundarySpace(CompoundBoundarySpaceSpec.model_validate(keys), Path(folder))
            space.pool()
        return space

    def crystal(self) -> Atoms:
        """The crystal in a cell of the same planar vectors."""
        space = self.space()
        slabs = space.slabs(str(space.pool().ids[0]), space.crystal)
        thin = slabs.thinner(self.most, 0.0)
        assert thin is not None
        return thin.bulk(thin.count // 2)


@dataclass(frozen=True)
class Found:
    """A candidate after a search.

    Attributes:
        candidate: Its id.
        energy: Boundary energy in the thick cell by the calculator that searched [mJ/m^2].
        thick: The thick cell, relaxed.
        cuts: Cells that are cut out of it, as it was built and as it is relaxed, in which no atoms have collapsed.
    """

    candidate: str
    energy: float
    thick: Atoms
    cuts: list[CutOut]

    @property
    def relaxed(self) -> Atoms:
        """The cut-out of the relaxed cell."""
        return next(cut.atoms for cut in self.cuts if cut.state == "relaxed")


def searched(
    calculator: Calculator, plane: Plane, count: int, model: Potential | None = None, seed: int = 0
) -> Iterator[Found]:
    """Candidates of a plane, relaxed by a calculator; those that fail or collapse are left out.

    Args:
        count: Of candidates, drawn at random.
        model: Committee that says how unsure it is of the cut-outs; None: nothing is cut out.
        seed: Of the draw.
    """
    space = plane.space()
    ids = np.array([str(item) for item in space.pool().ids])
    of_atom = energy_of_atom(calculator, plane)
    for candidate in np.random.default_rng(seed).choice(ids, min(count, len(ids)), replace=False):
        thick = space.structure(str(candidate))
        slabs = space.slabs(str(candidate), space.crystal)
        try:
            result = relaxed_boundary(calculator, thick, RELAXATION)
        except CalculationError as error:
            print(f"{candidate}: left out: {error}", flush=True)
            continue
        if (apart := shortest(result.atoms)) < NEAREST:
            print(f"{candidate}: left out: two atoms are {apart:.2f} Å apart", flush=True)
            continue
        cuts = [
            CutOut(str(candidate), plane.name, state, cut, float(model.disagreement(cut).max()))
            for state, atoms in (("built", thick), ("relaxed", result.atoms))
            if model is not None
            and (cut := space.cut_out(thick, atoms, slabs, plane.most)) is not None
            and shortest(cut) > NEAREST
        ]
        yield Found(str(candidate), excess(result.atoms, result.energy, of_atom), result.atoms, cuts)


def energy_of_atom(calculator: Calculator, plane: Plane) -> float:
    """Energy of an atom of the crystal in a cell of the plane's vectors [eV]."""
    atoms = plane.crystal()
    return float(calculator.evaluate(atoms).energy) / len(atoms)


def excess(atoms: Atoms, energy: float, of_atom: float) -> float:
    """Energy above the crystal by area of boundary [mJ/m^2]."""
    return float(1000.0 * (energy - len(atoms) * of_atom) / (2.0 * planar_area(atoms)) * EV_PER_A2)


@contextmanager
def opened(model: Potential) -> Iterator[PotentialCalculator]:
    """A committee as a calculator that relaxes."""
    with tempfile.TemporaryDirectory() as folder:
        write_weights(model.weights(), Path(folder) / "model.safetensors")
        yield PotentialCalculator(PotentialCalculatorSpec(model="model.safetensors"), Path(folder))


def shortest(atoms: Atoms) -> float:
    """Shortest distance of two atoms [Å]."""
    lengths = atoms.get_all_distances(mic=True) + 9.0 * np.eye(len(atoms))
    return float(lengths.min())


def asked(found: list[Found], count: int, known: set[str]) -> list[CutOut]:
    """Cells that the teacher is asked for, as the command ``tansaku dataset cut-out`` chooses them.

    Args:
        found: Candidates of one plane after a search.
        count: Of cells.
        known: Names of cells that the teacher has computed.
    """
    lowest = min(found, key=lambda item: item.energy).candidate
    return first_of([cut for item in found for cut in item.cuts if name_of(cut) not in known], lowest, count)


def name_of(cut: CutOut) -> str:
    """Name of a cell that is cut out."""
    return f"{cut.candidate} {cut.state}"
