"""Results of a campaign: rows per system and per evaluation, frames, and the best value against cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.evaluation_columns import cost_of, origin_of, result_row
from tansaku.models.domain.feasibility import answers_of
from tansaku.models.domain.history import objective_values
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.ports import DescribedSpace, Space, TabulatedSpace
from tansaku.models.domain.records import CampaignRecord, Evaluation, JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.node.jobs.document import BOUNDARY_STRESS, EXCESS_VOLUME, GRAIN_THICKNESSES, THICKNESS_CHANGE
from tansaku.tasks.read.views.campaign import Campaign, Purpose
from tansaku.tasks.read.views.costs import cost_unit
from tansaku.tasks.read.views.fronts import tabulated_values
from tansaku.tasks.read.views.headline import searched_value
from tansaku.tasks.read.views.hits import hits_of
from tansaku.tasks.read.views.origins import best_of, best_place, value_of
from tansaku.tasks.read.views.system_names import system_label as system_label
from tansaku_client.frames import frame_of, with_cells

if TYPE_CHECKING:
    import pandas as pd


def _evaluation_row(spec: CampaignSpec, evaluation: Evaluation, same_basin_as: str | None) -> JsonDict:
    """One evaluation as plain data; ``round`` is the number of its proposal.

    Args:
        same_basin_as: Candidate of an earlier evaluation that ended in the same structure.
    """
    outcome, further = evaluation.outcome, spec.objective.further
    row = {name: _plain(value) for name, value in result_row(evaluation, spec).items()}
    if further:
        values = (objective_values(outcome, further) if outcome is not None else None) or (None,) * (1 + len(further))
        row["others"] = dict(zip([objective.property for objective in further], values[1:], strict=True))
    return row | {"same_basin_as": same_basin_as} | _marks(spec)


def _plain(value: object) -> object:
    """A value as JSON has it."""
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, EvaluationState) else value


def _marks(spec: CampaignSpec) -> JsonDict:
    """Marks of a row, for readers who do not have its campaign: ``strained`` if the crystal is strained on purpose."""
    crystal = spec.space.reference_crystal
    return {"strained": True} if crystal is not None and crystal.strained else {}


def evaluation_rows(data: Campaign, purpose: Purpose = "search") -> list[JsonDict]:
    """One row per evaluation of the search (default), of another purpose, or of all, in proposal order."""
    return list(each_row(data.spec, data.select("all"), (purpose,)))


def each_row(spec: CampaignSpec, evaluations: Iterable[Evaluation], purposes: Collection[Purpose]) -> Iterator[JsonDict]:
    """The rows of a campaign's evaluations of some purposes, or of all; these must be all, in proposal order."""
    basins = {purpose: Basins() for purpose in _with_basins(spec)}
    for evaluation in evaluations:
        own = evaluation.proposal.purpose
        if own in purposes or "all" in purposes:
            yield _evaluation_row(spec, evaluation, basins[own].earlier(evaluation) if own in basins else None)


def described_lines(data: Campaign, numbers: Sequence[int]) -> list[JsonDict]:
    """The rows of some evaluations, in the given order, each with the ``cells`` that describe its candidate.

    Args:
        numbers: Of their proposals.
    """
    basins = data.once("basins by number", lambda: _basins_by_number(data))
    found = {item.proposal.number: item for item in data.kept.numbered(numbers)}
    rows = [_evaluation_row(data.spec, found[number], basins.get(number)) for number in numbers]
    return [row | {"cells": row_cells(data.space, row)} for row in rows]


def _basins_by_number(data: Campaign) -> dict[int, str]:
    """Candidate of an earlier evaluation that ended in the same structure, by number of the later proposal."""
    found: dict[int, str] = {}
    for purpose in _with_basins(data.spec):
        evaluations = data.polished if purpose == "polish" else data.select(purpose)
        earlier = same_basins(evaluations)
        found |= {item.proposal.number: earlier[item.id] for item in evaluations if item.id in earlier}
    return found


