"""Candidates that meet the threshold of a goal are listed by command, as JSON and on the campaign's page."""

import json

import pytest

from tansaku.deploy.cli import results as command
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.hits import hits_of
from tansaku.tasks.read.views.results import system_rows, systems_frame
from tests.unit.tasks.act.measurements.ask_tell.conftest import open_laboratory

__all__ = ["open_laboratory"]


@pytest.fixture
def searched(open_laboratory):
    """Values of five candidates: one of them was measured twice, one was corrected, one failed."""

    def build(direction="maximize", threshold="3 GPa"):
        goal = {"type": "all_below", "threshold": threshold}
        laboratory = open_laboratory(
            objective={"property": "hardness", "unit": "GPa", "direction": direction, "goal": goal}, proposer={"type": "grid"}
        )
        values = {"water-300": 3.0, "water-325": 2.999, "hexane-400": 5.0, "hexane-425": 9.0}
        laboratory.tell(*({"candidate": name, "value": value} for name, value in values.items()))
        laboratory.tell({"candidate": "hexane-425", "value": 1.0, "status": "correction"})
        laboratory.tell({"candidate": "hexane-450", "status": "failed"})
        laboratory.ask(1)
        return laboratory

    return build


@pytest.mark.parametrize(
    ("direction", "threshold", "said", "expected"),
    [
        ("maximize", "3 GPa", "at or above 3 GPa", ["hexane-400", "water-300"]),
        ("maximize", "2999 MPa", "at or above 2.999 GPa", ["hexane-400", "water-300", "water-325"]),
        ("minimize", "3 GPa", "at or below 3 GPa", ["hexane-425", "water-325", "water-300"]),
        ("minimize", "0.5 GPa", "at or below 0.5 GPa", []),
    ],
)
def test_hits_are_those_at_the_threshold_or_better_the_best_first(searched, direction, threshold, said, expected):
    laboratory = searched(direction, threshold)
    data = Campaign.load(laboratory.store, "lab")
    hits = hits_of(data)
    assert (hits.threshold, [hit.candidate for hit in hits.found]) == (said, expected)
    (row,) = json.loads(json.dumps(system_rows(data)))
    assert [hit["candidate"] for hit in row["hits"]] == expected
    assert all(hit["value"] == laboratory.values()[hit["candidate"]] for hit in row["hits"])
    frame = systems_frame(data)
    assert len(frame) == max(1, len(expected))
    assert frame.get("hit_candidate", frame["best_candidate"][:0]).tolist() == expected
    assert frame["best_candidate"].nunique() == 1
    listed = [{name: frame[f"hit_{name}"][place] for name in row["hits"][place]} for place in range(len(expected))]
    assert listed == row["hits"]
    assert "hits" not in frame


def test_the_command_lists_them(searched, capsys):
    data = Campaign.load(searched().store, "lab")
    command._show_systems(data, as_json=False, as_csv=False)
    table = capsys.readouterr().out.partition("2 candidates at or above 3 GPa, best first:")[2]
    assert table.index("hexane-400") < table.index("water-300")
    assert "water-325" not in table
    command._show_systems(Campaign.load(searched(threshold="20 GPa").store, "lab"), as_json=False, as_csv=False)
    assert "no candidate at or above 20 GPa yet" in capsys.readouterr().out


def test_other_goals_have_none(open_laboratory):
    laboratory = open_laboratory()
    data = Campaign.load(laboratory.store, "lab")
    assert hits_of(data) is None
    assert "hits" not in system_rows(data)[0]
