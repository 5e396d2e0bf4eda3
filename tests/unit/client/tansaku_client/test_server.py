"""Campaigns are asked, told and steered over a real port; requests that get lost change nothing twice."""

from __future__ import annotations

import asyncio
import functools
import http.server
import inspect
import os
import subprocess
import sys
import threading
import tomllib
import venv
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tansaku as ts
import tansaku_client as tc
from tansaku.models.domain.accounts import Role
from tansaku.models.engine.gp import GPProposer
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.hull import campaign_hull
from tansaku.tasks.read.views.points import importance, judged_points, predicted_points, slices
from tansaku.tasks.read.views.results import described_frame, systems_frame
from tansaku.tasks.read.views.status import campaign_status
from tansaku_client.candidates import Candidate
from tansaku_client.points import StructurePoint
from tansaku_client.verbs import CampaignVerbs
from tests.support.alloys import store_alloys
from tests.unit.client.conftest import SPEC, TABLE, Dashboard

ALONE = """
import asyncio, importlib.util, sys
import tansaku_client as ts

others = ("tansaku", "torch", "scipy", "ase", "pymongo", "prefect", "pytest", "pip")
found = [name for name in others if importlib.util.find_spec(name)]
assert not found, found
with ts.connect(sys.argv[1]) as server:
    campaign = server["rows"]
    rows = campaign.ask(4, request_id="alone-0001")
    assert campaign.ask(4, request_id="alone-0001") == rows
    campaign.tell({row.number: (row["x"] - 1.0) ** 2 for row in rows})
    assert campaign.ask(4, request_id="alone-0001") == []
    best, frame = campaign.best, campaign.frame

async def numbers():
    async with ts.connect_async(sys.argv[1]) as server:
        campaign = await server.campaign("rows")
        return [item.round for item in await campaign.evaluations() if item.value is not None]

print(len(rows), best.id, frame["value"].notna().sum(), asyncio.run(numbers()))
"""


