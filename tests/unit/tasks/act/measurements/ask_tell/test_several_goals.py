"""Ask and tell with several measured quantities as goals: each measurement gives all of them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tansaku.deploy.cli import results
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.measurements import measurements_of
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.act.measurements import notebook
from tansaku.tasks.act.measurements.report_file import ReportError
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.loop.steps.propose import incumbents
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.fronts import campaign_front
from tansaku.tasks.read.views.status import campaign_status
from tansaku.tasks.read.views.tabulation import write_table
from tests.unit.tasks.act.measurements.ask_tell.conftest import SOLVENTS, hardness

GOAL = {"type": "pareto", "also": [{"property": "strength", "unit": "MPa", "direction": "maximize"}]}
OBJECTIVE = {"property": "hardness", "unit": "GPa", "direction": "maximize", "goal": GOAL}
CHANGES = {"objective": OBJECTIVE, "proposer": {"type": "gp", "initial_points": 4}}


def strength(temperature: float, solvent: str) -> float:
    """What a measurement would give [MPa]: the hardest is not the strongest."""
    return 300.0 - 0.5 * (temperature - 300.0) - 20.0 * SOLVENTS.index(solvent)


def measured(item):
    place = float(item.cells["temperature"]), str(item.cells["solvent"])
    return {"number": item.number, "value": hardness(*place), "strength": strength(*place)}


@pytest.fixture
def laboratory(require, open_laboratory):
    require("botorch")
    return open_laboratory(**CHANGES)


def filled(text, *cells):
    """The table that was asked for, with further cells in each row."""
    rows = list(csv.DictReader(io.StringIO(text)))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(row | more for row, more in zip(rows, cells, strict=True))
    return stream.getvalue()


def test_the_front_is_found_and_grows(laboratory):
    while laboratory.ask(2).reason == "waiting":
        laboratory.tell(*map(measured, laboratory.waiting().waiting))
    found = campaign_front(Campaign.load(laboratory.store, "lab"))
    assert [(axis.name, axis.unit, axis.direction) for axis in found.axes] == [
        ("value", "GPa", "maximize"),
        ("strength", "MPa", "maximize"),
    ]
    everything = np.array([(hardness(t, s), strength(t, s)) for t in range(300, 600, 25) for s in SOLVENTS])
    best = {tuple(row) for row in everything if not ((everything >= row).all(axis=1) & (everything > row).any(axis=1)).any()}
    members = {(row["value"], row["strength"]) for row in found.rows}
    assert len(members & best) >= 0.8 * len(best)
    assert len(found.values) == 20
    assert (np.diff(found.volume) >= 0).all()
    assert found.volume[-1] > found.volume[3] > 0


def test_what_waits_shows_a_prediction_for_each_quantity(laboratory):
    laboratory.ask(4)
    assert laboratory.waiting().waiting[0].others == {}
    laboratory.tell(*map(measured, laboratory.waiting().waiting))
    laboratory.ask(2)
    asked = laboratory.waiting()
    assert asked.measured == {"value": "GPa", "strength": "MPa"}
    for item in asked.waiting:
        predicted = item.others["strength"]
        assert predicted.uncertainty > 0
        assert abs(predicted.prediction - strength(item.cells["temperature"], item.cells["solvent"])) < 150
    heading, *rows = csv.reader(io.StringIO(asked.to_csv()))
    at = heading.index("value [GPa]")
    assert heading[at : at + 5] == ["value [GPa]", "deviation", "strength [MPa]", "status", "note"]
    told = dict(zip(heading, rows[0], strict=True))
    assert float(told["prediction of strength"]) == asked.waiting[0].others["strength"].prediction
    assert float(told["uncertainty of strength"]) == asked.waiting[0].others["strength"].uncertainty


def test_the_table_to_fill_in_is_read_back(laboratory):
    laboratory.ask(4)
    text = laboratory.waiting().to_csv()
    cells = [
        {"value [GPa]": "2.5", "strength [MPa]": "0.25 GPa"},
        *({"value [GPa]": f"{i}", "strength [MPa]": "9"} for i in "123"),
    ]
    told = laboratory.tell_text(filled(text, *cells))
    assert (told.new, told.ignored) == ({"values": 4}, ())
    first = laboratory.evaluations()[0].outcome
    assert (first.value, first.quantities["strength"].value, first.quantities["strength"].unit) == (2.5, 250.0, "MPa")
    assert laboratory.tell_text(filled(text, *cells)).known == (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"value": 1.0}, "line 2: strength: missing; a measurement gives value and strength"),
        ({"strength": 1.0}, "line 2: value: missing"),
        ({"value": 1.0, "strength": "high"}, "line 2: strength: 'high' is not a number"),
        ({"value": 1.0, "strength": "1e200"}, "line 2: strength: '1e200'; expected at most 1e\\+100 MPa"),
        ({"value": 1.0, "strength": "1e999"}, "line 2: strength: '1e999' is not a finite number"),
        ({"value": 1.0, "strength": "9 K"}, r"line 2: strength: 'K' \(\[temperature\]\) cannot be converted to 'MPa'"),
        ({"status": "failed", "strength": 9}, "line 2: status failed, but the strength '9'"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column_and_nothing_is_stored(laboratory, row, problem):
    laboratory.ask(4)
    with pytest.raises(ReportError, match=problem):
        laboratory.tell({"number": 1, "value": 1.0, "strength": 100}, {"number": 2} | row)
    assert laboratory.numbers() == [1, 2, 3, 4]
    assert laboratory.store.campaign("lab").commands[1:] == ()


def test_a_report_without_the_column_says_which(laboratory):
    with pytest.raises(ReportError, match=r"no column 'strength' \(or 'strength \[MPa\]'\), which every measurement gives"):
        laboratory.tell({"candidate": "water-300", "value": 1.0})
    assert laboratory.tell({"candidate": "water-300", "status": "failed"}).new == {"failures": 1}


def test_repeats_are_the_mean_of_each_quantity(laboratory):
    row = {"candidate": "water-300", "value": 3.0, "deviation": 0.1, "strength": 200.0}
    laboratory.tell(row)
    assert laboratory.tell(row).known == (1,)
    assert laboratory.tell(row | {"strength": 220.0, "deviation": 0.2, "status": "repeat"}).new == {"repeats": 1}
    (evaluation,) = laboratory.evaluations()
    assert evaluation.outcome.value == pytest.approx(3.0)
    assert evaluation.outcome.quantities["strength"].value == pytest.approx(210.0)
    assert [item.others for item in measurements_of(evaluation)] == [{"strength": 200.0}, {"strength": 220.0}]
    assert laboratory.tell({"candidate": "water-300", "status": "failed"}).new == {"failures": 1}
    assert laboratory.evaluations()[0].outcome.quantities["strength"].value == pytest.approx(210.0)
    assert laboratory.store.rebuild_observations("lab") == 0


def test_a_correction_replaces_all_and_says_what_was(laboratory):
    laboratory.ask(4)
    laboratory.tell({"number": 1, "value": 3.0, "strength": 200.0})
    with pytest.raises(ReportError, match="has a value already"):
        laboratory.tell({"number": 1, "value": 3.0, "strength": 201.0})
    told = laboratory.tell({"number": 1, "value": 3.0, "strength": 250.0, "status": "correction"})
    assert told.new == {"corrections": 1}
    assert "was 3, strength 200" in told.describe()
    assert laboratory.evaluations()[0].outcome.quantities["strength"].value == 250.0
    event = next(event for event in laboratory.store.events("lab") if event.kind == "corrected")
    assert (event.data["old_others"], event.data["new_others"]) == ({"strength": 200.0}, {"strength": 250.0})


def test_measurements_of_ones_own_and_at_other_conditions(laboratory):
    laboratory.ask(4)
    first = laboratory.waiting().waiting[0]
    told = laboratory.tell(
        {"number": 1, "temperature": 333, "value": 2.0, "strength": 150.0},
        {"temperature": 310.0, "solvent": "water", "stirred": False, "value": 4.0, "strength": 90.0},
    )
    assert told.new == {"values": 2, "off_pool": 2}
    assert told.otherwise[0].proposed == {"temperature": first.cells["temperature"]}
    found = [item for item in laboratory.evaluations() if item.state is EvaluationState.DONE]
    assert [item.outcome.quantities["strength"].value for item in found] == [150.0, 90.0]


def test_python_takes_frames_rows_and_values_by_number(laboratory):
    waiting = notebook.ask(laboratory.resources, "lab", 4)
    assert {"prediction", "prediction of strength", "temperature"} <= {*waiting.columns}
    assert "others" not in waiting
    tell = notebook.tell
    assert tell(laboratory.resources, "lab", {1: {"value": 2.0, "strength": 100.0}}).new == {"values": 1}
    assert tell(laboratory.resources, "lab", pd.DataFrame({"number": [2], "value": [1], "strength [GPa]": [0.1]})).new
    assert tell(laboratory.resources, "lab", [{"number": 3, "value": 2, "strength": "0.1 GPa"}]).new == {"values": 1}
    assert [item.outcome.quantities["strength"].value for item in laboratory.evaluations()[:3]] == [100.0, 100.0, 100.0]


def test_results_list_the_quantities_and_state_the_reference(laboratory, capsys):
    for _ in range(2):
        laboratory.ask(4)
        laboratory.tell(*map(measured, laboratory.waiting().waiting))
    data = Campaign.load(laboratory.store, "lab")
    results._show_front(data, as_json=False, as_csv=False)
    lowest = min(item.outcome.value for item in laboratory.evaluations())
    weakest = min(item.outcome.quantities["strength"].value for item in laboratory.evaluations())
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.endswith(f"the reference point is value {lowest:.6g} GPa, strength {weakest:.6g} MPa")
    results._show_evaluations(data, ("search",), as_json=False)
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split("\t")[-1] == "strength [MPa]"
    assert float(first.split("\t")[-1]) == laboratory.evaluations()[0].outcome.quantities["strength"].value
    line, volume = campaign_status(laboratory.store, "lab").headline.describe()
    found = campaign_front(data)
    assert line.startswith(f"front so far: {len(found.rows)} candidate")
    since = len(found.volume) - found.summary()["growth"][-1]["evaluations"]
    grew = f"the last {since} result" if since > 1 else "the last result did not" if since else "it grew with the last result"
    point = f"{lowest:.4g} GPa, {weakest:.4g} MPa"
    assert volume.startswith(
        f"dominated volume: {100 * found.volume[-1]:.3g} % of the box up to the reference point {point}; {grew}"
    )


def test_all_quantities_move_with_an_exported_campaign(laboratory, tmp_path):
    laboratory.ask(4)
    laboratory.tell(*map(measured, laboratory.waiting().waiting))
    laboratory.ask(2)
    path, store = tmp_path / "lab.parquet", MemoryCampaignStore()
    export_observations(laboratory.store, "lab", path)
    owner = LeaseOwner(host="here", pid=1, process_started=0.0, user="ada")
    assert import_observations(store, path, owner).unchecked is None
    theirs, ours = (campaign_front(Campaign.load(stored, "lab")) for stored in (store, laboratory.store))
    assert theirs.rows == ours.rows
    proposals = [[item.proposal for item in stored.evaluations("lab")] for stored in (store, laboratory.store)]
    assert [item.predicted_others for item in proposals[0]] == [item.predicted_others for item in proposals[1]]
    assert proposals[0][-1].predicted_others
    other = replace(laboratory, store=store, resources=replace(laboratory.resources, store=store))
    assert other.tell({"number": 1, "value": 1.0, "strength": 2.0, "status": "correction"}).new == {"corrections": 1}


def test_a_table_made_of_the_results_has_the_quantities(laboratory, tmp_path):
    laboratory.ask(4)
    laboratory.tell(*map(measured, laboratory.waiting().waiting))
    *_, file = write_table(Campaign.load(laboratory.store, "lab"), tmp_path)
    loaded = load_campaign(file)
    space = open_space(loaded.spec.space, loaded.base_path)
    found = dict(zip(space.pool().ids.tolist(), space.quantity("strength", "MPa").tolist(), strict=True))
    for item in laboratory.evaluations():
        assert found[item.proposal.candidate] == item.outcome.quantities["strength"].value


def test_a_quantity_is_no_column_of_the_space(require, open_laboratory):
    require("botorch")
    goal = {"type": "pareto", "also": [{"property": "temperature", "unit": "K"}]}
    with pytest.raises(ConfigurationError, match=r"objective\.goal\.also\[0\]\.property: the space has a column 'temperature'"):
        open_laboratory(**CHANGES | {"objective": OBJECTIVE | {"goal": goal}})


def test_neighbours_are_those_of_the_front_and_first_beside_its_gaps(grid_pool):
    """The third is best in the first objective only, the last is beaten."""
    values, others = np.array([1.0, 8.0, 0.0, 9.0]), np.array([[8.0], [1.0], [9.0], [9.5]])
    history = History(observed=np.array([3, 5, 7, 9]), values=values, others=others)
    names = grid_pool.ids[history.observed].tolist()
    front = ObjectiveSpec.model_validate({"unit": "GPa", "goal": GOAL})
    assert incumbents(grid_pool, history, front) == [names[1], names[0], names[2]]
    alone = replace(history, others=np.empty((len(history.values), 0)))
    assert incumbents(grid_pool, alone, ObjectiveSpec(unit="GPa"))[0] == names[2]


def test_a_space_of_parameters_has_a_front_too(require, open_laboratory):
    require("botorch")
    space = {"type": "parameters", "parameters": {"heat": {"type": "number", "low": 300, "high": 900}}, "pool": 32}
    laboratory = open_laboratory(**CHANGES | {"space": space, "budget": {"evaluations": 10}})
    while laboratory.ask(2).reason == "waiting":
        rows = [(item.number, item.cells["heat"]) for item in laboratory.waiting().waiting]
        laboratory.tell(*({"number": number, "value": -abs(heat - 500) / 100, "strength": heat} for number, heat in rows))
    front = campaign_front(Campaign.load(laboratory.store, "lab"))
    assert len(front.rows) > 2
    assert min(row["strength"] for row in front.rows) > 400, "what is below 500 is beaten by 500"
    assert any("-" in item.proposal.candidate for item in laboratory.evaluations()), "neighbours were proposed"