def _polished_row(data: Campaign, evaluation: Evaluation, basins: Mapping[str, str]) -> JsonDict:
    outcome, key = evaluation.outcome, data.value_key
    return {
        "candidate": evaluation.proposal.candidate,
        key: value_of(evaluation),
        "surface": evaluation.proposal.surface,
        "state": evaluation.state.value,
        "same_basin_as": basins.get(evaluation.id),
        "cost": cost_of(evaluation, data.spec.space),
        "reason": evaluation.reason,
        "quantities": {name: quantity.model_dump() for name, quantity in outcome.quantities.items()} if outcome else {},
        "properties": dict(outcome.properties) if outcome else {},
    }


def system_rows(data: Campaign) -> list[JsonDict]:
    """One row per system, in the pool's order.

    ``E_gb`` (``value`` for other spaces) is the search's best value, ``cells`` those of its candidate; ``polished`` lists the
    best candidates relaxed again at the end, ``E_gb_polished`` is the best of those, ``polished_candidate`` whose it is,
    ``polished_searched`` what it has in the search, ``thickness`` what thicker grains changed in it, ``excess_volume`` [Å] and
    ``stress`` [J/m^2] its excess volume and stress by area. Cost and share count the search, failures included; a learned cost
    is measured, the exhaustive one what the last refit predicts. A crystal strained on purpose adds ``strained``, and a goal
    with a threshold ``hits``, the candidates that meet it. ``unchecked`` is why the grains of the best relaxed again were not
    checked, where they were not.
    """
    key, columns, names = data.value_key, data.columns, data.outline.systems
    codes = {name: code for code, name in enumerate(names)}
    system = np.array([codes[name] for name in columns.systems], dtype=np.intp)
    costs, polished, hits = data.costs, data.polished, hits_of(data)
    rows = []
    for code, (description, name) in enumerate(zip(data.systems, names, strict=True)):
        mine = columns.counted & (system == code)
        again = [evaluation for evaluation in polished if evaluation.proposal.system == name]
        best, best_again = best_place(columns, mine & data.keeping, data.sign), best_of(data.answers(again), data.sign)
        basins = same_basins(again)
        cost, exhaustive = float(sum(costs[mine].tolist())), float(data.exhaustive_cost[code])
        rows.append(
            {
                **description,
                "system": name,
                key: float(columns.values[best]) if best is not None else None,
                f"{key}_polished": value_of(best_again) if best_again is not None else None,
                "polished_candidate": best_again.proposal.candidate if best_again is not None else None,
                "polished_searched": best_again and searched_value(columns, best_again.proposal.candidate, data.sign),
                "thickness": thickness_report(best_again),
                "excess_volume": excess_volume(best_again),
                "stress": boundary_stress(best_again),
                "unit": data.spec.objective.unit,
                "best_candidate": (candidate := columns.candidates[best] if best is not None else None),
                "cells": cells_of(data.space, candidate),
                "surface": columns.surfaces[best] if best is not None else None,
                "from": origin_of(data.spec, columns.predicted_by[best]) if best is not None else None,
                "evaluations": int((mine & ~data.known).sum()),
                "predicted": int((mine & columns.predicted).sum()),
                "failed": int((mine & columns.failed).sum()),
                "cost": cost,
                "cost_unit": cost_unit(data.spec.space),
                "exhaustive_cost": exhaustive,
                "share": cost / exhaustive if exhaustive else 0.0,
                **_marks(data.spec),
                **_unchecked(best_again),
                **({} if hits is None else {"hits": hits.among({columns.candidates[at] for at in np.flatnonzero(mine)})}),
                "polished": [_polished_row(data, evaluation, basins) for evaluation in again],
            }
        )
    return rows


