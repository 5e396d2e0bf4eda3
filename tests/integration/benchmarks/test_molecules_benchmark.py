"""The comparison of engines on known molecules: its stored result, and its quick form on a table that is made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RESULT = Path(__file__).parents[3] / "benchmarks" / "molecules" / "result.json"

pytestmark = pytest.mark.needs("rdkit")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Chains of carbon that end in one of two groups; the longer, the larger; a molecule is there as two stereoisomers."""
    ends = (("O", 0.0), ("C#N", 0.4))
    rows = [f"{'C' * carbons}{end},{carbons + offset}" for carbons in range(1, 16) for end, offset in ends]
    rows += ["C[C@H](O)CC,4.0", "C[C@@H](O)CC,5.0"]
    (tmp_path / "levels").mkdir()
    (tmp_path / "levels" / "freesolv.csv").write_text("\n".join(["smiles,HF", *rows]) + "\n")
    return tmp_path


def test_stereoisomers_are_one_molecule_with_their_mean(data):
    from benchmarks.molecules.__main__ import known

    pool, values = known(data / "levels", "freesolv")
    assert len(pool) == len(values) == 31
    assert dict(zip(pool.ids.tolist(), values.tolist(), strict=True))["CCC(C)O"] == pytest.approx(4.5)


def test_the_quick_form_compares_the_engines_and_an_ended_run_is_not_repeated(data, run_benchmark):
    from benchmarks.molecules.__main__ import DIRECTIONS, EVALUATIONS, METHODS

    out = data / "result.json"
    command = ("molecules", "--quick", "--data", data, "--out", out)
    assert (done := run_benchmark(*command)).returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert len(found["runs"]) == len(DIRECTIONS) * len(METHODS) * 2
    for run in found["runs"]:
        assert len(run["gaps"]) == EVALUATIONS
        assert run["gaps"] == sorted(run["gaps"], reverse=True)
    rows = {(row["problem"], row["method"]): row["score"] for row in found["summary"]}
    own = [run["score"] for run in found["runs"] if (run["direction"], run["method"]) == ("maximize", "engine-4")]
    assert rows["freesolv maximize", "engine-4"]["mean"] == pytest.approx(sum(own) / 2)
    assert rows["all", "engine-4"]["mean"] < 0.9
    assert "freesolv maximize" in done.stdout
    assert run_benchmark(*command).returncode == 0
    assert json.loads(out.read_text()) == found


def test_the_engines_for_few_evaluations_are_ahead_of_random_choice_and_engine_4_of_all():
    from benchmarks.molecules.__main__ import METHODS, SEEDS, TABLES, summary

    stored = json.loads(RESULT.read_text(encoding="utf-8"))
    assert stored["data"].keys() == set(TABLES)
    assert json.loads(json.dumps(summary(stored["runs"]))) == stored["summary"]
    rows = {row["method"]: row for row in stored["summary"] if row["problem"] == "all"}
    assert {row["seeds"] for row in rows.values()} == {SEEDS}
    assert max(row["score"]["mean"] for row in stored["summary"]) < 1.0
    assert rows.keys() == METHODS.keys()
    for method in ("engine-1", "engine-5"):
        behind = rows[method]["less_engine_4"]
        assert behind["mean"] > 2.0 * behind["error"]
