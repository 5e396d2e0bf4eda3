"""What a calculator computes of a candidate beyond its energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import PositiveInt, Spec
from tansaku.models.domain.specs.mechanism import MechanismSpec, VacancyMechanismSpec

FormulaText = Annotated[str, Field(pattern=r"^([A-Z][a-z]?[0-9]{0,3})+$", max_length=60)]
"""A chemical formula such as ``Li3PO4``, without brackets."""


class MigrationBarrierSpec(Spec):
    """Barrier of a mobile ion on its way through a crystal.

    Attributes:
        ion: The element that moves; null: what stands on the space's mobile site.
        mechanism: By vacancies, or as an interstitial ion in a crystal that need not hold the element.
        dimensions: The barrier that is the candidate's value: of the easiest path in one direction (1), of a network in two (2)
            or in three (3).
        max_hop: Longest hop between two sites of the ion [Å].
        image_distance: The supercell's smallest distance of an atom from its own image [Å].
        fmax: Largest force on an atom at convergence [eV/Å].
        max_steps: Steps of a relaxation after which it counts as not converged.
        images: Intermediate images of a nudged elastic band, where one is needed.
        phases: Energies of competing phases by the same calculator, by formula [eV/atom]; with them an evaluation also gives
            the crystal's ``energy_above_hull``. Null: it does not.
    """

    later: ClassVar[Mapping[str, object]] = {"mechanism": {"type": "vacancy"}, "phases": None}
    """Keys that came after the first release: a workflow with these values is the same computation as one without the keys."""

    type: Literal["migration_barrier"] = "migration_barrier"
    ion: Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")] | None = None
    mechanism: MechanismSpec = VacancyMechanismSpec()
    dimensions: Literal[1, 2, 3] = 1
    max_hop: Annotated[float, Field(gt=1.0, le=10.0)] = 5.0
    image_distance: Annotated[float, Field(gt=2.0, le=30.0)] = 6.5
    fmax: Annotated[float, Field(gt=0.0, le=0.1)] = 0.02
    max_steps: PositiveInt = 300
    images: Annotated[int, Field(ge=3, le=15)] = 5
    phases: Annotated[dict[FormulaText, Annotated[float, Field(ge=-100, le=100)]], Field(min_length=1)] | None = None