@dataclass(frozen=True)
class Convergence:
    """The best value so far. Arrays have one entry per finished evaluation of the search, in proposal order.

    Attributes:
        cost: Cumulative cost, failures and initial points included, shape ``(n,)``.
        mean_gap: Mean over the systems of best found so far minus reference [objective's unit], NaN until every system
            has a value, shape ``(n,)``.
        worst_gap: Largest over the systems, same unit and shape.
        known: True when the reference is each system's true optimum (a table); else it is the best found in the end.
        exhaustive_cost: Cost of evaluating the whole space.
    """

    cost: FloatArray
    mean_gap: FloatArray
    worst_gap: FloatArray
    known: bool
    exhaustive_cost: float
    unit: str


def convergence(data: Campaign) -> Convergence:
    """Best-so-far gap against what was spent.

    Raises:
        ConfigurationError: No evaluation has a value yet.
    """
    columns, systems = data.columns, data.outline.systems
    finished = np.flatnonzero(columns.searched & columns.terminal)
    codes = {name: code for code, name in enumerate(systems)}
    system = np.array([codes[columns.systems[place]] for place in finished], dtype=np.intp)
    values, predicted = data.sign * columns.values[finished], columns.predicted[finished]
    # Where anything was computed, predictions are no answer.
    values = values if predicted.all() else np.where(predicted, np.nan, values)
    values = np.where(data.keeping[finished], values, np.nan)
    if not np.isfinite(values).any():
        raise ConfigurationError(f"campaign {data.record.name!r} has no finished evaluation with a value yet")
    best = np.full((len(finished), len(codes)), np.inf)
    best[np.arange(len(finished)), system] = np.where(np.isnan(values), np.inf, values)
    best = np.minimum.accumulate(best, axis=0)
    known = isinstance(data.space, TabulatedSpace)
    reference = best[-1]
    if isinstance(data.space, TabulatedSpace):
        # A search may have refined the pool, by points that the space itself does not list.
        reference, listed = reference.copy(), data.space.pool().system_codes
        truth = data.sign * answers_of(data.spec.objective, tabulated_values(data.space, data.spec.objective))[:, 0]
        np.minimum.at(reference, listed, np.where(np.isnan(truth), np.inf, truth))
    seen = np.isfinite(reference)
    gap = best[:, seen] - reference[seen]
    gap = np.where(np.isfinite(gap), gap, np.nan)
    return Convergence(
        cost=data.spent_after(finished),
        mean_gap=gap.mean(axis=1),
        worst_gap=gap.max(axis=1),
        known=known,
        exhaustive_cost=float(data.exhaustive_cost.sum()),
        unit=data.spec.objective.unit,
    )


@dataclass(frozen=True)
class Predictions:
    """Predictions for the proposed candidates and their computed values, in proposal order.

    Attributes:
        mean: Predicted [unit], shape ``(n,)``.
        deviation: Predicted standard deviation, noise left out [unit], shape ``(n,)``.
        value: Computed [unit], shape ``(n,)``.
        candidates: Their ids.
        numbers: Numbers of the proposals, shape ``(n,)``.
    """

    mean: FloatArray
    deviation: FloatArray
    value: FloatArray
    candidates: tuple[str, ...]
    unit: str
    numbers: IntArray

    @property
    def score(self) -> FloatArray:
        """Errors in predicted deviations, shape ``(n,)``: standard normal if the error bars are right."""
        return (self.value - self.mean) / self.deviation

    def coverage(self, nominal: FloatArray) -> FloatArray:
        """Share of the values inside the central interval that should hold a share of ``nominal``.

        Args:
            nominal: Between 0 and 1, shape ``(m,)``.

        Returns:
            Shape ``(m,)``.
        """
        from scipy.special import ndtri

        return np.asarray((np.abs(self.score)[None, :] <= ndtri(0.5 + nominal / 2)[:, None]).mean(axis=1))


def predictions(data: Campaign) -> Predictions:
    """Predictions of the search's proposals that have one, beside computed values; empty for proposers without a model."""
    columns = data.columns
    known = ~np.isnan(columns.means + columns.mean_deviations + columns.values) & (columns.mean_deviations != 0.0)
    chosen = np.flatnonzero(columns.searched & ~columns.predicted & known)
    return Predictions(
        mean=columns.means[chosen],
        deviation=columns.mean_deviations[chosen],
        value=columns.values[chosen],
        candidates=tuple(columns.candidates[place] for place in chosen),
        unit=data.spec.objective.unit,
        numbers=columns.numbers[chosen],
    )


