"""Export of a campaign's results as a table campaign, for replays and comparisons without computing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

import tansaku
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.evaluation_columns import cost_of
from tansaku.models.domain.history import objective_values
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.ports import ScreenedSpace
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.specs.column_scale import have_different_units
from tansaku.models.domain.specs.objective import BestPerSystemSpec
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.models.domain.states import EvaluationState
from tansaku.models.engine.grammar import ARD_COLUMNS
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.read.views.campaign import Campaign

METADATA_KEY = b"tansaku"
"""Key of the Parquet file's metadata that holds the provenance as JSON."""

FEW_COLUMNS = 10
"""A group with more features than this is a descriptor: its columns are numbered."""

BUDGET_FRACTION = 0.01
"""Budget of the table campaign as a share of its exhaustive cost, if that is enough for one evaluation of each system; the user
may change it."""


def write_table(data: Campaign, folder: Path) -> list[Path]:
    """Writes the finished evaluations of a campaign as a table campaign.

    ``candidates.parquet`` holds one row per candidate, NaN where the science failed, with the features that differ from
    candidate to candidate and the values of looks; ``surfaces.csv`` and ``systems.csv`` hold those that a surface or a system
    has in common, and what describes the systems; ``NAME-table.yaml`` is the campaign file on them, with the same goal and what
    it compares;
    provenance is in the Parquet file's metadata.

    Args:
        folder: Made if it does not exist; files of the same name are overwritten.

    Returns:
        Paths of the files, the campaign file last.

    Raises:
        ConfigurationError: Nothing has finished yet, or the folder cannot be made.
    """
    finished = _finished(data)
    if not finished:
        raise ConfigurationError(f"campaign {data.record.name!r}: no evaluation has finished, so there is nothing to tabulate")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"folder {str(folder)!r} cannot be created: {error.strerror}") from error
    pool = data.pool
    taken = np.sort(pool.positions(list(finished)))
    own, by_surface, by_system = _sort_groups(pool)
    cost = _costs(data, finished, taken)
    columns: dict[str, list[str] | FloatArray] = {
        "id": pool.ids[taken].tolist(),
        "system": [pool.systems[code] for code in pool.system_codes[taken]],
        "surface": [pool.surfaces[code] for code in pool.surface_codes[taken]],
        "value": np.array([_value(finished[str(name)]) for name in pool.ids[taken]]),
        "cost": cost,
    }
    budget = _fraction(cost, pool.system_codes[taken])
    columns |= _described(data, taken)
    columns |= _further(data, [finished[str(name)] for name in pool.ids[taken]])
    columns |= _looks(data, pool.ids[taken].tolist())
    features: JsonDict = {}
    for group in own:
        names = _column_names(group)
        columns |= dict(zip(names, group.values[group.index[taken]].T, strict=True))
        features[group.name] = {"columns": names} | _kind(group)
    paths = [folder / "candidates.parquet"]
    table = pa.table(columns).replace_schema_metadata({METADATA_KEY: json.dumps(_provenance(data, finished)).encode()})
    pyarrow.parquet.write_table(table, paths[0], compression="zstd", compression_level=19)
    lookups: tuple[tuple[str, list[FeatureGroup], tuple[str, ...], IntArray, Sequence[JsonDict] | None], ...] = (
        ("surface", by_surface, pool.surfaces, pool.surface_codes, None),
        ("system", by_system, pool.systems, pool.system_codes, data.systems),
    )
    for label, groups, owners, codes, rows in lookups:
        path = folder / f"{label}s.csv"
        if groups or rows:
            features |= _write_lookup(path, label, groups, (owners, codes), (np.unique(codes[taken]), rows))
            paths.append(path)
    paths.append(folder / f"{data.record.name}-table.yaml")
    paths[-1].write_text(_campaign_file(data, features, budget))
    return paths


def _costs(data: Campaign, finished: Mapping[str, Evaluation], taken: IntArray) -> FloatArray:
    """Cost of each candidate; of one whose result was known beforehand and cost nothing, that by the space."""
    pool = data.pool
    found = np.array([cost_of(finished[str(name)], data.spec.space) for name in pool.ids[taken]])
    return np.where(found > 0.0, found, pool.cost[taken])


