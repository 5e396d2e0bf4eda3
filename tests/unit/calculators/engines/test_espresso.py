"""What is special to Quantum ESPRESSO: pseudopotentials, spin, a program that is not there."""

from pathlib import Path

import pytest
from ase.build import bulk
from pydantic import ValidationError

from tansaku.calculators import frozen_files
from tansaku.calculators.engines.espresso import EspressoCalculator, find_pseudopotentials, program_version
from tansaku.models.domain.errors import CalculationError, ConfigurationError, MissingComponentError, TransientError
from tansaku.models.domain.specs.calculators.espresso import EspressoSpec
from tansaku.models.domain.specs.parallel import ParallelSpec

UPF = """<UPF version="2.0.1">
<PP_HEADER element="{element}" pseudo_type="NC" functional="{functional}" z_valence="3.0"/>
</UPF>
"""


def spec(**changes):
    return EspressoSpec.model_validate({"pseudopotentials": {"Al": "al.upf"}, "folder": "pseudo", **changes})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pseudo").mkdir()
    for name, element, functional in (
        ("al.upf", "Al", "PBE"),
        ("ni.upf", "Ni", " pbe "),
        ("lda.upf", "Cu", "SLA PZ NOGX NOGC"),
    ):
        (tmp_path / "pseudo" / name).write_text(UPF.format(element=element, functional=functional))
    return tmp_path


def test_pseudopotentials_are_known_by_content_and_functional(folder):
    found = find_pseudopotentials(spec(pseudopotentials={"Al": "al.upf", "Ni": "ni.upf"}), folder)
    assert found.functional == "PBE"
    moved = folder / "elsewhere"
    (folder / "pseudo").rename(moved)
    (moved / "al.upf").rename(moved / "other.upf")
    renamed = {"Al": "other.upf", "Ni": "ni.upf"}
    assert find_pseudopotentials(spec(pseudopotentials=renamed, folder="elsewhere"), folder).sha256 == found.sha256
    with pytest.raises(ConfigurationError, match="pseudopotentials_sha256"):
        find_pseudopotentials(
            spec(pseudopotentials={"Al": "other.upf"}, folder="elsewhere", pseudopotentials_sha256=found.sha256), folder
        )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"Al": "none.upf"}, "pseudopotentials.Al: no file 'none.upf'"),
        ({"Al": "ni.upf"}, "is of Ni, expected a UPF file of Al"),
        ({"Al": "al.upf", "Cu": "lda.upf"}, "expected one functional"),
    ],
)
def test_a_wrong_pseudopotential_is_told_before_anything_is_spent(folder, files, said):
    with pytest.raises(ConfigurationError, match=said):
        find_pseudopotentials(spec(pseudopotentials=files), folder)
    (folder / "pseudo" / "damaged.upf").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(ConfigurationError, match="no element"):
        find_pseudopotentials(spec(pseudopotentials={"Al": "damaged.upf"}), folder)


def test_a_missing_program_is_one_line_that_says_what_to_install(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(MissingComponentError, match=r"needs the program pw\.x\n  hint: apt-get install quantum-espresso"):
        EspressoCalculator(spec(), folder)


def test_program_and_pseudopotentials_are_watched(folder, monkeypatch):
    program = folder / "pw.x"
    program.write_text("#!/bin/sh\necho Program PWSCF v.7.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(frozen_files, "_ROOT", [folder / "frozen"])
    with frozen_files.watching() as watch:
        calculator = EspressoCalculator(spec(), folder)
    assert [file.path for file in watch.originals] == [folder / "pseudo" / "al.upf"]
    assert (calculator._pseudopotentials.folder / "al.upf").is_relative_to(folder / "frozen")
    (folder / "pseudo" / "al.upf").write_text("another")
    watch.check()
    assert watch.touched
    program.write_text("#!/bin/sh\necho Program PWSCF v.7.0.1\n")
    with pytest.raises(ConfigurationError, match=r"pw\.x was changed"):
        watch.check()


def debian(**changes):
    coarse = {"cutoff": 150, "kpoint_density": 0.8, "smearing": {"width": 0.4}}
    return EspressoSpec.model_validate({"pseudopotentials": {"Al": "Al.pz-vbc.UPF"}, **coarse, **changes})


def test_ranks_of_another_mpi_are_noticed(require, tmp_path):
    """A program that starts pw.x twice and joins nothing, as an mpiexec of another MPI does."""
    require("espresso")
    fake = tmp_path / "mpiexec"
    fake.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    fake.chmod(0o755)
    calculator = EspressoCalculator(debian(), Path("/nonexistent"), ParallelSpec(ranks=2, mpiexec=str(fake)))
    with pytest.raises(ConfigurationError, match="ran on 1 ranks, expected 2"):
        calculator.evaluate(bulk("Al"))
    missing = EspressoCalculator(debian(), Path("/nonexistent"), ParallelSpec(ranks=2, mpiexec="/no/mpiexec"))
    with pytest.raises(MissingComponentError, match="mpiexec"):
        missing.evaluate(bulk("Al"))
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    ended = EspressoCalculator(debian(), Path("/nonexistent"), ParallelSpec(ranks=2, mpiexec=str(broken)))
    with pytest.raises(TransientError, match="without a result"):
        ended.evaluate(bulk("Al"))


def test_nothing_is_left_where_it_was_started(require, tmp_path, monkeypatch):
    require("espresso")
    monkeypatch.chdir(tmp_path)
    program_version.cache_clear()
    EspressoCalculator(debian(), Path("/nonexistent")).evaluate(bulk("Al"))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_nothing_where_it_was_started_either(require, tmp_path, monkeypatch):
    """Inputs that pw.x refuses: it writes a file CRASH, into the folder that it was given."""
    require("espresso")
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    monkeypatch.chdir(here)
    impossible = debian().model_copy(update={"density_cutoff": 100.0})
    with pytest.raises(CalculationError, match="ecutrho"):
        EspressoCalculator(impossible, Path("/nonexistent")).within(scratch).evaluate(bulk("Al"))
    assert (scratch / "CRASH").is_file()
    with pytest.raises(CalculationError, match="no self-consistent density in 1 steps"):
        EspressoCalculator(debian(scf_steps=1), Path("/nonexistent")).evaluate(bulk("Al"))
    assert list(here.iterdir()) == []


def test_a_density_needs_a_higher_cutoff_than_its_wave_functions():
    with pytest.raises(ValidationError, match=r"density_cutoff: 400\.0 is not above cutoff: 900\.0"):
        spec(cutoff=900, density_cutoff=400)


def test_a_moment_on_aluminium_goes_away_and_smearing_and_spin_are_used(require):
    require("espresso")
    plain = EspressoCalculator(debian(), Path("/nonexistent")).evaluate(bulk("Al"))
    spun = EspressoCalculator(debian(spin=True, magnetic_moments={"Al": 1.0}), Path("/nonexistent")).evaluate(bulk("Al"))
    assert spun.energy == pytest.approx(plain.energy, abs=2e-3)
    assert spun.details["irreducible_kpoints"] == plain.details["irreducible_kpoints"]
    cold = EspressoCalculator(debian(smearing={"type": "marzari_vanderbilt", "width": 0.4}), Path("/nonexistent"))
    found = cold.evaluate(bulk("Al"))
    assert found.energy == found.terms["free_energy"]
    assert found.terms["ewald_energy"] == pytest.approx(plain.terms["ewald_energy"], abs=1e-6)
