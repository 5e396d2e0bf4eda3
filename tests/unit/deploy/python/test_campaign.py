"""Campaigns that a script makes, in the memory of the process."""

from __future__ import annotations

import copy
import os
import pickle
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk
from pymatgen.core import Lattice, Structure

import tansaku as ts
from tansaku.deploy.python.building import constructor, made_by
from tansaku.deploy.web.scripts import STATIC
from tansaku.models.domain.errors import ConfigurationError, InvalidSpecError, NotFoundError, StateError, StoreError
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.act.commands import create
from tansaku.tasks.act.measurements import ask_tell
from tansaku.tasks.act.measurements.notebook import report_from, script_user
from tansaku.tasks.act.measurements.report_file import ReportError
from tansaku.tasks.act.measurements.stored_commands import store_release, store_report
from tansaku.tasks.act.measurements.waiting import waiting_proposals
from tansaku.tasks.ground.formats.yaml_text import parse_yaml, write_yaml
from tansaku.tasks.ground.site.processes import process_identity
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data, load_campaign, spec_hash
from tansaku.tasks.node.configuration.written import written_spec
from tansaku.tasks.read.views.parameter_figures import parameter_model
from tansaku_client.candidates import Proposed

ROOT = Path(__file__).resolve().parents[4]
TABLE = pd.DataFrame({"alloy": ["a", "b", "c", "d", "e"], "x": [0.1, 0.3, 0.5, 0.7, 0.9], "y": [5.0, 2.0, 1.0, 2.5, 6.0]})


def searched(**keys) -> ts.Campaign:
    given = {"space": ts.Parameters(x=(0, 1)), "objective": ts.minimize("loss", unit="eV"), "budget": 6} | keys
    return ts.Campaign(**given, store=None)


def table(**columns: str) -> ts.Campaign:
    space = ts.Table(TABLE, columns={"id": "alloy", **columns}, features={"all": {"columns": ["x"]}})
    return searched(space=space, budget=5)


def told(campaign: ts.Campaign, count: int = 2) -> ts.Campaign:
    while not campaign.done:
        for row in campaign.ask(count):
            campaign.tell(row, value=(row["x"] - 0.3) ** 2)
    return campaign


@pytest.mark.parametrize(
    ("mean", "deviation", "shown"),
    [
        (0.738921, 0.0709, "0.739 ± 0.071"),
        (-3.2, 0.0999, "-3.200 ± 0.100"),
        (12345.6, 123.4, "12346 ± 123"),
        (1e-12, 3e-14, "1e-12 ± 3e-14"),
        (2.5, 0.0, "2.5 ± 0"),
        (2.5, None, "2.5"),
    ],
)
def test_a_prediction_has_the_digits_of_its_deviation(mean, deviation, shown):
    row = Proposed("a", {"x": 526.43413581, "n": 4, "kind": "hard"}, 1, "why", mean, deviation)
    assert repr(row) == f"Proposed(a: x=526.43, n=4, kind='hard', predicted {shown})"


def test_a_search_ends_at_its_budget_and_has_its_best_row():
    campaign = told(searched())
    best, frame = campaign.best, campaign.frame
    assert len(frame) == len(campaign.evaluations) == 6
    assert best.value == frame["value"].min() == pytest.approx((best["x"] - 0.3) ** 2)
    assert frame.loc[best.number, "x"] == best["x"]
    assert campaign.ask(2) == []
    assert re.fullmatch(r"Found\(p\d+.*: x=0\.\d+, value \S+ eV\)", repr(best))
    assert repr(campaign) == "Campaign('campaign': FINISHED, 6 evaluations)"


def test_rows_are_mappings_that_say_why_and_asking_again_returns_the_same():
    campaign = searched()
    first = campaign.ask(3)
    assert [row.id for row in campaign.ask(3)] == [row.id for row in first]
    assert [row.number for row in first] == [1, 2, 3]
    assert dict(**first[0]) == first[0] == {"x": first[0]["x"]}
    assert first[0].mean is None
    assert "initial design" in first[0].why
    for row in first:
        campaign.tell(row, value=row["x"])
    later = campaign.ask(3)
    assert all(row.deviation > 0 for row in later if row.mean is not None)
    assert any(row.mean is not None for row in later)


def test_the_sequence_is_that_of_a_campaign_file():
    """The same spec proposes the same candidates, whoever wrote it."""
    campaign = told(searched(name="one"))
    data = parse_yaml(campaign.yaml, "one.yaml").data
    again = told(ts.Campaign(data["space"], data["objective"], data["budget"], proposer=data["proposer"], store=None))
    assert list(again.frame["candidate"]) == list(campaign.frame["candidate"])


