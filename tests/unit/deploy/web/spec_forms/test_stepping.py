"""Form and text stay in step: an edit of one changes nothing else in the other, and a wrong key is shown at its field."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.deploy.web.spec_forms.experiment import earlier_report
from tansaku.deploy.web.spec_forms.known import known_forms
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.deploy.web.spec_forms.stepping import Beside, beside, step
from tansaku.deploy.web.spec_forms.table import guessed_roles
from tansaku.models.domain.errors import ConfigurationError, SpecProblem
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.ground.formats.yaml_text import parse_yaml, write_yaml

STARTS = {kind: form.start for kind, form in known_forms().items()}
PARAMETERS = """\
name: bread
# Varied.
space:
  type: parameters
  pool: 64  # has no field
  parameters:
    heat: {type: number, low: 1, high: 2, log: true}
    steps: {type: integer, low: 1, high: 4}  # mine
"""


class NoFiles:
    """An empty library."""

    def files(self, name: str | None = None) -> list:
        return []

    file = files


SHELF = Shelf(NoFiles(), None, "ada")


def sent(text: str, shown: str | None = None, **fields: str) -> Beside:
    return step(fields, text, shown or text, SHELF)


@pytest.fixture
def tables(monkeypatch):
    """Steps of a form whose library has a table."""
    monkeypatch.setattr(Shelf, "first_cells", lambda *_: {"sample": [], "strength": [], "ratio": []})
    return sent


def problems(text: str) -> list[SpecProblem]:
    try:
        validate_document(CampaignSpec, parse_yaml(text, "campaign"))
    except ConfigurationError as error:
        return list(error.problems)
    return []


def test_an_edit_of_the_form_changes_its_keys_alone():
    edited = sent(PARAMETERS, **{"low-1": "1,5", "parameter-2": "repeats", "high-2": "5"})
    assert edited.text == PARAMETERS.replace("low: 1, high: 2", "low: 1.5, high: 2").replace(
        "steps: {type: integer, low: 1, high: 4}", "repeats: {type: integer, low: 1, high: 5}"
    )
    assert (edited.values["parameter-2"], edited.values["high-2"]) == ("repeats", "5")
    added = sent(PARAMETERS, **{"parameter-4": "flour", "type-4": "category", "values-4": "rye, wheat"})
    assert added.text == f"{PARAMETERS}    flour: {{type: category, values: [rye, wheat]}}\n"
    assert sent(PARAMETERS, **{"parameter-1": ""}).text == PARAMETERS.replace(
        "    heat: {type: number, low: 1, high: 2, log: true}\n", ""
    )


def test_edits_of_both_meet_in_the_text():
    both = sent(PARAMETERS.replace("bread", "rolls"), PARAMETERS, name="bread", seed="3", **{"high-1": "9"})
    assert both.text == PARAMETERS.replace("bread", "rolls").replace("high: 2", "high: 9") + "seed: 3\n"
    assert both.values["name"] == "rolls"
    assert both.shown == both.text


def test_what_was_typed_waits_while_the_text_is_no_yaml():
    broken = sent("name: [", PARAMETERS, seed="3")
    assert (broken.text, broken.shown, broken.values["seed"]) == ("name: [", PARAMETERS, "3")
    with pytest.raises(ConfigurationError, match="characters"):
        sent("x" * 70_000)


def test_a_field_without_a_place_keeps_what_was_typed_and_says_why():
    early = sent(PARAMETERS, **{"low-3": "7"})
    assert (early.text, early.values["low-3"]) == (PARAMETERS, "7")
    assert early.problems_by_field([]) == {"parameter-3": "missing; expected a name such as temperature"}
    assert sent(early.text, **{"low-3": "7", "parameter-3": "salt"}).text.endswith("    salt: {type: number, low: 7}\n")
    twice = sent(PARAMETERS, **{"parameter-2": "heat"})
    assert (twice.text, twice.refused) == (PARAMETERS, {"parameter-2": "'heat' is in two rows"})


WRONG = [
    ("experiment", {"parameter-1": "t", "low-1": "cold", "high-1": "2"}, {"low-1"}),
    ("experiment", {"parameter-1": "t", "low-1": "3", "high-1": "2"}, {"low-1"}),
    ("experiment", {"parameter-1": "t", "type-1": "category", "values-1": "rye"}, {"values-1"}),
    ("experiment", {"parameter-1": "t", "low-1": "1", "high-1": "2", "objective.property": "", "name": "A b"}, {"name"}),
    ("experiment", {"budget.evaluations": "many"}, {"parameter-1", "budget.evaluations"}),
    ("structures", {"space.paths": ""}, {"space.paths"}),
    ("structures", {"space.paths": "a.cif", "objective.property": "taste"}, {"objective.property"}),
    ("boundaries", {"space.axis": "1 1"}, {"space.axis"}),
    ("boundaries", {"space.boundaries.planes": "1 1 x"}, {"space.boundaries.planes"}),
    ("boundaries", {"space.boundaries.max_sigma": "9"}, {"space.boundaries.planes"}),
    ("boundaries", {"space.crystal.element": "copper"}, {"space.crystal.element"}),
    ("boundaries", {"calculator.type": "lammps"}, {"calculator.potential"}),
    ("compositions", {"ions-1": "Lithium"}, {"ions-1"}),
    ("compositions", {"space.parent": ""}, {"space.parent"}),
    ("table", {}, {"space.candidates", "calculator.type"}),
    ("diffusion", {"space.ion": "H+", "space.host": "a.cif"}, {"space.ion"}),
    ("diffusion", {"space.grid": "9", "space.host": "a.cif", "space.supercell": "1 1"}, {"space.grid", "space.supercell"}),
]


@pytest.mark.parametrize(("kind", "fields", "named"), WRONG)
def test_what_is_wrong_is_said_at_its_field(kind, fields, named):
    edited = sent(STARTS[kind], **fields)
    said = edited.problems_by_field(problems(edited.text))
    assert named & {entry.name for entry in edited.fields} == set(said), problems(edited.text)


HOSTILE = ("NaN", "1e400", "-5", "<b>x</b>", "../../etc/passwd", "=cmd|'/c calc'!A1", "a\0b", "x" * 20_000, "{a: b}", "&a *a")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["ions-1", "calculator.type", "budget.evaluations", "budget.fraction", "seed"])
def test_what_would_harm_elsewhere_is_named_at_its_field_and_shortened(name, text):
    edited = sent(STARTS["compositions"], **{name: text})
    said = edited.problems_by_field(problems(edited.text))
    assert (set(said), max(map(len, said.values())) < 400) == ({name}, True)


LACKING = [
    ("structures", {"space.paths": ""}, "space.paths", "choose at least one file"),
    ("table", {}, "space.features", "mark at least one column that describes the candidates (a feature)"),
]


@pytest.mark.parametrize(("kind", "fields", "key", "said"), LACKING)
def test_what_is_missing_is_said_in_the_words_of_the_form(tables, kind, fields, key, said):
    edited = tables(STARTS[kind], **({"space.candidates": "rows.csv"} if kind == "table" else fields))
    found = {problem.key: problem.message for problem in edited.in_words(problems(edited.text))}
    assert found[key] == said
    other = SpecProblem("name", 2, "wrong")
    assert edited.in_words([other]) == [other]


def test_what_is_wrong_with_the_columns_is_said_at_their_heading(tables):
    edited = tables(STARTS["table"], **{"space.candidates": "rows.csv"})
    (part,) = (part for part in edited.parts if part.title == "Columns")
    assert part.headings == ("Column", "First rows", "Use of the column")
    said = edited.problems_by_field(edited.in_words(problems(edited.text)))
    assert (said[part.name], "role-0" in said) == (part.lacking["space.features"], False)


def test_what_was_typed_into_a_field_that_vanishes_leaves_the_text(tables):
    text = tables(STARTS["table"], **{"space.candidates": "rows.csv"}).text
    edited = tables(text, **{"role-1": "value", "objective.property": "yield", "objective.unit": "MPa"})
    assert "objective.property" not in edited.values
    assert "yield" not in edited.text
    assert edited.values["objective.unit"] == "MPa"


def test_the_usual_budget_is_not_more_than_there_are_structures():
    def budget(text: str, paths: str, **fields: str) -> tuple[str, str]:
        edited = sent(text, **{"space.paths": paths, **fields})
        return edited.text, edited.values["budget.evaluations"]

    text, few = budget(STARTS["structures"], "a.cif\nb.cif")
    _, more = budget(text, "a.cif\nb.cif\nc.cif")
    _, trajectory = budget(text, "a.cif\nb.xyz")
    chosen, own = budget(text, "a.cif", **{"budget.evaluations": "9"})
    assert (few, more, trajectory, own, budget(chosen, "b.cif")[1]) == ("2", "3", "24", "9", "9")


def test_the_categories_of_a_parameter_have_the_room_of_its_limits():
    flour = PARAMETERS + "    flour: {type: category, values: [rye, wheat]}\n"
    columns = {entry.name: entry.columns for entry in sent(flour).fields}
    assert [columns[f"{key}-3"] for key in ("low", "high", "step", "unit", "values")] == [0, 0, 0, 0, 5]
    assert [columns[f"{key}-1"] for key in ("low", "high", "step", "unit", "values")] == [1, 1, 1, 1, 1]


def test_a_step_goes_with_the_kind_that_has_one():
    stepped = sent(PARAMETERS, **{"step-1": "0,25"})
    assert "heat: {type: number, low: 1, high: 2, log: true, step: 0.25}" in stepped.text
    assert stepped.values["step-1"] == "0.25"
    wrong = sent(PARAMETERS, **{"step-1": "5"})
    named = next(problem for problem in problems(wrong.text) if "steps between low and high" in problem.message)
    assert wrong.place_of(named.key).name == "parameter-1"
    assert "step:" not in sent(stepped.text, **{"type-1": "integer"}).text
    assert "steps: {type: integer, low: 1, high: 4, unit: h}" in sent(PARAMETERS, **{"unit-2": "h"}).text


def test_the_unit_is_that_of_what_is_wanted():
    assert (sent(STARTS["structures"]).unit, sent(STARTS["experiment"]).unit, sent("objective: 3").unit) == ("eV/atom", "", "")


KEYS = ("space", "type", "parameters", "parent", "sites", "cif", "calculator", "objective", "paths", "boundaries", "planes")
INSIDE = ("features", "columns", "crystal", "axis", "host", "goal", "A", "x", "ions")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "parameters", "lammps", "manual"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS + INSIDE), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.sampled_from(sorted(STARTS)), st.sampled_from(("space", "calculator", "objective", "budget")), ANYTHING, st.data())
def test_any_text_can_be_shown_and_edited(kind, key, value, data):
    text = write_yaml(
        {**parse_yaml(STARTS[kind], kind).data, key: value, **({"space": {"type": kind}} if key != "space" else {})}
    )
    parts = beside(text, SHELF)
    fields = {entry.name: data.draw(st.sampled_from(["", "1", "a", "1 1 0"])) for entry in parts.fields[:6]}
    edited = sent(text, **fields)
    parse_yaml(edited.text, "campaign")


def parameters(edited: Beside) -> dict:
    return parse_yaml(edited.text, "campaign").data["space"]["parameters"]


TYPED = [
    ({"parameter-1": "reaction time (h)", "low-1": "1"}, {"reaction_time": {"type": "number", "unit": "h", "low": 1}}),
    ({"parameter-1": "heat [K]", "low-1": "300-400"}, {"heat": {"type": "number", "unit": "K", "low": 300, "high": 400}}),
    ({"parameter-1": "acid", "values-1": "HCl, HBr"}, {"acid": {"type": "category", "values": ["HCl", "HBr"]}}),
    ({"parameter-1": "acid", "low-1": "HCl, HBr"}, {"acid": {"type": "category", "values": ["HCl", "HBr"]}}),
    ({"parameter-1": "ph", "values-1": "2 to 7.5"}, {"ph": {"type": "number", "low": 2, "high": 7.5}}),
    (
        {"listed": "ph\t2\t7\nacid, HCl, HBr"},
        {"ph": {"type": "number", "low": 2, "high": 7}, "acid": {"type": "category", "values": ["HCl", "HBr"]}},
    ),
    (
        {"earlier": "T (K);acid;yield (%)\n300;HCl;1,5\n310;HBr;2"},
        {"T": {"type": "number", "low": 300, "high": 310, "unit": "K"}, "acid": {"type": "category", "values": ["HCl", "HBr"]}},
    ),
]


@pytest.mark.parametrize(("fields", "made"), TYPED)
def test_kinds_and_units_follow_what_was_typed(fields, made):
    edited = sent(STARTS["experiment"], **fields)
    assert (parameters(edited), edited.refused) == (made, {})
    assert sent(edited.text, **edited.values).text == edited.text


def test_a_kind_follows_a_range_and_words_again():
    words = sent(STARTS["experiment"], **{"parameter-1": "x", "values-1": "a, b"})
    assert parameters(sent(words.text, **{"values-1": "1-2"})) == {"x": {"type": "number", "low": 1, "high": 2}}
    edited = sent(PARAMETERS, listed="heat (K), 1, 3\nsteps, 1, 4")
    assert parameters(edited)["heat"] == {"type": "number", "low": 1, "high": 3, "log": True, "unit": "K"}
    assert parameters(edited)["steps"]["type"] == "integer"


def test_a_chosen_kind_wins_over_what_was_typed_just_before():
    started = sent(STARTS["experiment"], **{"parameter-1": "heat", "type-1": "category"})
    edited = sent(started.text, **{"values-1": "low, high", "type-1": "number"})
    assert parameters(edited) == {"heat": {"type": "number"}}


def test_earlier_results_stay_in_their_field_and_name_what_is_measured():
    text = "T (K);yield (%)\n300;1,5\n310;2"
    edited = sent(STARTS["experiment"], earlier=text)
    assert edited.values["earlier"] == text
    assert parse_yaml(edited.text, "campaign").data["objective"] == {"unit": "%", "direction": "maximize", "property": "yield"}
    report = earlier_report(text, parse_yaml(edited.text, "campaign").data)
    assert (report.columns, report.units) == (("T", "value"), {"T": "K", "value": "%"})
    wrong = sent(STARTS["experiment"], earlier="a;b\n1;2;3")
    assert "line 2" in wrong.refused["earlier"]


def test_further_quantities_make_a_front():
    start = STARTS["experiment"]
    text = sent(start, **{"also-1": "toughness (J)", "also-2": "price", "also-direction-2": "minimize"}).text
    goal = parse_yaml(text, "campaign").data["objective"]["goal"]
    toughness = {"property": "toughness", "unit": "J", "direction": "maximize"}
    assert goal == {
        "type": "pareto",
        "also": [toughness, {"property": "price", "unit": "1", "direction": "minimize"}],
    }
    renamed = sent(text, **{"also-2": "", "also-1": "impact", "also-unit-1": "J/m2"}).text
    assert parse_yaml(renamed, "campaign").data["objective"]["goal"]["also"] == [
        toughness | {"property": "impact", "unit": "J/m2"}
    ]
    assert sent(renamed, **{"also-1": ""}).text == start
    assert sent(start, **{"also-unit-1": "J"}).refused == {"also-1": "missing; expected a name such as toughness"}
    table = "heat;hardness (GPa);toughness (J)\n1;2;30\n4;5;20"
    earlier = sent(text, **{"objective.property": "hardness", "earlier": table})
    data = parse_yaml(earlier.text, "campaign").data
    assert (list(data["space"]["parameters"]), data["objective"]["unit"]) == (["heat"], "GPa")
    assert earlier_report(table, data).columns == ("heat", "value", "toughness")
    assert "What else you measure" not in {
        part.title for part in sent(start.replace("maximize}", "maximize, goal: {type: top_k, k: 2}}")).parts
    }


def test_a_problem_is_said_with_the_label_of_its_field():
    edited = sent(PARAMETERS, **{"low-1": "cold"})
    (problem,) = [found for found in problems(edited.text) if "low" in found.key]
    assert edited.said(problem).startswith("From of heat: ")
    assert edited.said(SpecProblem("levels", None, "wrong")) == "levels: wrong"


def test_a_column_with_empty_cells_is_measured_further(monkeypatch):
    cells = {"alloy": ["a", "b", "c"], "Cr (%)": ["1", "2", "3"], "Hardness, Vickers (HV)": ["1", "", "4"]}
    monkeypatch.setattr(Shelf, "first_cells", lambda *_: cells)
    edited = sent(STARTS["table"], **{"space.candidates": "rows.csv"})
    data = parse_yaml(edited.text, "campaign").data
    assert data["known"] == {"file": "rows.csv", "value": "Hardness, Vickers (HV)", "candidate": "alloy"}
    assert data["space"]["columns"] == {"id": "alloy"}
    assert data["objective"] == {"unit": "HV", "direction": "maximize", "property": "Hardness_Vickers"}
    assert data["calculator"] == {"type": "manual"}
    assert problems(edited.text) == []
    again = parse_yaml(sent(edited.text, **{"role-2": "value"}).text, "campaign").data
    assert again["space"]["columns"] == {"id": "alloy", "value": "Hardness, Vickers (HV)"}
    assert "known" not in again
    assert "calculator" not in again


def test_columns_that_are_empty_together_are_measured_together(monkeypatch):
    cells = {"alloy": ["a", "b", "c"], "Cr": ["1", "2", "3"], "Charpy (J)": ["40", "", "60"], "strength (GPa)": ["1", "", "4"]}
    monkeypatch.setattr(Shelf, "first_cells", lambda *_: cells)
    edited = sent(STARTS["table"], **{"space.candidates": "rows.csv"})
    data = parse_yaml(edited.text, "campaign").data
    charpy = {"column": "Charpy (J)", "unit": "J"}
    table = {"file": "rows.csv", "candidate": "alloy", "value": "strength (GPa)"}
    assert data["known"] == table | {"quantities": {"Charpy": charpy}}
    also = [{"property": "Charpy", "unit": "J", "direction": "maximize"}]
    assert data["objective"]["goal"] == {"type": "pareto", "also": also}
    assert data["space"]["features"]["numbers"]["columns"] == ["Cr"]
    assert problems(edited.text) == []
    edited = sent(edited.text, **{"objective.goal.also.0.direction": "minimize"})
    assert parse_yaml(edited.text, "campaign").data["objective"]["goal"]["also"][0]["direction"] == "minimize"
    recorded = parse_yaml(sent(edited.text, **{"role-3": "value"}).text, "campaign").data
    assert recorded["space"]["columns"] == {"id": "alloy", "value": "strength (GPa)", "quantities": {"Charpy": charpy}}
    assert "known" not in recorded
    alone = parse_yaml(sent(edited.text, **{"role-2": ""}).text, "campaign").data
    assert alone["known"] == table
    assert "goal" not in alone["objective"]
    monkeypatch.setattr(Shelf, "first_cells", lambda *_: {"alloy": ["a", "b"], "Cr": ["1", "2"], "strength": ["1", ""]})
    other = parse_yaml(sent(edited.text, **{"space.candidates": "others.csv"}).text, "campaign").data
    assert other["known"] == {"file": "others.csv", "value": "strength", "candidate": "alloy"}
    assert "goal" not in other["objective"]


def test_the_use_of_columns_is_guessed(monkeypatch):
    cells = {
        "alloy": ["a", "b", "c"],
        "size (nm)": ["1", "2", "3"],
        "kind": ["x", "y", "x"],
        "note": ["p", "q", "r"],
        "gap (eV)": ["1", "2", "4"],
    }
    monkeypatch.setattr(Shelf, "first_cells", lambda *_: cells)
    edited = sent(STARTS["table"], **{"space.candidates": "rows.csv"})
    data = parse_yaml(edited.text, "campaign").data
    assert data["space"]["columns"] == {"id": "alloy", "value": "gap (eV)"}
    assert data["space"]["features"]["numbers"] == {"columns": ["size (nm)"], "units": {"size (nm)": "nm"}}
    assert data["space"]["features"]["categories"]["columns"] == ["kind"]
    assert (data["objective"]["unit"], "calculator" in data) == ("eV", False)
    assert guessed_roles({"a": ["1", "2"], "b": ["x", "y"]}) == {"a": "id"}
    partly = {"sample": ["a", "b", "c"], "Ni": ["1", "2", "3"], "Hardness (HV)": ["310", "", "290"]}
    assert guessed_roles(partly)["Hardness (HV)"] == "measured"
