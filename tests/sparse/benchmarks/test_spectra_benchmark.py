"""The quick benchmark of spectra runs, and the number of peaks is right in most of them."""


def test_it_measures_every_method(tmp_path, require, benchmark_result):
    require("sklearn")
    found = benchmark_result("spectra", "--quick", "--figure", tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000
    result = found["ours"]
    assert {shape: part["spectra"] for shape, part in found["shapes"].items()} == {"lorentzian": 5, "pseudo_voigt": 5}
    assert all(part["right"]["Laplace"] >= 0.6 for part in found["shapes"].values())
    assert result["spectra"] == 10
    assert set(result["right"]) == {"Laplace", "BIC", "LARS"}
    assert result["right"]["Laplace"] >= 0.8
    assert result["median_position_error"] < 0.1
