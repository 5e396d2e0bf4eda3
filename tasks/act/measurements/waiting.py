"""Proposals that wait for values, and why they were chosen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import numpy as np
from pydantic import AwareDatetime, Field

from tansaku.models.domain.descriptors import DESCRIPTOR, DescriptorOffer
from tansaku.models.domain.measurements import reports_of
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import CampaignStore, DescribingSpace, RefinedSpace
from tansaku.models.domain.records import CampaignRecord, Evaluation, Event, JsonDict, Record
from tansaku.models.domain.report_columns import (
    CANDIDATE,
    DEVIATION,
    LEVEL,
    NOTE,
    NUMBER,
    STATUS,
    UNIT,
    VALUE,
    information_columns,
    predicted_columns,
    taken_names,
)
from tansaku.models.domain.specs.levels import WANTED
from tansaku.models.domain.specs.proposer import AcquisitionFunctionSpec
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.act.measurements.stored_commands import (
    OpenedCampaign,
    batch_of,
    expected_after,
    open_manual,
    pending_numbers,
)
from tansaku.tasks.read.views.results import cells_of

Cells = dict[str, str | int | float]
"""Description of a candidate by column; whole numbers stay so."""

_CORRECTED = "; a value was corrected since"


class Predicted(Record):
    """The prediction of a further measured quantity.

    Attributes:
        prediction: When the proposal was chosen [the quantity's unit].
        uncertainty: Its standard deviation, same unit.
    """

    prediction: float
    uncertainty: float


class Condition(Record):
    """A column that describes what is done.

    Attributes:
        name: Of the column.
        unit: Of its numbers; None where none is known.
        choices: What it may hold; None: any number.
    """

    name: str
    unit: str | None = None
    choices: tuple[str, ...] | None = None


class Waiting(Record):
    """A proposal that waits for its value.

    Attributes:
        number: Of the proposal.
        candidate: Its candidate.
        system: Search problem that it belongs to.
        cells: Description of the candidate.
        why: Why it was chosen, in words.
        prediction: Predicted value when it was chosen [unit of its level]; None before two values differed.
        uncertainty: Standard deviation of the prediction [unit of its level].
        others: Predictions of the further measured quantities, by name; empty before there was a model, or without any.
        cost: Predicted cost.
        nearest: The most similar candidate with a value.
        nearest_value: Its value [the objective's unit].
        since: When it was proposed.
        expires: When it will be released; None: never.
        learning: Whether a value is stored that the driver of the campaign takes next.
        level: Name of the cheaper level whose value is asked for; None: the one that the campaign wants.
    """

    number: int
    candidate: str
    system: str
    cells: Cells
    why: str
    prediction: float | None
    uncertainty: float | None
    others: dict[str, Predicted] = Field(default_factory=dict)
    cost: float
    nearest: str | None
    nearest_value: float | None
    since: AwareDatetime
    expires: AwareDatetime | None = None
    learning: bool = False
    level: str | None = None

    @property
    def reason(self) -> str:
        """Reason why it was chosen, without what was corrected since."""
        return self.why.removesuffix(_CORRECTED)

    @property
    def outdated(self) -> bool:
        """Whether a value that it was chosen by was corrected since."""
        return self.why.endswith(_CORRECTED)


class Asked(Record):
    """All proposals that wait.

    Attributes:
        campaign: Name of the campaign.
        unit: Of the values.
        quantity: What people call the value, a heading by which a report may give it.
        measured: Units of all quantities that a measurement gives, by the column of the report; the value is the first.
        waiting: By number.
        asked_for: How many were last asked for.
        descriptor: What is to be measured before the next candidate is proposed; None: nothing.
        conditions: Columns by which a report may say that something else was done than proposed.
        described: The same with their units, in the same order.
        drawn: Whether ids are made up: candidates are known by their conditions alone.
        batch: Of a request that was answered before: the numbers that it brought, of which those that wait are listed; None: of
            all that wait.
        level_units: Units of the values at cheaper levels that have one of their own, by the level's name.
    """

    campaign: str
    unit: str
    quantity: str = VALUE
    measured: dict[str, str]
    waiting: tuple[Waiting, ...]
    asked_for: int
    descriptor: DescriptorOffer | None = None
    conditions: tuple[str, ...] = ()
    described: tuple[Condition, ...] = ()
    drawn: bool = False
    batch: tuple[int, ...] | None = None
    level_units: dict[str, str] = Field(default_factory=dict)

    def unit_at(self, level: str | None) -> str:
        """The unit of values at a level; None: at the wanted one."""
        return self.unit if level is None else self.level_units.get(level, self.unit)

    def to_csv(self) -> str:
        """A table to be filled in: `tansaku tell` reads it."""
        return "".join(csv_line(row, "\n") for row in self.rows())

    def rows(self, *, named: bool = False) -> list[list[object]]:
        """The heading and the rows of a table to be filled in.

        Args:
            named: Whether the value has the name that people know, not that of reports.
        """
        offer = self.descriptor
        columns = list(dict.fromkeys(name for item in self.waiting for name in item.cells))
        columns += [] if offer is None or offer.column in columns else [offer.column]
        left = [*self.headings, STATUS, NOTE]
        if named and VALUE in self.measured:
            left[0] = left[0].replace(VALUE, self.quantity, 1)
        if VALUE in self.measured:
            left.insert(1, DEVIATION)
        units = [self.unit_at(item.level) for item in self.waiting]
        if mixed := len({self.unit, *units}) > 1:  # then each row has its unit, and the heading none
            left[0] = left[0].removesuffix(f" [{self.unit}]")
            left.insert(2, UNIT)
        information = information_columns(self.measured)
        levels = [LEVEL] if any(item.level for item in self.waiting) and LEVEL not in columns else []
        lines: list[list[object]] = [[NUMBER, CANDIDATE, *levels, *columns, *left, *information]]
        for item, unit in zip(self.waiting, units, strict=True):
            cells = [item.cells.get(name, "") for name in columns]
            known = [*self.predictions(item).values(), item.nearest, item.nearest_value]
            shown = ("" if cell is None else cell for cell in known)
            at = [item.level or WANTED] * len(levels)
            blank = [unit if mixed and name == UNIT else "" for name in left]
            lines.append([item.number, item.candidate, *at, *cells, *blank, *shown])
        rows = () if offer is None else offer.candidates
        empty = [""] * (len(levels) + len(columns) + len(left) + len(information))
        return lines + [["", candidate, *empty] for candidate in rows]

    @property
    def headings(self) -> tuple[str, ...]:
        """Headings of the columns that are to be measured."""
        return tuple(name if unit == "1" else f"{name} [{unit}]" for name, unit in self.measured.items())

    def predictions(self, item: Waiting) -> dict[str, float | None]:
        """Predictions for a proposal and their deviations, by column of the table."""
        others = [item.others.get(name) for name in self.measured if name != VALUE]
        pairs = [(item.prediction, item.uncertainty)]
        pairs += [(None, None) if other is None else (other.prediction, other.uncertainty) for other in others]
        columns = predicted_columns(self.measured)
        names, numbers = (name for pair in columns for name in pair), (number for pair in pairs for number in pair)
        return dict(zip(names, numbers, strict=True))


def waiting_proposals(store: CampaignStore, name: str) -> Asked:
    """The proposals of a campaign that wait for values.

    Raises:
        NotFoundError: No campaign of this name is stored.
        ConfigurationError: Its values are computed.
    """
    return asked_now(store, open_manual(store, name))


def asked_before(store: CampaignStore, name: str, identifier: str) -> Asked | None:
    """The proposals that still wait of those that a request brought; None where it is new, or not all of them are there yet.

    Args:
        identifier: Of the request.

    Raises:
        NotFoundError: No campaign of this name is stored.
        ConfigurationError: Its values are computed.
    """
    opened = open_manual(store, name)
    batch = batch_of(opened, identifier)
    if batch is None:
        return None
    asked = _asked_of(opened, None)
    return asked.model_copy(update={"batch": batch, "waiting": tuple(item for item in asked.waiting if item.number in batch)})


def asked_now(store: CampaignStore, opened: OpenedCampaign) -> Asked:
    """Does the same as :func:`waiting_proposals` for a campaign that was opened just now."""
    said = store.events(opened.record.name, kind=DESCRIPTOR, limit=1) if opened.spec.space.prices else []
    return _asked_of(opened, next(iter(said), None))


def _asked_of(opened: OpenedCampaign, said: Event | None) -> Asked:
    """The same, where ``said`` is the last event in which a driver said that it waits for a descriptor."""
    waiting = [item for item in opened.evaluations if not item.state.terminal]
    counts = [command.payload.get("count") for command in opened.record.commands if command.kind == "ask"]
    neighbours, described, stored = _nearest(opened, waiting), _described(opened), pending_numbers(opened.record)
    known_from = expected_after(opened)
    return Asked(
        campaign=opened.record.name,
        unit=opened.spec.objective.unit,
        quantity=_quantity(opened, described),
        measured=dict(opened.spec.measured),
        waiting=tuple(
            _waiting(opened, item, known, stored, known_from) for item, known in zip(waiting, neighbours, strict=True)
        ),
        asked_for=int(next((count for count in reversed(counts) if count), opened.spec.execution.in_flight)),
        descriptor=None if said is None else _offered(opened, said),
        conditions=tuple(item.name for item in described),
        described=described,
        drawn=bool(described) and getattr(opened.spec.space, "columns", None) is None,
        level_units={level.name: level.unit for level in opened.spec.levels if level.unit is not None},
    )


def _quantity(opened: OpenedCampaign, described: Sequence[Condition]) -> str:
    """Name of the value that a report may use; a condition of that name takes precedence."""
    named = opened.spec.objective.property or VALUE
    return VALUE if named.lower() in {item.name.lower() for item in described} | taken_names() else named


def candidate_cells(opened: OpenedCampaign, candidate: str) -> JsonDict:
    """Returns the description of a candidate by column; empty where its space describes none. Raises NotFoundError."""
    return cells_of(opened.space, candidate)


def _described(opened: OpenedCampaign) -> tuple[Condition, ...]:
    """Columns that describe what is done; what is measured for a price belongs to the candidate."""
    space = opened.space
    if not isinstance(space, DescribingSpace):
        return ()
    columns = (column for column in space.columns() if column.name not in opened.spec.space.prices)
    return tuple(Condition(name=item.name, unit=item.unit, choices=item.allowed) for item in columns)


def _offered(opened: OpenedCampaign, said: Event) -> DescriptorOffer | None:
    """The descriptor that the driver waits for, if it has said so since somebody last asked, and nobody has measured it."""
    asks = [place for place, command in enumerate(opened.record.commands, start=1) if command.kind == "ask"]
    number = max((item.proposal.number for item in opened.evaluations), default=0) + 1
    if said.data["number"] != number or (asks and said.data["commands"] < asks[-1]):
        return None
    offer = DescriptorOffer.model_validate({key: said.data[key] for key in DescriptorOffer.model_fields})
    return offer if any(offer.column not in cells_of(opened.space, name) for name in offer.candidates) else None


def _waiting(
    opened: OpenedCampaign, evaluation: Evaluation, nearest: Evaluation | None, stored: Collection[int], known_from: float
) -> Waiting:
    proposal, hours = evaluation.proposal, getattr(opened.spec.calculator, "expires", None)
    expected = proposal.predicted_mean is not None and proposal.number > known_from
    return Waiting(
        number=proposal.number,
        candidate=proposal.candidate,
        system=proposal.system,
        cells=candidate_cells(opened, proposal.candidate),
        why=_why(evaluation, getattr(opened.spec.proposer, "function", None)) + _corrected_since(opened.record, evaluation),
        prediction=proposal.predicted_mean if expected else None,
        uncertainty=proposal.predicted_deviation if expected else None,
        others={
            goal.property: Predicted(prediction=mean, uncertainty=spread)
            for goal, (mean, spread) in zip(opened.spec.objective.further, proposal.predicted_others, strict=False)
            if expected
        },
        cost=proposal.predicted_cost,
        nearest=None if nearest is None else nearest.proposal.candidate,
        nearest_value=None if nearest is None or nearest.outcome is None else nearest.outcome.value,
        since=evaluation.waiting_since,
        expires=None if hours is None else evaluation.waiting_since + timedelta(hours=hours),
        learning=proposal.number in stored,
        level=proposal.level,
    )


def _why(evaluation: Evaluation, function: AcquisitionFunctionSpec | None) -> str:
    proposal = evaluation.proposal
    if proposal.initial:
        return "initial design: chosen before any value is known"
    if proposal.replicate:
        return "measured again, as somebody asked"
    if proposal.predicted_mean is None:
        return f"chosen by the method {proposal.model}"
    if function is not None:
        return f"chosen by the script's function {function.name} for its highest score"
    return f"chosen for the largest expected gain (method: {proposal.model})"


def _corrected_since(record: CampaignRecord, evaluation: Evaluation) -> str:
    """Says that a value was corrected after a proposal was chosen: its prediction knew the wrong one."""
    if evaluation.proposal.predicted_mean is None:
        return ""
    later = (item for item in record.commands if item.kind == "tell" and item.created_at > evaluation.waiting_since)
    corrected = any(report.replaces for item in later for report in reports_of(item.payload))
    return _CORRECTED if corrected else ""


def _nearest(opened: OpenedCampaign, waiting: Sequence[Evaluation]) -> list[Evaluation | None]:
    """The most similar candidate of the same system with a value, for each that waits."""
    done = [item for item in opened.evaluations if item.state is EvaluationState.DONE and item.proposal.purpose == "search"]
    if not done or not waiting:
        return [None] * len(waiting)
    space, named = opened.space, [item.proposal.candidate for item in (*done, *waiting)]
    pool = space.refined(named, []) if isinstance(space, RefinedSpace) else space.pool()
    known = pool.positions([item.proposal.candidate for item in done])
    wanted = pool.positions([item.proposal.candidate for item in waiting])
    rows, at = _scaled(pool, known), _scaled(pool, wanted)
    found: list[Evaluation | None] = []
    for row, position in zip(at, wanted, strict=True):
        apart = np.square(rows - row).sum(axis=1)
        apart[pool.system_codes[known] != pool.system_codes[position]] = np.inf
        best = int(np.argmin(apart))
        found.append(done[best] if np.isfinite(apart[best]) else None)
    return found


def _scaled(pool: CandidatePool, positions: np.ndarray) -> FloatArray:
    """Features of candidates in units of their spread over the pool, shape ``(n, d)``."""
    parts = []
    for group in pool.groups.values():
        # A number that is still to be measured says nothing of what is similar.
        known = ~np.isnan(group.values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, group.values, 0.0).sum(axis=0) / count
        values = np.where(known, group.values, mean)
        spread = np.sqrt(np.square(values - mean).sum(axis=0) / count)
        scaled = values / np.where(spread > 0, spread, 1.0) / np.sqrt(group.values.shape[1])
        parts.append(scaled[group.index[positions]])
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(positions), 1))
