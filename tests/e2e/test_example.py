"""A small campaign of real boundaries through the real command: interrupted, killed, finished, shown, drawn and moved."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tansaku.deploy.cli.exits import ExitCode
from tansaku.flows.server import PrivatePrefect
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.connection import connect
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.ground.settings import Settings
from tests.support.warm_workers import WarmProcess, WarmWorkers

CAMPAIGN = """\
schema_version: 1
name: al-small
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Al, lattice_parameter: 4.05}
  axis: [1, 1, 0]
  boundaries: {planes: [[1, 1, 3], [1, 1, 2], [1, 1, 1]]}
  translation: {normal: {stop: 0.4, step: 0.2}, in_plane: {step: 0.5}, along_axis: {step: 0.5}}
  spacing: 12.0
calculator:
  type: lammps
  potential: NiAlH_jea.eam.alloy
  relaxation: {cell: normal, translation: held, fmax: 0.01}
objective: {unit: mJ/m2}
proposer: {type: gp, preset: default}
budget: {evaluations: 40}
execution: {in_flight: 2, polish: 1}
"""
PATIENCE = 600.0  # s; only to end a test that hangs


class Installation:
    """A home of its own with its own database, used through the command alone."""

    def __init__(self, home: Path, logs: Path, warm_workers: WarmWorkers) -> None:
        self.environment = {**os.environ, "TANSAKU_HOME": str(home)}
        self.logs = logs
        self._warm_workers = warm_workers

    def start(self, *arguments: str | Path) -> WarmProcess:
        self.out, self.err = (self.logs / f"{time.monotonic_ns()}.{kind}" for kind in ("out", "err"))
        with self.out.open("wb") as out, self.err.open("wb") as err:
            return self._warm_workers.command(arguments, out, err, self.environment)

    def run(self, *arguments: str | Path) -> tuple[int, str]:
        code = self.start(*arguments).wait(PATIENCE)
        return code, self.out.read_text(encoding="utf-8")

    def json(self, *arguments: str | Path) -> list[dict]:
        code, out = self.run(*arguments, "--json")
        assert code == ExitCode.OK, self.err.read_text(encoding="utf-8")
        return json.loads(out)

    def start_until(self, finished: int, name: str, *arguments: str | Path) -> WarmProcess:
        """Starts a driver and comes back when so many evaluations have finished while it still runs.

        Looks into the database itself: a command would take longer than the rest of the campaign.
        """
        database = connect(Settings(home=Path(self.environment["TANSAKU_HOME"])), SiteSpec())
        store = MongoCampaignStore(database)
        driver = self.start(*arguments)
        log, deadline = self.err, time.monotonic() + PATIENCE
        try:
            while time.monotonic() < deadline:
                assert driver.poll() is None, log.read_text(encoding="utf-8")
                if len(store.evaluations(name, states=[EvaluationState.DONE])) >= finished:
                    return driver
                time.sleep(0.02)
        finally:
            database.client.close()
        raise AssertionError(f"fewer than {finished} evaluations after {PATIENCE} s: {log.read_text(encoding='utf-8')}")


@pytest.fixture
def installation(tmp_path: Path, require, prefect_database, warm_workers) -> Iterator[Installation]:
    for component in ("lammps", "mongod", "prefect"):
        require(component)
    home = Path(os.environ["TANSAKU_HOME"]) / "e2e"  # short enough for a unix socket
    prefect_database.put(PrivatePrefect.of(home).folder)
    here = Installation(home, tmp_path, warm_workers)
    yield here
    assert here.run("stop") == (ExitCode.OK, "Prefect server: stopped\ndatabase: stopped\n")


@pytest.fixture
def undisturbed(tmp_path: Path, require, warm_workers) -> Iterator[Installation]:
    home = Path(os.environ["TANSAKU_HOME"]) / "e2u"
    home.mkdir(exist_ok=True)
    here = Installation(home, tmp_path, warm_workers)
    yield here
    here.run("db", "stop")


def test_a_campaign_survives_interruption_and_kill(installation, undisturbed, tmp_path):
    file = tmp_path / "al-small.yaml"
    file.write_text(CAMPAIGN, encoding="utf-8")

    driver = installation.start_until(6, "al-small", "run", file)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(PATIENCE) == ExitCode.INTERRUPTED

    driver = installation.start_until(14, "al-small", "run", file)
    driver.kill()
    driver.wait(PATIENCE)
    before = [row for row in installation.json("results", "al-small", "--evaluations") if row["state"] == "DONE"]
    assert 14 <= len(before) < 40

    code, out = installation.run("run", file)
    assert (code, out) == (ExitCode.OK, ""), installation.err.read_text(encoding="utf-8")
    rows = installation.json("results", "al-small", "--evaluations")
    assert [row["round"] for row in rows] == list(range(1, 41))
    assert len({row["candidate"] for row in rows}) == 40
    assert {row["state"] for row in rows} == {"DONE"}
    after = {row["candidate"]: row for row in rows}
    assert all(after[row["candidate"]] == row for row in before)

    assert undisturbed.run("run", file, "--plain")[0] == ExitCode.OK
    reference = undisturbed.json("results", "al-small", "--evaluations")
    assert [(row["candidate"], row["value"]) for row in reference] == [(row["candidate"], row["value"]) for row in rows]

    _results_are_sane(installation)
    _figures_are_drawn(installation, tmp_path)
    _the_campaign_moves(installation, tmp_path, rows)


def _results_are_sane(installation: Installation) -> None:
    systems = {tuple(row["plane"]): row for row in installation.json("results", "al-small")}
    twin, cusp, incoherent = systems[1, 1, 1], systems[1, 1, 3], systems[1, 1, 2]
    assert twin["sigma"] == 3
    assert twin["angle"] == pytest.approx(109.47, abs=0.01)
    assert twin["unit"] == "mJ/m2"
    assert 60 <= twin["E_gb_polished"] <= 80
    assert twin["E_gb"] < cusp["E_gb"] < incoherent["E_gb"]
    assert sum(row["evaluations"] for row in systems.values()) == 40
    assert all(0 < row["share"] < 1 for row in systems.values())
    for row in systems.values():
        [polished] = row["polished"]
        assert polished["candidate"] == row["best_candidate"]
        thin, *thicker = polished["properties"]["grain_thicknesses"]
        assert 1000.0 * thin["energy"] <= row["E_gb"] + 1e-6
        assert [1000.0 * grains["energy"] for grains in thicker] == pytest.approx([polished["E_gb"]])
        assert abs(polished["properties"]["thickness_change"]) < 2e-3
        assert len(polished["properties"]["boundary_energies"]) == 2


def _figures_are_drawn(installation: Installation, folder: Path) -> None:
    code, out = installation.run("plot", "al-small", "--out", folder / "figures")
    assert code == ExitCode.OK
    drawn = {Path(line).name for line in out.split()}
    kinds = ("best-value-over-evaluations", "convergence", "acquisition", "energy-angle", "parity", "calibration", "importance")
    kinds += ("structures", "structures-coordination")
    assert drawn == {f"al-small-{kind}.png" for kind in kinds}
    assert installation.run("export", "al-small", "--structures", folder / "cif", "--format", "cif")[0] == ExitCode.OK
    assert len(list((folder / "cif").glob("*.cif"))) == 3


def _the_campaign_moves(installation: Installation, folder: Path, rows: list[dict]) -> None:
    parquet, site = folder / "al-small.parquet", folder / "site.yaml"
    site.write_text("schema_version: 1\ndatabase: {name: moved}\n", encoding="utf-8")
    assert installation.run("export", "al-small", "--observations", parquet)[0] == ExitCode.OK
    assert installation.run("import", "--observations", parquet, "--site", site)[0] == ExitCode.OK
    assert installation.run("edit", "al-small", "budget.evaluations=44", "--site", site)[0] == ExitCode.OK
    assert installation.run("resume", "al-small", "--plain", "--site", site)[0] == ExitCode.OK
    moved = installation.json("results", "al-small", "--evaluations", "--site", site)
    assert moved[:40] == rows
    assert {row["state"] for row in moved[40:]} == {"DONE"}
    assert len(moved) == 44


def test_the_notebook_sees_what_the_command_stored(tmp_path, mongo_server, require, monkeypatch):
    require("lammps")
    import tansaku
    from tansaku.deploy.cli import main as cli

    file = tmp_path / "al-notebook.yaml"
    text = CAMPAIGN.replace("al-small", "al-notebook").replace("evaluations: 40", "evaluations: 4")
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["tansaku", "run", str(file), "--plain"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    view = tansaku.open("al-notebook")
    frame = view.to_dataframe()
    assert frame["value"].notna().all()
    assert len(frame) == 4
    assert len(view.to_dataframe("all")) == 4 + len(view.to_dataframe("polish"))
    systems = view.systems().set_index("system")
    for best in view.best_structures():
        row = systems.loc[best.row["system"]]
        assert best.value == min(row["E_gb"], row["E_gb_polished"])
        assert best.atoms.info["sigma"] == row["sigma"]
        assert best.atoms.get_potential_energies().shape == (len(best.atoms),)
    assert view.refresh().name == view.name == "al-notebook"
    assert "FINISHED" in view.status().describe()
