"""A campaign written as a table is the same space with the values known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Failure, Outcome, Provenance
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.tabulation import METADATA_KEY, write_table
from tests.support.records import campaign_record, evaluation_of, proposal_of, read_campaign

SPEC = CampaignSpec.model_validate(
    {
        "schema_version": 1,
        "name": "small",
        "space": {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
            "boundaries": {"planes": [[1, 1, 3], [2, 2, 1]]},
            "translation": {"normal": {"stop": 0.4, "step": 0.2}, "in_plane": {"step": 0.9}, "along_axis": {"step": 0.7}},
        },
        "calculator": {"type": "emt"},
    }
)


def value_of(position: int) -> float:
    return 200 + 17.3 * np.sin(position)


def campaign(evaluated: range, spec: CampaignSpec = SPEC) -> Campaign:
    space = open_space(spec.space, Path())
    pool = space.pool()
    evaluations = []
    for number, position in enumerate(evaluated, start=1):
        failed = position == 4
        outcome = Outcome(
            value=None if failed else value_of(position),
            failure=Failure(kind=FailureKind.SCIENCE, reason="exploded", message="boom") if failed else None,
            wall_time=0.5,
            provenance=Provenance(code="emt", code_version="1"),
        )
        proposal = proposal_of(number, candidate=str(pool.ids[position]), predicted_cost=float(pool.cost[position]))
        state = EvaluationState.FAILED if failed else EvaluationState.DONE
        evaluations.append(evaluation_of(proposal, outcome, state=state))
    return read_campaign(campaign_record(spec, base_path="."), spec, evaluations, space=space)


def test_the_written_campaign_opens_as_the_same_space_with_its_values(tmp_path):
    data = campaign(range(len(open_space(SPEC.space, Path()).pool())))
    *tables, file = write_table(data, tmp_path / "small")
    assert [path.name for path in tables] == ["candidates.parquet", "surfaces.csv", "systems.csv"]
    loaded = load_campaign(file)
    space = open_space(loaded.spec.space, loaded.base_path)
    ours, theirs = data.pool, space.pool()
    assert theirs.ids.tolist() == ours.ids.tolist()
    assert [theirs.surfaces[code] for code in theirs.surface_codes] == [ours.surfaces[code] for code in ours.surface_codes]
    np.testing.assert_array_equal(theirs.cost, ours.cost)
    for name, group in ours.groups.items():
        other = theirs.groups[name]
        np.testing.assert_array_equal(other.values[other.index], group.values[group.index])
    values = space.values()
    assert np.isnan(values[4])
    assert values[5] == value_of(5)
    described = {row["system"]: row for row in space.describe_systems()}
    assert described["s011-113"]["sigma"] == 11
    assert described["s011-113"]["plane"] == "(113)"


def test_provenance_travels_in_the_parquet_file(tmp_path):
    data = campaign(range(12))
    path = write_table(data, tmp_path)[0]
    found = json.loads(pyarrow.parquet.read_schema(path).metadata[METADATA_KEY])
    assert found["candidates"] == 12
    assert found["failed"] == {"exploded": 1}
    assert found["calculator_seconds"] == 6.0
    assert found["computed_by"]["code"] == "emt"
    assert CampaignSpec.model_validate(found["spec"]) == SPEC
    assert found["unit"] == "mJ/m2"


def test_only_what_has_finished_is_written_and_nothing_is_an_error(tmp_path):
    file = write_table(campaign(range(12)), tmp_path)[-1]
    loaded = load_campaign(file)
    assert len(open_space(loaded.spec.space, loaded.base_path).pool()) == 12
    with pytest.raises(ConfigurationError, match="'small': no evaluation has finished"):
        write_table(campaign(range(0)), tmp_path)


@pytest.mark.parametrize("goal", [{"type": "top_k", "k": 3}, {"type": "all_below", "threshold": "210 mJ/m2"}])
def test_the_goal_stays_what_it_is(tmp_path, goal):
    spec = CampaignSpec.model_validate(SPEC.model_dump(mode="json") | {"objective": {"goal": goal}})
    for one in (SPEC, spec):
        *_, file = write_table(campaign(range(12), one), tmp_path / one.objective.goal.type)
        assert load_campaign(file).spec.objective == one.objective


def test_compositions_keep_their_features_categories_and_names(tmp_path, tavorite_search):
    data = tavorite_search(12)
    *_, file = write_table(data, tmp_path)
    loaded = load_campaign(file)
    space = open_space(loaded.spec.space, loaded.base_path)
    pool, before = space.pool(), data.pool
    taken = before.positions(pool.ids.tolist())
    assert pool.groups.keys() == before.groups.keys()
    for name, group in pool.groups.items():
        assert group.categorical == before.groups[name].categorical
        np.testing.assert_array_equal(group.values[group.index], before.groups[name].values[before.groups[name].index[taken]])
    table = pyarrow.parquet.read_table(tmp_path / "candidates.parquet")
    assert table["formula"].to_pylist() == [data.space.describe_candidate(str(name))["formula"] for name in pool.ids]
    assert np.isnan(space.values()).sum() == 1


@pytest.mark.parametrize("count", [1, 3, 40])
def test_the_budget_of_a_small_table_pays_an_evaluation_of_each_system(tmp_path, count):
    paths = write_table(campaign(range(count)), tmp_path)
    loaded = load_campaign(paths[-1])
    pool = open_space(loaded.spec.space, tmp_path).pool()
    fraction = loaded.spec.budget.fraction
    dearest = sum(pool.cost[pool.system_codes == code].max() for code in range(len(pool.systems)))
    assert dearest <= fraction * pool.cost.sum() < dearest + 0.002 * pool.cost.sum()


def test_the_budget_of_a_large_table_is_a_hundredth(tmp_path):
    space = open_space(SPEC.space, Path())
    paths = write_table(campaign(range(len(space.pool()))), tmp_path)
    assert len(space.pool()) > 200
    assert load_campaign(paths[-1]).spec.budget.fraction < 0.02
