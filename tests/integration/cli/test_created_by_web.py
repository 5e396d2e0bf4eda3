"""A campaign that was created from the dashboard runs with the command, and its values are those of a campaign file."""

from __future__ import annotations

import json
from pathlib import Path

from tansaku.deploy.campaign_templates import campaign_templates
from tests.support.campaign_files import rows_campaign

TABLE = "id,value,cost,x\na,1.0,2.0,0.0\nb,2.0,2.0,0.5\nc,0.5,2.0,1.0\n"
SPEC = rows_campaign("rows-of-web", 3)


def results(tansaku, name: str) -> dict:
    ended = tansaku("results", name, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_a_template_becomes_a_campaign_that_runs(browser, tansaku):
    text = campaign_templates()["cu-crystals"].read_text()
    edited = browser.post("/api/v1/spec-edits", json={"spec": text, "changes": {"name": "of-web", "budget.evaluations": 3}})
    created = browser.post("/api/v1/campaigns", json={"spec": edited.json()["spec"]})
    assert created.status_code == 201, created.text
    ended = tansaku("resume", "of-web", "--plain")
    assert ended.code == 0, ended.err
    status = browser.get("/api/v1/campaigns/of-web").json()
    assert (status["evaluations"], status["failed"]) == (3, 0)
    assert browser.post("/api/v1/campaigns", json={"spec": edited.json()["spec"]}).status_code == 200


def test_an_uploaded_table_is_found_by_the_driver(browser, resources, tansaku, tmp_path):
    assert browser.post("/api/v1/files?name=rows.csv", content=TABLE).status_code in {200, 201}
    created = browser.post("/api/v1/campaigns", json={"spec": SPEC})
    assert created.status_code == 201, created.text
    # The driver is on another machine: it finds no copies.
    for copy in resources.files_folder.glob("*/rows.csv"):
        copy.unlink()
    ended = tansaku("resume", "rows-of-web", "--plain")
    assert ended.code == 0, ended.err
    record = resources.store.campaign("rows-of-web")
    assert Path(record.base_path) == resources.files_folder
    assert browser.get("/api/v1/campaigns/rows-of-web").json()["evaluations"] == 3
    # The same campaign from a file is known; the sweep keeps what it needs.
    (tmp_path / "rows.csv").write_text(TABLE)
    (tmp_path / "rows-of-web.yaml").write_text(SPEC)
    again = tansaku("run", tmp_path / "rows-of-web.yaml", "--plain")
    assert again.code == 0, again.err
    from tansaku.tasks.act.commands.delete import sweep_artifacts

    sweep_artifacts(resources, older_than=0.0)
    assert resources.artifacts.exists(record.files[0].sha256)
