"""The final relaxation of a boundary, repeated with thicker grains.

Thin grains are cheap to search with, but they can turn or bend towards a boundary of another energy. A thicker cell begins with
the displacements of the atoms in the thinner one; the value is that of the thickest grains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ase import Atoms

from tansaku.calculators.workflows.boundary_energy import BoundaryEnergy
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.document import GRAIN_THICKNESSES, THICKNESS_CHANGE

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
        candidate: The boundary.
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
