"""From a file to the report of its shells."""

import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.exafs.fit import ShellFitter
from tansaku.sparse.models.exafs.posterior import Group, Samples
from tansaku.sparse.models.exafs.scattering import SQUARE_PER_ENERGY, scatterers_of
from tansaku.sparse.models.exafs.shells import Bounds, ShellScore
from tansaku.sparse.models.exafs.signal import Choice, FineStructure
from tansaku.sparse.models.search.state_file import StateFile
from tansaku.sparse.tasks.exafs import ExafsFiles, ExafsSettings, FoundShells, find_shells, run
from tansaku.sparse.tasks.exafs_file import Reading, read_fine_structure
from tansaku.sparse.tasks.exafs_report import multiple_scattering_from, sums
from tansaku.sparse.tasks.feff_file import read_feff

COPPER = Path(__file__).parents[3] / "examples/exafs-copper"
EXAMPLE = COPPER / "copper-80K-synthetic.chi"
FEFF = [COPPER / f"feff{number:04d}.dat" for number in (1, 2, 4, 9, 14)]
QUICK = ExafsSettings(Choice(high=17.0), Bounds(distance=(1.5, 4.7), energy=(0.0, 6.0)), most=3, reduction=0.9, steps=200)


def test_the_report_of_the_example(tmp_path):
    (data,) = run(ExafsFiles([EXAMPLE], FEFF, tmp_path / "out"), Reading(), QUICK)
    assert json.loads((tmp_path / "out/report.json").read_text()) == json.loads(json.dumps(data))
    assert data["number_of_shells"] == 3
    assert sum(data["number_posterior"]) == pytest.approx(1.0)
    assert [row["distance"] for row in data["shells"]] == pytest.approx([2.5562, 3.615, 4.4275], abs=0.01)
    assert data["shells"][0]["atoms"] == pytest.approx(12.0, rel=0.1)
    assert data["shells"][0]["displacement"] == pytest.approx(0.00366, rel=0.1)
    assert data["shells"][0]["atoms_low"] < data["shells"][0]["atoms"] < data["shells"][0]["atoms_high"]
    (total,) = data["sums"]
    assert (total["element"], total["shells"]) == ("Cu", 2), "the third shell may be made by multiple scattering"
    assert total["atoms"] == pytest.approx(sum(row["atoms"] for row in data["shells"][:2]), rel=1e-6)
    assert data["energy_shift"] == pytest.approx(3.0, abs=1.0)
    assert (data["absorber"], data["k_weight"], data["sill"], data["k_range"]) == ("Cu", 1, 1.0, [3.0, 17.0])
    with (tmp_path / "out/shells.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["distance"]) for row in rows] == [row["distance"] for row in data["shells"]]
    page = (tmp_path / "out/report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "Shells around Cu" in page
    assert data["multiple_scattering_from"] == pytest.approx(1.5 * 2.556, abs=0.02)
    assert [note for note in data["notes"] if "single scattering only" in note]
    assert "shells beyond 3.8" in page


def test_a_shell_at_a_bound_is_flagged_and_left_out_of_sums(tmp_path):
    bounds = Bounds(distance=(1.5, 3.0), variance=(0.005, 0.03), energy=(0.0, 6.0))
    settings = ExafsSettings(Choice(high=17.0), bounds, most=1, steps=200)
    (data,) = run(ExafsFiles([EXAMPLE], FEFF, tmp_path / "out"), Reading(), settings)
    assert data["shells"][0]["at_bound"] == "displacement"
    assert data["notes"][0] == (
        "the displacement of the shell of Cu at 2.56 Å may be at a bound: distrust its atoms; they are left out of sums"
    )
    assert (data["sums"], data["multiple_scattering_from"]) == ([], None)


def sampled(*groups, settings=QUICK):
    """A result of these groups."""
    signal = FineStructure.of(*np.loadtxt(EXAMPLE).T, settings.choice)
    one, scatterers = np.ones((8, 2)), scatterers_of([read_feff(file) for file in FEFF])
    distances = one * [group.distance[0] for group in groups]
    samples = Samples(one > 0, one.astype(int) * 0, distances, 0.005 * one, one * [4.0, 6.0], 3.0 * one[:, 0], one[:, 0])
    fitter = ShellFitter(ShellScore(signal, scatterers, settings.bounds))
    return FoundShells(signal, scatterers, settings, samples, groups, fitter.fit(samples.best()))


def test_multiple_scattering_counts_from_the_first_sound_shell():
    first = Group(0, (2.05, 2.15), 1.0, (2.06, 0.01), (0.005, 0.001), (4.0, 4.0, 4.0), ("distance",))
    second = Group(0, (2.5, 2.6), 1.0, (2.55, 0.01), (0.005, 0.001), (6.0, 6.0, 6.0), ())
    assert multiple_scattering_from(sampled(first, second)) == pytest.approx(1.5 * 2.55)
    assert [row["atoms"] for row in sums(sampled(first, second))] == [pytest.approx(6.0 / 0.9)]
    assert [row["atoms"] for row in sums(sampled(replace(first, at_bounds=()), second))] == [pytest.approx(10.0 / 0.9)]


def spectrum(tmp_path, order=1):
    """An absorption spectrum of the example's fine structure, columns energy, something else, absorption."""
    k, chi = np.loadtxt(EXAMPLE).T
    energy = 8980.0 + np.concatenate([np.arange(-200.0, 0.0, 4.0), np.arange(0.0, 14.0, 0.5), k**2 / SQUARE_PER_ENERGY])
    rise = 0.5 + np.arctan((energy - 8980.0) / 0.5) / np.pi
    wave = np.concatenate([np.zeros(len(energy) - len(k)), chi])
    rows = np.column_stack([energy, np.arange(len(energy)), 1.0 - 1e-4 * (energy - 8980.0) + 2.0 * rise * (1.0 + wave)])
    path = tmp_path / "copper.xmu"
    np.savetxt(path, rows[::order], header="energy number mu")
    return path


def test_chi_times_a_power_of_k_is_noticed(tmp_path):
    k, chi = np.loadtxt(EXAMPLE).T
    first = replace(QUICK, most=1, bounds=Bounds(distance=(2.2, 2.9), energy=(0.0, 6.0)))
    said = []
    for power in (0, 2):
        path = tmp_path / f"{power}.chi"
        np.savetxt(path, np.column_stack([k, chi * k**power]))
        (data,) = run(ExafsFiles([path], FEFF, tmp_path / str(power)), Reading(), first)
        said.append(any("perhaps the file has chi multiplied by a power of k" in note for note in data["notes"]))
    assert said == [False, True]


def test_an_absorption_spectrum_gives_the_same_shells(tmp_path):
    settings = replace(QUICK, most=1)
    (data,) = run(ExafsFiles([spectrum(tmp_path)], FEFF, tmp_path / "out"), Reading((1, 3), 8980.0), settings)
    assert data["data"]["kind"] == "xmu"
    assert data["data"]["edge_step"] == pytest.approx(2.0, rel=0.03)
    assert data["shells"][0]["distance"] == pytest.approx(2.5562, abs=0.01)
    assert data["shells"][0]["atoms"] == pytest.approx(12.0, rel=0.15)


def test_the_order_of_lines_does_not_matter(tmp_path):
    first = read_fine_structure(spectrum(tmp_path), Reading((1, 3)))
    second = read_fine_structure(spectrum(tmp_path, order=-1), Reading((1, 3)))
    assert first[0].tolist() == second[0].tolist()
    assert first[1] == pytest.approx(second[1], abs=1e-12)


@pytest.mark.parametrize(
    ("text", "reading", "match"),
    [
        ("1 2\n" * 50, Reading(), "wavenumber 1 is in it twice"),
        ("1 2\n" * 10, Reading(), "10 points; expected 40"),
        ("1 2\n", Reading((1, 3)), "expected at least 3 finite numbers"),
        ("1 nan\n" * 50, Reading(), "0 points"),
        ("".join(f"{n / 10} 1\n" for n in range(60)), Reading(edge=8980.0), "not energies"),
        ("".join(f"{8900 + n} 1\n" for n in range(60)), Reading(), "--edge"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, text, reading, match):
    path = tmp_path / "s.txt"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=match):
        run(ExafsFiles([path], FEFF, tmp_path / "out"), reading, QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Reading((0, 1)), "--columns 0 1"),
        (lambda: Reading((2, 2)), "--columns 2 2"),
        (lambda: Reading(edge=-5.0), "--edge -5"),
        (lambda: ExafsSettings(most=0), "--max-shells 0"),
        (lambda: ExafsSettings(reduction=5.0), "--s02 5"),
        (lambda: ExafsSettings(steps=100), "--steps 100"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(make, match):
    with pytest.raises(ConfigurationError, match=match):
        make()


def test_too_many_shells_for_the_points_are_refused_before_the_search(tmp_path):
    k = np.arange(3.0, 9.0, 0.12)
    np.savetxt(tmp_path / "s.chi", np.column_stack([k, np.sin(5.0 * k)]))
    with pytest.raises(ConfigurationError, match="too few for 16 shells"):
        run(ExafsFiles([tmp_path / "s.chi"], FEFF, tmp_path / "out"), Reading(), ExafsSettings())
    assert not (tmp_path / "out").exists()


FEW = replace(QUICK, most=2)

KILLED = """
import os, signal, sys
from tansaku.sparse.models.search import state_file
from tests.sparse.tasks import test_exafs as here

state_file._INTERVAL = state_file._SHARE = 0.0

def report(stage, share):
    if share > float(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

here.searched(here.Path(sys.argv[1]), report=report)
"""


def searched(folder, settings=FEW, report=lambda stage, share: None):
    """Numbers of all shells that a search finds."""
    k, chi, _ = read_fine_structure(EXAMPLE, Reading())
    signal = FineStructure.of(k, chi, settings.choice)
    found = find_shells(signal, scatterers_of([read_feff(file) for file in FEFF]), settings, report, folder)
    return [found.samples.distance.tolist(), found.samples.atoms.tolist(), found.best.shells.distance.tolist()]


@pytest.mark.parametrize("share", [0.2, 0.7], ids=["while shells are added", "while they are left out"])
def test_a_killed_search_continues_to_the_same_shells(tmp_path, monkeypatch, share):
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(share)]
    assert subprocess.run(command, cwd=COPPER.parents[1], timeout=300).returncode == -signal.SIGKILL
    refined, counts = ShellFitter.refined, []
    monkeypatch.setattr(ShellFitter, "refined", lambda *given: counts.append(1) or refined(*given))
    continued = searched(tmp_path)
    after_kill = len(counts)
    assert continued == searched(None)
    assert 0 < after_kill < len(counts) - after_kill
    counts.clear()
    assert searched(tmp_path) == continued
    assert not counts, "a finished search is not done again"
    StateFile(tmp_path / "shells.npz", "of another search").write({"energy": np.zeros(9)})
    assert searched(tmp_path) == continued, "a state of other data or settings is not continued"


def test_several_files_at_once_have_a_folder_each(tmp_path):
    noisy = tmp_path / "noisy.chi"
    k, chi = np.loadtxt(EXAMPLE).T
    np.savetxt(noisy, np.column_stack([k, chi + 1e-3 * np.random.default_rng(0).normal(size=len(k))]))
    first = replace(QUICK, most=1, bounds=Bounds(distance=(2.2, 2.9), energy=(0.0, 6.0)))
    both = run(ExafsFiles([EXAMPLE, noisy], FEFF, tmp_path / "out"), Reading(), first, jobs=2)
    assert [data["spectrum"] for data in both] == [EXAMPLE.name, "noisy.chi"]
    assert 0.0 < abs(both[1]["shells"][0]["distance"] - both[0]["shells"][0]["distance"]) < 0.02
    assert json.loads((tmp_path / "out/noisy/report.json").read_text()) == json.loads(json.dumps(both[1]))
    with pytest.raises(ConfigurationError, match="two files of this name"):
        run(ExafsFiles([noisy, noisy], FEFF, tmp_path / "out"), Reading(), QUICK)
