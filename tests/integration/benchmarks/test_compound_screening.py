"""A screen of MgO: the committed tables are those of the committed files, and the stop sentence was right."""

import json

import numpy as np
import pytest

from benchmarks.local_energies.compounds import screening_others
from benchmarks.local_energies.compounds.screening import FILES, HERE, judged, repeated, spec_of, table_of
from benchmarks.local_energies.compounds.screening_others import AGAIN, Both, chosen, judgement
from tansaku.models.domain.identifiers import file_sha256
from tansaku.tasks.read.screening.calibration import prospects
from tansaku.tasks.read.screening.predicting import load_screen

RESULT = HERE / "screening.json"
OTHERS = HERE / "screening-others.json"


def test_the_committed_result_is_that_of_the_committed_tables():
    result = json.loads(RESULT.read_text())
    for entry in result["data"]:
        assert entry["sha256"] == file_sha256(HERE / entry["file"])
    tables = {name: table_of(name) for name in FILES}
    (campaign,) = load_screen(HERE / "mgo-screen.yaml").campaigns
    for rows in tables.values():
        assert 1000 <= len(rows) <= campaign.spec.budget.evaluations
        # Those about [3 1 0] have too many atoms, or planes that are listed already.
        assert len({row.axis for row in rows}) == 5
    assert {row.structure for row in tables["chgnet"]} == {row.structure for row in tables["ions"]}
    assert result["chgnet"]["computed"] == sum(row.label is not None for row in tables["chgnet"])


def test_the_stop_sentence_was_right_about_energies_that_are_known():
    again = judged(repeated(table_of("ions"), spec_of("ions"), 0))
    result = json.loads(RESULT.read_text())
    assert again["computed"] == result["ions"][0]["computed"]
    assert again["certain"]
    wrong = [item for item in result["ions"] if item["certain"] and max(item["too_high"]) > 0.0]
    assert len(wrong) <= 0.1 * len(result["ions"])
    assert all(item["computed"] < 150 for item in result["ions"])
    # The scale is learned from boundaries that are left out, so that it holds for structures that were not computed.
    assert np.mean([item["within_one"] for item in result["ions"]]) == pytest.approx(0.683, abs=0.05)
    assert np.mean([item["within_two"] for item in result["ions"]]) > 0.9


def test_structures_that_the_screen_left_out_are_none_of_the_lowest():
    result, table = json.loads(OTHERS.read_text()), sorted(table_of("chgnet"), key=lambda row: row.structure)
    assert {row["candidate"] for row in result["rows"]} == {
        row.candidate for row in chosen(table, screening_others.OTHERS, AGAIN)
    }
    state = prospects(table, {row.structure: row.label for row in table if row.label is not None}, 10)
    left = [row for row in result["rows"] if row["label"] is None]
    assert judgement(left, state, result["summary"]["tenth"]) == pytest.approx(result["summary"], abs=1e-6)
    assert result["summary"]["below_the_tenth"] == 0
    assert 0.5 < result["summary"]["within_one"] < 0.9
    for row in result["rows"]:
        assert row["ions"] == pytest.approx(row["table"], abs=0.01)
        if row["label"] is not None:
            assert row["chgnet"] == pytest.approx(row["label"], abs=0.01)


def test_a_structure_that_was_left_out_is_computed_again(require):
    for component in ("lammps", "chgnet"):
        require(component)
    row = min(json.loads(OTHERS.read_text())["rows"], key=lambda item: item["atoms"])
    ions, chgnet = Both().of(row["candidate"])
    assert ions == pytest.approx(row["ions"], abs=1.0)
    assert chgnet == pytest.approx(row["chgnet"], abs=1.0)
