"""Labels that a retrained first look spares: the benchmark runs, and the committed result says what the page says."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.first_look.campaign import EXAMPLE, Case, candidates, document
from benchmarks.local_energies.cases import DATA
from tansaku.models.domain.identifiers import file_sha256

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "benchmarks/first_look/result.json"


def test_quick_run_writes_result_and_figure(tmp_path, require):
    for package in ("chgnet", "sklearn"):
        require(package)
    out, figure = tmp_path / "result.json", tmp_path / "figure.png"
    command = [sys.executable, "-m", "benchmarks.first_look", "--quick", "--out", str(out), "--figure", str(figure)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    without, with_looks = result["runs"]
    assert (without["labels"], without["proposals"]) == (60, 60)
    assert with_looks["labels"] < 60
    assert with_looks["labels"] + len(with_looks["spared"]) == 60
    assert any(one["ok"] for one in with_looks["trainings"])
    assert figure.stat().st_size > 10_000
    assert {"cpu", "commit", "load", "versions"} <= set(result["provenance"])


def test_the_committed_result_is_of_the_shipped_data_and_campaign():
    result = json.loads(RESULT.read_text())
    assert result["data"]["sha256"] == file_sha256(DATA)
    assert result["campaign"]["sha256"] == file_sha256(EXAMPLE)
    without = next(one for one in result["runs"] if one["deviations"] is None)
    assert without["labels"] == without["proposals"] == 132
    for one in result["runs"]:
        assert one["ended"] == "evaluations"
        if one["deviations"] is not None:
            assert one["labels"] < without["labels"]
        if one["deviations"] == 3.0:
            assert one["systems_with_the_same_answer"] == one["systems"] == 22


def test_the_campaigns_differ_in_the_first_look_alone():
    plain, looking = (document(Case("1", deviations, systems=4)) for deviations in (None, 3.0))
    assert {key for key in looking if looking[key] != plain[key]} == {"retrain", "first_look"}
    assert candidates("1", 4) != candidates("2", 4)
    assert sorted(candidates("1", 4)) == sorted(candidates("cheapest", 4))
    assert len(candidates("0", None)) == 228
