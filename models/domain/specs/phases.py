"""Energies of competing phases that a campaign's structures are compared with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import FILLED_IN, FilePath, NamesFile, Sha256, Spec
from tansaku.models.domain.specs.workflow import FormulaText

EnergyPerAtom = Annotated[float, Field(ge=-1000, le=100)]
PhasesPath = Annotated[FilePath, NamesFile("table")]


class PhasesSpec(Spec):
    """Energies of phases by the campaign's own calculator.

    ``formation_energy`` needs those of the elements, ``energy_above_hull`` those of all phases that compete.

    Attributes:
        energies: Energies by formula [eV/atom].
        file: A CSV with the columns ``formula`` and ``energy_per_atom`` [eV/atom]; of a formula that is there twice the lowest
            counts.
        sha256: Content hash of the file; filled in when the spec is resolved.
        references: ``compute``: the campaign's first evaluations compute the elements that neither ``energies`` nor ``file``
            has, as relaxed crystals of their usual structure.
        computed: What they gave [eV/atom]; stored only by older versions, which computed them when a campaign was created.
    """

    energies: Annotated[dict[FormulaText, EnergyPerAtom], Field(min_length=1)] | None = None
    file: PhasesPath | None = None
    sha256: Sha256 | None = None
    references: Literal["compute"] | None = None
    computed: Annotated[dict[FormulaText, EnergyPerAtom] | None, FILLED_IN] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> PhasesSpec:
        if self.energies is not None and self.file is not None:
            raise ValueError("energies, file: expected one of them, and only one")
        if self.energies is None and self.file is None and self.references is None:
            raise ValueError("energies, file: expected one of them, and only one, or references: compute")
        return self
