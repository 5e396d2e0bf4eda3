"""Aluminium and magnesia by density-functional theory: the committed parts go on where they end; choosing a level."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.potential.data import aluminium, shipped
from tansaku.calculators.engines.gpaw import GpawCalculator
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.loop.datasets.building import load_dataset
from tansaku.tasks.node.configuration.campaign_files import spec_hash

pytestmark = pytest.mark.needs("gpaw")

ROOT = Path(__file__).resolve().parents[3]
HERE = ROOT / "benchmarks" / "potential"


def test_quick_run_tells_errors_of_every_setting(run_benchmark, tmp_path):
    out, figure = tmp_path / "result.json", tmp_path / "figure.png"
    command = ["potential.convergence", "--quick", "--out", str(out), "--figure", str(figure)]
    done = run_benchmark(*command, timeout=900)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    assert [one["setting"] for one in result["series"]] == ["cutoff", "kpoint_density", "width"]
    coarse, fine = result["series"][0]["largest"]
    assert coarse > 5 * fine > 0
    assert figure.stat().st_size > 10_000
    again = run_benchmark(*command, timeout=120)
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert json.loads(out.read_text()) == result


def test_the_level_of_theory_of_the_committed_data_is_the_one_that_was_examined():
    result = json.loads((HERE / "convergence.json").read_text())
    _, level = aluminium()
    assert result["level"] == content_hash(GpawCalculator(level).provenance.model_dump(mode="json"))
    assert not result["quick"]
    cutoff, kpoints, _ = result["series"]
    assert cutoff["largest_difference_to_fcc"][cutoff["values"].index(level.cutoff)] < 1.0
    place = kpoints["values"].index(level.kpoint_density)
    assert kpoints["largest"][place] < 2.0
    assert kpoints["largest"][place + 1] < 0.5


@pytest.mark.parametrize(("name", "wanted", "computed"), [("al", 1000, 1000), ("mgo", 250, 250)])
def test_the_committed_part_is_of_the_committed_file(name, wanted, computed):
    table = pq.read_table(HERE / f"{name}-gpaw.parquet")
    campaign = json.loads(table.schema.metadata[b"tansaku"])["campaign"]
    loaded = load_dataset(HERE / f"{name}.yaml")
    assert loaded.campaign.spec.budget.evaluations >= wanted
    assert spec_hash(CampaignSpec.model_validate(campaign["spec"])) == spec_hash(loaded.campaign.spec)
    # Whoever imports it has every structure that was computed.
    done = [row for row in table.to_pylist() if row["state"] == "DONE"]
    assert len(done) >= computed
    assert all(row["structure"] is not None for row in done)
    # What the benchmark learns is what was computed.
    learned = {one.id: float(one.properties["energy"]) for one in shipped(HERE / f"{name}.extxyz.gz")}
    assert learned.keys() == {row["candidate"] for row in done}
    for row in done:
        assert learned[row["candidate"]] == pytest.approx(
            json.loads(row["record"])["outcome"]["quantities"]["free_energy"]["value"]
        )