def environment_of_the_client(folder: Path) -> Path:
    """Makes an environment with the client, what it depends on, and nothing else; returns its interpreter."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    client = Path(tc.__file__).resolve().parent
    (site / "tansaku_client").symlink_to(client)
    left, known = tomllib.loads((client.parent / "pyproject.toml").read_text())["project"]["dependencies"], set()
    while left:
        asked = Requirement(left.pop())
        name = canonicalize_name(asked.name)
        if name in known or not (asked.marker is None or asked.marker.evaluate({"extra": ""})):
            continue
        known.add(name)
        found = distribution(name)
        left += found.requires or ()
        for part in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (site / part).symlink_to(found.locate_file(part))
    return folder / "bin" / "python"


def values(rows):
    return {row.number: row["x"] ** 2 + (row["kind"] == "hard") for row in rows}


def test_a_campaign_is_made_asked_told_and_read(dashboard: Dashboard):
    with ts.connect(dashboard.address, token=dashboard.token()) as server:
        assert (server.user.name, server.user.role, server.campaigns) == ("operator", "operator", ())
        assert server.check(SPEC).state == "valid"
        campaign = server.create(SPEC)
        assert server.create(SPEC).name == campaign.name == server["rows"].name == server.campaigns[0].name
        rows = campaign.ask(3)
        assert [row.id for row in rows] == ["a", "b", "c"]
        assert dict(rows[1]) == {"x": 0.5, "kind": "hard"}
        assert [row.number for row in campaign.ask(3)] == [1, 2, 3]
        assert campaign.best is None
        assert campaign.tell(rows[0], value=1.5, deviation=0.25, note="by hand").new == {"values": 1}
        assert campaign.tell(rows[1], status="failed", note="cracked").new == {"failures": 1}
        assert campaign.tell(pd.DataFrame({"number": [3, 1], "value": [0.5, float("nan")]})).new == {"values": 1}
        best = campaign.best
        assert (best.id, best.number, best.value, best.unit, dict(best)) == ("c", 3, 0.5, "GPa", {"x": 1.0, "kind": "soft"})
        while rows := campaign.ask(2):
            campaign.tell(values(rows))
        assert campaign.done
        assert len(campaign.evaluations) == campaign.status.evaluations == 6
        assert campaign.yaml.startswith("schema_version: 1\nname: rows\n")
        stored = Campaign.load(dashboard.site.services.store, "rows").whole()
        pd.testing.assert_frame_equal(campaign.frame, described_frame(stored), check_dtype=False)
        pd.testing.assert_frame_equal(campaign.results, systems_frame(stored), check_dtype=False)
        assert repr(campaign) == "Campaign('rows': FINISHED, 6 evaluations)"


def test_a_batch_whose_driver_is_killed_between_two_of_four_gives_the_same_four(dashboard: Dashboard):
    campaign = dashboard.connect().create(SPEC)
    dashboard.killed_at, dashboard.lost = 3, 1
    first = campaign.ask(4, request_id="batch-0001")
    assert dashboard.killed_at is None
    assert [row.number for row in first] == [1, 2, 3, 4]
    with pytest.raises(
        tc.ConfigurationError, match=r"^request_id: 'batch'; expected 8 to 64 letters, digits and \._:-$"
    ) as said:
        campaign.ask(4, request_id="batch")
    assert said.value.key == "request_id"
    again = dashboard.connect()["rows"].ask(4, request_id="batch-0001")
    assert [(row.number, row.id) for row in again] == [(row.number, row.id) for row in first]
    assert len(dashboard.site.changes("campaign.ask")) == 1
    with pytest.raises(tc.StateError, match=r"request 'batch-0001' .* asked for something else; expected a new id"):
        campaign.ask(2, request_id="batch-0001")


@pytest.mark.parametrize("instead", [502, 500])
def test_a_report_whose_answer_gets_lost_is_stored_once(dashboard: Dashboard, instead):
    campaign = dashboard.connect().create(SPEC)
    (row, _) = campaign.ask(2)
    dashboard.lost, dashboard.instead = 2, instead  # a server that ends meanwhile answers 500
    assert campaign.tell(row, value=2.0).campaign == "rows"
    assert dashboard.lost == 0
    assert campaign.tell(row, value=2.0).known == (1,)
    assert len(dashboard.site.changes("campaign.tell")) == 1
    assert campaign.frame["value"].dropna().tolist() == [2.0]


def test_a_keyword_that_no_report_has_is_refused(dashboard: Dashboard):
    campaign = dashboard.connect().create(SPEC)
    row = campaign.ask(1)[0]
    with pytest.raises(
        tc.ConfigurationError, match=r"deviations: no column of this name is read \(did you mean 'deviation'\?\)"
    ):
        campaign.tell(row, value=1.0, deviations=0.1)
    with pytest.raises(tc.ConfigurationError, match=r"^value: 2\.0 beside a whole report"):
        campaign.tell({1: 1.0}, value=2.0)
    assert campaign.best is None
    assert campaign.tell(row, value=1.0, deviation=0.1, x=row["x"]).new == {"values": 1}


def test_a_file_is_kept_once_with_its_value(dashboard: Dashboard, tmp_path):
    campaign = dashboard.connect().create(SPEC)
    (row, other) = campaign.ask(2)
    campaign.tell(row, value=2.0)
    (tmp_path / "curve.txt").write_text("1 2 3")
    dashboard.lost = 1
    found = campaign.attach(row, tmp_path / "curve.txt")
    assert campaign.attach(row.number, tmp_path / "curve.txt") == found
    assert (found.candidate, found.name, found.media, found.size) == (row.id, "curve.txt", None, 5)
    assert len(dashboard.site.changes("campaign.attach")) == 1
    with pytest.raises(LookupError, match="no value of proposal 2"):
        campaign.attach(other, tmp_path / "curve.txt")
    (tmp_path / "fake.png").write_text("no picture")
    with pytest.raises(tc.ConfigurationError, match=r"fake\.png"):
        campaign.attach(row, tmp_path / "fake.png")


def test_commands_are_stored_and_errors_have_the_messages_of_the_server(dashboard: Dashboard):
    server = dashboard.connect()
    campaign = server.create(SPEC)
    campaign.ask(2)
    campaign.edit({"budget.evaluations": 5})
    assert "evaluations: 5" in campaign.yaml, "also before a driver applies it"
    campaign.pause()
    assert campaign.status.state == "PAUSED"
    assert len(campaign.ask(2)) == 2
    campaign.resume()
    campaign.release(*campaign.ask(2))
    kinds = [command.kind for command in dashboard.site.services.store.campaign("rows").commands]
    assert kinds[:4] == ["ask", "edit", "pause", "ask"]
    with pytest.raises(ValueError, match=r"value: None for .; expected a number"):
        campaign.tell(campaign.ask(1)[0])
    stored = campaign.frame
    for given, message in (
        (float("inf"), r"value: inf for .; expected a number"),
        (object(), r"cannot be sent: <object .* is of type object; expected plain data with finite numbers"),
    ):
        with pytest.raises(tc.ConfigurationError, match=message):
            campaign.tell(campaign.ask(1)[0], value=given)
    for given, message in (
        (None, "None; expected a row of `ask"),
        ([1.0], r"\[1\.0\]; expected a row of `ask"),
        ({"p1": 1.0}, "number: there is no proposal p1"),
        ({3: float("-inf")}, "cannot be sent: .*; expected plain data with finite numbers"),
    ):
        with pytest.raises(tc.ConfigurationError, match=message):
            campaign.tell(given)
    pd.testing.assert_frame_equal(campaign.frame, stored)
    with pytest.raises(tc.ConfigurationError, match="line 1: value: 'K'"):
        campaign.tell([{"number": 3, "value": "1 K"}])
    with pytest.raises(LookupError, match=r"no campaign is called 'other'|'other'"):
        server["other"]
    with pytest.raises(tc.SpecChangedError, match="rows"):
        server.create(SPEC.replace("unit: GPa", "unit: MPa"))
    with pytest.raises(tc.ConfigurationError) as wrong:
        server.create(SPEC.replace("type: grid", "type: nogrid"))
    assert wrong.value.problems[0]["key"].startswith("proposer")


def test_what_is_no_file_no_change_and_no_token_is_named(dashboard: Dashboard):
    server = dashboard.connect()
    campaign = server.create(SPEC)
    for verb, call in (
        ("spec", server.check),
        ("spec", server.create),
        ("upload", server.upload),
        ("plot", campaign.plot),
        ("attach", lambda path: campaign.attach(1, path)),
    ):
        with pytest.raises(tc.ConfigurationError, match=rf"^{verb}: 3; expected the path of a file$"):
            call(3)
    for changes in (None, 3, ["budget"]):
        with pytest.raises(
            tc.ConfigurationError, match=r"^changes: .*; expected a mapping of keys such as budget\.evaluations$"
        ):
            campaign.edit(changes)
    with pytest.raises(tc.ConfigurationError, match=r"^token: expected one of the dashboard"):
        tc.connect(dashboard.address, token=3)


def test_points_are_predicted_as_in_the_database_of_the_server(dashboard: Dashboard):
    campaign = dashboard.connect().create(SPEC.replace("type: grid", "type: gp, initial_points: 2"))
    with pytest.raises(ValueError, match="predict: there is no model, or no value yet"):
        campaign.predict("a")
    campaign.tell(values(campaign.ask(2)))
    campaign.ask(2)  # the model is fitted for these
    with pytest.raises(tc.ConfigurationError, match=r"predict: point 2: kind: must be given too"):
        campaign.predict([{"x": 0.75, "kind": "soft"}, {"x": 1e300}])
    with pytest.raises(LookupError, match="b2"):
        campaign.predict("b2")
    with pytest.raises(tc.ConfigurationError, match=r"'x' is 1e\+300; expected a finite number"):
        campaign.predict({"x": 1e300, "kind": "soft"})
    frame = campaign.predict(["a", {"x": 0.75, "kind": "soft"}])
    stored = Campaign.load(dashboard.site.services.store, "rows").whole()
    expected = predicted_points(stored, ["a", {"x": 0.75, "kind": "soft"}])
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)


def test_the_model_is_read_as_in_the_database_of_the_server(dashboard: Dashboard, tmp_path):
    campaign = dashboard.connect().create(SPEC.replace("type: grid", "type: gp, initial_points: 2"))
    for read in (campaign.slices, campaign.importance, campaign.acquisition, lambda: campaign.plot(tmp_path / "f.png")):
        with pytest.raises(tc.ConfigurationError, match=r"no value|no model|value yet"):
            read()
    campaign.tell(values(campaign.ask(2)))
    campaign.ask(2)
    stored = Campaign.load(dashboard.site.services.store, "rows").whole()
    points = ["f", {"x": 0.75, "kind": "soft"}]
    pairs = [
        (campaign.predict(), predicted_points(stored, None)),
        (campaign.acquisition(points), judged_points(stored, points)),
        (campaign.acquisition(), judged_points(stored, None)),
        (campaign.slices(), slices(stored)),
    ]
    for frame, expected in pairs:
        pd.testing.assert_frame_equal(frame, expected, check_dtype=False)
    pd.testing.assert_series_equal(campaign.importance(), importance(stored))
    assert campaign.plot(tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in campaign.plot(str(tmp_path / "f.svg")).read_text(encoding="utf-8")
    with pytest.raises(tc.ConfigurationError, match=r"ends in neither \.png nor \.svg"):
        campaign.plot("f.html")
    with pytest.raises(tc.ConfigurationError, match="cannot be written"):
        campaign.plot(tmp_path / "nowhere" / "f.png")


def test_the_numbers_of_a_figure_are_those_of_its_file(dashboard: Dashboard):
    server = dashboard.connect()
    campaign = server.create(SPEC)
    campaign.tell(values(campaign.ask(2)))
    found = server.numbers("/campaigns/rows/drawings/best-value-over-evaluations")
    np.testing.assert_allclose(found["value [GPa]"], [0.0, 1.25])
    # As of the button of a page, whose figure may have a query of its own.
    again = server.create(SPEC.replace("name: rows", "name: again"))
    again.tell(values(again.ask(1)))
    compared = server.numbers("/comparison/drawing?name=rows&name=again&axis=cost")
    assert list(compared["campaign"]) == ["rows", "rows", "again"]
    with pytest.raises(LookupError, match="has no figure 'nothing'"):
        server.numbers("/campaigns/rows/drawings/nothing")
    for path in ("campaigns", "//elsewhere/x", "https://elsewhere", 3):
        with pytest.raises(tc.ConfigurationError, match=r"^numbers: .*expected the path of a figure"):
            server.numbers(path)


def test_a_column_named_as_a_prediction_stands_beside_it(dashboard: Dashboard):
    content = TABLE.replace("id,x,kind", "id,mean,kind")
    dashboard.site.logged_in(Role.OPERATOR).upload("means.csv", content)
    spec = SPEC.replace("rows.csv", "means.csv").replace("[x]", "[mean]").replace("type: grid", "type: gp, initial_points: 2")
    campaign = dashboard.connect().create(spec)
    campaign.tell({row.number: row["mean"] ** 2 for row in campaign.ask(2)})
    campaign.ask(2)
    stored = Campaign.load(dashboard.site.services.store, "rows").whole()
    assert campaign.predict(["d"])["cells.mean"].tolist() == [1.5]
    pd.testing.assert_frame_equal(campaign.predict(), predicted_points(stored, None), check_dtype=False)
    pd.testing.assert_frame_equal(campaign.slices(), slices(stored), check_dtype=False)


def test_whole_numbers_stay_so(dashboard: Dashboard):
    campaign = dashboard.connect().create(
        "schema_version: 1\n"
        "name: whole\n"
        "space: {type: parameters, parameters: {n: {type: integer, low: 1, high: 5}}}\n"
        'objective: {property: y, unit: "1"}\n'
        "calculator: {type: manual}\n"
        "budget: {evaluations: 3}\n"
    )
    row = campaign.ask(1)[0]
    assert isinstance(row["n"], int)
    assert repr(row) == f"Proposed({row.id}: n={row['n']})"
    campaign.tell(row, value=0.25)
    assert repr(campaign.best) == f"Found({row.id}: n={row['n']}, value 0.25)"


def test_a_score_without_a_number_is_never_proposed(dashboard: Dashboard, monkeypatch):
    campaign = dashboard.connect().create(SPEC.replace("type: grid", "type: gp, initial_points: 2"))
    campaign.tell(values(campaign.ask(2)))

    def scores(_proposer, _pool, _history, places, _rng, _hyperparameters):
        return np.where(places == 1, -np.inf, 0.5)

    monkeypatch.setattr(GPProposer, "scores", scores)
    assert campaign.acquisition(["a", "b"])["acquisition"].tolist() == [0.5, -np.inf]


def test_all_candidates_of_a_large_space_are_not_sent(dashboard: Dashboard, monkeypatch):
    campaign = dashboard.connect().create(SPEC)
    monkeypatch.setattr("tansaku.deploy.web.api.points.MOST_CANDIDATES", 5)
    with pytest.raises(tc.ConfigurationError, match="points: there are 6 candidates; name up to 500 of them"):
        campaign.predict()


def test_the_phase_diagram_is_that_of_the_database_of_the_server(dashboard: Dashboard):
    store_alloys(dashboard.site.services.store)
    server = dashboard.connect()
    found, expected = server["cu-au"].hull(), campaign_hull(Campaign.load(dashboard.site.services.store, "cu-au"))
    pd.testing.assert_frame_equal(found.frame, expected.frame)
    assert (found.elements, found.stable, found.drawable) == (expected.elements, expected.stable, True)
    assert found.describe() == expected.describe() == "Au-Cu: stable are AuCu3, AuCu, Cu, Au"
    with pytest.raises(tc.ConfigurationError, match="no energy of a structure yet"):
        server.create(SPEC).hull()


def test_structures_come_as_from_the_database_of_the_server(dashboard: Dashboard):
    services = dashboard.site.services
    store_alloys(services.store)
    campaign, data = dashboard.connect()["cu-au"], Campaign.load(services.store, "cu-au").whole()
    number, candidate = data.columns.numbers[0].item(), data.columns.candidates[0]
    expected = data.space.structure(candidate)
    for found in (number, candidate, campaign.best if campaign.best.id == candidate else Candidate(candidate, {})):
        atoms = campaign.structure(found)
        assert atoms.get_chemical_symbols() == expected.get_chemical_symbols()
        assert np.allclose(atoms.positions, expected.positions)
        assert np.allclose(atoms.cell, expected.cell)
    assert "\ndata_" in campaign.structure(candidate, "cif")
    assert "Lattice=" in campaign.structure(candidate, "extxyz")
    with pytest.raises(tc.NotFoundError, match=r"no evaluation of .* left a structure"):
        campaign.structure(candidate, of="end")
    with pytest.raises(tc.NotFoundError, match="none such"):
        campaign.structure("none such")
    with pytest.raises(tc.ConfigurationError, match="structure: None; expected a candidate, its id, or a proposal's number"):
        campaign.structure(None)


def test_a_structure_without_ase_is_text(dashboard: Dashboard, monkeypatch):
    store_alloys(dashboard.site.services.store)
    campaign = dashboard.connect()["cu-au"]
    monkeypatch.setitem(sys.modules, "ase.io", None)
    with pytest.raises(tc.ConfigurationError, match="structure: ase is not installed; form='extxyz' or 'cif' gives the text"):
        campaign.structure("L10-AuCu")
    assert "Lattice=" in campaign.structure("L10-AuCu", "extxyz")


def test_the_status_is_said_as_on_the_machine_of_the_server(dashboard: Dashboard):
    campaign = dashboard.connect().create(SPEC)
    campaign.tell(values(campaign.ask(2)))
    campaign.ask(2)
    expected = campaign_status(dashboard.site.services.store, "rows").describe()
    assert campaign.status.describe() == str(campaign.status) == expected
    older = campaign.status.model_copy(update={"words": None})
    assert older.describe().startswith("rows: ")


def test_in_tansaku_its_errors_are_those_of_a_campaign_of_this_machine(dashboard: Dashboard):
    with ts.connect(dashboard.address, token=dashboard.token()) as server:
        campaign = server.create(SPEC)
        (row,) = campaign.ask(1)
        for wrong in (None, "much", float("inf")):
            with pytest.raises(ts.ConfigurationError, match="value"):
                campaign.tell(row, value=wrong)
        with pytest.raises(ts.NotFoundError, match="'other'"):
            server["other"]
        with pytest.raises(ts.SpecChangedError) as changed:
            server.create(SPEC.replace("unit: GPa", "unit: MPa"))
        assert "use another name" in changed.value.hint
        assert "\n  hint: use another name" in str(changed.value)
    with pytest.raises(ts.ConfigurationError, match="expected https://"):
        ts.connect("nowhere", token="tsk_known")

    async def asked():
        async with ts.connect_async(dashboard.address, token=dashboard.token()) as server:
            await server.campaign("other")

    with pytest.raises(ts.NotFoundError, match="'other'"):
        asyncio.run(asked())


def test_structures_are_predicted_as_in_the_database_of_the_server(dashboard: Dashboard):
    store_alloys(dashboard.site.services.store)
    campaign, data = dashboard.connect()["cu-au"], Campaign.load(dashboard.site.services.store, "cu-au").whole()
    names = ["L10-AuCu", "B2-AuCu"]
    found = campaign.predict([*(data.space.structure(name) for name in names), names[0]])
    expected = predicted_points(data, names)
    assert found.index.tolist() == ["point 1", "point 2", "L10-AuCu"]
    assert found.head(2).to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-6)
    with pytest.raises(tc.ConfigurationError, match="predict: point 1: 'Xx' is no element"):
        campaign.predict(StructurePoint(elements=["Xx"], positions=[(0, 0, 0)], cell=np.eye(3).tolist()))


def test_the_text_of_a_stored_campaign_is_checked_with_the_files_that_it_keeps(dashboard: Dashboard):
    server, services = dashboard.connect(), dashboard.site.services
    text = server.create(SPEC).yaml
    (named,) = services.store.campaign("rows").files
    assert f"candidates: {named.path}" in text
    renamed = text.replace("name: rows", "name: renamed")
    assert [server.check(item).state for item in (text, renamed)] == ["valid", "valid"]
    # As a script keeps them: in the database, but not in the library.
    assert services.library.remove_file(named.sha256)
    found = server.check(renamed + "notes: again\n")
    assert (found.state, found.files[0]["name"], found.files[0]["user"]) == ("valid", "rows.csv", "operator")
    assert server.create(renamed).ask(1)[0].id == "a"
    wrong = server.check(text.replace(named.sha256, "9" * 64))
    assert (wrong.state, wrong.problems[0]["key"]) == ("invalid", "space.candidates")


def test_a_token_allows_what_its_role_does(dashboard: Dashboard):
    dashboard.connect().create(SPEC)
    viewer = dashboard.connect(Role.VIEWER)["rows"]
    assert viewer.status.state == "NEW"
    for forbidden in (viewer.pause, viewer.ask, viewer.start, lambda: viewer.tell({1: 2.0}), lambda: viewer.edit({"seed": 1})):
        with pytest.raises(PermissionError, match="operator"):
            forbidden()
    assert dashboard.site.services.store.campaign("rows").commands == ()
    with pytest.raises(tc.NotAllowedError, match=r"^the token is not known here, or has ended$"):
        _ = tc.connect(dashboard.address, token="tsk_unknown").campaigns


@pytest.mark.parametrize(
    "address", ["", "example.org", "ftp://example.org", "https://h:port", "https://[h", "https://u:secret@h", "http://h.org", 3]
)
def test_an_address_that_is_none_is_refused_without_its_password(address):
    with pytest.raises(tc.ConfigurationError, match=r"server: .*expected https://") as refused:
        tc.connect(address, token="tsk_known")
    assert "secret" not in str(refused.value)


def test_a_server_that_is_no_dashboard_is_named(tmp_path):
    (tmp_path / "api" / "v1").mkdir(parents=True)
    (tmp_path / "api" / "v1" / "session").write_text("<html>Welcome</html>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        server = tc.connect(f"http://127.0.0.1:{other.server_port}", token="tsk_known", patience=0.1)
        with pytest.raises(tc.ConfigurationError, match=r"server: it answered '<html>Welcome</html>'; expected JSON"):
            _ = server.user
        other.shutdown()


def test_without_a_service_it_says_what_it_waits_for(dashboard: Dashboard):
    campaign = dashboard.connect().create(SPEC)
    dashboard.stop_service()
    with pytest.raises(tc.TransientError, match=r"rows: 0 of 2 proposals after 0.3 s; ask again: request_id='batch-0002'"):
        campaign.ask(2, request_id="batch-0002", timeout=0.3)


def test_without_a_service_it_says_so_after_a_few_seconds(dashboard: Dashboard, monkeypatch):
    monkeypatch.setattr("tansaku_client.verbs._UNSERVED", 0.3)
    campaign = dashboard.connect().create(SPEC)
    dashboard.stop_service()
    with pytest.raises(tc.TransientError, match=r"no service takes the request; `tansaku serve` .*: request_id='batch-0003'"):
        campaign.ask(2, request_id="batch-0003")
    campaign.start(request_id="start-0003")
    for wait in (campaign.wait, lambda: campaign.run(request_id="start-0003")):
        with pytest.raises(tc.TransientError, match="no service takes the request"):
            wait()
    with pytest.raises(tc.ConfigurationError, match="name: 3; expected the name of a campaign"):
        dashboard.connect()[3]


def test_the_service_of_a_server_that_was_started_again_has_time_to_start(dashboard: Dashboard, monkeypatch):
    campaign = dashboard.connect().create(SPEC)
    monkeypatch.setattr("tansaku_client.verbs._UNSERVED", 0.1)
    dashboard.stop_service()

    def start():
        dashboard.serves = True
        dashboard.carry_out()

    dashboard.lost = 1
    later = threading.Timer(2.0, start)
    later.start()
    assert [row.number for row in campaign.ask(2, request_id="batch-0003")] == [1, 2]
    later.join()


def test_a_service_that_is_killed_has_time_to_start_again(dashboard: Dashboard, monkeypatch):
    campaign = dashboard.connect().create(SPEC)
    monkeypatch.setattr("tansaku_client.verbs._UNSERVED", 0.1)

    def served(_):
        yield from ()
        return dashboard.serves

    monkeypatch.setattr("tansaku_client.verbs.CampaignVerbs._is_served", served)
    assert [row.number for row in campaign.ask(1, request_id="batch-0004")] == [1]
    dashboard.stop_service()

    def start():
        dashboard.serves = True
        dashboard.carry_out()

    later = threading.Timer(2.0, start)
    later.start()
    assert len(campaign.ask(2, request_id="batch-0005")) == 2
    later.join()


def test_what_was_started_is_waited_for(dashboard: Dashboard):
    campaign = dashboard.connect().create(SPEC)
    with pytest.raises(tc.StateError, match="'rows' was not started; `start\\(\\)` does it"):
        campaign.wait()
    dashboard.stop_service()
    campaign.start(request_id="start-0001")
    assert campaign.wait(0.2) is None
    with pytest.raises(tc.TransientError, match=r"rows: runs longer than 0.2 s; wait again: request_id='start-0001'"):
        campaign.run(request_id="start-0001", timeout=0.2)
    dashboard.carry_out()
    assert campaign.wait() == campaign.run(request_id="start-0001") == "waiting"
    assert len(campaign.evaluations) == 2


def test_it_needs_nothing_that_it_does_not_name(dashboard: Dashboard, tmp_path):
    dashboard.connect().create(SPEC)
    environment = {"TANSAKU_TOKEN": dashboard.token(), "PATH": os.environ["PATH"]}
    command = [environment_of_the_client(tmp_path / "alone"), "-I", "-c", ALONE, dashboard.address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "4 c 4 [1, 2, 3, 4]\n"), done.stderr


@pytest.mark.parametrize("campaign", [tc.Campaign, tc.AsyncCampaign])
def test_a_method_has_the_words_and_arguments_of_its_verb_and_returns_what_the_steps_do(campaign: type):
    signature = inspect.signature(campaign.predict)
    assert (campaign.predict.__name__, *signature.parameters) == ("predict", "self", "points")
    assert signature.return_annotation == "pd.DataFrame"
    assert "Predicts the value" in campaign.predict.__doc__


def test_coroutines_have_the_same_names(dashboard: Dashboard, tmp_path):
    async def search():
        async with tc.connect_async(dashboard.address, token=dashboard.token()) as server:
            campaign = await server.create(SPEC)
            while rows := await campaign.ask(3):
                await campaign.tell(values(rows))
            figure = await campaign.plot(tmp_path / "f.png")
            for read in (campaign.acquisition, campaign.slices, campaign.importance, campaign.hull):
                with pytest.raises(tc.ConfigurationError):
                    await read()
            return await campaign.best(), await campaign.frame(), figure

    best, frame, figure = asyncio.run(search())
    assert (best.id, len(frame), figure.stat().st_size > 5000) == ("a", 6, True)
    public = {name for name in dir(tc.Campaign) if name[0] != "_"}
    assert public <= {name for name in dir(tc.AsyncCampaign) if name[0] != "_"}
    assert public - {"verbs"} <= set(dir(ts.Campaign)), "names of another meaning than tansaku's"
    here = {"open", "spec", "view"}
    # Only a campaign of this machine can have these.
    assert {name for name in dir(ts.Campaign) if name[0] != "_"} - here <= public


def test_a_driver_that_is_about_to_end_is_no_reason_to_give_up_a_batch(dashboard: Dashboard, monkeypatch):
    """Between two of its drivers a campaign has none, and a request for one may still be refused."""
    campaign = dashboard.connect().create(SPEC)
    refused = []

    def start(self, request_id=None):
        if len(refused) < 2:
            refused.append(request_id)
            raise tc.StateError("another driver has it")
        return (yield from started(self, request_id))

    started = CampaignVerbs.start
    monkeypatch.setattr(CampaignVerbs, "start", start)
    dashboard.killed_at = 3
    assert [row.number for row in campaign.ask(4)] == [1, 2, 3, 4]
    assert len(refused) == 2


def test_errors_of_requests_name_their_key(dashboard: Dashboard):
    campaign = dashboard.connect().create(SPEC)
    with pytest.raises(tc.ConfigurationError, match=r"^values: Input should be a valid boolean"):
        campaign.ask(1, values_only="often")


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "4"])
def test_a_number_of_proposals_is_a_whole_one(dashboard: Dashboard, count):
    campaign = dashboard.connect().create(SPEC)
    with pytest.raises(tc.ConfigurationError, match=r"^count: .* proposals; expected a whole number of at least 1$"):
        campaign.ask(count)


def test_a_batch_that_an_ending_driver_left_to_the_next_is_waited_for(dashboard: Dashboard, monkeypatch):
    campaign = dashboard.connect().create(SPEC)
    left = []

    def drive(name):
        if len(left) < 2:
            left.append(name)
        else:
            driven(name)

    driven = dashboard._drive
    monkeypatch.setattr(dashboard, "_drive", drive)
    assert [row.number for row in campaign.ask(4)] == [1, 2, 3, 4]
