"""What a worker is told: plain data, validated against the specs before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.base import Name
from tansaku.models.domain.specs.calculator import CalculatorSpec, RelaxationSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.label import LabelSpec
from tansaku.models.domain.specs.space import SpaceSpec

STRUCTURE_FILE = "structure.extxyz"
"""Result file with the final structure, energy, per-atom energies, forces and stress."""

_LARGEST_START = 16 * 2**20


class JobDocument(Record):
    """One evaluation.

    Attributes:
        candidate: Id of the candidate.
        calculator: None for spaces that hold their values.
        label: Whose energies of the relaxed structure are kept beside.
        relaxation: Takes the place of the calculator spec's own, e.g. for polishing.
        start: Structure to begin with instead of the one the space builds: what a job of the same candidate left as
            ``STRUCTURE_FILE``.
        base_path: Folder in which relative paths of the specs start.
    """

    schema_version: Literal[1] = 1
    campaign: Name
    candidate: str
    space: SpaceSpec
    calculator: CalculatorSpec | None = None
    label: LabelSpec | None = None
    objective: ObjectiveSpec = ObjectiveSpec()
    relaxation: RelaxationSpec | None = None
    start: Annotated[str, Field(max_length=_LARGEST_START)] | None = None
    base_path: str
