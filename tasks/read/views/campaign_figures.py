"""Data of the figures on a campaign's page, from arrays of its evaluations; at most 500 points each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.pool import BoolArray, IntArray
from tansaku.models.domain.ports import ScreenedSpace
from tansaku.models.domain.records import Evaluation, JsonDict, Record
from tansaku.models.domain.rooms import figure_sets
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.objective import Direction
from tansaku.models.domain.views import Columns
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.read.views.aim import quantity_name
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.chemical_potential import PotentialHull, potential_hulls
from tansaku.tasks.read.views.compositions import NOBODY, IonGrid, ion_grids
from tansaku.tasks.read.views.fronts import evaluated_front
from tansaku.tasks.read.views.levels import LookValues, look_values
from tansaku.tasks.read.views.origins import best_places, value_of
from tansaku.tasks.read.views.proposals import last_proposals
from tansaku.tasks.read.views.system_names import system_label

MOST_POINTS = 500
LAST_PROPOSALS = 50
LARGEST_MAP = 4000
"""Cells of a map; larger ones do not fit on a screen."""

EMPTY, OPEN, EVALUATED, FAILED, RUNNING = range(5)
"""States of a cell of a map: no candidate, not evaluated, with a value, failed, in progress."""


class AngleCurve(Record):
    """Lowest energies of boundaries by rising angle; lists have one entry for each boundary with a value.

    Attributes:
        labels: Of the boundaries.
        angle: Misorientation [degrees].
        searched: Best value of the search [``unit``].
        relaxed: Best value of the final relaxations [``unit``]; None: there is none.
        evaluations: Of the search.
    """

    labels: tuple[str, ...]
    angle: tuple[float, ...]
    searched: tuple[float, ...]
    relaxed: tuple[float | None, ...]
    evaluations: tuple[int, ...]


class IonMap(Record):
    """Values of a system over two sets of ions; lists of lists have a list for each row.

    Attributes:
        system: Its name.
        row_site: Site whose ions are the rows.
        column_sites: Sites whose ions, joined, are the columns.
        state: Of each cell: 0 no candidate, 1 not evaluated, 2 evaluated, 3 failed, 4 in progress.
        value: Found [``unit``]; None: none.
        number: Of the proposal; None: none.
    """

    system: str
    row_site: str
    column_sites: tuple[str, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    state: tuple[tuple[int, ...], ...]
    value: tuple[tuple[float | None, ...], ...]
    number: tuple[tuple[int | None, ...], ...]


class ObjectiveAxis(Record):
    """An objective as an axis."""

    name: str
    unit: str
    direction: Direction


class FrontPoints(Record):
    """Evaluations with values of all objectives, sorted by the first; lists have one entry for each point shown.

    Attributes:
        axes: The objectives.
        values: Of each objective, a list each.
        member: Whether no other point is better in all objectives; all of those are shown.
        numbers: Of the proposals.
        candidates: Their ids.
        count: Of the evaluations, shown or not.
    """

    axes: tuple[ObjectiveAxis, ...]
    values: tuple[tuple[float, ...], ...]
    member: tuple[bool, ...]
    numbers: tuple[int, ...]
    candidates: tuple[str, ...]
    count: int


class LookPoints(Record):
    """Looks at cheaper levels whose candidates have a full value, by rising look; lists have one entry for each point shown.

    Attributes:
        levels: Names of the levels, with their units where they have several.
        unit: Of the looks; 1 where levels have several.
        candidates: Their ids.
        level: Places in ``levels``.
        look: Values of the looks.
        full: Values of the full evaluations, in the objective's unit.
        alone: Number of the looks without a full value.
    """

    levels: tuple[str, ...]
    unit: str
    candidates: tuple[str, ...]
    level: tuple[int, ...]
    look: tuple[float, ...]
    full: tuple[float, ...]
    alone: int


class PotentialLine(Record):
    """Energy of the best boundary of an excess of units over the chemical potential.

    Attributes:
        candidate: Its id.
        number: Of the proposal.
        excess: Units of a cell, which has two boundaries, beyond those of its crystal.
        energy: At each of the potentials [``unit``].
    """

    candidate: str
    number: int
    excess: int
    energy: tuple[float, ...]


class PotentialLines(Record):
    """Energies of a boundary over the chemical potential of the unit that it exchanges.

    Attributes:
        boundary: Its planes or name.
        unit_name: Formula of the unit.
        potentials: Relative to the unit's own crystal, rising: both ends, and where another line becomes the lowest [eV].
        lines: By rising excess.
        lowest: Of the lines, at each of the potentials [``unit``].
    """

    boundary: str
    unit_name: str
    potentials: tuple[float, ...]
    lines: tuple[PotentialLine, ...]
    lowest: tuple[float, ...]


class CertificateLines(Record):
    """Possible remaining improvement by system; lists have one entry for each system.

    Attributes:
        text: The certificate in words.
        number: Of the proposal before which it was drawn up.
        confidence: Of the tolerances.
        within: What the rule for stopping asks for [``unit``]; None: there is no rule.
        systems: Their names; empty: the certificate is one for all of them.
        tolerance: Nothing remains that is better by more than this [``unit``]; None: not known yet.
        probability: That nothing remains that is better by more than ``within``; None: there is no rule.
    """

    text: str
    number: int
    confidence: float
    within: float | None
    systems: tuple[str, ...]
    tolerance: tuple[float | None, ...]
    probability: tuple[float | None, ...]


class ProposalPoints(Record):
    """The last proposals of the search in order; lists have one entry for each.

    Attributes:
        acquisition: Value by which the candidate was chosen; None: not by a model.
        predicted: Expected then [``unit``].
        deviation: Standard deviation expected then [``unit``].
        found: Value [``unit``]; None: none yet.
    """

    numbers: tuple[int, ...]
    candidates: tuple[str, ...]
    acquisition: tuple[float | None, ...]
    predicted: tuple[float | None, ...]
    deviation: tuple[float | None, ...]
    found: tuple[float | None, ...]


class CampaignFigures(Record):
    """Figures of a campaign; None or empty: its space, objective or proposer has no such figure, or nothing is known yet.

    Attributes:
        version: Of the campaign.
        quantity: Name of the objective's values.
        name: The same in words.
        unit: Of the objective.
        direction: Whether low or high values are wanted.
        pictures: Figures of `tansaku plot` that may stand on the page, which does not draw them itself.
        problem: Why figures that need the space cannot be shown; empty: they can.
    """

    version: str
    quantity: str
    name: str
    unit: str
    direction: Direction
    angles: AngleCurve | None = None
    maps: tuple[IonMap, ...] = ()
    potentials: tuple[PotentialLines, ...] = ()
    front: FrontPoints | None = None
    looks: LookPoints | None = None
    certificate: CertificateLines | None = None
    proposals: ProposalPoints | None = None
    pictures: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class _Layout:
    """The part of a space that figures need; it does not change during a campaign.

    Attributes:
        systems: Descriptions of its systems.
        ids: Candidates by position, for the grids.
    """

    systems: Sequence[JsonDict] = ()
    grids: tuple[IonGrid, ...] = ()
    ids: Sequence[str] = ()


def figures_of(campaign: Campaign) -> CampaignFigures:
    """Figures of a campaign as it was read, made at most once."""
    return campaign.once(CampaignFigures, lambda: _made(campaign))


def _made(campaign: Campaign) -> CampaignFigures:
    spec, columns, certificate = campaign.spec, campaign.columns, campaign.certificate
    # Evaluations that cannot be read are missing here; the page shows the reason.
    of_space = _of_space(campaign)
    return CampaignFigures(
        version=campaign.version,
        quantity=spec.quantity,
        name=quantity_name(spec),
        unit=spec.objective.unit,
        direction=spec.objective.direction,
        front=front_points(columns, spec),
        looks=look_points(look_values(campaign)),
        certificate=None if certificate is None else certificate_lines(certificate),
        proposals=proposal_points(last_proposals(campaign, LAST_PROPOSALS)[::-1]),
        pictures=_pictures(campaign),
        **of_space,
    )


def _of_space(campaign: Campaign) -> JsonDict:
    """The figures that the space has by name, or why they cannot be shown."""
    space = campaign.spec.space
    try:
        if space.exchanges:
            return {"potentials": potential_lines(potential_hulls(campaign))}
        if not space.description.figures:
            return {}
        layout = campaign.lasting.get(_Layout, lambda: _layout(campaign))
    except (ConfigurationError, NotFoundError, StoreError) as error:
        return {"problem": f"the space cannot be opened on this machine: {error.message}"}
    if space.description.figures == "boundaries":
        return {"angles": angle_curve(campaign.columns, layout.systems, campaign.sign, campaign.keeping)}
    return {"maps": ion_maps(campaign.columns, layout.grids, layout.ids)}


def _pictures(campaign: Campaign) -> tuple[str, ...]:
    """Figures of the space's set that stand on the page, once something has a value."""
    offered = figure_sets().get(campaign.spec.space.description.figures)
    return () if offered is None or not np.isfinite(campaign.columns.values).any() else offered.pictures


