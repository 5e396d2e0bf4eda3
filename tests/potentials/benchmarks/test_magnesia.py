"""The network potential on an oxide: the command runs on the data that ship, and whole scans judge."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_quick_run_learns_from_the_shipped_data(benchmark_result, require):
    require("torch")
    result = benchmark_result("potential.magnesia", "--quick", figure=10_000)
    assert result["training"]["structures"] == 60
    assert 0 < result["energy_rmse_mev_per_atom"] < 500
    assert set(result["held_out"]["by_kind"]) == {"lattice", "shear", "strain", "rattle"}
    assert result["known_scans"]["structures"] == 48
    assert result["known_scans"]["held_out"]["structures"] == 12
    # PBE's rock salt; measured 4.21 Å, which PBE overestimates.
    assert result["crystal"]["computed"]["lattice_parameter"] == pytest.approx(4.25, abs=0.03)


def test_committed_result_is_of_the_committed_data():
    from tansaku.models.domain.identifiers import file_sha256

    folder = ROOT / "benchmarks" / "potential"
    result = json.loads((folder / "magnesia.json").read_text())
    assert result["data"]["sha256"] == file_sha256(folder / result["data"]["file"])
    assert not result["quick"]
