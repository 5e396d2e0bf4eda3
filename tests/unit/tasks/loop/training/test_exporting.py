"""Potentials as files of other programs: which can be written, and where."""

from types import SimpleNamespace

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec

pytestmark = pytest.mark.needs("torch", "matscipy")

BISPECTRUM = {"type": "bispectrum", "cutoff": 4.5, "degree": 4}
SYMMETRY = {"type": "symmetry_functions", "cutoff": 4.5, "radial": 3, "angular": 3, "zetas": [1, 2]}


@pytest.mark.parametrize(
    ("form", "environment", "keys", "word"),
    [
        ("lammps", SYMMETRY, {}, "expected bispectrum"),
        ("lammps", BISPECTRUM, {"activation": "silu"}, "expected tanh"),
        ("n2p2", BISPECTRUM, {}, "expected symmetry_functions"),
        ("n2p2", SYMMETRY, {"activation": "silu"}, "expected tanh"),
        ("n2p2", SYMMETRY | {"elements": "weighted"}, {}, "expected separate"),
    ],
)
def test_what_a_program_cannot_compute_is_refused(form, environment, keys, word, random_potential, tmp_path):
    from tansaku.tasks.loop.training.exporting import export_for_program

    model = random_potential(environment, ("Al", "Cu"), **keys)
    with pytest.raises(ConfigurationError, match=word):
        export_for_program(model, "al", form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_are_written_into_a_folder(random_potential, tmp_path):
    from tansaku.tasks.loop.training.exporting import export_for_program

    written = export_for_program(random_potential(BISPECTRUM, ("Al",)), "al", "lammps", tmp_path / "out")
    assert sorted(path.name for path in written) == ["al.mliap", "al.mliap.descriptor", "al.mliap.model"]
    assert all(path.parent == tmp_path / "out" and path.is_file() for path in written)
    assert max(len(line) for path in written for line in path.read_text().splitlines()) < 1000


def test_a_surrogate_that_no_other_program_computes_is_refused(tmp_path):
    from tansaku.tasks.loop.training.exporting import export_for_program

    with pytest.raises(ConfigurationError, match="--format lammps: ridge is a kernel_ridge, expected a potential"):
        export_for_program(SimpleNamespace(spec=KernelRidgeSpec()), "ridge", "lammps", tmp_path / "out")