def evaluations_frame(data: Campaign, purpose: Purpose = "search") -> pd.DataFrame:
    """The evaluation rows as a frame, indexed by proposal number."""
    return frame_of(evaluation_rows(data, purpose))


def described_frame(data: Campaign, purpose: Purpose = "search") -> pd.DataFrame:
    """The same with the columns that describe the candidates, where the space, which must open, has any."""
    rows = evaluation_rows(data, purpose)
    return with_cells(frame_of(rows), (row_cells(data.space, row) for row in rows))


def systems_frame(data: Campaign) -> pd.DataFrame:
    """The system rows as a frame, the stress by component, without the polished candidates and their thicknesses.

    Where the goal has a threshold, a system has a row for each hit, the best first, and a row without one if it has none.
    """
    import pandas as pd

    several, without = ("polished", "thickness", "stress", "cells", "hits"), [JsonDict()]
    rows = [
        row
        | {f"cells.{name}": cell for name, cell in row["cells"].items()}
        | {f"hit_{name}": cell for name, cell in hit.items()}
        for row in system_rows(data)
        for hit in row.get("hits") or without
    ]
    stresses = [{f"stress_{name}": value for name, value in (row["stress"] or {}).items()} for row in rows]
    single = [{name: value for name, value in row.items() if name not in several} for row in rows]
    return pd.DataFrame([row | stress for row, stress in zip(single, stresses, strict=True)])


_TOLERANCE = 2e-3
"""A change of the energy by more is reported [J/m^2]."""


def thickness_report(evaluation: Evaluation | None) -> JsonDict | None:
    """The thicknesses of a final relaxation that was repeated with thicker grains.

    Returns:
        ``grains``: a row for each relaxation; ``change``: energy of the last less that of the first [J/m^2], None where the
        first failed; ``matters``: whether it is more than ``_TOLERANCE`` or not known. None where it was not repeated.
    """
    outcome = evaluation.outcome if evaluation is not None else None
    if outcome is None or GRAIN_THICKNESSES not in outcome.properties:
        return None
    change = outcome.properties[THICKNESS_CHANGE]
    matters = change is None or abs(change) > _TOLERANCE
    return {"grains": outcome.properties[GRAIN_THICKNESSES], "change": change, "matters": matters}


def thickness_lines(rows: Sequence[JsonDict]) -> list[str]:
    """A line for each system whose energy changed with the thickness of its grains.

    Args:
        rows: Of the systems, as :func:`system_rows` gives them.
    """
    lines = []
    for row in rows:
        report = row["thickness"]
        if report is None or not report["matters"]:
            continue
        first, last = report["grains"][0], report["grains"][-1]
        change = report["change"]
        effect = (
            f"change it by {1000 * change:+.1f} mJ/m2" if change is not None else f"give a value ({first['failure']} before)"
        )
        thickness = f"grains of {last['thickness']:.0f} instead of {first['thickness']:.0f} Å"
        lines.append(f"{row['system']}: {thickness} {effect}; the value of the thicker grains is shown")
    return lines


def _unchecked(evaluation: Evaluation | None) -> JsonDict:
    grains = {} if evaluation is None or evaluation.outcome is None else evaluation.outcome.properties.get("grains", {})
    return {} if grains.get("checked", True) else {"unchecked": grains["reason"]}


def unchecked_lines(rows: Sequence[JsonDict]) -> list[str]:
    """A line for each system in whose best structure the grains were not checked.

    Args:
        rows: Of the systems, as :func:`system_rows` gives them.
    """
    return [f"warning: {row['system']}: grains not checked: {row['unchecked']}" for row in rows if "unchecked" in row]


def excess_volume(evaluation: Evaluation | None) -> float | None:
    """Returns the excess volume per area [Å]; None if it is not known."""
    outcome = evaluation.outcome if evaluation is not None else None
    if outcome is None or EXCESS_VOLUME not in outcome.quantities:
        return None
    return outcome.quantities[EXCESS_VOLUME].value


