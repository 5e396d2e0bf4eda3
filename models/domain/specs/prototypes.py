"""Spec of a space of small oxides: structures that are named, every combination of ions for their sites."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveInt
from tansaku.models.domain.specs.energy_space import EnergySpaceSpec
from tansaku.models.domain.specs.space_base import SpaceDescription

OxideStructure = Literal[
    "antifluorite",
    "cuprite",
    "anti-cdcl2",
    "rocksalt",
    "zincblende",
    "wurtzite",
    "cscl",
    "nias",
    "layered-zno",
    "litharge",
    "cooperite",
    "fluorite",
    "rutile",
    "anatase",
    "lead-dioxide",
    "modified-pyrite",
    "cristobalite",
    "quartz",
    "high-quartz",
    "baddeleyite",
    "tetragonal-zirconia",
    "cdi2",
    "corundum",
    "lanthana",
    "rhenium-trioxide",
    "delafossite",
    "layered-rocksalt",
    "gamma-lifeo2",
    "chalcopyrite",
    "perovskite",
    "polar-perovskite",
    "tilted-perovskite",
    "post-perovskite",
    "ilmenite",
    "lithium-niobate",
    "hexagonal-manganate",
    "calcite",
    "scheelite",
    "zircon",
    "wolframite",
    "boron-phosphate",
    "ordered-cristobalite",
    "layered-perovskite",
    "spinel",
    "rosiaite",
    "double-perovskite",
]
CationText = Annotated[str, Field(pattern=r"^[A-Z][a-z]?[2-7]?\+$")]
Volume = Annotated[float, Field(ge=0.5, le=2.0)]


class PrototypesSpaceSpec(EnergySpaceSpec):
    """Small oxides: cations of suitable charge and size on the sites of named structures. Each structure is a system.

    Attributes:
        prototypes: Structures; null: all.
        ions: Cations that may be used, as in ``Ti4+``; null: those with closed shells whose bond lengths to oxygen are known.
        volumes: Cells are scaled to these multiples of the volume at which the bonds' valences fit best, rounded to percents.
        max_atoms: Largest number of atoms in a primitive cell.
        relaxed: Whether a candidate is relaxed before, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
    """

    description: ClassVar[SpaceDescription] = replace(EnergySpaceSpec.description, groups=("composition", "system"))

    opener: ClassVar[str] = "tansaku.spaces.prototypes:PrototypesSpace"
    type: Literal["prototypes"] = "prototypes"
    prototypes: Annotated[tuple[OxideStructure, ...], Field(min_length=1)] | None = None
    ions: Annotated[tuple[CationText, ...], Field(min_length=1)] | None = None
    volumes: Annotated[tuple[Volume, ...], Field(min_length=1, max_length=20)] = (0.94, 1.0, 1.06)
    max_atoms: Annotated[PositiveInt, Field(ge=2)] = 14

    @property
    def elements(self) -> frozenset[str]:
        """Oxygen, and the cations that are named."""
        return frozenset({"O", *(ion.rstrip("+0123456789") for ion in self.ions or ())})

    @model_validator(mode="after")
    def _cost_is_known(self) -> PrototypesSpaceSpec:
        if self.cost.model == "measured":
            raise ValueError("cost.model: measured needs the k-points of cells that are not yet built; expected atoms")
        return self
