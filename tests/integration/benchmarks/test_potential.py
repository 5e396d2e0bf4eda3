"""A network potential against scans that it never saw: the benchmark runs, and what is held out stands for itself."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_quick_run_writes_result_and_figure(tmp_path, require):
    for component in ("torch", "lammps", "dscribe"):
        require(component)
    out, figure = tmp_path / "result.json", tmp_path / "figure.png"
    command = [sys.executable, "-m", "benchmarks.potential", "--quick", "--source", "embedded_atom"]
    done = subprocess.run(
        [*command, "--out", str(out), "--figure", str(figure)], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    assert 0 < result["energy_rmse_mev_per_atom"] < 300
    assert 0 < result["force_rmse_mev_per_angstrom"] < 1500
    assert result["seconds"] > 0
    assert set(result["trainers"]) == {"conjugate_gradient", "annealed", "lbfgs", "adam", "levenberg_marquardt"}
    assert set(result["held_out"]["by_kind"]) == {"lattice", "shear", "strain", "rattle", "vacancy"}
    assert result["crystal"]["computed"]["lattice_parameter"] == pytest.approx(4.05, abs=0.02)
    assert figure.stat().st_size > 20_000
    assert {"cpu", "commit", "load", "versions"} <= set(result["provenance"])


def test_whole_scans_are_held_out_and_learned_in_turn(require):
    require("lammps")
    from benchmarks.potential.data import in_turn, kind_of, sides

    both = sides("embedded_atom")
    groups = {one.group for one in both.training}
    held_out = {one.group for one in both.held_out}
    assert not groups & held_out
    assert {kind_of(group) for group in held_out} == {kind_of(group) for group in groups}
    few = both.first(2 * len(groups))
    assert set(Counter(one.group for one in few).values()) == {2}
    assert [one.id for one in both.first(3)] == [one.id for one in few[:3]]
    assert sorted(one.id for one in in_turn(both.held_out)) == sorted(one.id for one in both.held_out)


def test_a_package_s_network_learns_the_same_data(require):
    for component in ("lammps", "chgnet"):
        require(component)
    from benchmarks.potential.data import sides
    from benchmarks.potential.universal import chgnet

    both = sides("embedded_atom")
    found = chgnet(both.first(30), both.held_out[::40], 2)
    before, after = (found[name]["held_out"] for name in ("chgnet_as_it_is", "chgnet_trained_on"))
    # It was fitted to other energies, so training on must bring its forces nearer.
    assert after["force_rmse_mev_per_angstrom"] < before["force_rmse_mev_per_angstrom"]
    assert 0 < before["energy_rmse_mev_per_atom"] < 200
