"""The phase diagram of a campaign on copper and gold, against pymatgen's own."""

from dataclasses import replace

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.figures import hull as figure
from tansaku.tasks.read.views.hull import Phase, campaign_hull, drawn_hull, hull_of
from tests.support.alloys import FILE, alloys, outcome_of
from tests.support.records import campaign_record, evaluation_of, proposal_of, read_campaign

GIVEN = {"Cu": -0.0070, "Au": -0.0001}


def campaign(evaluations=None, given=None):
    loaded = load_campaign(FILE)
    spec = loaded.spec
    if given is not None:
        phases = spec.space.phases.model_copy(update={"energies": given})
        spec = spec.model_copy(update={"space": spec.space.model_copy(update={"phases": phases})})
    record = campaign_record(spec, base_path=str(loaded.base_path))
    return read_campaign(record, spec, alloys() if evaluations is None else evaluations)


def ternary():
    counts = {"A": {"Cu": 1}, "B": {"Au": 1}, "C": {"Ni": 1}, "AB": {"Cu": 1, "Au": 1}, "ABC": {"Cu": 1, "Au": 1, "Ni": 1}}
    energies = {"A": 0.0, "B": 0.0, "C": 0.0, "AB": -0.3, "ABC": -0.1}
    return hull_of(("Au", "Cu", "Ni"), [Phase(name, name, counts[name], energies[name], 1) for name in counts])


def test_it_is_pymatgens_diagram_of_the_same_phases(require):
    require("pymatgen")
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    found = campaign_hull(campaign())
    entries = {
        phase.name: PDEntry(Composition(dict(phase.counts)), phase.energy * sum(phase.counts.values()))
        for phase in found.phases
    }
    diagram = PhaseDiagram(list(entries.values()))
    assert set(entries) == {"L12-AuCu3", "L10-AuCu", "B2-AuCu", "L12-Au3Cu", "B1-AuCu", "Cu", "Au"}
    for row in found.rows:
        theirs = diagram.get_decomp_and_e_above_hull(entries[row["phase"]])[1]
        assert row["energy_above_hull"] == pytest.approx(theirs, abs=1e-9)
        assert row["formation_energy"] == pytest.approx(diagram.get_form_energy_per_atom(entries[row["phase"]]))
        assert row["stable"] == (entries[row["phase"]] in diagram.stable_entries)


def test_rows_are_in_order_with_what_unstable_phases_become():
    rows = campaign_hull(campaign()).rows
    assert [row["phase"] for row in rows] == ["L10-AuCu", "L12-AuCu3", "Au", "Cu", "B2-AuCu", "L12-Au3Cu", "B1-AuCu"]
    third = next(row for row in rows if row["phase"] == "L12-Au3Cu")
    assert third["decomposition"] == {"Au": 0.5, "L10-AuCu": 0.5}
    assert third["energy_above_hull"] == pytest.approx(0.01 - (-0.06 - 0.0001) / 2)
    assert [row["round"] for row in rows if row["given"]] == [None, None]


def test_the_last_result_of_a_candidate_counts_and_predictions_do_not():
    again = evaluation_of(proposal_of(6, candidate="B2-AuCu", purpose="polish"), outcome_of(-0.09))
    guess = evaluation_of(proposal_of(7, candidate="L12-Au3Cu"), outcome_of(-5.0, predicted_by="model@1"))
    found = campaign_hull(campaign([*alloys({"L12-AuCu3": -0.05, "B2-AuCu": -0.02}), again, guess]))
    assert [(phase.name, phase.energy) for phase in found.phases if not phase.given] == [
        ("L12-AuCu3", -0.05),
        ("B2-AuCu", -0.09),
    ]
    assert found.left_out == 1
    assert found.describe() == "Au-Cu: stable are AuCu3, AuCu, Cu, Au; 1 finished without a computed energy"


FAILED = [item.model_copy(update={"state": EvaluationState.FAILED, "outcome": None}) for item in alloys({"L10-AuCu": None})]


@pytest.mark.parametrize(
    ("evaluations", "said"),
    [
        ([], "0 evaluations"),
        (FAILED, "1 evaluation, 1 failed"),
        (alloys({"L10-AuCu": None}), "1 evaluation, 1 finished without a computed energy"),
        ([*FAILED, *alloys({"L12-AuCu3": None})], "2 evaluations, 1 failed, 1 finished without a computed energy"),
    ],
)
def test_without_energies_it_says_what_became_of_the_evaluations(evaluations, said):
    with pytest.raises(ConfigurationError) as told:
        campaign_hull(campaign(evaluations))
    assert told.value.message == (f"campaign 'cu-au' has no energy of a structure yet, so there is no phase diagram: {said}")


def phase(name: str, energy: float, number: int | None = None, **counts: int) -> Phase:
    return Phase(name, name, counts, energy, number)


QUATERNARY = ("Au", "Cu", "Ni", "Pd")


def quaternary():
    elements = [phase(element, 0.0, **{element: 1}) for element in QUATERNARY]
    mixed = phase("mixed", -0.1, 1, Au=1, Cu=1, Ni=1, Pd=1)
    return hull_of(QUATERNARY, [*elements, mixed, phase("half", -0.05, 2, Au=1, Cu=1), phase("high", 0.05, 3, Ni=3, Pd=1)])


