"""Compositions of candidates, and the phases that compete with them."""

from __future__ import annotations

from tansaku.models.domain.specs.phases import PhasesSpec
from tansaku.spaces.competing import compositions


def test_shares_are_of_atoms_and_phases_of_other_elements_are_left_out(tmp_path):
    spec = PhasesSpec(energies={"Cu": -3.0, "Cu3Au": -3.1, "CuNi": -4.0})
    found = compositions([{"Cu": 1, "Au": 3}, {"Cu": 2}], spec, tmp_path)
    assert found.elements == ("Au", "Cu")
    assert found.shares.tolist() == [[0.75, 0.25], [0.0, 1.0]]
    shares, energies = found.phases
    assert shares.tolist() == [[0.0, 1.0], [0.25, 0.75]]
    assert energies.tolist() == [-3.0, -3.1]


def test_without_phases_crystals_compete_alone_and_a_file_is_read_when_it_is_needed(tmp_path):
    shares, energies = compositions([{"Cu": 1, "Au": 3}], None, tmp_path).phases
    assert (shares.shape, energies.shape) == ((0, 2), (0,))
    (tmp_path / "p.csv").write_text("formula,energy_per_atom\nAu,-2.0\n")
    found = compositions([{"Cu": 1, "Au": 3}], PhasesSpec(file="p.csv"), tmp_path)
    assert found.phases[1].tolist() == [-2.0]
