"""The columns of evaluations: the one list from which stores, exports, results, the API and the pages take theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from types import NoneType
from typing import Any, Protocol, get_args

from pydantic import AwareDatetime

from tansaku.models.domain.adoption import adopted_from
from tansaku.models.domain.history import result_keeps
from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.label import LABEL_PROPERTY
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.wording import headed, titled

OBJECTIVE = "objective"
"""The unit of the objective."""

PURPOSES = {"search": "", "look": "(look)", "polish": "(final relaxation)", "reference": "(reference)"}
"""Words that tables put behind the state of an evaluation, by its purpose."""


class Place(Flag):
    """Places that show a column."""

    NOWHERE = 0
    RESULTS = auto()
    """Rows of ``results --evaluations``, of notebooks and of the API."""
    TERMINAL = auto()
    PAGE = auto()


EVERYWHERE = Place.RESULTS | Place.TERMINAL | Place.PAGE
PRINTED = Place.RESULTS | Place.TERMINAL


@dataclass(frozen=True)
class Column:
    """A column of evaluations.

    Attributes:
        name: In results and in the API.
        path: Of the value in an evaluation, by attributes and keys; empty: ``read`` or ``judge`` finds it.
        type: Of the value, with None where an evaluation may lack it.
        unit: Of the value; empty: none.
        shown: Where; in results unless the line says otherwise.
        exported: Name in exported files; empty: it is in none.
        held: Whether readers of whole campaigns keep it in memory, and the server gives it without the evaluation.
        missing: Value in stored evaluations that lack the field.
        heading: On pages; empty: follows from the name.
        read: Finds the value in an evaluation.
        judge: Finds the value by the spec of the campaign.
    """

    name: str
    path: str = ""
    type: Any = str
    unit: str = ""
    shown: Place = Place.RESULTS
    exported: str = ""
    held: bool = False
    missing: object = None
    heading: str = ""
    read: Callable[[Evaluation], object] | None = None
    judge: Callable[[Evaluation, CampaignSpec], object] | None = None

    @property
    def kind(self) -> Any:  # noqa: ANN401 - a type
        """Its type without None."""
        return next((kind for kind in get_args(self.type) if kind is not NoneType), self.type)

    @property
    def number(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in (int, float)

    @property
    def time(self) -> bool:
        """Whether its values are times."""
        return self.kind is AwareDatetime

    def title(self, spec: CampaignSpec) -> str:
        """Its heading, with the unit."""
        unit = spec.objective.unit if self.unit == OBJECTIVE else self.unit
        return headed(self.heading or titled(self.name), unit or "1")

    def stored(self, evaluation: Evaluation) -> object:
        """Its value in an evaluation, of a column that needs no spec."""
        if self.read is not None:
            return self.read(evaluation)
        return value_at(evaluation, self.path)

    def value(self, evaluation: Evaluation, spec: CampaignSpec) -> object:
        """Its value in an evaluation."""
        return self.stored(evaluation) if self.judge is None else self.judge(evaluation, spec)


def value_at(found: object, path: str) -> object:
    """The value at a path in a record or in its plain data, None where a part is missing."""
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part)
        if found is None:
            break
    return found


class Priced(Protocol):
    """An evaluation or its summary, which has a cost."""

    @property
    def done_as(self) -> int | None:
        """Number of what was measured in its place."""
        ...

    @property
    def predicted_cost(self) -> float:
        """As proposed."""
        ...

    @property
    def measured_cost(self) -> float | None:
        """As measured, None where it was not."""
        ...


def cost_of(evaluation: Priced, space: SpaceSpec) -> float:
    """Returns the cost of an evaluation: measured if cost is learned and it has ended, else predicted; 0 if it was not done."""
    if evaluation.done_as is not None:
        return 0.0
    measured = evaluation.measured_cost if space.learns_cost else None
    return evaluation.predicted_cost if measured is None else measured


def value_from(spec: CampaignSpec, evaluation: Evaluation) -> str | None:
    """Returns the model that predicted a value, or the calculator that computed it, with its campaign if that is another one.

    None if there is no value, or if it is read from a table.
    """
    outcome = evaluation.outcome
    if outcome is None or outcome.value is None:
        return None
    found = origin_of(spec, outcome.predicted_by, evaluation.proposal.level)
    elsewhere = adopted_from(evaluation)
    return found if found is None or elsewhere is None else f"{found} in {elsewhere.describe()}"


def origin_of(spec: CampaignSpec, predicted_by: str | None, level: str | None = None) -> str | None:
    """Returns where a value comes from, see :func:`value_from`.

    Args:
        predicted_by: The model that predicted it, None if it was computed.
        level: Of a look.
    """
    if level is not None:
        looked = (item.calculator for item in spec.levels if item.name == level)
        return next((calculator.type for calculator in looked if calculator is not None), None)
    if predicted_by is not None or spec.calculator is None:
        return None if spec.calculator is None else predicted_by
    if spec.label is not None and spec.objective.property == LABEL_PROPERTY:
        return spec.label.calculator.type
    return spec.calculator.type


def predicted(evaluation: Evaluation) -> bool:
    """Returns whether an evaluation's value is predicted by a trained model, not computed."""
    return evaluation.outcome is not None and evaluation.outcome.predicted_by is not None


def _code(evaluation: Evaluation) -> str | None:
    failure = None if evaluation.outcome is None else evaluation.outcome.failure
    return failure.reason if failure is not None else "done_otherwise" if evaluation.done_as is not None else None


