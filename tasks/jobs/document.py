"""What a worker is told: plain data, validated against the specs before anything is done with it."""

from __future__ import annotations

from typing import Literal

from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.base import Name
from tansaku.models.domain.specs.calculator import CalculatorSpec, RelaxationSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.space import SpaceSpec


class JobDocument(Record):
    """One evaluation.

    Attributes:
        candidate: Id of the candidate.
        calculator: None for spaces that hold their values.
        relaxation: Takes the place of the calculator spec's own, e.g. for polishing.
        base_path: Folder in which relative paths of the specs start.
    """

    schema_version: Literal[1] = 1
    campaign: Name
    candidate: str
    space: SpaceSpec
    calculator: CalculatorSpec | None = None
    objective: ObjectiveSpec = ObjectiveSpec()
    relaxation: RelaxationSpec | None = None
    base_path: str
