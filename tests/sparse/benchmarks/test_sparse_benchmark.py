"""The quick benchmark of the sparse search runs and has every part it names."""


def test_it_measures_every_part(tmp_path, require, benchmark_result):
    require("sklearn")
    result = benchmark_result("sparse", "--quick", "--figure", tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000
    assert result["exhaustive"]["supports"] == 15_276
    assert result["agreement"]["largest_relative_error"] < 0.2
    assert len(result["large"]["truth_posterior"]) == 4
    assert {"stepwise, size by BIC", "exhaustive, free_energy", "exhaustive, cv"} <= set(result["peers"])