def boundary_stress(evaluation: Evaluation | None) -> JsonDict | None:
    """Returns the excess stress in the plane per area [J/m^2], by component; None if it is not known."""
    outcome = evaluation.outcome if evaluation is not None else None
    found = {
        name.removeprefix(BOUNDARY_STRESS): quantity.value
        for name, quantity in (outcome.quantities if outcome is not None else {}).items()
        if name.startswith(BOUNDARY_STRESS)
    }
    return found or None


def stress_text(stress: JsonDict | None) -> str | None:
    """The components across and along the tilt axis, for a table; None where they are not known."""
    return None if stress is None else f"{stress['xx']:.2f}, {stress['yy']:.2f}"


SAME_ENERGY = 1e-3
"""Largest relative energy difference within a basin."""

SAME_OPENING = 0.01
"""Largest difference of excess openings within a basin [Å]."""


def excess_opening(evaluation: Evaluation) -> float | None:
    """Opening of a relaxed boundary against the cell built without any [Å]; None where no structure was relaxed."""
    outcome = evaluation.outcome
    if outcome is None or "expansion" not in outcome.quantities or "final_translation" not in outcome.properties:
        return None
    return float(outcome.properties["final_translation"][2] + outcome.quantities["expansion"].value)


def _with_basins(spec: CampaignSpec) -> tuple[Purpose, ...]:
    """Purposes of evaluations that may share a basin: their relaxations let grains slide, so that candidates are starts."""
    slides = spec.calculator is not None and spec.calculator.relaxation.translation == "free"
    return ("polish", "search") if slides else ("polish",)


class Basins:
    """The basins of the evaluations seen so far.

    Two structures are considered equal if their energies and their excess openings agree; translations cannot be compared
    directly, because equivalent ones differ by symmetry.
    """

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[float, float, str]]] = defaultdict(list)

    def earlier(self, evaluation: Evaluation) -> str | None:
        """Candidate of the earliest evaluation of the same surface and basin; None if it is this one, or it has no basin.

        Args:
            evaluation: The next one in proposal order.
        """
        opening = excess_opening(evaluation)
        if opening is None or evaluation.outcome is None or evaluation.outcome.value is None:
            return None
        value, surface = evaluation.outcome.value, self._known[evaluation.proposal.surface]
        for energy, width, candidate in surface:
            if abs(value - energy) <= SAME_ENERGY * abs(energy) and abs(opening - width) <= SAME_OPENING:
                return candidate
        surface.append((value, opening, evaluation.proposal.candidate))
        return None


def same_basins(evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Candidate of the earliest member of a basin, by id of each later member.

    Args:
        evaluations: In proposal order.
    """
    basins = Basins()
    found = ((evaluation.id, basins.earlier(evaluation)) for evaluation in evaluations)
    return {name: candidate for name, candidate in found if candidate is not None}


def cells_of(space: Space, candidate: str | None) -> JsonDict:
    """Returns the description of a candidate by column; empty where its space describes none.

    Args:
        space: The space of the campaign.
        candidate: Its id; None: there is no candidate.

    Raises:
        NotFoundError: The space has no such candidate.
    """
    return dict(space.cells(candidate)) if candidate is not None and isinstance(space, DescribedSpace) else {}


def row_cells(space: Space, row: JsonDict) -> JsonDict:
    """Returns the description of the candidate of a row of evaluations by column; empty for an element, which is none."""
    return cells_of(space, None if row["purpose"] == "reference" else row["candidate"])


def stored_cells(record: CampaignRecord, candidate: str) -> JsonDict:
    """Returns the description of a candidate of a stored campaign, as :func:`cells_of`.

    Raises:
        ConfigurationError: The space cannot be opened, e.g. because a file is missing.
        NotFoundError: It has no such candidate.
    """
    return cells_of(open_space(stored_spec(record).space, Path(record.base_path)), candidate)
