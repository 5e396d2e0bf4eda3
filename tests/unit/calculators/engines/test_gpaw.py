"""What is special to GPAW: setups, spin, the density, checkpoints within one calculation, ranks."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.dft.bandgap import bandgap
from pydantic import ValidationError

from tansaku.calculators.engines import gpaw as engine
from tansaku.calculators.engines.electronic import TOTAL_CHARGE
from tansaku.calculators.engines.gpaw import DENSITY_FILE, LOG_FILE, GpawCalculator, find_setups, gpaw_gap, valence_energy
from tansaku.calculators.frozen_files import watching
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError, TransientError
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.parallel import ParallelSpec

pytestmark = pytest.mark.needs("gpaw")

COARSE = {"xc": "LDA", "cutoff": 150, "kpoint_density": 0.8, "smearing": {"width": 0.4}}


def spec(**changes):
    return GpawSpec.model_validate({**COARSE, **changes})


def test_setups_are_known_by_content_and_missing_ones_told(tmp_path, monkeypatch):
    import gpaw

    found = find_setups("PBE")
    assert {"H", "Al", "Fe"} <= found.elements
    assert found.sha256 != find_setups("LDA").sha256
    assert GpawCalculator(spec(xc="PBE", setups_sha256=found.sha256)).provenance.model_sha256 == found.sha256
    with watching() as watch:
        GpawCalculator(spec(xc="PBE"))
    assert {file.path.name: file.sha256 for file in watch.used} == found.hashes
    with pytest.raises(ConfigurationError, match=r"setups_sha256.*\n.*hint: install the version of gpaw-data"):
        GpawCalculator(spec(setups_sha256="0" * 64))
    monkeypatch.setattr(gpaw, "setup_paths", [tmp_path / "none"])
    find_setups.cache_clear()
    with pytest.raises(MissingComponentError, match=r"no revPBE setups \(looked in .*none\)"):
        find_setups("revPBE")
    find_setups.cache_clear()


def test_moments_need_spin_and_stay_on_a_magnetic_atom():
    with pytest.raises(ValidationError, match="spin: true"):
        spec(magnetic_moments={"Al": 1.0})
    # Hydrogen atoms far apart: one electron each, which the moment they begin with keeps apart.
    atoms = Atoms("H", cell=(4.0, 4.0, 4.0), pbc=True)
    plain = GpawCalculator(spec(cutoff=200)).evaluate(atoms)
    spun = GpawCalculator(spec(cutoff=200, spin=True, magnetic_moments={"H": 1.0})).evaluate(atoms)
    assert spun.energy < plain.energy - 0.3
    assert spun.provenance != GpawCalculator(spec(cutoff=200)).provenance


def test_files_are_whole_when_they_are_told(tmp_path):
    """What is written when GPAW's objects are let go would make the file another one than was hashed."""
    result = GpawCalculator(spec(density=True)).within(tmp_path / "here").evaluate(bulk("Al"))
    told = {name: path.read_bytes() for name, path in result.files.items()}
    gc.collect()
    assert set(told) == {LOG_FILE, DENSITY_FILE}
    assert {name: path.read_bytes() for name, path in result.files.items()} == told
    assert told[LOG_FILE].endswith(b"\n")


def test_the_eigensolvers_end_at_the_same_numbers():
    atoms = bulk("Al", cubic=True)
    atoms.rattle(0.1, seed=3)
    smearing = {"type": "methfessel_paxton", "width": 0.7}
    davidson, residuals = (
        GpawCalculator(spec(smearing=smearing, bands=2.0, eigensolver=name)).evaluate(atoms)
        for name in ("davidson", "rmm-diis")
    )
    assert residuals.terms["free_energy"] == pytest.approx(davidson.terms["free_energy"], abs=1e-4)
    np.testing.assert_allclose(residuals.forces, davidson.forces, atol=1e-3)
    assert residuals.provenance != davidson.provenance


def test_the_valence_density_holds_the_valence_electrons(tmp_path):
    result = GpawCalculator(spec(density=True)).within(tmp_path / "here").evaluate(bulk("Al"))
    with np.load(result.files[DENSITY_FILE], allow_pickle=False) as kept:
        assert kept["density"].mean() * abs(np.linalg.det(kept["cell"])) == pytest.approx(3.0, abs=1e-4)
        assert kept["numbers"].tolist() == [13]
        np.testing.assert_allclose(kept["positions"], bulk("Al").positions)
    assert DENSITY_FILE not in GpawCalculator(spec()).within(tmp_path / "there").evaluate(bulk("Al")).files
    assert GpawCalculator(spec(density=True)).evaluate(bulk("Al")).files == {}


def test_the_parts_of_the_energy_add_up_to_it(tmp_path):
    salt = bulk("LiF", "rocksalt", 4.03)
    result = GpawCalculator(spec(cutoff=300, partition=True)).evaluate(salt)
    terms = result.terms
    total = terms["eigenvalue_energy"] - terms["hartree_energy"] + terms["delta_xc_energy"] + terms["ion_ion_energy"]
    atoms = valence_energy("Li", "LDA") + valence_energy("F", "LDA")
    assert total == pytest.approx(result.energy + atoms, abs=1e-8)
    assert terms["cohesive_energy"] == -result.energy
    assert 5.0 < terms["band_gap"] < 12.0
    assert terms["hartree_energy"] > 0 > terms["ion_ion_energy"]
    twice = GpawCalculator(spec(cutoff=300, partition=True)).evaluate(salt.repeat((2, 1, 1))).terms
    for name in ("hartree_energy", "ion_ion_energy"):
        assert twice[name] == pytest.approx(2 * terms[name], rel=2e-3), name
    without = GpawCalculator(spec(cutoff=300))
    assert "hartree_energy" not in without.evaluate(salt).terms
    assert without.provenance == GpawCalculator(spec(cutoff=300, partition=True)).provenance


