"""How soon sodium tavorites are found: the command on made-up values, on a part of a table, and on too small a part."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.composition.problem import from_table, made_up

ROOT = Path(__file__).parents[3]
CHOSEN = {"random", "li-hp", "li-gp", "li-gp-one-point", "auto"}


def _run(run_benchmark, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["composition", "--quick", "--out", str(folder / "result.json"), *arguments]
    return run_benchmark(*command, timeout=600)


def _table(path: Path, sodium: int, lithium: int) -> Path:
    """A part of a table as `tansaku export --observations` writes it: every tenth failed, one is still to be computed."""
    problem = made_up(3)
    rows = []
    for part, count in ((problem.sodium, sodium), (problem.lithium, lithium)):
        for i, (name, value) in enumerate(zip(part.pool.ids[:count], part.values, strict=False)):
            failed = i % 10 == 7
            rows.append((str(name), "FAILED" if failed else "DONE", None if failed else float(value)))
    rows.append((str(problem.sodium.pool.ids[-1]), "PROPOSED", None))
    candidate, state, value = zip(*rows, strict=True)
    columns = {"candidate": candidate, "state": state, "value": pa.array(value, pa.float64()), "unit": ["eV"] * len(rows)}
    pq.write_table(pa.table(columns), path)
    return path


def _checked_curves(result: dict, key: str) -> None:
    presets = {"obo", "abo", result["lithium"]["preset"]}
    expected = CHOSEN | {f"{kind}{preset}" for kind in ("", "li-hp-", "li-gp-", "limit-") for preset in presets}
    if key == "qualifying_share_as_many":
        expected -= {"auto"}
    assert result[key].keys() == result[f"{key}_band"].keys() == expected
    for method, curve in result[key].items():
        assert len(curve) == result["evaluations"]
        low, high = np.array(result[f"{key}_band"][method])
        assert (np.diff(curve) >= 0).all()
        assert (low <= np.array(curve) + 1e-9).all()
        assert (high >= np.array(curve) - 1e-9).all()


def test_quick_command_on_a_part_of_a_table(run_benchmark, require, tmp_path):
    require("pymatgen")
    table, figure = _table(tmp_path / "part.parquet", 60, 45), tmp_path / "found.png"
    done = _run(run_benchmark, tmp_path, "--table", str(table), "--figure", str(figure))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert {"cpu", "commit", "load", "versions"} <= set(result["provenance"])
    assert (result["rows"], result["of"], result["complete"]) == (60, 159, False)
    assert result["ions"] == {"Na": {"rows": 60, "of": 159, "failed": 6}, "Li": {"rows": 45, "of": 159, "failed": 4}}
    assert "a part: 60 of 159 sodium" in result["note"]
    assert "THIS IS a part" in done.stdout
    assert result["seeds"].keys() == result["p_best"].keys()
    for key in ("p_best", "qualifying_share", "qualifying_share_as_many"):
        _checked_curves(result, key)
    assert result["thresholds"]["qualifying_share_as_many"]["qualifying"] == round(60 * 17 / 159)
    assert result["p_best"]["random"] == pytest.approx(np.arange(1, 17) / 60)
    assert result["qualifying_share"]["li-gp-one-point"] != result["qualifying_share"]["li-gp"]
    assert result["p_best"]["li-gp"] == result["p_best"][f"li-gp-{result['lithium']['preset']}"]
    assert result["statement"]["methods"] == ["obo", "abo", "li-hp", "li-gp"]
    assert result["seconds"] > result["statement"]["seconds"] > 0
    assert figure.stat().st_size > 10_000


def test_too_few_rows_are_told(run_benchmark, require, tmp_path):
    require("pymatgen")
    table = _table(tmp_path / "part.parquet", 12, 45)
    done = _run(run_benchmark, tmp_path, "--table", str(table))
    assert done.returncode == 2
    assert "part.parquet: 12 of 159 Na compositions are finished, expected values of 20" in done.stderr


def test_a_whole_table_is_complete(require, tmp_path):
    require("pymatgen")
    problem = from_table(_table(tmp_path / "whole.parquet", 159, 159))
    assert problem.sodium.complete
    assert problem.lithium.complete
    assert np.isnan(problem.sodium.values).sum() == 16
    assert len(problem.source.values) == 143


def test_made_up_sodium_resembles_made_up_lithium(require):
    require("pymatgen")
    for seed in range(3):
        problem = made_up(seed)
        names = [[str(name).split("-", 1)[1] for name in one.pool.ids] for one in (problem.sodium, problem.lithium)]
        assert names[0] == names[1]
        assert 0.5 < np.corrcoef(problem.sodium.values, problem.lithium.values)[0, 1] < 0.95


def test_the_time_of_the_report_s_methods_alone(run_benchmark, require, tmp_path):
    require("pymatgen")
    done = _run(run_benchmark, tmp_path, "--made-up", "--time")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["cpu_seconds"].keys() == result["p_best"].keys() == {"obo", "abo", "li-hp", "li-gp"}
    assert result["statement"]["cpu_seconds"] == pytest.approx(sum(result["cpu_seconds"].values()), abs=0.1)
    assert "obo, abo, li-hp, li-gp: 3 searches each of 16 evaluations among 159 candidates" in done.stdout


def test_a_thousand_searches_of_four_methods_take_less_than_ten_minutes_of_two_processors():
    result = json.loads((ROOT / "benchmarks" / "composition" / "time.json").read_text())
    one = result["statement"]
    assert (one["seeds"], one["candidates"], one["evaluations"]) == (1000, 159, 80)
    assert one["methods"] == ["obo", "abo", "li-hp", "li-gp"]
    assert sum(result["cpu_seconds"].values()) / 2 < 600
    assert {"cpu", "load", "versions"} <= set(result["provenance"])
