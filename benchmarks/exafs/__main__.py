"""``python -m benchmarks.exafs --out result.json``: shells of fcc copper in fine structures of known truth.

``copper.json`` has single-scattering fine structures of 14 shells up to 10 A at 80 and 300 K, which Feff 6 and larch computed
(``peers.py make``); noise of several deviations is added here. The search knows five of the 14 Feff files and neither the
number of shells nor their distances. Distances and numbers of atoms are compared with those of the crystal, by ASE.

cases: temperature and noise → ``right_number`` (share of spectra with 14 shells), ``found`` (share of the crystal's shells
with a found one within 0.05 A), ``false`` (found shells per spectrum with none of the crystal so near),
``median_distance_error`` and ``largest_distance_error`` [A] of the found ones, ``median_atoms_error`` (relative, first five
shells), ``reach`` (median of the distance up to which all are found [A]).
weights: the same at 80 K and noise 0.001 for other powers of k than 1.
multiple_scattering: shells up to 8 A, found at 300 K and noise 0.0003 where paths of up to four legs scatter too, which the
search does not know.
first_shell: with ``--peers PYTHON``, the first shell by larch's fit in distance and by ours, on the same data.
foil: with ``--foil FILE``, the measured copper foil cu_metal_rt.xdi of xraylarch's source archive.

An interrupted measurement continues with the cases that FILE has; delete the file to measure again.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.neighborlist import neighbor_list

from benchmarks.command import begun, command, figure_file
from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.exafs.scattering import Scatterer, scatterers_of
from tansaku.sparse.models.exafs.shells import Bounds
from tansaku.sparse.models.exafs.signal import Choice, FineStructure
from tansaku.sparse.tasks.exafs import ExafsSettings, FoundShells, find_shells
from tansaku.sparse.tasks.exafs_file import Reading, read_fine_structure
from tansaku.sparse.tasks.exafs_report import report_data, shell_rows
from tansaku.sparse.tasks.feff_file import read_feff
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

HERE = Path(__file__).parent
FEFF = tuple(HERE.parents[1] / f"examples/exafs-copper/feff{number:04d}.dat" for number in (1, 2, 4, 9, 14))
NOISES = (0.0003, 0.001, 0.003)
SEEDS = 5
NEAR = 0.05  # A
K_RANGE = (3.0, 17.0)
REACH = 10.0


def silent(*_: object) -> None:
    """Reports no progress."""


def crystal(lattice: float) -> list[tuple[float, int]]:
    """Distances [A] and numbers of atoms of the shells of fcc copper."""
    distances = np.sort(neighbor_list("d", bulk("Cu", "fcc", a=lattice), REACH))
    groups = np.split(distances, np.flatnonzero(np.diff(distances) > 1e-4) + 1)
    return [(float(group.mean()), len(group)) for group in groups]


def scatterers() -> tuple[Scatterer, ...]:
    """Returns the scatterers of the Feff files that the search knows."""
    return scatterers_of([read_feff(path) for path in FEFF])


def noisy(stored: JsonDict, noise: float, seed: int) -> tuple[FloatArray, FloatArray]:
    """Wavenumbers and fine structure."""
    rng = np.random.default_rng([23, 5, seed])
    return np.array(stored["k"]), np.array(stored["chi"]) + noise * rng.normal(size=len(stored["k"]))


def judged(found: FoundShells, true: list[tuple[float, int]]) -> JsonDict:
    """Comparison of the found shells with the crystal."""
    places = np.array([group.distance[0] for group in found.groups])
    distances = np.array([distance for distance, _ in true])
    apart = np.abs(places[:, None] - distances)
    errors = apart.min(axis=0) if len(places) else np.full(len(true), np.inf)
    near = errors < NEAR
    reach = distances[-1] if near.all() else (distances[int(np.argmin(near)) - 1] if near[0] else 0.0)
    atoms = np.array([group.atoms[0] for group in found.groups]) / found.settings.reduction
    first = [float(atoms[int(np.argmin(apart[:, place]))] / true[place][1] - 1.0) for place in range(5) if near[place]]
    return {
        "number": len(found.best.shells),
        "found": float(near.mean()),
        "false": int((apart.min(axis=1) >= NEAR).sum()),
        "errors": errors[near].tolist(),
        "reach": float(reach),
        "atoms_errors": first,
        "first_shell": shell_rows(found)[0] if len(places) else None,
    }


def case(stored: JsonDict, reduction: float, noise: float, power: int = 1, *, quick: bool) -> JsonDict:
    """Spectra of one temperature and noise."""
    settings = ExafsSettings(most=5 if quick else 16, reduction=reduction, steps=200 if quick else 16000)
    true = [(distance, count) for distance, count, _ in stored["shells"]]
    rows, seconds = [], []
    for seed in range(1 if quick else SEEDS):
        signal = FineStructure.of(*noisy(stored, noise, seed), Choice(*K_RANGE, power))
        start = time.perf_counter()
        found = find_shells(signal, scatterers(), settings, silent)
        seconds.append(time.perf_counter() - start)
        rows.append(judged(found, true))
    errors = [error for row in rows for error in row["errors"]]
    return {
        "right_number": statistics.mean(row["number"] == len(true) for row in rows),
        "numbers": [row["number"] for row in rows],
        "found": statistics.mean(row["found"] for row in rows),
        "false": statistics.mean(row["false"] for row in rows),
        "median_distance_error": statistics.median(errors),
        "largest_distance_error": max(errors),
        "median_atoms_error": statistics.median(abs(error) for row in rows for error in row["atoms_errors"]),
        "reach": statistics.median(row["reach"] for row in rows),
        "first_shells": [row["first_shell"] for row in rows],
        "seconds": statistics.median(seconds),
    }


def several(made: JsonDict) -> JsonDict:
    """Shells found in a spectrum with multiple scattering."""
    near = 8.0
    settings = ExafsSettings(bounds=Bounds(distance=(1.5, near)), reduction=made["s02"])
    signal = FineStructure.of(*noisy(made["multiple_scattering"], NOISES[0], 0), Choice(*K_RANGE))
    found = find_shells(signal, scatterers(), settings, silent)
    true = [(distance, count) for distance, count in crystal(made["lattice"]) if distance < near]
    return {"paths": made["multiple_scattering"]["paths"], "shells": shell_rows(found)} | judged(found, true)


def _peer(python: Path, *arguments: str | Path) -> JsonDict:
    ran = subprocess.run(
        [python, HERE / "peers.py", *arguments], check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    found: JsonDict = json.loads(ran.stdout.splitlines()[-1])
    return found


def larch_first(stored: JsonDict, noise: float, python: Path) -> JsonDict:
    """Larch's first shells on the same data."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.npz")
        curves = [noisy(stored, noise, seed) for seed in range(SEEDS)]
        np.savez(path, allow_pickle=False, k=curves[0][0], chi=np.array([chi for _, chi in curves]))
        return _peer(python, "fit", path, FEFF[0])