def test_what_cannot_be_told_is_refused_with_the_reason():
    campaign = searched()
    (row,) = campaign.ask(1)
    for value in (None, float("nan"), pd.NA, ""):
        with pytest.raises(ConfigurationError, match=rf"value: {value} for {row.id}; expected a number"):
            campaign.tell(row, value=value)
    with pytest.raises(ConfigurationError, match=rf"value: -inf for {row.id}; expected a number"):
        campaign.tell(row, value=-np.inf)
    with pytest.raises(ConfigurationError, match=rf"deviation: nan for {row.id}; expected a value, or leave it out"):
        campaign.tell(row, value=1.0, deviation=float("nan"))  # of a single measurement
    for report, message in (
        ("much", "value"),
        (np.array([1.0, 2.0]), r"value: '\[1\.0, 2\.0\]' is not a number"),
    ):
        with pytest.raises(ReportError, match=rf"nothing was stored:[\s\S]*{message}"):
            campaign.tell(row, value=report)
    for report, message in (
        (None, "None; expected a row of"),
        (3, "3; expected a row of"),
        ([1.0], "line 1: 1.0; expected a mapping of columns"),
        ({"p1": 1.0}, "number: there is no proposal p1"),
        ({99: 1.0}, "number: there is no proposal 99"),
    ):
        with pytest.raises(ReportError, match=rf"nothing was stored:[\s\S]*{message}"):
            campaign.tell(report)
    assert campaign.evaluations[0].outcome is None
    receipt = campaign.tell(row, status="failed", note="burnt")
    assert receipt.new == {"failures": 1}
    assert campaign.evaluations[0].state is EvaluationState.FAILED
    assert campaign.best is None


def test_what_cannot_be_asked_released_or_attached_is_named(tmp_path):
    campaign = searched()
    assert len(campaign.ask(np.int64(2), request_id="monday-1")) == 2
    for count in (0, 1.5, "3", True, [2], float("nan")):
        with pytest.raises(ConfigurationError, match=r"^count: .* proposals; expected a whole number from 1 to 1000$"):
            campaign.ask(count)
    for key in (3, "", "monday", "monday 1", "m" * 65):
        for call in (lambda key=key: campaign.ask(2, request_id=key), lambda key=key: campaign.tell({}, request_id=key)):
            with pytest.raises(ConfigurationError, match=r"^request_id: .*; expected 8 to 64 letters, digits and \._:-$"):
                call()
    for call in (lambda: campaign.release("p1"), lambda: campaign.attach("p1", tmp_path)):
        with pytest.raises(
            ConfigurationError, match=r": 'p1'; expected a proposal of `ask\(\)`, what was found, or its number"
        ):
            call()
    for call in (campaign.plot, lambda path: campaign.attach(1, path)):
        with pytest.raises(ConfigurationError, match=r"^(plot|attach): 3; expected the path of a file$"):
            call(3)
    with pytest.raises(ConfigurationError, match="attach: True; expected a proposal"):
        campaign.attach(True, tmp_path)
    for verb, wrong in (("structure", (None, ["p1"], {})), ("retry", (None, 1, ["p1"], {}))):
        for candidate in wrong:
            with pytest.raises(
                ConfigurationError, match=rf"^{verb}: {re.escape(repr(candidate))}; expected a candidate,( or)? its id"
            ):
                getattr(campaign, verb)(candidate)
    with campaign._place.open() as resources:
        assert [command.id for command in resources.store.campaign(campaign.name).commands] == ["monday-1"]


def test_a_keyword_that_no_report_has_is_refused_before_anything_is_stored():
    """A spreadsheet may have other columns; a misspelt keyword would lose what was measured."""
    campaign = searched()
    (row,) = campaign.ask(1)
    with pytest.raises(ReportError) as told:
        campaign.tell(row, value=1.0, deviations=0.1)
    assert str(told.value) == (
        "nothing was stored:\n  deviations: no column of this name is read (did you mean 'deviation'?); expected one of value, "
        "deviation, status, note, x"
    )
    assert campaign.best is None
    assert campaign.tell([{"number": 1, "value": 1.0, "deviations": 0.1}]).ignored == ("deviations",)


def test_what_stands_beside_a_whole_report_is_refused():
    campaign = searched()
    campaign.ask(1)
    for given, message in (
        ({"value": 2.0}, "value: 2.0"),
        ({"note": "warm"}, "note: 'warm'"),
        ({"x": 0.5}, "x: 0.5"),
    ):
        for report in ({1: 1.0}, [{"number": 1, "value": 1.0}], pd.DataFrame({"number": [1], "value": [1.0]})):
            with pytest.raises(ConfigurationError) as told:
                campaign.tell(report, **given)
            assert str(told.value) == f"{message} beside a whole report; expected a row of `ask()`, or nothing"
    assert campaign.best is None


def test_a_whole_report_and_conditions_other_than_proposed_are_told():
    campaign = searched()
    rows = campaign.ask(3)
    assert campaign.tell({row.number: 1.0 for row in rows[:2]}).new == {"values": 2}
    receipt = campaign.tell(rows[2], value=0.5, deviation=0.1, x=0.25)
    assert receipt.otherwise[0].done == {"x": 0.25}
    assert campaign.best["x"] == 0.25


def test_files_are_kept_with_values(tmp_path):
    campaign = searched()
    row = campaign.ask(1)[0]
    (tmp_path / "curve.txt").write_text("1 2 3")
    with pytest.raises(NotFoundError, match="no value of proposal 1"):
        campaign.attach(1, tmp_path / "curve.txt")
    campaign.tell(row, value=0.5)
    assert campaign.attach(row, tmp_path / "curve.txt").candidate == row.id