def test_the_gap_is_that_of_ase_and_a_half_filled_band_has_none(monkeypatch):
    """GPAW by itself rounds the three electrons of aluminium to two filled bands: a gap of 25 eV at one k-point."""
    seen = []

    def noting(calculator):
        seen.append(bandgap(calculator, output=None)[0])
        return gpaw_gap(calculator)

    monkeypatch.setattr(engine, "gpaw_gap", noting)
    salt = GpawCalculator(spec(cutoff=250)).evaluate(bulk("LiF", "rocksalt", 4.03))
    assert salt.terms["band_gap"] == pytest.approx(seen[0], abs=1e-9)
    assert 5.0 < seen[0] < 12.0
    assert GpawCalculator(spec(kpoint_density=0.1)).evaluate(bulk("Al")).terms["band_gap"] == 0.0
    assert seen[1] > 5.0


@pytest.mark.parametrize(("symbol", "ionisation"), [("Al", 53.26), ("Si", 103.13), ("O", 433.1), ("H", 12.5)])
def test_the_valence_electrons_of_an_atom_have_its_ionisation_energies(symbol, ionisation):
    # Measured ones; hydrogen without spin.
    assert valence_energy(symbol, "PBE") == pytest.approx(-ionisation, rel=0.01)


def test_a_charged_cell_has_the_energy_of_its_images_and_background():
    """Makov & Payne (1995), https://doi.org/10.1103/PhysRevB.51.4014: a cube's energy has the term -2.837297 q² / 2L."""

    def ion(edge: float) -> float:
        atoms = Atoms("Na", cell=(edge,) * 3, pbc=True)
        atoms.info[TOTAL_CHARGE] = 1
        result = GpawCalculator(spec(kpoint_density=0.1)).evaluate(atoms)
        assert result.details["electrons"] == pytest.approx(6.0)
        return result.energy

    expected = -2.837297 * units.Hartree * units.Bohr / 2.0 * (1.0 / 5.0 - 1.0 / 6.5)
    assert ion(5.0) - ion(6.5) == pytest.approx(expected, rel=0.03)


class Walltime(BaseException):
    """What a scheduler does to a job."""


def test_a_calculation_killed_before_it_was_converged_goes_on(tmp_path, monkeypatch):
    whole = GpawCalculator(spec()).evaluate(bulk("Al"))
    calculator = GpawCalculator(spec(), folder=tmp_path, interval=0.0)
    watch = engine._Watch.__call__

    def killed(self, context):
        watch(self, context)
        if self.count == 5:
            raise Walltime

    monkeypatch.setattr(engine._Watch, "__call__", killed)
    with pytest.raises(Walltime):
        calculator.evaluate(bulk("Al"))
    monkeypatch.setattr(engine._Watch, "__call__", watch)
    result = calculator.evaluate(bulk("Al"))
    assert result.details["resumed"]
    assert result.details["scf_steps"] < whole.details["scf_steps"]
    assert result.energy == pytest.approx(whole.energy, abs=1e-4)
    # Another structure does not go on from it.
    assert not calculator.evaluate(bulk("Al", a=4.1)).details["resumed"]


@pytest.fixture
def mpiexec():
    program = Path(sys.prefix, "bin", "mpiexec")
    assert program.is_file(), "the wheel mpich brings it"
    return program


@pytest.mark.parametrize(("changes", "ranks"), [({}, 1), ({"spin": True, "magnetic_moments": {"Al": 1.0}}, 2)])
def test_no_more_ranks_are_started_than_k_points_and_spins(mpiexec, changes, ranks):
    """GPAW is installed here without ScaLAPACK, which alone would share out a single k-point."""
    calculator = GpawCalculator(spec(kpoint_density=0.01, **changes), ParallelSpec(ranks=3, mpiexec=str(mpiexec)))
    assert calculator.evaluate(bulk("Al")).details["ranks"] == ranks


def test_ranks_give_the_numbers_of_one_process_and_say_what_went_wrong(tmp_path, mpiexec):
    one = GpawCalculator(spec(density=True)).evaluate(bulk("Al"))
    both = GpawCalculator(spec(density=True), ParallelSpec(ranks=2, mpiexec=str(mpiexec)), tmp_path)
    two = both.evaluate(bulk("Al"))
    assert two.details["ranks"] == 2
    assert two.energy == pytest.approx(one.energy, abs=1e-6)
    np.testing.assert_allclose(two.stress, one.stress, atol=1e-6)
    assert two.files[DENSITY_FILE].is_file()
    with pytest.raises(MissingComponentError, match="no such program"):
        GpawCalculator(spec(), ParallelSpec(ranks=2, mpiexec="/no/mpiexec")).evaluate(bulk("Al"))
    other = tmp_path / "other"
    other.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    other.chmod(0o755)
    with pytest.raises(ConfigurationError, match="each rank of gpaw sees 1 ranks, expected 2"):
        GpawCalculator(spec(), ParallelSpec(ranks=2, mpiexec=str(other))).evaluate(bulk("Al"))
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho torn >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(TransientError, match="torn"):
        GpawCalculator(spec(), ParallelSpec(ranks=2, mpiexec=str(broken))).evaluate(bulk("Al"))