def _layout(campaign: Campaign) -> _Layout:
    # Not the campaign's own, which would keep the features in memory.
    space = open_space(campaign.spec.space, Path(campaign.record.base_path))
    grids = ion_grids(space, space.pool()) if isinstance(space, ScreenedSpace) else ()
    return _Layout(tuple(space.describe_systems()), grids, [str(name) for name in space.pool().ids] if grids else ())


def potential_lines(hulls: Sequence[PotentialHull]) -> tuple[PotentialLines, ...]:
    """Lines of each boundary over the chemical potential: straight, so their ends and the changes of the lowest suffice."""
    return tuple(_potential_lines(hull) for hull in hulls)


def _potential_lines(hull: PotentialHull) -> PotentialLines:
    won = hull.winners
    potentials = [won[0][1], *(end for _, _, end in won)]
    lines = tuple(
        PotentialLine(
            candidate=line.candidate,
            number=line.number,
            excess=line.excess,
            energy=tuple(line.at(np.array(potentials)).tolist()),
        )
        for line in hull.lines
    )
    return PotentialLines(
        boundary=hull.boundary,
        unit_name=hull.unit_name,
        potentials=tuple(potentials),
        lines=lines,
        lowest=tuple(min(energies) for energies in zip(*(line.energy for line in lines), strict=True)),
    )