def test_a_paused_campaign_says_so_and_an_edit_reopens_it():
    campaign = searched(budget=2)
    campaign.pause()
    with pytest.raises(StateError, match="paused"):
        campaign.ask(2)
    campaign.resume()
    told(campaign)
    assert campaign.done
    campaign.edit({"budget.evaluations": 4})
    assert not campaign.done
    assert campaign.spec.budget.evaluations == 4
    (row,) = campaign.ask(1)
    campaign.release(row)
    assert [item.number for item in campaign.ask(1)] == [4]
    campaign.retry(row)
    campaign.cancel()
    assert campaign.done
    with pytest.raises(ConfigurationError, match="seed: cannot change"):
        campaign.edit({"seed": 3})


def test_the_same_request_gives_what_still_waits_of_its_proposals():
    campaign = searched(budget=9)
    first, second = campaign.ask(2, request_id="monday-1")
    assert [row.number for row in campaign.ask(2, request_id="monday-1")] == [1, 2]
    campaign.tell(first, value=0.5)
    assert [row.number for row in campaign.ask(2, request_id="monday-1")] == [2]
    campaign.tell(second, value=0.6)
    assert campaign.ask(2, request_id="monday-1") == []
    assert len(campaign.frame) == 2
    assert [row.number for row in campaign.ask(1, request_id="tuesday-1")] == [3]


def test_what_was_reported_just_before_a_request_is_none_of_its_proposals():
    campaign = searched(budget=9)
    campaign.ask(3)
    with campaign._place.open() as resources:  # as a server stores them, for the next driver
        store_release(resources.store, script_user(), campaign.name, [2])
        store_report(resources.store, script_user(), campaign.name, report_from({1: 0.5}))
        store_report(resources.store, script_user(), campaign.name, report_from([{"number": 3, "value": 0.6}]))
    first = [row.number for row in campaign.ask(2, request_id="monday-1")]
    assert first == [4, 5]
    assert [row.number for row in campaign.ask(2, request_id="monday-1")] == first


def test_a_request_that_asks_for_something_else_needs_an_id_of_its_own():
    campaign = searched(budget=9)
    (row,) = campaign.ask(1, request_id="monday-1")
    for count, values_only in ((2, False), (1, True)):
        with pytest.raises(StoreError, match=r"request 'monday-1' of campaign .* asked for something else; expected a new id"):
            campaign.ask(count, values_only=values_only, request_id="monday-1")
    campaign.tell(row, value=0.5, request_id="monday-2")
    with pytest.raises(StoreError, match=r"command monday-2 of campaign .* is another one: tell"):
        campaign.ask(1, request_id="monday-2")
    assert [item.number for item in campaign.ask(request_id="monday-1")] == []
    assert len(campaign.frame) == 1


def test_no_value_of_a_report_gets_lost_without_a_word():
    campaign = searched(budget=9)
    campaign.ask(2)
    with pytest.raises(ReportError, match="value: nan for proposal 1; expected a number"):
        campaign.tell({1: float("nan"), 2: 1.0})
    with pytest.raises(ReportError, match="two columns are named 'value'"):
        campaign.tell(pd.DataFrame([[2, 1.0, 2.0]], columns=["number", "value", "value"]))
    assert campaign.tell({1: 0.5, 2: {"status": "failed", "note": "cracked"}}).new == {"values": 1, "failures": 1}


def test_what_people_measure_has_no_unit_unless_they_say_one():
    assert searched(objective=ts.minimize("loss")).spec.objective.unit == "1"
    assert ts.minimize("energy_per_atom").data["unit"] == "eV/atom"
    assert ts.maximize("yield", unit="%").data["unit"] == "%"


def test_a_frame_is_a_table_and_its_known_values_run(tmp_path, monkeypatch):
    campaign = table(value="y")
    assert campaign.run() == "evaluations"
    assert campaign.best == {"x": 0.5}
    assert (campaign.best.id, campaign.best.value) == ("c", 1.0)
    with pytest.raises(ConfigurationError, match="its values are not reported, the table holds them"):
        campaign.ask()
    assert campaign.plot(tmp_path / "found.png").stat().st_size > 1000
    assert "<svg" in campaign.plot(tmp_path / "found.svg").read_text()
    with pytest.raises(ConfigurationError, match=r"plot: .* does not end in \.png or \.svg"):
        campaign.plot(tmp_path / "found.pdf")
    # The line that the dashboard copies below a picture.
    (line,) = re.findall(r'"(\S*plot\(\S+\))"', (STATIC / "figures.js").read_text().replace("\\", ""))
    monkeypatch.chdir(tmp_path)
    assert all(path.exists() for path in eval(f"campaign.{line}"))
    assert list(campaign.results["best_candidate"]) == ["c"]


def test_a_frame_without_values_asks_for_them():
    assert {row.id for row in table().ask(2)} < set(TABLE["alloy"])


def test_values_of_a_table_that_are_known_cost_nothing_and_the_rest_is_measured(tmp_path):
    TABLE.assign(y=[5.0, None, 1.0, None, None]).to_csv(tmp_path / "so-far.csv", index=False)
    space = ts.Table(TABLE.drop(columns="y"), columns={"id": "alloy"}, features={"all": {"columns": ["x"]}})
    known = {"file": str(tmp_path / "so-far.csv"), "candidate": "alloy", "value": "y"}
    campaign = searched(space=space, budget=2, known=known)
    asked = []
    while not campaign.done:
        for row in campaign.ask():
            asked.append(row.id)
            campaign.tell(row, value=3.0)
    assert len(asked) == 2
    assert set(asked) < {"b", "d", "e"}
    assert (campaign.best.id, campaign.best.value) == ("c", 1.0)
    assert set(campaign.frame["candidate"]) == {"a", "c", *asked}
    with pytest.raises(ConfigurationError, match=r"known\.level: given; it names the level of theory"):
        searched(space=space, known=known | {"level": "manual"})


