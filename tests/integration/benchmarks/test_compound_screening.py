"""A screen of MgO: the committed tables are those of the committed files, and the stop sentence was right."""

import json

from benchmarks.local_energies.compounds.screening import FILES, HERE, judged, repeated, spec_of, table_of
from tansaku.models.domain.identifiers import file_sha256
from tansaku.tasks.read.screening.predicting import load_screen

RESULT = HERE / "screening.json"


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
