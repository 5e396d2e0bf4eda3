"""Reported measurements of a candidate, and the result that combines them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from tansaku.models.domain.records import (
    Command,
    Count,
    Evaluation,
    Failure,
    JsonDict,
    Number,
    Outcome,
    Provenance,
    Quantity,
    Record,
)
from tansaku.models.domain.specs.off_pool import Cell, OffPoolSpec
from tansaku.models.domain.states import FailureKind
from tansaku.models.domain.units import Unit

MEASUREMENTS = "measurements"
"""Key of an outcome's properties that holds the measurements it was made from."""

LARGEST_ATTACHMENT = 10_000_000
"""Size of a photo or file of a reported value [bytes]."""

REPORTED_FAILURE = "reported_failure"


class Measurement(Record):
    """One reported measurement.

    Attributes:
        id: Command and place in it that reported it; empty before it is stored.
        value: In the objective's unit; None: it failed.
        deviation: Its standard deviation [objective's unit]; None where nobody gave one.
        failed: Why there is no value.
        note: What the report says besides.
        user: Who reported it.
        at: When it was reported.
        done: Conditions that the report gives and that differ from the candidate's within the declared tolerance, by column.
        others: Values of the further objectives [their units], by property; empty where there is one objective, or it failed.
    """

    id: str = ""
    value: float | None = None
    deviation: float | None = None
    failed: str | None = None
    note: str | None = None
    user: str = ""
    at: AwareDatetime | None = None
    done: Annotated[dict[str, Cell], Field(default_factory=dict, exclude_if=lambda cells: not cells)]
    others: Annotated[dict[str, float], Field(default_factory=dict, exclude_if=lambda values: not values)]

    def same(self, other: Measurement) -> bool:
        """Returns whether another report has the same values, or a failure as this one; it may lack the deviation."""
        if self.value is None or other.value is None:
            return self.value is other.value
        if other.deviation is not None and (self.deviation is None or not math.isclose(self.deviation, other.deviation)):
            return False
        pairs = [(self.value, other.value), *((value, other.others[name]) for name, value in self.others.items())]
        return all(math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-300) for mine, theirs in pairs)


class Attachment(Record):
    """A photo or a file that belongs to a reported value.

    Attributes:
        report: Id of the command that reported the value.
        candidate: Its candidate.
        name: File name.
        media: Type of a photo's content; None: a file of any kind, which is only ever downloaded.
        sha256: Of its content, which is in the artifact store.
        size: Bytes.
    """

    report: str
    candidate: str
    name: Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f\x7f]{1,100}$")]
    media: Literal["image/jpeg", "image/png", "image/webp"] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[Count, Field(le=LARGEST_ATTACHMENT)]


class Reported(Record):
    """The report of a command on a candidate.

    Attributes:
        candidate: Id of the candidate.
        number: The proposal that it answers; None: the candidate's latest, or a new one.
        replaces: Whether these measurements replace all earlier ones of the proposal: a correction.
        measurements: In the order of the report.
        off_pool: What describes the candidate, where the space does not list it.
        descriptors: Numbers of it that the space lacked or had otherwise, by column.
        instead: Numbers of the proposals in whose place it was measured, at other conditions than theirs.
        basis: Attempts that the proposal had when it was reported, and one if it had a result, so that an equal repeat or
            correction is another command.
    """

    candidate: str
    number: int | None = None
    replaces: bool = False
    measurements: tuple[Measurement, ...]
    off_pool: OffPoolSpec | None = None
    descriptors: dict[str, float] = Field(default_factory=dict)
    instead: Annotated[tuple[Number, ...], Field(exclude_if=lambda numbers: not numbers)] = ()
    basis: int = 0


def reports_of(payload: Mapping[str, object]) -> list[Reported]:
    """Reports of a command ``tell``."""
    reports = payload.get("reports")
    return [Reported.model_validate(item) for item in reports] if isinstance(reports, list) else []


def attachments_of(commands: Iterable[Command]) -> list[Attachment]:
    """Photos and files of the reported values of a campaign, the oldest first."""
    return [Attachment.model_validate(command.payload) for command in commands if command.kind == "attach"]


