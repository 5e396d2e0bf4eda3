"""The benchmark of relaxations runs as users run it, and compares like with like."""

import pytest


def test_quick_run_relaxes_to_the_same_energies_as_the_bare_script(require, benchmark_result):
    require("lammps")
    result = benchmark_result("relaxation", "--quick")
    for run in result["runs"]:
        assert run["energies_agree_ev"] < 1e-8
        assert run["ratio_to_bare_lammps"] == pytest.approx(run["ours_s"] / run["bare_s"])
    assert result["ratio_to_bare_lammps"] == max(run["ratio_to_bare_lammps"] for run in result["runs"])