def _fraction(cost: FloatArray, systems: IntArray) -> float:
    """Share of the exhaustive cost that the table campaign may spend: rounded up to one evaluation of each system."""
    largest = sum(float(cost[systems == code].max()) for code in np.unique(systems))
    needed = Decimal(largest / float(cost.sum())).quantize(Decimal("0.001"), ROUND_CEILING)
    return max(BUDGET_FRACTION, min(1.0, float(needed)))


def _described(data: Campaign, taken: IntArray) -> dict[str, list[str]]:
    """Descriptions of candidates by a space whose rules chose them."""
    if not isinstance(data.space, ScreenedSpace):
        return {}
    descriptions = [data.space.describe_candidate(str(name)) for name in data.pool.ids[taken]]
    return {
        "formula": [item["formula"] for item in descriptions],
        "unlikely": ["; ".join(item["marks"]) for item in descriptions],
    }


def _further(data: Campaign, evaluations: Sequence[Evaluation]) -> dict[str, FloatArray]:
    """Values of the further objectives in their units, NaN where the science failed."""
    further = data.spec.objective.further
    none = (math.nan,) * (1 + len(further))
    rows = [(evaluation.outcome and objective_values(evaluation.outcome, further)) or none for evaluation in evaluations]
    return {_result_column(goal.property): np.array([row[i] for row in rows]) for i, goal in enumerate(further, start=1)}


def _looks(data: Campaign, candidates: Sequence[str]) -> dict[str, FloatArray]:
    """Values of the looks at each level, NaN without one."""
    found = {level.name: dict.fromkeys(candidates, math.nan) for level in data.spec.levels}
    for evaluation in data.select("look"):
        proposal = evaluation.proposal
        if proposal.level in found and proposal.candidate in found[proposal.level]:
            found[proposal.level][proposal.candidate] = _value(evaluation)
    return {_look_column(level): np.array([values[name] for name in candidates]) for level, values in found.items()}


def _look_column(level: str) -> str:
    """Column of looks; a feature may have the level's name."""
    return f"look_{level}"


def _result_column(name: str) -> str:
    """Column of a further result; a feature may have the same name."""
    return f"result_{name}"


def _finished(data: Campaign) -> dict[str, Evaluation]:
    """The last finished search evaluation of each candidate."""
    ended = (EvaluationState.DONE, EvaluationState.FAILED)
    return {
        evaluation.proposal.candidate: evaluation
        for evaluation in data.select("search")
        if evaluation.state in ended and evaluation.outcome is not None
    }


def _value(evaluation: Evaluation) -> float:
    value = evaluation.outcome.value if evaluation.outcome is not None else None
    return float("nan") if value is None else value


def _sort_groups(pool: CandidatePool) -> tuple[list[FeatureGroup], list[FeatureGroup], list[FeatureGroup]]:
    """Groups whose features differ within a surface, are the surface's, and are the system's."""
    own, by_surface, by_system = [], [], []
    for group in pool.groups.values():
        # A descriptor stays with the surfaces even where each system has but one: it describes a structure.
        if len(group.columns) <= FEW_COLUMNS and _is_function_of(group.index, pool.system_codes):
            by_system.append(group)
        elif _is_function_of(group.index, pool.surface_codes):
            by_surface.append(group)
        else:
            own.append(group)
    return own, by_surface, by_system


def _is_function_of(index: IntArray, codes: IntArray) -> bool:
    first = np.zeros(int(codes.max()) + 1, dtype=np.intp)
    first[codes] = index
    return bool((first[codes] == index).all())


def _column_names(group: FeatureGroup) -> list[str]:
    """Names without units for a few features, numbered ones for a descriptor."""
    if len(group.columns) > FEW_COLUMNS:
        return [f"{group.name}_{number:03d}" for number in range(len(group.columns))]
    return [column.partition(" [")[0].replace(" ", "_") for column in group.columns]


