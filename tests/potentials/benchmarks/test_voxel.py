"""Parts of an oxide's energy from its field and from its points: the benchmark runs, and its data are what they say."""

import json

import numpy as np
import pytest

from benchmarks.command import begun
from benchmarks.voxel.comparison import compare, divided, summary
from benchmarks.voxel.data import FILE, GRID, HERE, TARGETS, half_amplitudes, read, write
from benchmarks.voxel.features import Oxides
from tansaku.models.domain.errors import FitError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.tasks.node.jobs.spool_files import read_json, write_json

METHODS = {
    "soap",
    "coulomb_matrix",
    "r3dvs",
    "r3dvs_free_atoms",
    "soap_then_r3dvs",
    "soap_then_coulomb_matrix",
    "soap_tuned",
    "soap_tuned_then_r3dvs",
    "soap_tuned_then_coulomb_matrix",
    "power_spectrum",
    "points_and_field",
}


@pytest.fixture(scope="module")
def rows():
    return read()[0]


@pytest.fixture(scope="module")
def oxides():
    rows, told = read()
    return Oxides(rows, told["valence_electrons"])


def test_quick_run_writes_result_and_figure(benchmark_result, require):
    for component in ("dscribe", "torch", "pymatgen"):
        require(component)
    result = benchmark_result("voxel", "--quick", figure=20_000, timeout=900)
    assert set(result["mae"]) == set(TARGETS)
    for target, by_method in result["mae"].items():
        assert set(by_method) == METHODS, target
        assert all(np.isfinite(value) for by_size in by_method.values() for value in by_size.values())
    hartree = {name: min(by_size.values()) for name, by_size in result["mae"]["hartree_energy"].items()}
    assert hartree["power_spectrum"] < 0.2 * min(hartree["soap"], hartree["coulomb_matrix"])
    assert result["data"]["sha256"] == file_sha256(FILE)
    for name, count in result["divisions"].items():
        each = result["errors"][name]["152"]
        assert len(each) == count == (1 if "r3dvs" in name else 2)
        assert np.mean(each, axis=0) == pytest.approx([result["mae"][target][name]["152"] for target in TARGETS])
        errors = [result["standard_error"][target][name]["152"] for target in TARGETS]
        assert (None in errors) == (count == 1)
        assert min(result["wall_seconds"][name], result["cpu_seconds"][name]) > 0
    apart = np.subtract(result["errors"]["r3dvs"]["152"][0], result["errors"]["soap"]["152"][0])
    for target, difference in zip(TARGETS, apart, strict=True):
        assert result["paired"][target]["r3dvs"]["152"] == {
            "mean": pytest.approx(difference),
            "standard_error": None,
            "divisions": 1,
        }
    assert [len(result["unseen"]["152"]), "devices" in result] == [2, False]
    assert 0 < result["descriptor"]["seconds"]["10"] < result["descriptor"]["seconds"]["38"]


def test_the_result_that_ships_is_of_these_oxides_and_points_with_field_are_ahead():
    result = json.loads((HERE / "result.json").read_text())
    assert not result["quick"]
    assert result["data"]["sha256"] == file_sha256(FILE)
    assert set(result["mae"]) == set(TARGETS)
    for target, by_method in result["mae"].items():
        assert set(by_method) <= METHODS, target
        full = {name: by_size["609"] for name, by_size in by_method.items()}
        assert all(0 < value < np.inf for value in full.values())
        assert full["points_and_field"] < min(full["soap"], full["r3dvs"]), target


def mean(division, values):
    """A method that takes no time: the mean of the training oxides."""
    return np.tile(values.mean(axis=0), (len(division.test), 1))


def test_a_comparison_that_was_stopped_goes_on_and_computes_nothing_twice(oxides, tmp_path):
    same = {"data": "these", "settings": [1]}

    def go_on(path, lives, **wanted):
        calls = []

        def counted(division, values):
            calls.append(division.seed)
            if len(calls) > lives:
                raise FitError("stopped")
            return mean(division, values)

        result = begun(path, same, errors={}, wall_seconds={}, cpu_seconds={})
        compare(result, oxides, {"soap": mean, "r3dvs": counted}, wanted, (0.5, 1.0), lambda so_far: write_json(path, so_far))
        return calls

    whole, path = tmp_path / "whole.json", tmp_path / "result.json"
    assert go_on(whole, 99, soap=4, r3dvs=3) == [0, 0, 1, 1, 2, 2]
    with pytest.raises(FitError, match="stopped"):
        go_on(path, 3, soap=4, r3dvs=3)
    stopped = read_json(path)
    assert stopped["divisions"] == {"soap": 2, "r3dvs": 1}
    assert go_on(path, 99, soap=4, r3dvs=2) == [1, 1]
    assert go_on(path, 99, soap=4, r3dvs=3) == [2, 2]
    first, second = read_json(whole), read_json(path)
    for key in ("errors", "mae", "standard_error", "paired", "unseen", "divisions"):
        assert first[key] == second[key], key
    assert second["cpu_seconds"]["soap"] > stopped["cpu_seconds"]["soap"]
    for other in ({"data": "others", "settings": [1]}, {"data": "these", "settings": [2]}):
        with pytest.raises(SystemExit, match="give another --out"):
            begun(path, other)