def look_points(found: LookValues | None) -> LookPoints | None:
    """Looks beside full values, thinned out; None where no candidate has both."""
    if found is None or np.isnan(found.full).all():
        return None
    both = np.flatnonzero(~np.isnan(found.full))
    both = both[np.argsort(found.look[both], kind="stable")]
    shown = both[evenly(len(both), MOST_POINTS)]
    return LookPoints(
        levels=tuple(map(found.named, found.levels)),
        unit=found.shared_unit,
        candidates=tuple(found.candidate[at] for at in shown),
        level=tuple(found.levels.index(found.level[at]) for at in shown),
        look=tuple(found.look[shown].tolist()),
        full=tuple(found.full[shown].tolist()),
        alone=len(found.look) - len(both),
    )


def angle_curve(
    arrays: Columns, systems: Sequence[JsonDict], sign: float, keeping: BoolArray | None = None
) -> AngleCurve | None:
    """Lowest energies by angle; None where no boundary has a value.

    Args:
        arrays: Evaluations.
        systems: Descriptions of the systems.
        sign: 1 where low values are wanted, else -1.
        keeping: Which evaluations keep the limits of the objective; None: all.
    """
    keeping = np.ones(len(arrays), dtype=np.bool_) if keeping is None else keeping
    codes = {name: code for code, name in enumerate(arrays.system_names)}
    found = best_places(arrays, arrays.searched & keeping, sign)
    again = best_places(arrays, ~arrays.searched & keeping, sign)
    counts = np.bincount(arrays.system_codes[arrays.counted], minlength=len(codes)).tolist()
    rows = []
    for described in systems:
        code = codes.get(described["system"])
        if code in found:
            relaxed = float(arrays.values[again[code]]) if code in again else None
            angle = float(described["angle"])
            rows.append((angle, system_label(described), float(arrays.values[found[code]]), relaxed, counts[code]))
    rows = [rows[place] for place in evenly(len(rows))]
    if not rows:
        return None
    rows.sort(key=lambda row: (row[0], row[1]))
    return AngleCurve(
        labels=tuple(row[1] for row in rows),
        angle=tuple(row[0] for row in rows),
        searched=tuple(row[2] for row in rows),
        relaxed=tuple(row[3] for row in rows),
        evaluations=tuple(row[4] for row in rows),
    )


def ion_maps(arrays: Columns, grids: Sequence[IonGrid], ids: Sequence[str]) -> tuple[IonMap, ...]:
    """Values over ions; a candidate that was computed more than once has its last value.

    Args:
        arrays: Evaluations.
        grids: Of the space.
        ids: Candidates by position.
    """
    shown = [grid for grid in grids if grid.positions.size <= LARGEST_MAP]
    places = {arrays.candidates[place]: place for place in np.flatnonzero(arrays.searched).tolist()} if shown else {}
    return tuple(_ion_map(arrays, grid, ids, places) for grid in shown)