def _proposed_cost(evaluation: Evaluation) -> float:
    return 0.0 if evaluation.done_as is not None else evaluation.predicted_cost


def _incident(evaluation: Evaluation) -> bool:
    return any(attempt.failure is not None or attempt.late_outcome is not None for attempt in evaluation.attempts)


def _changed_at(evaluation: Evaluation) -> int:
    return round(1000 * (evaluation.finished_at or evaluation.proposed_at).timestamp())


def _limits_kept(evaluation: Evaluation, spec: CampaignSpec) -> str | None:
    outcome = evaluation.outcome
    if outcome is None or outcome.value is None:
        return None
    return "kept" if result_keeps(spec.objective.limits, outcome) else "broken"


LIMITS = Column("limits", type=str | None, shown=EVERYWHERE, judge=_limits_kept)
"""Whether a result keeps the limits of the objective; only of campaigns that have any."""

LEVEL = Column("level", "proposal.level", str | None, shown=EVERYWHERE, exported="level", held=True)
"""The level of a look; shown of campaigns that have levels alone."""

COLUMNS = (
    Column("evaluation", "id", exported="evaluation"),
    Column("round", "proposal.number", int, shown=EVERYWHERE, exported="number", held=True),
    Column("candidate", "proposal.candidate", shown=EVERYWHERE, exported="candidate", held=True),
    Column("system", "proposal.system", shown=EVERYWHERE, exported="system", held=True),
    Column("surface", "proposal.surface", shown=PRINTED, exported="surface", held=True),
    Column("source", "proposal.source", exported="source", shown=Place.NOWHERE),
    Column("replicate", "proposal.replicate", int, exported="replicate"),
    Column("purpose", "proposal.purpose", exported="purpose", held=True, missing="search"),
    LEVEL,
    Column("initial", "proposal.initial", bool, exported="initial"),
    Column("state", "state", EvaluationState, shown=EVERYWHERE, exported="state", held=True, missing="PROPOSED"),
    Column("value", "outcome.value", float | None, OBJECTIVE, shown=EVERYWHERE, exported="value", held=True),
    Column("unit", exported="unit", judge=lambda evaluation, spec: spec.unit_at(evaluation.proposal.level)),
    Column("cost", type=float, shown=EVERYWHERE, judge=lambda evaluation, spec: cost_of(evaluation, spec.space)),
    Column("predicted_cost", "proposal.predicted_cost", float, held=True),
    Column("proposed_cost", type=float, exported="cost", read=_proposed_cost, shown=Place.NOWHERE),
    Column("code", type=str | None, exported="reason", read=_code, shown=Place.NOWHERE),
    Column("message", "outcome.failure.message", str | None, exported="message", shown=Place.NOWHERE),
    Column("attempts", type=int, shown=EVERYWHERE, exported="attempts", read=lambda evaluation: len(evaluation.attempts)),
    Column("reason", "reason", str | None, shown=EVERYWHERE),
    Column("from", type=str | None, shown=PRINTED, judge=lambda evaluation, spec: value_from(spec, evaluation)),
    Column("wall_time", "outcome.wall_time", float | None, "s", exported="wall_time", held=True),
    Column("cores", "outcome.cores", int | None, held=True, missing=1, shown=Place.NOWHERE),
    Column("predicted_by", "outcome.predicted_by", str | None, exported="predicted_by", held=True, shown=Place.NOWHERE),
    Column("predicted", type=bool, read=predicted),
    Column("deviation", "outcome.deviation", float | None, OBJECTIVE, exported="deviation", held=True),
    Column("acquisition", "proposal.acquisition", float | None),
    Column("predicted_mean", "proposal.predicted_mean", float | None, OBJECTIVE, exported="predicted_mean", held=True),
    Column(
        "predicted_deviation",
        "proposal.predicted_deviation",
        float | None,
        OBJECTIVE,
        exported="predicted_deviation",
        held=True,
    ),
    Column("model", "proposal.model", exported="model"),
    Column("look", "proposal.look.model", str | None, held=True, shown=Place.NOWHERE),
    Column("final_translation", "outcome.properties.final_translation", Any),
    Column("proposed_at", "proposed_at", AwareDatetime, exported="proposed_at"),
    Column(
        "finished_at",
        "finished_at",
        AwareDatetime | None,
        shown=Place.RESULTS | Place.PAGE,
        exported="finished_at",
        heading="Finished",
    ),
    Column("incident", type=bool, held=True, read=_incident, shown=Place.NOWHERE),
    Column("changed_at", type=int, unit="ms", held=True, read=_changed_at, shown=Place.NOWHERE),
    Column("done_as", "done_as", int | None, held=True, shown=Place.NOWHERE),
)
"""All columns, in the order in which they are shown and exported."""


def shown_at(place: Place, spec: CampaignSpec | None = None) -> tuple[Column, ...]:
    """The columns that are shown at a place; with those that only some campaigns have, if one is given."""
    own = () if spec is None else ((LIMITS, spec.objective.limits), (LEVEL, spec.levels))
    common = (column for column in COLUMNS if column is not LEVEL)
    return tuple(column for column in (*common, *(column for column, needed in own if needed)) if place in column.shown)


RESULTS = shown_at(Place.RESULTS)
HELD = tuple(column for column in COLUMNS if column.held)
EXPORTED = tuple(column for column in COLUMNS if column.exported)


def result_row(evaluation: Evaluation, spec: CampaignSpec) -> dict[str, Any]:
    """An evaluation as a row of results."""
    return {column.name: column.value(evaluation, spec) for column in shown_at(Place.RESULTS, spec)}
