"""A potential trained and exported by the commands that a user types, as one file and as files of LAMMPS and n2p2."""

from __future__ import annotations

import pytest

BISPECTRUM = "{type: bispectrum, cutoff: 4.0, degree: 2}"
SYMMETRY = "{type: symmetry_functions, cutoff: 4.0, radial: 4, angular: 1, zetas: [1]}"


@pytest.fixture
def trained(tansaku, copper, require):
    """``trained(environment)``: folder of a data set on which a potential was trained, barely."""
    for package in ("torch", "matscipy"):
        require(package)

    def train(environment: str):
        folder = copper("copper-emt", "small")
        surrogate = (
            f"surrogate:\n  type: potential\n  environment: {environment}\n  hidden: [3]\n  members: 2\n  validation: 0.3\n"
            "  trainer: {type: lbfgs, cycles: 1, iterations: 2}\n"
        )
        model = (folder / "model.yaml").read_text()
        (folder / "model.yaml").write_text(model.partition("surrogate:")[0] + surrogate)
        built = tansaku("dataset", "build", folder / "copper-emt.yaml", "--plain")
        assert built.code == 0, built.err
        done = tansaku("model", "train", folder / "model.yaml")
        assert done.code == 0, done.err
        return folder

    return train


def test_a_potential_is_exported_for_every_program(tansaku, trained):
    folder = trained(BISPECTRUM)
    done = tansaku("model", "export", "small", "--format", "lammps", "--out", folder / "lammps")
    assert done.code == 0, done.err
    names = ["small.mliap", "small.mliap.descriptor", "small.mliap.model"]
    assert sorted(path.name for path in (folder / "lammps").iterdir()) == names
    assert len(done.out.splitlines()) == 3
    assert tansaku("model", "export", "small", "--out", folder / "small.safetensors").code == 0
    wrong = tansaku("model", "export", "small", "--format", "n2p2", "--out", folder / "n2p2")
    assert wrong.code == 2
    assert "expected symmetry_functions" in wrong.err
    trained(SYMMETRY)
    assert tansaku("model", "export", "small@2", "--format", "n2p2", "--out", folder / "n2p2").code == 0
    assert sorted(path.name for path in (folder / "n2p2").iterdir()) == ["input.nn", "scaling.data", "weights.029.data"]