def foil(path: Path, python: Path | None, lattice: float, reduction: float) -> JsonDict:
    """The measured foil."""
    k, chi, origin = read_fine_structure(path, Reading((1, 4)))
    found = find_shells(FineStructure.of(k, chi, Choice(*K_RANGE)), scatterers(), ExafsSettings(reduction=reduction), silent)
    result = report_data(found, path.name, origin)
    result["judged"] = judged(found, crystal(lattice))
    if python is not None:
        result["larch"] = _peer(python, "foil", path, FEFF[0])
    return result


_PANELS = {
    "found": "share of the shells that is found",
    "reach": "all shells found up to [Å]",
    "false": "false shells per spectrum",
}


def draw(result: JsonDict, path: Path) -> None:
    """Draws the measures of each case.

    Args:
        result: What ``result.json`` holds.
        path: Of the figure.
    """
    by_temperature: dict[str, list[tuple[float, JsonDict]]] = {}
    for name, case in result["cases"].items():
        temperature, noise = name.split(", noise ")
        by_temperature.setdefault(temperature, []).append((float(noise), case))
    with figure_file(path, 3.0 * len(_PANELS), 2.8) as figure:
        axes = figure.subplots(1, len(_PANELS))
        for ax, (key, label) in zip(axes, _PANELS.items(), strict=True):
            for colour, (temperature, cases) in zip((MAIN, ACCENT, FAINT), by_temperature.items(), strict=False):
                ax.plot([noise for noise, _ in cases], [case[key] for _, case in cases], "o-", color=colour, label=temperature)
            ax.set_xscale("log")
            noises = sorted({noise for cases in by_temperature.values() for noise, _ in cases})
            ax.set_xticks(noises, [f"{noise:g}" for noise in noises])
            ax.minorticks_off()
            ax.set_ylim(bottom=0.0)
            ax.set_xlabel("deviation of the noise of chi")
            ax.set_ylabel(label)
        axes[0].legend()


def main() -> None:
    """Measures and writes the result."""
    parser = command("exafs", __doc__, quick="one spectrum and few shells", figure="shells found, by noise")
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="Python of an environment with xraylarch")
    parser.add_argument("--foil", type=Path, metavar="FILE", help="cu_metal_rt.xdi of xraylarch's source archive")
    given = parser.parse_args()
    made = json.loads((HERE / "copper.json").read_text())
    true = crystal(made["lattice"])
    for stored in made["temperatures"].values():
        known = [(distance, count) for distance, count, _ in stored["shells"]]
        if not np.allclose(known, true, atol=1e-3):
            raise AssertionError("the shells of copper.json are those of the crystal")
    same: JsonDict = {"schema_version": 1, "quick": given.quick}
    result = begun(given.out, same, cases={}, weights={}, shells=true)
    for temperature, stored in made["temperatures"].items():
        for noise in NOISES:
            name = f"{temperature} K, noise {noise:g}"
            if name in result["cases"] or (given.quick and name != "80 K, noise 0.001"):
                continue
            result["cases"][name] = case(stored, made["s02"], noise, quick=given.quick)
            if given.peers is not None:
                result.setdefault("first_shell", {})[name] = larch_first(stored, noise, given.peers)
            write_json(given.out, result)
            print(name, json.dumps(result["cases"][name] | {"first_shells": "..."}))
    for power in () if given.quick else (0, 2, 3):
        if str(power) not in result["weights"]:
            stored = made["temperatures"]["80"]
            result["weights"][str(power)] = case(stored, made["s02"], 0.001, power, quick=False)
            write_json(given.out, result)
    if not given.quick and "multiple_scattering" not in result:
        result["multiple_scattering"] = several(made)
        write_json(given.out, result)
    if given.foil is not None and "foil" not in result:
        result["foil"] = foil(given.foil, given.peers, made["lattice"], made["s02"])
    write_json(given.out, result | {"provenance": describe_machine()})
    if given.figure is not None:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