def _kind(group: FeatureGroup) -> JsonDict:
    """Keys of a group in a campaign file, beside those that name its columns."""
    kind: JsonDict = {"categorical": True} if group.categorical else {}
    names = _column_names(group)
    if len(names) > ARD_COLUMNS and not group.categorical and have_different_units("auto", names) != group.mixed:
        kind["scale"] = "range" if group.mixed else "none"
    return kind


def _write_lookup(
    path: Path,
    label: str,
    groups: Sequence[FeatureGroup],
    owners: tuple[Sequence[str], IntArray],
    described: tuple[IntArray, Sequence[JsonDict] | None],
) -> JsonDict:
    """Writes a lookup table by surface or system; returns the features it serves, as a campaign file names them."""
    (names, codes), (used, rows) = owners, described
    taken_names = [name for group in groups for name in _column_names(group)]
    extra = [] if rows is None else [key for key in rows[0] if key != label and key not in taken_names]
    candidate_of = np.zeros(len(names), dtype=np.intp)
    candidate_of[codes] = np.arange(len(codes))
    with path.open("w", newline="") as stream:
        stream.write(csv_line([label, *taken_names, *extra], "\n"))
        for code in used:
            features = [repr(float(x)) for group in groups for x in group.values[group.index[candidate_of[code]]]]
            added = [_cell(rows[code][key]) for key in extra if rows is not None]
            stream.write(csv_line([names[code], *features, *added], "\n"))
    served: JsonDict = {}
    for group in groups:
        columns = _column_names(group)
        pattern = f"{group.name}_*" if len(columns) > FEW_COLUMNS else columns
        served[group.name] = {"lookup": path.name, "key": label, "columns": pattern} | _kind(group)
    return served


def _cell(value: object) -> str:
    """Plain data in one cell: Miller indices as (113), lists separated by blanks."""
    if isinstance(value, list | tuple):
        if len(value) == 3 and all(isinstance(item, int) for item in value):
            return "(" + "".join(f"{item}" for item in value) + ")"
        return " ".join(str(item) for item in value)
    return "" if value is None else str(value)


def _provenance(data: Campaign, finished: dict[str, Evaluation]) -> JsonDict:
    outcomes = [item.outcome for item in finished.values() if item.outcome is not None]
    computed_by = next((item.provenance for item in outcomes if item.provenance is not None), None)
    failures: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.failure is not None:
            failures[outcome.failure.reason] = failures.get(outcome.failure.reason, 0) + 1
    return {
        "schema_version": 1,
        "campaign": data.record.name,
        "spec": data.spec.model_dump(mode="json"),
        "spec_hash": spec_hash(data.spec),
        "unit": data.spec.objective.unit,
        "candidates": len(finished),
        "failed": failures,
        "calculator_seconds": round(sum(outcome.wall_time for outcome in outcomes), 1),
        "computed_by": None if computed_by is None else computed_by.model_dump(mode="json"),
        "computed_with_version": data.record.tansaku_version,
        "written_by_version": tansaku.__version__,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _campaign_file(data: Campaign, features: JsonDict, budget: float) -> str:
    objective = data.spec.objective
    quantities = {item.property: {"column": _result_column(item.property), "unit": item.unit} for item in objective.further}
    goal = objective.goal.model_dump(mode="json", exclude_none=True)
    limits = [limit.model_dump(mode="json", exclude_none=True) for limit in objective.limits]
    document = {
        "schema_version": 1,
        "name": f"{data.record.name}-table"[:63].rstrip("-"),
        "space": {
            "type": "table",
            "candidates": "candidates.parquet",
            "columns": {name: name for name in ("id", "system", "surface", "value", "cost")}
            | ({"quantities": quantities} if quantities else {}),
            "features": features,
        },
        "objective": {"direction": objective.direction, "unit": objective.unit}
        | ({} if objective.goal == BestPerSystemSpec() else {"goal": goal})
        | ({"limits": limits} if limits else {}),
        "proposer": {"type": "gp", "preset": "default"},
        "budget": {"fraction": budget},
    }
    head = (
        f"# Written by tansaku {tansaku.__version__} from the campaign {data.record.name}; the values are computed, see the\n"
    )
    return head + "# metadata of candidates.parquet.\n" + write_yaml(document)