def test_structures_go_in_and_come_out_and_are_computed():
    structures = [bulk("Cu", "fcc", a=a, cubic=True) for a in (3.5, 3.6, 3.7)]
    campaign = searched(
        space=ts.Structures(structures, duplicates="ignore"),
        objective=ts.minimize(unit="eV/atom"),
        budget=3,
        calculator="emt",
        proposer="random",
        execution={"polish": 0},
    )
    assert campaign.run() in ("evaluations", "exhausted")
    found = campaign.structure(campaign.best)
    assert np.allclose(found.cell.lengths(), 3.6)
    assert len(campaign.view().best_structures()) == 1


def test_relative_paths_start_at_the_current_folder_also_beside_a_frame(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TABLE.to_csv("own.csv", index=False)
    space = ts.Table("own.csv", columns={"id": "alloy", "value": "y"}, features={"all": {"columns": ["x"]}})
    assert searched(space=space).spec.space.candidates == "own.csv"
    lookup = pd.DataFrame({"alloy": TABLE["alloy"], "z": TABLE["x"] ** 2})
    features = {"of": {"lookup": lookup, "key": "alloy", "columns": ["z"]}}
    beside = searched(space=ts.Table("own.csv", columns={"id": "alloy", "value": "y"}, features=features))
    assert beside.spec.space.candidates == str(tmp_path / "own.csv")
    assert beside.run() == "exhausted"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"budget": -1}, "budget.evaluations: -1 must be greater than or equal to 1"),
        ({"budget": float("nan")}, "budget.evaluations: nan must be a finite number"),
        ({"budget": "many"}, "budget.evaluations: 'many' must be a valid integer"),
        ({"budget": ts.Execution()}, "budget: it is a part for the key execution"),
        ({"budget": True}, r"budget: True must be a mapping of keys$"),
        ({"space": {"type": "parameters", "parameters": {}}}, r"space.parameters: \{\} must have at least 1 item; it has 0$"),
        ({"sead": 3}, r"sead: unknown key \(did you mean 'seed'\?\)"),
        ({"spce": ts.Parameters(x=(0, 1))}, r"spce: unknown key \(did you mean 'space'\?\); known are acquisition, budget"),
        (
            {"acquisitions": 3, "stores": 4},
            r"(?s)acquisitions: .*did you mean 'acquisition'.*\n  stores: .*did you mean 'store'",
        ),
        ({"space": None}, "space: missing"),
        ({"calculator": "emt"}, "calculator"),
        ({"calculator": "emtt"}, "type 'emtt' is not known.*did you mean 'emt'"),
        ({"space": {"type": "parameter"}}, "space: type 'parameter' is not known"),
        ({"proposer": len}, "of type builtin_function_or_method, which a campaign file cannot hold"),
        ({"name": "A b"}, "name"),
        ({"execution": {"in_flight": object()}}, r"execution\.in_flight: <object .* is of type object"),
    ],
)
def test_wrong_arguments_are_told_as_in_a_file(keys, message):
    with pytest.raises(ConfigurationError, match=message) as told:
        searched(**keys)
    assert "line 1" not in str(told.value)


COLUMNS_OF_REPORTS = ["number", "candidate", "value", "deviation", "status", "note", "unit", "cost"]


@pytest.mark.parametrize("name", [*COLUMNS_OF_REPORTS, "Value", "UNIT", "prediction", "uncertainty", "nearest", "Loss"])
@pytest.mark.parametrize("described", ["parameters", "candidates"])
def test_what_describes_candidates_is_not_named_as_a_column_of_a_report(described, name):
    """A report could not say any more what was measured: the value would be stored from the parameter."""
    table = ts.Table(TABLE.rename(columns={"x": name}), columns={"id": "alloy"}, features={"all": {"columns": [name]}})
    space = ts.Parameters({name: (0, 1), "z": (0, 1)}) if described == "parameters" else table
    with pytest.raises(ConfigurationError) as told:
        searched(space=space, objective=ts.minimize("loss", unit="eV"))
    assert str(told.value) == (
        f"space.{described}: {name!r} describes candidates, but a column of this name means something else in a report of "
        "values; expected another name"
    )


@pytest.mark.parametrize("name", ["id", "round", "std", "reason", "instead", "system", "state"])
def test_other_names_are_of_the_campaign_in_tables_frames_and_reports(name):
    campaign = searched(space=ts.Parameters({name: (0, 1), "z": (0, 1)}))
    (row,) = campaign.ask(1)
    with campaign._place.open() as resources:
        heading, cells = (line.split(",") for line in waiting_proposals(resources.store, campaign.name).to_csv().splitlines())
    filled = dict(zip(heading, cells, strict=True)) | {"value [eV]": "2.5"}
    assert campaign.tell([filled]).new == {"values": 1}
    frame = campaign.frame
    assert frame[f"cells.{name}" if f"cells.{name}" in frame else name].tolist() == [row[name]]
    assert frame["value"].tolist() == [2.5]


