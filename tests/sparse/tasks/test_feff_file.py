"""Files of Feff, and what is none."""

from pathlib import Path

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.tasks.feff_file import read_feff

FIRST = Path(__file__).parents[3] / "examples/exafs-copper/feff0001.dat"
TEXT = FIRST.read_text()


def test_amplitude_phase_and_path_are_those_of_the_file():
    path = read_feff(FIRST)
    assert (path.name, path.absorber, path.scatterer, path.distance) == ("feff0001.dat", "Cu", "Cu", 2.5562)
    place = int(abs(path.k - 5.0).argmin())
    # The line of k = 5: real[2*phc] 2.2526, mag 0.59095, phase -12.333, reduction 1.093, lambda 7.0179, real[p] 5.2138.
    assert path.amplitude[place] == pytest.approx(0.59095 * 1.093)
    assert path.phase[place] == pytest.approx(2.2526 - 12.333)
    assert path.free_path[place] == pytest.approx(7.0179)
    assert path.momentum[place] == pytest.approx(5.2138)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "expected a file feffNNNN.dat"),
        ("k chi\n1 2\n" * 20, "expected a file feffNNNN.dat"),
        (TEXT.replace("   2  12.000   2.5562", "   3  12.000   2.5562"), "path of 3 legs"),
        (TEXT.replace("   2  12.000   2.5562", "   2  12.000   inf"), "distance inf"),
        (TEXT.replace("   2  12.000   2.5562", "   x  12.000   2.5562"), ": .*expected nleg, deg, reff"),
        (TEXT.replace("1  29 Cu", "1 999 Cu"), "1 atoms with an atomic number"),
        (TEXT.replace("5.9095E-01", "nan"), "line 38: .*expected 7 finite numbers"),
        (TEXT.replace("5.9095E-01", ""), "expected 7 finite numbers"),
        (TEXT.replace("7.0179E+00", "-7.0179E+00"), "mean free paths above 0"),
        ("\n".join(TEXT.splitlines()[:18]), "wavenumbers; expected at least 10"),
        ("x" * 1_000_001, "bytes, at most"),
    ],
)
def test_what_is_no_path_of_single_scattering_is_refused(tmp_path, text, match):
    path = tmp_path / "feff0001.dat"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=match):
        read_feff(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.dat: cannot be read"):
        read_feff(tmp_path / "none.dat")
