"""Summaries of evaluations, which a driver keeps in memory; whole evaluations are read from the store when needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from sys import intern

from tansaku.models.domain.adoption import is_adopted
from tansaku.models.domain.history import result_keeps
from tansaku.models.domain.records import Evaluation, Purpose
from tansaku.models.domain.specs.label import LABEL_PROPERTY
from tansaku.models.domain.specs.objective import LimitSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.node.jobs.document import FIRST_LOOK_DEVIATION, FIRST_LOOK_ENERGY, OWN_LATTICE_PARAMETER


@dataclass(frozen=True, slots=True)
class EvaluationSummary:
    """One evaluation in about half a kilobyte: a whole one takes 14, which a driver of a large campaign cannot hold.

    Attributes:
        number: Of its proposal.
        candidate: Id of its candidate.
        system: Name of its system.
        surface: Name of its surface.
        source: Hash of what computes it.
        replicate: 0, or the number of the rerun.
        predicted_cost: As proposed [the space's cost unit].
        measured_cost: Measured cost [core-seconds], None while it is in progress or if it was not measured.
        core_seconds: Measured core-seconds of all its attempts.
        adopted: Whether its result was adopted.
        initial: Whether it belongs to the initial design.
        level: Name of the level of a look, else None.
        horizon: Of its proposal.
        model: What proposed it.
        attempts: Number of its attempts.
        proposed_at: When it was proposed.
        done_as: Number of the evaluation that holds what was measured in its place, None where nothing was.
        value: Its value, None without one [the objective's unit].
        predicted: Whether a trained model predicted the value.
        failure: Why it has no value, None where it has one or is in progress.
        looked: The model that looked at it first, where that can be compared with what was computed; else None.
        as_looked: Whether the computed energy lies within one deviation of what that model had predicted.
        own_lattice_parameter: That its job determined, None where it determined none [angstrom]; a and c of a
            hexagonal crystal.
        keeps_limits: Whether its result keeps the limits of the objective, so that it may be an answer.
    """

    id: str
    number: int
    candidate: str
    system: str
    surface: str
    source: str
    replicate: int
    predicted_cost: float
    measured_cost: float | None
    core_seconds: float
    adopted: bool
    initial: bool
    purpose: Purpose
    horizon: int
    model: str
    state: EvaluationState
    attempts: int
    proposed_at: datetime
    done_as: int | None
    value: float | None
    predicted: bool
    failure: str | None
    looked: str | None
    as_looked: bool
    own_lattice_parameter: float | list[float] | None
    keeps_limits: bool = True
    level: str | None = None

    @property
    def computed(self) -> bool:
        """Whether it is a finished evaluation of the search whose value was computed."""
        done = self.purpose == "search" and self.state is EvaluationState.DONE
        return done and self.value is not None and not self.predicted


def summary_of(evaluation: Evaluation, limits: Sequence[LimitSpec] = ()) -> EvaluationSummary:
    """Returns the summary of an evaluation; texts that many evaluations share are held once.

    Args:
        limits: Of the campaign's objective.
    """
    proposal, outcome = evaluation.proposal, evaluation.outcome
    looked = _looked(evaluation)
    return EvaluationSummary(
        id=evaluation.id,
        number=proposal.number,
        candidate=proposal.candidate,
        system=intern(proposal.system),
        surface=intern(proposal.surface),
        source=intern(proposal.source),
        replicate=proposal.replicate,
        predicted_cost=proposal.predicted_cost,
        measured_cost=evaluation.measured_cost,
        core_seconds=evaluation.core_seconds,
        adopted=is_adopted(evaluation),
        initial=proposal.initial,
        purpose=proposal.purpose,
        horizon=proposal.horizon,
        model=intern(proposal.model),
        state=evaluation.state,
        attempts=len(evaluation.attempts),
        proposed_at=evaluation.proposed_at,
        done_as=evaluation.done_as,
        value=None if outcome is None else outcome.value,
        predicted=outcome is not None and outcome.predicted_by is not None,
        failure=evaluation.reason,
        looked=None if looked is None else intern(looked[0]),
        as_looked=looked is not None and looked[1],
        own_lattice_parameter=None if outcome is None else outcome.properties.get(OWN_LATTICE_PARAMETER),
        keeps_limits=not limits or outcome is None or result_keeps(limits, outcome),
        level=proposal.level,
    )


def _looked(evaluation: Evaluation) -> tuple[str, bool] | None:
    """The model that looked at an evaluation first, and whether what was computed lies within one deviation of it."""
    outcome, look = evaluation.outcome, evaluation.proposal.look
    if outcome is None or outcome.predicted_by is not None or look is None:
        return None
    found = [outcome.quantities.get(name) for name in (LABEL_PROPERTY, FIRST_LOOK_ENERGY, FIRST_LOOK_DEVIATION)]
    known = [quantity.value for quantity in found if quantity is not None]
    return (look.model, abs(known[0] - known[1]) <= known[2]) if len(known) == len(found) else None
