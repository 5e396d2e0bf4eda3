from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tansaku.models.domain.records import Evaluation, Outcome, Quantity
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.read.views.results import evaluation_rows, excess_opening, same_basins
from tests.support.records import campaign_record, evaluation_of, proposal_of, read_campaign

ROOT = Path(__file__).resolve().parents[6]


def _evaluation(number: int, surface: str, energy: float | None, opening: float) -> Evaluation:
    outcome = Outcome(
        value=energy,
        quantities={"expansion": Quantity(value=opening - 0.3, unit="Angstrom")},
        properties={"final_translation": [0.1 * number, 0.0, 0.3]},
    )
    return evaluation_of(proposal_of(number, system="s003-112", surface=surface), outcome)


EVALUATIONS = (
    _evaluation(1, "r1", 600.0, 0.400),
    _evaluation(2, "r1", 610.0, 0.400),
    _evaluation(3, "r1", 600.5, 0.405),  # the first again
    _evaluation(4, "r1", 600.0, 0.450),
    _evaluation(5, "r2", 600.0, 0.400),
    _evaluation(6, "r1", None, 0.400),
    _evaluation(7, "r1", 600.0, 0.452),  # the fourth again
)


def test_energy_opening_and_surface_decide():
    assert same_basins(EVALUATIONS) == {"e3": "c1", "e7": "c4"}
    assert excess_opening(EVALUATIONS[0]) == pytest.approx(0.4)


def test_nothing_relaxed_no_basin():
    bare = EVALUATIONS[0].model_copy(update={"outcome": Outcome(value=600.0)})
    assert same_basins([bare, bare]) == {}


@pytest.mark.parametrize(("translation", "marked"), [("free", "c1"), ("held", None)])
def test_the_search_is_marked_where_translations_are_only_starts(translation, marked):
    raw = yaml.safe_load((ROOT / "examples" / "cu-emt.yaml").read_text(encoding="utf-8"))
    raw["calculator"]["relaxation"]["translation"] = translation
    spec = CampaignSpec.model_validate(raw)
    rows = evaluation_rows(read_campaign(campaign_record(spec), spec, EVALUATIONS))
    assert rows[2]["same_basin_as"] == marked
    assert rows[2]["final_translation"] == pytest.approx([0.3, 0.0, 0.3])