def test_a_campaign_without_a_space_says_so():
    for given, message in (({}, "^space: missing$"), ({"spce": ts.Parameters(x=(0, 1))}, r"^spce: unknown key .*'space'")):
        with pytest.raises(InvalidSpecError, match=message):
            ts.Campaign(store=None, **given)


def test_a_campaign_of_before_keeps_its_names(monkeypatch, tmp_path):
    """Names that are refused now do not end a campaign that has them, and the check says so."""
    monkeypatch.setattr(create.workflow, "check_reported", lambda *_: None)
    campaign = searched(space=ts.Parameters(unit=(0, 1), z=(0, 1)))
    monkeypatch.undo()
    loaded = campaign_from_data(parse_yaml(campaign.yaml, "c.yaml").data, Path.cwd(), "c.yaml", LimitsSpec())
    with campaign._place.open() as resources:
        assert create.prepare_campaign(resources, script_user(), loaded).name == campaign.name
    assert len(campaign.ask(1)) == 1
    file = tmp_path / "c.yaml"
    file.write_text(campaign.yaml)
    said = preview_campaign(file, campaign._place.open).describe()
    assert "note        campaign is stored and continues with this spec; a new campaign would be refused: space.para" in said
    for database in (None, ts.Campaign(ts.Parameters(z=(0, 1)), name="other", store=None)._place.open):
        with pytest.raises(ConfigurationError, match="'unit' describes candidates, but a column of this name"):
            preview_campaign(file, database)


@pytest.mark.parametrize("name", ["mean", "along", "acquisition"])
def test_a_parameter_named_as_a_prediction_stands_beside_it(name):
    campaign = told(searched(space=ts.Parameters({name: (0, 1), "x": (0, 1)})))
    best, place = campaign.best, f"cells.{name}"
    for frame in (campaign.predict(best), campaign.acquisition(best)):
        assert frame[place].tolist() == [best[name]]
    slices = campaign.slices()
    assert set(slices["along"]) == {name, "x"}
    assert slices.loc[slices["along"] == "x", place].eq(best[name]).all()
    drawn = parameter_model(campaign.view().data)
    assert next(item for item in drawn.slices if item.along == name).at == tuple(slices.loc[slices["along"] == name, place])


def test_what_holds_itself_is_refused_by_its_key():
    values: list[object] = [1]
    values.append(values)
    message = r"^budget\.evaluations\[1\]: \[1, \[1, \[\.\.\.\]\]\], it holds itself; expected plain data of at most 32 levels$"
    for make in (lambda: ts.Budget(evaluations=values), lambda: searched().edit({"budget.evaluations": values})):
        with pytest.raises(ConfigurationError, match=message):
            make()


def test_a_store_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match=r"store: 'memory'; expected 'database', or None for the memory"):
        ts.Campaign(ts.Parameters(x=(0, 1)), store="memory")


def test_a_number_of_numpy_is_a_budget():
    assert searched(budget=np.int64(4)).spec.budget.evaluations == 4


def test_several_problems_come_together():
    with pytest.raises(InvalidSpecError) as told:
        searched(seed=-1, notes=3)
    assert [problem.key for problem in told.value.problems] == ["seed", "notes"]


def test_a_campaign_that_is_not_there_is_named(mongo_server):
    with pytest.raises(NotFoundError, match="no campaign 'nowhere'"):
        ts.Campaign.open("nowhere")


NO_POTENTIAL = "al-110-tilt-38"
"""Example whose potential its user brings."""

EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
CAMPAIGNS = [
    path
    for path in EXAMPLES
    if "\nspace:" in path.read_text()
    and "\nbudget:" in path.read_text()
    and "plugins" not in path.parts
    and path.stem != NO_POTENTIAL
]


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: path.stem)
def test_every_example_is_the_same_campaign_as_constructors_and_as_text(path, monkeypatch, require):
    if "type: lammps" in path.read_text():
        require("lammps")
    monkeypatch.chdir(path.parent)
    data = load_yaml(path)
    spec = load_campaign(path).spec
    made = {key: built(key, value) for key, value in data.items() if key != "schema_version"}
    plain = {key: value.data if hasattr(value, "data") else value for key, value in made.items()}
    found = campaign_from_data({"schema_version": 1, "name": path.stem} | plain, path.parent, "Python").spec
    assert spec_hash(found) == spec_hash(spec)
    text = write_yaml(written_spec(spec))
    again = campaign_from_data(parse_yaml(text, "again.yaml").data, path.parent, "again").spec
    assert spec_hash(again) == spec_hash(spec)


def load_yaml(path: Path) -> dict:
    return parse_yaml(path.read_text(encoding="utf-8"), path.name).data


def built(key: str, value: object) -> object:
    """A part by its constructor, found by the type that the file names; other keys as they are."""
    if not isinstance(value, dict):
        return value
    keys = {name: item for name, item in value.items() if name != "type"}
    for name, made in made_by().items():
        kind = made.spec.model_fields.get("type")
        if made.key == key and (kind is None or kind.default == value.get("type")):
            return constructor(name)(**keys)
    raise AssertionError(f"no constructor makes {key}: {value}")


def test_the_best_keeps_the_limits():
    campaign = ts.Campaign(
        ts.Parameters(x=(0, 1)),
        ts.maximize("yield", unit="%", goal={"type": "best_overall"}, limits=[{"property": "impurity", "at_most": "5 %"}]),
        6,
        store=None,
    )
    first, second = campaign.ask(2)
    campaign.tell(first, value=90.0, impurity=9.0)
    assert campaign.best is None
    campaign.tell(second, value=40.0, impurity=1.0)
    assert (campaign.best.id, campaign.best.value) == (second.id, 40.0)