def _ion_map(arrays: Columns, grid: IonGrid, ids: Sequence[str], places: Mapping[str, int]) -> IonMap:
    state, values, numbers = [], [], []
    for positions in grid.positions.tolist():
        cells = [_cell(arrays, None if position == NOBODY else str(ids[position]), places) for position in positions]
        state.append(tuple(cell[0] for cell in cells))
        values.append(tuple(cell[1] for cell in cells))
        numbers.append(tuple(cell[2] for cell in cells))
    return IonMap(
        system=grid.system,
        row_site=grid.row_site,
        column_sites=grid.column_sites,
        rows=grid.rows,
        columns=grid.columns,
        state=tuple(state),
        value=tuple(values),
        number=tuple(numbers),
    )


def _cell(arrays: Columns, candidate: str | None, places: Mapping[str, int]) -> tuple[int, float | None, int | None]:
    """State, value and number of a cell."""
    if candidate is None:
        return EMPTY, None, None
    place = places.get(candidate)
    if place is None:
        return OPEN, None, None
    number, value = int(arrays.numbers[place]), float(arrays.values[place])
    if value == value:
        return EVALUATED, value, number
    return (FAILED if arrays.failed[place] else RUNNING), None, number


def front_points(arrays: Columns, spec: CampaignSpec) -> FrontPoints | None:
    """Values of all objectives; None where there is one objective, or nothing has all values yet.

    Args:
        arrays: Evaluations, with the values of further objectives.
    """
    objective, found = spec.objective, evaluated_front(arrays, spec.objective)
    if found is None:
        return None
    shown = _with_members(found.member)
    shown = shown[np.argsort(found.values[shown, 0], kind="stable")]
    places, directions = found.places[shown], objective.directions
    names = (spec.quantity, *(goal.property for goal in objective.goals))
    units = (objective.unit, *(goal.unit for goal in objective.goals))
    return FrontPoints(
        axes=tuple(
            ObjectiveAxis(name=name, unit=unit, direction=direction)
            for name, unit, direction in zip(names, units, directions, strict=True)
        ),
        values=tuple(tuple(column) for column in found.values[shown].T.tolist()),
        member=tuple(found.member[shown].tolist()),
        numbers=tuple(arrays.numbers[places].tolist()),
        candidates=tuple(arrays.candidates[place] for place in places),
        count=len(found.places),
    )


def _with_members(member: BoolArray) -> IntArray:
    """Places of the members, and of as many others as fit, evenly spaced; of too many members some."""
    members, others = np.flatnonzero(member), np.flatnonzero(~member)
    members = members[evenly(len(members))]
    return np.concatenate([members, others[evenly(len(others), MOST_POINTS - len(members))]])


def certificate_lines(certificate: Certificate) -> CertificateLines:
    """A certificate by system."""
    systems = tuple(certificate.tolerances)
    return CertificateLines(
        text=certificate.sentences[0],
        number=certificate.number,
        confidence=certificate.confidence,
        within=certificate.within,
        systems=systems,
        tolerance=tuple(certificate.tolerances.values()),
        probability=tuple(certificate.probabilities.get(name) for name in systems),
    )


def proposal_points(evaluations: Sequence[Evaluation]) -> ProposalPoints | None:
    """Predictions for proposals; None if no proposal was chosen by a model."""
    chosen = [item for item in evaluations if item.proposal.acquisition is not None or item.proposal.predicted_mean is not None]
    if not chosen:
        return None
    proposals = [item.proposal for item in chosen]
    return ProposalPoints(
        numbers=tuple(proposal.number for proposal in proposals),
        candidates=tuple(proposal.candidate for proposal in proposals),
        acquisition=tuple(proposal.acquisition for proposal in proposals),
        predicted=tuple(proposal.predicted_mean for proposal in proposals),
        deviation=tuple(proposal.predicted_deviation for proposal in proposals),
        found=tuple(value_of(item) for item in chosen),
    )


def evenly(count: int, most: int = MOST_POINTS) -> IntArray:
    """Places of at most so many of ``count`` entries, evenly spaced, with the first and the last."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, max(most, 0)).round().astype(np.intp))