def measurements_of(evaluation: Evaluation) -> tuple[Measurement, ...]:
    """Measurements that an evaluation's result combines; none where nothing was reported."""
    return measurements_in(evaluation.outcome)


def measurements_in(outcome: Outcome | None) -> tuple[Measurement, ...]:
    """Measurements that a result combines; none where nothing was reported."""
    found = outcome.properties.get(MEASUREMENTS, []) if outcome is not None else []
    return tuple(Measurement.model_validate(item) for item in found)


def combined_in(evaluation: Evaluation) -> tuple[Measurement, ...]:
    """Measurements that a result of people who measure combines; a value that was known beforehand is one of them."""
    found, outcome = measurements_of(evaluation), evaluation.outcome
    if found or outcome is None or outcome.value is None:
        return found
    return (Measurement(value=outcome.value, deviation=outcome.deviation, done={}, others=further_values(outcome)),)


def further_values(outcome: Outcome | None) -> dict[str, float]:
    """Further measured quantities of a result, by property."""
    return {} if outcome is None else {name: quantity.value for name, quantity in outcome.quantities.items()}


def repeats_of(outcome: Outcome | None) -> int:
    """Number of measured values that a result combines; 1 where it was not measured."""
    found = outcome.properties.get(MEASUREMENTS, []) if outcome is not None else []
    return max(1, sum(item.get("value") is not None for item in found))


def result_of(
    measurements: Sequence[Measurement],
    deviation: float | None,
    provenance: Provenance,
    units: Mapping[str, Unit] = MappingProxyType({}),
) -> Outcome:
    """Combines all measurements of a candidate into a result: their mean, weighted where all deviations are known.

    Args:
        measurements: At least one.
        deviation: Of each measurement whose report gives none [objective's unit]; None: unknown.
        units: Of the further objectives, by property; the result has the plain mean of each.
    """
    valued = [(item.value, item.deviation or deviation) for item in measurements if item.value is not None]
    properties: JsonDict = {MEASUREMENTS: [item.model_dump(mode="json", exclude_none=True) for item in measurements]}
    finished = max((item.at for item in measurements if item.at is not None), default=None)
    common = {"properties": properties, "finished_at": finished, "provenance": provenance}
    if not valued:
        message = "; ".join(dict.fromkeys(item.failed for item in measurements if item.failed)) or "reported as failed"
        failure = Failure(kind=FailureKind.SCIENCE, reason=REPORTED_FAILURE, message=message)
        return Outcome.model_validate({"failure": failure, **common})
    mean, together = _mean([value for value, _ in valued], [given for _, given in valued])
    complete = [item.others for item in measurements if item.value is not None]
    means = {name: _plain_mean([others[name] for others in complete]) for name in units}
    quantities = {name: Quantity(value=mean, unit=units[name]) for name, mean in means.items()}
    return Outcome.model_validate({"value": mean, "deviation": together, "quantities": quantities, **common})


def _mean(values: Sequence[float], deviations: Sequence[float | None]) -> tuple[float, float | None]:
    """Mean and its standard deviation, None where the deviation of a measurement is unknown."""
    known = [given for given in deviations if given is not None]
    if len(known) < len(values):
        return _plain_mean(values), None
    # A power of two changes no digit, and keeps the squares of very small and very large deviations from vanishing.
    scale = math.ldexp(1.0, math.frexp(min(known))[1] - 1)
    weights = [1.0 / (given / scale * (given / scale)) for given in known]
    total = math.fsum(weights)
    return (values[0] if len(values) == 1 else _sum(weights, values, total)), scale / math.sqrt(total)


def _plain_mean(values: Sequence[float]) -> float:
    return _sum([1.0] * len(values), values, float(len(values)))


def _sum(weights: Sequence[float], values: Sequence[float], total: float) -> float:
    """Sum of values times weights over the total; finite wherever the values are."""
    try:
        return math.fsum(weight * value for weight, value in zip(weights, values, strict=True)) / total
    except OverflowError:
        return math.fsum(weight / total * value for weight, value in zip(weights, values, strict=True))