def test_measured_quantities_are_reported_without_a_value_and_whole_numbers_stay_whole():
    desired = [{"property": name, "worthless": "0 1", "ideal": "1 1"} for name in ("hardness", "gloss")]
    layers = {"type": "integer", "low": 1, "high": 9}
    campaign = searched(space=ts.Parameters(layers=layers), objective=ts.maximize(unit="1", desirability=desired))
    (row,) = campaign.ask(1)
    assert isinstance(row["layers"], int)
    with pytest.raises(ConfigurationError, match="no column 'gloss'"):
        campaign.tell(row, hardness=0.25)
    with pytest.raises(ConfigurationError, match=r"value: None for .*; expected a number"):
        campaign.tell(row, note="left out")
    with pytest.raises(ConfigurationError, match="no value"):
        campaign.tell(row, deviation=0.1)
    campaign.tell(row, hardness=0.25, gloss=1.0)
    assert campaign.best.value == pytest.approx(0.5)


def test_a_campaign_is_done_after_its_last_value():
    campaign = searched(budget=3, proposer="random")
    rows = campaign.ask(3)
    for row, done in zip(rows, (False, False, True), strict=True):
        campaign.tell(row, value=row["x"])
        assert campaign.done is done
    assert "FINISHED" in repr(campaign)


def test_any_point_is_predicted_with_its_deviation():
    campaign = searched(space=ts.Parameters(x=(0, 1), y=(0, 1), where=["in", "out"]), budget=8)
    with pytest.raises(ConfigurationError, match="predict: there is no model, or no value yet"):
        campaign.predict({"x": 0.5, "y": 0.5, "where": "in"})
    while not campaign.done:
        for row in campaign.ask(4):
            campaign.tell(row, value=2.0 * row["x"])
    best = campaign.best
    assert campaign.importance().sum() == pytest.approx(1.0)

    found = campaign.predict([{"x": 0.111, "y": 0.9, "where": "out"}, best, {**best}])
    assert list(found.columns) == ["x", "y", "where", "mean", "deviation"]
    assert list(found["where"]) == ["out", best["where"], best["where"]]
    assert found["mean"].iloc[1] == pytest.approx(best.value, abs=2.0 * found["deviation"].iloc[1])
    assert found["deviation"].iloc[1] < 0.3
    assert found["mean"].iloc[2] == pytest.approx(found["mean"].iloc[1], abs=1e-6)
    assert (found["deviation"] > 0.0).all()
    every = campaign.predict()
    assert every.loc[best.id, "mean"] == pytest.approx(found["mean"].iloc[1], abs=1e-9)
    pd.testing.assert_frame_equal(campaign.predict(found[["x", "y", "where"]].head(1)), found.head(1))
    pd.testing.assert_frame_equal(campaign.predict(found[["x", "y", "where"]].iloc[0]), found.head(1))
    for points in (3, [3], [None], b"a", np.zeros((2, 2)), object()):
        with pytest.raises(ConfigurationError, match=r"points: .*; expected a mapping, a structure, or the id of a candidate"):
            campaign.acquisition(points)
    with pytest.raises(ConfigurationError, match=r"plot: '/nowhere/a.png' cannot be written: No such file"):
        campaign.plot("/nowhere/a.png")
    with pytest.raises(ConfigurationError, match="changes: 3; expected a mapping of keys"):
        campaign.edit(3)
    with pytest.raises(ConfigurationError, match=r"predict: point 1: .*roof"):
        campaign.predict({"x": 0.5, "y": 0.5, "where": "roof"})
    for cell in ([1], {}, None, True, "half", float("inf"), 1j):
        with pytest.raises(ConfigurationError, match=rf"^predict: point 1: x: {re.escape(repr(cell))}; expected a number$"):
            campaign.predict({"x": cell, "y": 0.5, "where": "in"})
    with pytest.raises(ConfigurationError, match=r"^predict: point 1: x: 1000.*; expected a number$"):
        campaign.predict({"x": 10**400, "y": 0.5, "where": "in"})


