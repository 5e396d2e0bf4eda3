"""Results of a composition search: one row per candidate that was evaluated, and the map of the whole space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.evaluation_columns import cost_of
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import ScreenedSpace
from tansaku.models.domain.records import Evaluation, JsonDict, Quantity
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import convert
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.hits import hits_of
from tansaku.tasks.read.views.predictions import pool_expectation

if TYPE_CHECKING:
    import pandas as pd


EMPTY, PREDICTED, EVALUATED, FAILED, RUNNING = range(5)
"""States of a cell of the map: no candidate, only predicted (or not even that), with a value, failed, in progress."""

_DIMENSIONS = ("barrier_1d", "barrier_2d", "barrier_3d")


def composition_rows(data: Campaign) -> list[JsonDict]:
    """Returns one row per evaluation of the search, best value first, those without a value last.

    A goal with a threshold adds ``hit``: whether the candidate meets it.

    Raises:
        ConfigurationError: The campaign does not search compositions.
    """
    space = _space(data)
    rows = [_row(data, space, evaluation) for evaluation in data.select("search")]
    key, hits = data.value_key, hits_of(data)
    if hits is not None:
        met = {hit.round for hit in hits.found}
        rows = [row | {"hit": row["round"] in met} for row in rows]
    return sorted(rows, key=lambda row: (row[key] is None, 0.0 if row[key] is None else data.sign * row[key], row["candidate"]))


def _row(data: Campaign, space: ScreenedSpace, evaluation: Evaluation) -> JsonDict:
    outcome = evaluation.outcome
    described = space.describe_candidate(evaluation.proposal.candidate)
    quantities = outcome.quantities if outcome is not None else {}
    properties = outcome.properties if outcome is not None else {}
    workflow = getattr(data.spec.calculator, "workflow", None)
    wanted = properties.get("networks", {}).get(f"{workflow.dimensions if workflow is not None else 1}d", {})
    provenance = outcome.provenance if outcome is not None else None
    return {
        "formula": described["formula"],
        "candidate": evaluation.proposal.candidate,
        "system": evaluation.proposal.system,
        data.value_key: outcome.value if outcome is not None else None,
        "unit": data.spec.objective.unit,
        **{name: _in_unit(quantities.get(name), data.spec.objective.unit) for name in ("spread", *_DIMENSIONS)},
        "directions": wanted.get("directions"),
        "hops": _percolating(properties.get("hops", ()), wanted["limiting_hop"]) if wanted else None,
        "limiting_hop": wanted.get("limiting_hop"),
        "state": evaluation.state.value,
        "reason": evaluation.reason,
        "unlikely": described["marks"],
        "ions": described["ions"],
        "quantities": {name: quantity.model_dump() for name, quantity in quantities.items()},
        "model": " ".join(filter(None, (provenance.code, provenance.code_version, provenance.model))) if provenance else None,
        "model_sha256": provenance.model_sha256 if provenance else None,
        "cost": cost_of(evaluation, data.spec.space),
        "round": evaluation.proposal.number,
    }


def _percolating(hops: Sequence[JsonDict], limiting: str) -> list[str]:
    """Returns the names of the hops on the paths: those no higher than the limiting one, lowest barrier first."""
    saddles = {hop["hop"]: hop["ts_energy"] for hop in hops if "ts_energy" in hop}
    return sorted((name for name in saddles if saddles[name] <= saddles[limiting]), key=saddles.__getitem__)


def compositions_frame(data: Campaign) -> pd.DataFrame:
    """The rows as a frame.

    Raises:
        ConfigurationError: The campaign does not search compositions.
    """
    import pandas as pd

    return pd.DataFrame(composition_rows(data))


def _in_unit(quantity: Quantity | None, unit: str) -> float | None:
    return None if quantity is None else convert(quantity.value, quantity.unit, unit)


NOBODY = -1
"""Mark of a cell whose ions no candidate has."""


@dataclass(frozen=True)
class IonGrid:
    """Candidates of a system over two sets of ions.

    Attributes:
        system: Its name.
        rows: Ions of the site with most of them, the lowest charge first.
        columns: Ions of the other sites, joined.
        row_site: Name of that site.
        column_sites: Names of the other sites.
        positions: Of the candidates in the pool, :data:`NOBODY` where there is none, shape ``(n_rows, n_columns)``.
    """

    system: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_site: str
    column_sites: tuple[str, ...]
    positions: IntArray


@dataclass(frozen=True)
class CompositionMap(IonGrid):
    """Values of the candidates of a grid.

    Attributes:
        state: State of each cell, shape ``(n_rows, n_columns)``.
        value: Found, or expected [objective's unit], NaN where neither is known, shape ``(n_rows, n_columns)``.
        deviation: Of what is expected [objective's unit], NaN elsewhere, shape ``(n_rows, n_columns)``.
    """

    state: npt.NDArray[np.int8]
    value: FloatArray
    deviation: FloatArray


def composition_maps(data: Campaign) -> tuple[CompositionMap, ...]:
    """One map per system, what is not evaluated filled in by the model where there is one.

    Raises:
        ConfigurationError: The campaign does not search compositions.
    """
    space = _space(data)
    maps = []
    known = {item.proposal.candidate: item for item in data.select("search")}
    expected = pool_expectation(data)
    for grid in ion_grids(space, data.pool):
        state = np.full(grid.positions.shape, EMPTY, dtype=np.int8)
        value, deviation = np.full(state.shape, np.nan), np.full(state.shape, np.nan)
        for cell, position in np.ndenumerate(grid.positions):
            if position == NOBODY:
                continue
            evaluation = known.get(str(data.pool.ids[position]))
            state[cell], value[cell] = _state(evaluation)
            if expected is not None and state[cell] in (PREDICTED, RUNNING):
                value[cell], deviation[cell] = expected.mean[position], expected.deviation[position]
        maps.append(CompositionMap(**vars(grid), state=state, value=value, deviation=deviation))
    return tuple(maps)


def _state(evaluation: Evaluation | None) -> tuple[int, float]:
    if evaluation is None:
        return PREDICTED, np.nan
    if evaluation.outcome is not None and evaluation.outcome.value is not None:
        return EVALUATED, evaluation.outcome.value
    return (FAILED if evaluation.state is EvaluationState.FAILED else RUNNING), np.nan


def _space(data: Campaign) -> ScreenedSpace:
    if not isinstance(data.space, ScreenedSpace):
        raise ConfigurationError(
            f"campaign {data.record.name!r} searches a {data.spec.space.type} space; expected a composition space"
        )
    return data.space


def ion_grids(space: ScreenedSpace, pool: CandidatePool) -> tuple[IonGrid, ...]:
    """One grid per system in which a site varies.

    Args:
        space: Of the compositions.
    """
    ions = [{site: Ion.parse(text) for site, text in space.describe_candidate(str(name))["ions"].items()} for name in pool.ids]
    grids = []
    for code, system in enumerate(pool.systems):
        positions = np.flatnonzero(pool.system_codes == code)
        mine = [ions[position] for position in positions]
        varying = [site for site in mine[0] if len({item[site] for item in mine}) > 1]
        if not varying:
            continue
        row_site = max(varying, key=lambda site: len({item[site] for item in mine}))  # of a tie the first
        others = tuple(site for site in varying if site != row_site)
        rows = _ordered([(item[row_site],) for item in mine])
        columns = _ordered([tuple(item[site] for site in others) for item in mine])
        row_of = {key: place for place, key in enumerate(rows)}
        column_of = {key: place for place, key in enumerate(columns)}
        cells = np.full((len(rows), len(columns)), NOBODY, dtype=np.intp)
        for position, item in zip(positions, mine, strict=True):
            cells[row_of[(item[row_site],)], column_of[tuple(item[site] for site in others)]] = position
        texts = tuple(" ".join(map(str, column)) for column in columns)
        grids.append(IonGrid(system, tuple(str(row[0]) for row in rows), texts, row_site, others, cells))
    return tuple(grids)


def _ordered(keys: Sequence[tuple[Ion, ...]]) -> list[tuple[Ion, ...]]:
    """Distinct tuples of ions by charge, then as they are written: neutral combinations come in blocks."""
    return sorted(set(keys), key=lambda ions: (-sum(ion.charge for ion in ions) if len(ions) > 1 else ions[0].charge, ions))