def test_four_elements_have_a_table_and_no_figure(tmp_path):
    found = quaternary()
    rows = {row["phase"]: row for row in found.rows}
    assert {name for name, row in rows.items() if row["stable"]} == {"mixed", "half", *QUATERNARY}
    assert (rows["high"]["energy_above_hull"], rows["high"]["decomposition"]) == (pytest.approx(0.05), {"Ni": 0.75, "Pd": 0.25})
    assert len(found.frame) == 7
    with pytest.raises(ConfigurationError) as told:
        figure.draw(found, tmp_path / "f.png")
    assert str(told.value) == (
        f"'{tmp_path}/f.png': a figure shows two or three elements, not Au, Cu, Ni, Pd; the table has all phases"
    )


def test_a_result_of_the_composition_of_a_given_phase_is_compared_with_it():
    found = campaign_hull(campaign(given=GIVEN | {"AuCu": -0.1, "AuCu3": -0.01}))
    rows = {row["phase"]: row for row in found.rows}
    assert (rows["L10-AuCu"]["stable"], rows["AuCu"]["stable"]) == (False, True)
    assert rows["L10-AuCu"]["decomposition"] == {"AuCu": 1.0}
    assert rows["L10-AuCu"]["energy_above_hull"] == pytest.approx(0.04)
    assert (rows["L12-AuCu3"]["stable"], rows["AuCu3"]["stable"]) == (False, False)
    same = campaign_hull(campaign(given=GIVEN | {"AuCu": -0.06}))
    assert [row["stable"] for row in same.rows if row["formula"] == "AuCu"][:2] == [True, True]


def test_of_phases_of_one_name_each_has_its_own_energy():
    """A file that is named as a given phase is another phase."""
    found = hull_of(("Au", "Cu"), [phase("Au", 0.0, Au=1), phase("Cu", 0.0, Cu=1), phase("Cu", 0.1, 1, Cu=1)])
    assert [(row["phase"], row["energy_above_hull"]) for row in found.rows if row["phase"] == "Cu"] == [
        ("Cu", 0.0),
        ("Cu", pytest.approx(0.1)),
    ]


def test_where_everything_is_stable_there_is_a_figure(tmp_path):
    elements = [phase(element, 0.0, **{element: 1}) for element in ("Au", "Cu", "Ni")]
    for found in (
        hull_of(("Au", "Cu", "Ni"), elements),
        hull_of(("Au", "Cu"), [*elements[:2], phase("c", -0.1, 1, Au=1, Cu=1)]),
    ):
        assert all(found.stable)
        assert figure.draw(found, tmp_path / "f.png").stat().st_size > 5000
        assert figure.outline(found).points


def test_what_lacks_is_told():
    with pytest.raises(
        ConfigurationError, match=r"space.phases: no energy of Au alone; a phase diagram needs a phase of every"
    ):
        campaign_hull(campaign(given={"Cu": -0.007, "Ni": -1.0}))
    with pytest.raises(ConfigurationError, match=r"space\.phases: no energy of Au, Cu alone"):
        campaign_hull(campaign(given={}))
    assert drawn_hull(campaign(given={"Cu": -0.007})) is None


def test_results_of_one_element_are_not_drawn():
    found = campaign_hull(campaign(alloys({"Cu-fcc": -0.007})))
    assert found.elements == ("Cu",)
    assert [(row["phase"], row["stable"]) for row in found.rows] == [("Cu", True), ("Cu-fcc", True)]
    high = campaign_hull(campaign(alloys({"Cu-fcc": 0.5}), given={"Cu": 0.0})).rows[1]
    assert (high["energy_above_hull"], high["decomposition"]) == (0.5, {"Cu": 1.0})
    assert drawn_hull(campaign(alloys({"Cu-fcc": -0.007}))) is None


def test_phases_of_other_elements_are_left_out():
    found = campaign_hull(campaign(given=GIVEN | {"Ni": -1.0, "CuNi": -9.0}))
    assert found.elements == ("Au", "Cu")


def test_figures_of_two_and_three_elements(tmp_path):
    for found in (campaign_hull(campaign()), ternary()):
        assert figure.draw(found, tmp_path / "f.png").stat().st_size > 5000
        assert "above the hull" in figure.draw(found, tmp_path / "f.svg").read_text(encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"'f.html' ends in neither .png nor .svg"):
        figure.draw(found, figure.Path("f.html"))
    with pytest.raises(ConfigurationError, match="a figure shows two or three elements, not Cu"):
        figure.draw(replace(found, elements=("Cu",)), tmp_path / "f.png")


def test_the_outline_leaves_out_what_would_flatten_the_hull():
    drawn = figure.outline(campaign_hull(campaign()))
    assert "B1-AuCu" not in [point.name for point in drawn.points]
    assert (drawn.lowest, drawn.highest) == (pytest.approx(-0.05645), pytest.approx(2 * 0.05645))
    deepest = max(drawn.points, key=lambda point: point.y)
    assert (deepest.name, deepest.x, deepest.y, deepest.stable) == ("L10-AuCu", 300.0, 400.0, True)
    assert len(drawn.edges) == 3
    assert [mark.text for mark in drawn.marks] == ["-50", "0", "50", "100"]
    for mark in drawn.marks:  # as the points: 400 of height from the lowest to the highest
        energy = drawn.highest - mark.y / 400.0 * (drawn.highest - drawn.lowest)
        assert 1000.0 * energy == pytest.approx(float(mark.text), abs=0.1)
    assert figure.outline(ternary()).marks == ()
    assert len(figure.outline(ternary()).edges) == 5