def test_divisions_are_compared_one_by_one():
    targets = len(TARGETS)
    errors = {"soap": {"609": [[2.0] * targets, [6.0] * targets, [4.0] * targets]}, "r3dvs": {"609": [[3.0] * targets]}}
    errors["soap_tuned"] = {"609": [[1.0] * targets, [3.0] * targets]}
    found = summary(errors)
    assert found["divisions"] == {"soap": 3, "r3dvs": 1, "soap_tuned": 2}
    assert found["mae"]["band_gap"] == {"soap": {"609": 4.0}, "r3dvs": {"609": 3.0}, "soap_tuned": {"609": 2.0}}
    assert found["standard_error"]["band_gap"]["soap"]["609"] == pytest.approx(2.0 / np.sqrt(3.0))
    assert found["standard_error"]["band_gap"]["r3dvs"]["609"] is None
    assert found["paired"]["band_gap"] == {
        "r3dvs": {"609": {"mean": 1.0, "standard_error": None, "divisions": 1}},
        "soap_tuned": {"609": {"mean": -2.0, "standard_error": pytest.approx(1.0), "divisions": 2}},
    }


def test_oxides_with_an_element_that_nobody_taught_are_counted_and_get_the_mean_from_networks(oxides, require):
    require("torch")
    from benchmarks.voxel.__main__ import QUICK_NETWORK
    from benchmarks.voxel.comparison import divisions
    from benchmarks.voxel.methods import network

    division = divisions(oxides, 1, (0.01,))["8"]
    symbols = [set(row.structure.get_chemical_symbols()) for row in oxides.rows]
    known = set().union(*(symbols[place] for place in division.training))
    expected = [not symbols[place] <= known for place in division.test]
    assert division.unseen.tolist() == expected
    assert 0 < sum(expected) < len(expected)
    said = network(QUICK_NETWORK)(division, division.values)
    at_mean = (said == division.values.mean(axis=0)).all(axis=1)
    assert at_mean.tolist() == expected
    ours = {"errors": {}, "wall_seconds": {}, "cpu_seconds": {}}
    compare(ours, oxides, {"soap": mean}, {"soap": 2}, (0.01,), lambda _: None)
    assert ours["unseen"]["8"][1] == sum(expected)


def test_the_file_is_small_and_its_oxides_are_whole(rows):
    assert FILE.stat().st_size < 10e6
    assert len(rows) >= 680
    assert len({row.id for row in rows}) == len(rows)
    assert len({row.prototype for row in rows}) == 46
    for row in rows:
        volume = row.structure.get_volume()
        assert float(row.half[0].real) * volume == pytest.approx(row.electrons, rel=1e-4)
        assert {"O"} < set(row.structure.get_chemical_symbols())
        total = row.targets["eigenvalue_energy"] - row.targets["hartree_energy"]
        total += row.targets["delta_xc_energy"] + row.targets["ion_ion_energy"]
        assert total < -row.targets["cohesive_energy"] < 0.0


def test_the_hartree_energy_is_linear_in_the_squared_descriptor(rows):
    shells = Oxides(rows, {}).shells.sum(axis=1)
    computed = np.array([row.targets["hartree_energy"] / len(row.structure) for row in rows])
    # What lies outside the sphere is missing, a percent at most.
    assert ((shells < computed) & (shells > 0.97 * computed)).all()


def test_a_field_comes_back_from_its_peaks(rows):
    row = rows[0]
    (found,) = Oxides([row], {}).examples
    field, cell = np.asarray(found.fields["density"]), row.structure.cell.array
    assert (np.linalg.norm(cell, axis=1) / field.shape <= GRID.resolution).all()
    np.testing.assert_allclose(half_amplitudes(field, cell), row.half, atol=1e-6)


def test_the_same_oxides_make_the_same_file(rows, tmp_path):
    told = read()[1]
    write(rows[::-1], told, tmp_path / "again.npz")
    assert file_sha256(tmp_path / "again.npz") == file_sha256(FILE)


def test_a_composition_stays_on_one_side(rows):
    formulas = [row.formula for row in rows]
    training, test = divided(formulas, 3)
    assert sorted([*training, *test]) == list(range(len(rows)))
    assert not {formulas[place] for place in training} & {formulas[place] for place in test}
    assert len(test) >= 80 / 680 * len(rows) - 1
    assert divided(formulas, 4)[1].tolist() != test.tolist()
