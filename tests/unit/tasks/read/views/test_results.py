from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.records import Evaluation, Outcome, Quantity
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import (
    Predictions,
    convergence,
    evaluation_rows,
    evaluations_frame,
    predictions,
    system_rows,
    systems_frame,
    thickness_lines,
    thickness_report,
    unchecked_lines,
)
from tansaku.tasks.read.views.system_names import system_label
from tests.support.records import campaign_record, evaluation_of, proposal_of, read_campaign

NAME = "small-table"
ROOT = Path(__file__).resolve().parents[5]


def test_one_row_per_system_with_best_value_and_share_of_its_cost(recorded):
    data = Campaign.load(recorded("a1", "a3", "a2"), NAME)
    beta, alpha = system_rows(data)
    assert (alpha["system"], beta["system"]) == ("alpha", "<b>beta</b>")
    assert alpha["value"] == 3.0
    assert alpha["best_candidate"] == "a2"
    assert (alpha["evaluations"], alpha["failed"], alpha["cost"]) == (3, 1, 8.0)
    assert alpha["share"] == alpha["cost"] / alpha["exhaustive_cost"] == 1.0
    assert (beta["value"], beta["best_candidate"], beta["evaluations"], beta["share"]) == (None, None, 0, 0.0)
    assert alpha["unit"] == "mJ/m2"


def test_a_system_without_candidates_has_a_row(recorded):
    """Fractions of a plane that no cell of a boundary has gave one before they were refused."""
    data = Campaign.load(recorded("a1"), NAME)
    nothing = read_campaign(data.record, data.spec, data.evaluations, exhaustive_cost=np.zeros(2))
    assert [row["share"] for row in system_rows(nothing)] == [0.0, 0.0]


def test_rows_are_plain_data(recorded):
    data = Campaign.load(recorded("a1", "a3", polish=("a1",)), NAME)
    for rows in (system_rows(data), evaluation_rows(data)):
        assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_evaluation_rows_have_the_documented_keys_and_the_reason_of_a_failure(recorded):
    rows = evaluation_rows(Campaign.load(recorded("a3", "b1"), NAME))
    documented = {"candidate", "system", "surface", "value", "cost", "state", "attempts", "round", "reason"}
    assert all(documented <= row.keys() for row in rows)
    assert [row["round"] for row in rows] == [1, 2]
    assert (rows[0]["state"], rows[0]["value"]) == ("FAILED", None)
    assert rows[0]["reason"].startswith("recorded_failure: ")
    assert (rows[1]["state"], rows[1]["value"], rows[1]["reason"]) == ("DONE", 9.0, None)


def test_polish_is_apart_from_the_search(recorded):
    data = Campaign.load(recorded("a1", "a2", polish=("a1",)), NAME)
    assert [row["candidate"] for row in evaluation_rows(data)] == ["a1", "a2"]
    assert [row["candidate"] for row in evaluation_rows(data, "polish")] == ["a1"]
    assert len(evaluation_rows(data, "all")) == 3
    alpha = system_rows(data)[1]
    assert (alpha["value"], alpha["value_polished"], alpha["evaluations"]) == (3.0, 5.0, 2)
    assert [entry["candidate"] for entry in alpha["polished"]] == ["a1"]
    # The search's best is a2; beside the relaxed value stands what a1 has in the search.
    assert (alpha["best_candidate"], alpha["polished_candidate"], alpha["polished_searched"]) == ("a2", "a1", 5.0)


def test_convergence_of_a_table_is_measured_against_the_true_optimum(recorded):
    found = convergence(Campaign.load(recorded("a1", "b1", "a3", "b2"), NAME))
    assert found.known
    np.testing.assert_array_equal(found.cost, [2.0, 3.0, 7.0, 8.0])
    np.testing.assert_array_equal(found.mean_gap, [np.nan, 2.0, 2.0, 1.0])
    np.testing.assert_array_equal(found.worst_gap, [np.nan, 2.0, 2.0, 2.0])
    assert found.exhaustive_cost == 10.0


def test_convergence_needs_a_value(recorded):
    with pytest.raises(ConfigurationError, match="small-table"):
        convergence(Campaign.load(recorded("a3"), NAME))


def test_coverage_of_right_error_bars_is_the_nominal_one():
    rng = np.random.default_rng(5)
    deviation = rng.uniform(0.5, 3.0, 4000)
    mean = rng.normal(size=4000)
    value = mean + deviation * rng.normal(size=4000)
    nominal = np.array([0.1, 0.5, 0.9])
    names = ("",) * 4000
    np.testing.assert_allclose(
        Predictions(mean, deviation, value, names, "eV", np.arange(4000)).coverage(nominal), nominal, atol=0.03
    )
    narrow = Predictions(mean, deviation / 3, value, names, "eV", np.arange(4000)).coverage(nominal)
    assert (narrow < nominal - 0.05).all()


def test_proposers_without_a_model_predict_nothing(recorded):
    assert predictions(Campaign.load(recorded("a1", "b1"), NAME)).value.shape == (0,)


