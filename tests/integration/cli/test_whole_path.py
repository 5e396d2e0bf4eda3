"""A campaign of a script, steered on the dashboard, run on by the command, killed, exported, and opened elsewhere."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

import tansaku as ts
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.states import CampaignState

SCRIPT = """
import time
from pathlib import Path

import tansaku as ts


def measure(temperature, x, solvent):
    with Path("LOG").open("a") as log:
        log.write(f"{temperature!r} {x!r} {solvent}\\n")
    time.sleep(0.5)
    return 80 - (temperature - 620) ** 2 / 2e3 - 90 * (x - 0.4) ** 2 - 5 * (solvent == "water")


campaign = ts.optimize(
    measure,
    space=ts.Parameters(temperature=(300, 900, "K"), x=(0, 1), solvent=["water", "ethanol"]),
    objective=ts.maximize("yield", unit="%"),
    budget=12,
    proposer="random",
)
"""


def until_measured(log: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Waits for so many measurements to have begun."""
    deadline = time.monotonic() + 120
    while not log.exists() or len(log.read_text().splitlines()) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_campaign_of_a_script_goes_all_the_way(tansaku, browser_of, mongo_server, tmp_path, monkeypatch):
    browser = browser_of(Role.ADMIN)  # only admins steer what was not created on the dashboard, and whom they share it with
    log, script = tmp_path / "log.txt", tmp_path / "oven-path.py"
    script.write_text(SCRIPT.replace("LOG", str(log)))

    def start(*command: str | Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(list(map(str, command)), cwd=tmp_path)

    def steer(kind: str) -> None:
        given = browser.post(
            "/api/v1/campaigns/oven-path/commands", json={"kind": kind}, headers={"Idempotency-Key": f"path-{kind}"}
        )
        assert given.status_code == 202, given.text

    running = start(sys.executable, script)
    until_measured(log, 2, running)
    steer("pause")
    assert running.wait(60) == 0
    machine = ts.connect()
    assert "oven-path" in [line.name for line in machine.campaigns]
    campaign = machine["oven-path"]
    assert campaign.status.state is CampaignState.PAUSED
    paused = campaign.frame

    steer("resume")
    (tmp_path / "oven-path.yaml").write_text(campaign.yaml)
    program = Path(sys.executable).with_name("tansaku")
    assert machine.create(tmp_path / "oven-path.yaml").status.evaluations == len(paused)
    running = start(program, "run", "oven-path.yaml", "--plain")
    until_measured(log, len(paused) + 3, running)
    running.kill()
    running.wait()
    ended = tansaku("run", tmp_path / "oven-path.yaml", "--plain")
    assert ended.code == 0, ended.err
    assert set(Counter(log.read_text().splitlines()).values()) == {1}

    whole = campaign.frame
    assert len(whole) == 12
    expected = 80 - (whole["temperature"] - 620) ** 2 / 2e3 - 90 * (whole["x"] - 0.4) ** 2 - 5 * (whole["solvent"] == "water")
    assert whole["value"].to_numpy() == pytest.approx(expected.to_numpy())
    pd.testing.assert_frame_equal(whole.loc[paused.index], paused)
    written = tansaku("export", "oven-path", "--observations", tmp_path / "path.parquet")
    assert written.code == 0, written.err
    best = campaign.best

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "site.yaml").write_text("schema_version: 1\ndatabase: {name: elsewhere}\n")
    monkeypatch.setenv("TANSAKU_MONGO_URI", mongo_server.start())
    monkeypatch.setenv("TANSAKU_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TANSAKU_SITE", str(tmp_path / "site.yaml"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    imported = tansaku("import", "--observations", tmp_path / "path.parquet")
    assert "imported 12 new of 12 evaluations" in imported.out, imported.err
    found = ts.Campaign.open("oven-path")
    assert found.done
    assert found.best == best
    assert found.best.value == best.value
    pd.testing.assert_frame_equal(found.frame, whole)
    assert found.yaml == campaign.yaml