def of_one_temperature(proposer=None) -> ts.Campaign:
    """Eight values at the same temperature."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"id": [f"c{i}" for i in range(20)], "x": rng.random(20).round(3), "mass": 1e3 * rng.random(20)})
    rows = rows.assign(temp=300, stirred=rows["x"] > 0.5)
    features = {"x": {"columns": ["x", "mass"]}, "temp": {"columns": ["temp"]}}
    features["stirred"] = {"columns": ["stirred"], "categories": "one_hot"}
    space = ts.Table(rows, columns={"id": "id"}, features=features)
    campaign = searched(space=space, budget=12, proposer=proposer)
    while len(campaign.evaluations) < 8:
        (row,) = campaign.ask(1)
        campaign.tell(row, value=(row["x"] - 0.3) ** 2)
    return campaign


def test_a_prediction_does_not_depend_on_the_points_beside_it():
    campaign = of_one_temperature()
    asked = {"x": 0.5, "mass": 200.0, "temp": 300, "stirred": True}
    alone = campaign.predict(asked)
    far = {"x": 70.0, "mass": 9e5, "temp": 300, "stirred": "true"}
    pd.testing.assert_frame_equal(campaign.predict([asked, far]).head(1), alone, rtol=1e-9)
    warm = campaign.predict(asked | {"temp": 310})
    assert warm["deviation"].item() > alone["deviation"].item(), "no value says what the temperature does"
    for cell in ("maybe", None, 2):
        with pytest.raises(
            ConfigurationError, match=r"^predict: point 1: stirred: '\w+' is not a known category; expected one of "
        ):
            campaign.predict(asked | {"stirred": cell})


def test_a_point_is_told_from_a_candidate_of_its_name():
    rows = pd.DataFrame({"id": [f"point {i}" for i in range(1, 13)], "x": np.linspace(0.0, 1.0, 12)})
    campaign = searched(space=ts.Table(rows, columns={"id": "id"}, features={"x": {"columns": ["x"]}}), budget=12)
    for row in campaign.ask(6):
        campaign.tell(row, value=row["x"])
    own, asked = campaign.predict(["point 1", {"x": 0.95}])["mean"]
    assert own < asked
    assert campaign.predict({"x": 0.0})["mean"].item() == pytest.approx(own)


@pytest.mark.parametrize("proposer", [None, {"type": "gp", "engine": 1}, {"type": "gp", "preset": "published"}])
def test_a_value_at_another_temperature_ends_no_search_whose_candidates_have_one_temperature(proposer):
    campaign = of_one_temperature(proposer)
    campaign.tell([{"x": 0.3, "mass": 100.0, "temp": 310, "stirred": False, "value": 0.5}])
    for _ in range(2):
        (row,) = campaign.ask(1)
        assert row["temp"] == 300
        campaign.tell(row, value=(row["x"] - 0.3) ** 2)
    assert len(campaign.evaluations) == 11
    assert campaign.predict()["deviation"].gt(0.0).all()


def test_structures_of_ase_and_pymatgen_are_points_like_candidates(require):
    require("pymatgen")
    from pymatgen.io.ase import AseAtomsAdaptor

    crystals = [bulk("Cu", a=edge, cubic=True) for edge in (3.4, 3.5, 3.6, 3.7, 3.8)]
    features = {"density": {"type": "density"}}
    keys = {"objective": ts.minimize("energy_per_atom", unit="eV/atom"), "calculator": "manual"}
    campaign = searched(space=ts.Structures(crystals, features=features), budget=5, **keys)
    for row in campaign.ask(5):
        campaign.tell(row, value=float(row.id[-1]))
    given = campaign.predict("structures-000003")
    for points in (crystals[2], [crystals[2]], AseAtomsAdaptor.get_structure(crystals[2])):
        found = campaign.predict(points)
        assert found.index.tolist() == ["point 1"]
        assert found.to_numpy() == pytest.approx(given.to_numpy(), abs=1e-9)
    between, known = campaign.predict([bulk("Cu", a=3.65, cubic=True), "structures-000003"])["mean"]
    assert known < between < campaign.predict("structures-000004")["mean"].item()
    assert len(campaign.acquisition([crystals[0], bulk("Cu", a=3.45)])) == 2
    for points, message in (
        (bulk("Ag"), "predict: point 1: it belongs to the system 'Ag', of which nothing is searched"),
        ([crystals[0], {"x": 1.0}], "predict: point 2: expected a structure or the id of a candidate"),
        (Atoms("Cu", positions=[[np.nan] * 3]), "points: Atoms.* is no structure: Input should be a finite number"),
        (Atoms("Cu"), "point 1: its cell has less than 0.5 Å³ for an atom"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            campaign.predict(points)
    with pytest.raises(ConfigurationError, match="candidates of a parameters space are not given by their structures"):
        searched().predict(crystals[0])


def test_a_request_that_was_killed_between_two_of_four_returns_the_same_four(monkeypatch):
    undisturbed = [row.id for row in searched().ask(4)]
    campaign = searched()
    with campaign._place.open() as resources:
        insert, left = resources.store.insert_proposal, iter([True, True])

        def insert_two(*given):
            if not next(left, False):
                raise KeyboardInterrupt
            return insert(*given)

        monkeypatch.setattr(resources.store, "insert_proposal", insert_two)
        with pytest.raises(KeyboardInterrupt):
            campaign.ask(4, request_id="monday-1")
        assert len(campaign.evaluations) == 2
        monkeypatch.undo()
        for _ in range(2):
            assert [row.id for row in campaign.ask(4, request_id="monday-1")] == undisturbed
        commands = resources.store.campaign(campaign.name).commands
        assert [item.id for item in commands] == ["monday-1"]


def test_a_name_that_is_none_is_compared_with_those_that_are():
    for name, meant in (
        ("maximise", "maximize"),
        ("Parameter", "Parameters"),
        ("optimise", "optimize"),
        ("Campaigns", "Campaign"),
    ):
        with pytest.raises(AttributeError, match=rf"^module 'tansaku' has no attribute '{name}'; did you mean '{meant}'\?$"):
            getattr(ts, name)
    with pytest.raises(AttributeError, match=r"^module 'tansaku' has no attribute '_zzz'$"):
        ts._zzz  # noqa: B018


def test_threads_of_a_script_have_turns():
    campaign = searched(budget=8)
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: [row.number for row in campaign.ask(4)], range(4)))
        assert asked == [[1, 2, 3, 4]] * 4
        told = list(pool.map(lambda row: campaign.tell(row, value=row["x"]), campaign.ask(4)))
    assert all(receipt.applied for receipt in told)
    assert campaign.frame["value"].notna().all()


@contextmanager
def driven_elsewhere(campaign: ts.Campaign) -> Iterator[None]:
    """Another process has the campaign for half a second, and reads no command before it ends."""
    with campaign._place.open() as resources:
        parent = process_identity(os.getppid())
        owner = LeaseOwner(host=parent["host"], pid=parent["pid"], process_started=parent["started"], user="ada")
        lease = resources.store.acquire_lease("campaign", owner, 30.0)
        release = threading.Timer(0.5, resources.store.release_lease, [lease])
        release.start()
        yield
        release.join()


def test_while_another_process_has_the_campaign_asking_waits_for_its_turn():
    campaign = searched()
    with driven_elsewhere(campaign):
        assert [row.number for row in campaign.ask(2)] == [1, 2]


def test_what_is_told_while_another_process_is_about_to_end_counts_at_once():
    campaign = searched()
    first, second, _ = campaign.ask(3)
    with driven_elsewhere(campaign):
        assert campaign.tell(first, value=1.0).applied
    assert (campaign.best.value, campaign.status.done) == (1.0, 1)
    with driven_elsewhere(campaign):
        campaign.release(second)
    assert [row.number for row in campaign.ask(1)] == [3]


def test_a_receipt_says_where_another_process_keeps_the_campaign(monkeypatch):
    monkeypatch.setattr(ask_tell, "PATIENCE", 0.0)
    campaign = searched()
    (row,) = campaign.ask(1)
    with driven_elsewhere(campaign):
        assert not campaign.tell(row, value=1.0).applied
        assert campaign.best is None
    campaign.ask(1)
    assert campaign.best.value == 1.0


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy])
def test_a_campaign_in_memory_is_not_for_another_process(copied):
    with pytest.raises(TypeError, match="campaign 'campaign' is in the memory of this process; one in the database can be"):
        copied(searched())


def test_lists_of_numbers_and_parameters_with_names_of_keys_are_refused_with_the_way_out():
    with pytest.raises(ConfigurationError, match=r"space\.parameters\.a: \[1, 2\], a list of numbers; expected names"):
        ts.Parameters(a=[1, 2])
    with pytest.raises(ConfigurationError, match=r"space\.seed: \(0, 1\); it is a key .*Parameters\(\{'seed': …\}\)"):
        ts.Parameters(seed=(0, 1))
    assert list(searched(space=ts.Parameters({"seed": (0, 1)})).spec.space.parameters) == ["seed"]


def test_an_empty_name_is_none_and_a_masked_value_neither():
    with pytest.raises(InvalidSpecError, match=r"^name: ''"):
        searched(name="")
    campaign = searched()
    (row,) = campaign.ask(1)
    with pytest.raises(ConfigurationError, match="value: -- for p"):
        campaign.tell(row, value=np.ma.masked)


def test_a_point_has_no_key_that_is_no_parameter_but_may_be_a_row_of_a_frame():
    campaign = told(searched())
    with pytest.raises(ConfigurationError, match=r"^predict: point 1: zz: no parameter has this name; known are x$"):
        campaign.predict({"x": 0.5, "zz": 1})
    with pytest.raises(ConfigurationError, match="disordered; expected one element on each site"):
        campaign.predict(Structure(Lattice.cubic(3.0), [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]]))
    again = campaign.predict(campaign.predict({"x": 0.5}))
    assert again["mean"].item() == campaign.predict({"x": 0.5})["mean"].item()
    assert len(campaign.predict(campaign.frame)) == 6


def test_values_that_stand_for_no_file_are_refused_with_what_does():
    one = bulk("Cu")
    for make, message in (
        (lambda: ts.Structures(one), r"space\.paths: it is one structure; expected a list of them"),
        (lambda: ts.Structures(item for item in [one]), r"space\.paths: <generator .*; expected a list, such as list\(…\)"),
        (
            lambda: ts.Table({"a": [1]}),
            r"space\.candidates: \{'a': \[1\]\}; expected the path of a table, or a pandas\.DataFrame",
        ),
        (
            lambda: ts.Known(file=np.eye(2), value="y"),
            r"known\.file: array.*; expected the path of a table, or a pandas\.DataFr",
        ),
        (
            lambda: ts.Structures([Structure(Lattice.cubic(3.0), [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]])]),
            r"Fe0\.5 Co0\.5: the structure is disordered; expected one element on each of its sites",
        ),
    ):
        with pytest.raises(ConfigurationError, match=message):
            make()
    assert "pandas.DataFrame" in ts.Table.__doc__
    assert "pandas.DataFrame" in ts.Known.__doc__
    assert "ase.Atoms" in ts.Structures.__doc__


def complex_scores(_pool, _observations, posterior, _rng):
    return posterior.deviation * 1j


def test_complex_scores_are_no_numbers():
    campaign = searched(acquisition=complex_scores, proposer={"type": "gp", "initial_points": 2})
    for row in campaign.ask(2):
        campaign.tell(row, value=row["x"])
    with pytest.raises(ConfigurationError, match=r"complex_scores returned a ndarray; expected an array of numbers"):
        campaign.ask(1)