GENERAL = {"plane": [1, 0, 0], "upper_plane": [4, -3, 0], "kind": "tilt", "angle": 36.87}


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"system": "s003-111", "sigma": 3, "plane": [1, 1, 1]}, "Σ3 (111)"),
        ({"system": "s059-3310", "sigma": 59, "plane": [3, 3, 10]}, "Σ59 (3 3 10)"),
        ({"system": "hcp-1_0_m1_2", "sigma": None, "plane": [1, 0, -1, 2]}, "(1 0 -1 2)"),
        ({"system": "hcp-2_1_m3_0", "sigma": 7, "plane": [2, 1, -3, 0]}, "Σ7 (2 1 -3 0)"),
        ({"system": "112-TiO2m2", "plane": [1, 1, 2], "excess": -2, "unit": "TiO2"}, "(112), -2 TiO2"),
        ({"system": "112-TiO2p0", "plane": [1, 1, 2], "excess": 0, "unit": "TiO2"}, "(112)"),
        (
            {
                "system": "s",
                "plane": [1, 0, 0],
                "upper_plane": [4, -3, 0],
                "kind": "tilt",
                "angle": 36.87,
                "excess": 1,
                "unit": "MgO",
            },
            "(100)/(4 -3 0) tilt 36.9°, +1 MgO",
        ),
        ({"system": "112", "plane": [1, 1, 2]}, "112"),
        ({"system": "alpha", "sigma": 3}, "alpha"),
        ({"system": "alpha"}, "alpha"),
    ],
)
def test_boundaries_are_called_by_sigma_and_plane(row, label):
    assert system_label(row) == label


def test_frames_mirror_the_rows(recorded):
    data = Campaign.load(recorded("a1", "a3", "b2"), NAME)
    frame = evaluations_frame(data)
    assert list(frame.index) == [1, 2, 3]
    assert list(frame["candidate"]) == ["a1", "a3", "b2"]
    assert frame["value"].isna().tolist() == [False, True, False]
    assert str(frame["proposed_at"].dt.tz) == "UTC"
    assert "polished" not in systems_frame(data).columns
    assert evaluations_frame(Campaign.load(recorded(), NAME)).empty


def test_a_whole_second_is_a_time_like_any_other(recorded):
    data = Campaign.load(recorded("a1", "a3", "b2"), NAME)
    moments = [datetime(2026, 1, 1, 12, 0, 0, microsecond, UTC) for microsecond in (0, 250_000, 0)]
    evaluations = [one.model_copy(update={"finished_at": at}) for one, at in zip(data.evaluations, moments, strict=True)]
    frame = evaluations_frame(read_campaign(data.record, data.spec, evaluations))
    assert [moment.to_pydatetime() for moment in frame["finished_at"]] == moments


def test_unknown_campaign(recorded):
    with pytest.raises(NotFoundError, match="nowhere"):
        Campaign.load(recorded(), "nowhere")


def _polished(number: int, candidate: str, energy: float, opening: float) -> Evaluation:
    surface = candidate.rsplit("-x", 1)[0]
    system = surface.rsplit("-r", 1)[0]
    proposal = proposal_of(number, candidate=candidate, system=system, surface=surface, purpose="polish")
    outcome = Outcome(
        value=energy,
        quantities={"expansion": Quantity(value=opening - 0.3, unit="Angstrom")},
        properties={"final_translation": [0.0, 0.0, 0.3]},
    )
    return evaluation_of(proposal, outcome)


def test_polished_candidates_that_ended_in_one_structure_are_marked():
    spec = CampaignSpec.model_validate(yaml.safe_load((ROOT / "examples" / "cu-emt.yaml").read_text(encoding="utf-8")))
    space = open_space(spec.space, ROOT)
    names = [str(name) for name in space.pool().ids if str(name).startswith("s003-112-r")]
    first, *others = [name for name in names if "-r1-" in name][:4]
    other_surface = next(name for name in names if "-r2-" in name)
    evaluations = (
        _polished(1, first, 600.0, 0.40),
        _polished(2, others[0], 600.3, 0.405),  # the same
        _polished(3, others[1], 600.3, 0.45),  # wider open
        _polished(4, others[2], 610.0, 0.40),  # dearer
        _polished(5, other_surface, 600.0, 0.40),  # other number of planes
    )
    rows = system_rows(read_campaign(campaign_record(spec), spec, evaluations, space=space))
    [row] = [row for row in rows if row["plane"] == [1, 1, 2]]
    assert [one["same_basin_as"] for one in row["polished"]] == [None, first, None, None, None]
    assert row["E_gb"] is None
    assert row["E_gb_polished"] == 600.0


def evaluation(change, failure=None):
    """A final relaxation in grains of 16 and 33 Å."""
    grains = [
        {"thickness": 16.2, "atoms": 100, "energy": None if failure else 0.25, "failure": failure},
        {"thickness": 33.1, "atoms": 200, "energy": 0.26, "failure": None},
    ]
    return SimpleNamespace(outcome=SimpleNamespace(properties={"grain_thicknesses": grains, "thickness_change": change}))


@pytest.mark.parametrize(
    ("change", "failure", "line"),
    [
        (0.0019, None, None),
        (-0.0019, None, None),
        (-0.0074, None, "s1: grains of 33 instead of 16 Å change it by -7.4 mJ/m2; the value of the thicker grains is shown"),
        (
            None,
            "rotated_grain",
            "s1: grains of 33 instead of 16 Å give a value (rotated_grain before); the value of the thicker",
        ),
    ],
)
def test_a_line_says_what_changed_by_more_than_2_mj(change, failure, line):
    report = thickness_report(evaluation(change, failure))
    assert report["matters"] is (line is not None)
    lines = thickness_lines([{"system": "s1", "thickness": report}, {"system": "s2", "thickness": None}])
    assert [found.startswith(line) for found in lines] == ([True] if line else [])


def test_a_line_warns_of_grains_that_were_not_checked():
    found = unchecked_lines([{"system": "s1"}, {"system": "s2", "unchecked": "the grains are too thin"}])
    assert found == ["warning: s2: grains not checked: the grains are too thin"]


def test_without_thicker_grains_there_is_nothing_to_report():
    assert thickness_report(None) is None
    assert thickness_report(SimpleNamespace(outcome=None)) is None
    assert thickness_report(SimpleNamespace(outcome=SimpleNamespace(properties={}))) is None
