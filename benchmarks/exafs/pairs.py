"""``python -m benchmarks.exafs.pairs --out pairs.json``: intervals of numbers of atoms of close pairs of shells, and the truth.

Each of 100 fine structures has two near shells of oxygen and one of iron around iron, waves of Feff 6 for wüstite
(``wustite/feff.inp``), a smooth background of random waves up to 0.8 A, a shift of energy, and noise even in chi. Every fifth
has 4 oxygen atoms at 2.10 A and 2 at 2.30 A. The search knows the Feff files, not the number of shells. It has distances up
to 4 A, up to 6 shells, k from 3 to 12.5 1/A, and defaults otherwise.

spectra: number → truth; for the pair and the iron, of all samples: mean, 68 % interval of the atoms, and the share of samples
below the truth (``rank``); ``reported``: the sum over oxygen that the report gives; ``winner``: atoms of oxygen of the best
set; seconds.
coverage: share of the spectra whose interval holds the truth, and how often the median is below the truth.

An interrupted measurement continues with the spectra that FILE has; delete the file to measure again.
"""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.command import begun, command, results
from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.exafs.posterior import interval
from tansaku.sparse.models.exafs.scattering import Scatterer, scatterers_of
from tansaku.sparse.models.exafs.shells import Bounds
from tansaku.sparse.models.exafs.signal import Choice, FineStructure
from tansaku.sparse.tasks.exafs import ExafsSettings, FoundShells, find_shells
from tansaku.sparse.tasks.exafs_report import shell_rows, sums
from tansaku.sparse.tasks.feff_file import read_feff
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

FEFF = tuple(Path(__file__).with_name("wustite") / f"feff000{number}.dat" for number in (1, 2, 3, 4))
SPECTRA = 100
K = np.arange(2.0, 13.51, 0.05)
NEAR = 0.3  # distance from the pair within which atoms are counted [A]
SETTINGS = ExafsSettings(Choice(3.0, 12.5), Bounds(distance=(1.5, 4.0)), most=6)


@dataclass(frozen=True)
class Shell:
    """A true shell: element, distance [A], mean square displacement [A^2] and atoms."""

    element: str
    distance: float
    variance: float
    atoms: float


def scatterers() -> tuple[Scatterer, ...]:
    """Returns iron and oxygen around iron."""
    return scatterers_of([read_feff(path) for path in FEFF])


def spectrum(number: int) -> tuple[FloatArray, tuple[Shell, ...], float]:
    """A fine structure, its shells, and the noise's deviation."""
    rng = np.random.default_rng([37, number])
    if number % 5 == 0:
        pair = (Shell("O", 2.10, rng.uniform(0.004, 0.008), 4.0), Shell("O", 2.30, rng.uniform(0.004, 0.008), 2.0))
    else:
        first = rng.uniform(1.95, 2.2)
        pair = (
            Shell("O", first, rng.uniform(0.003, 0.012), rng.uniform(2.0, 6.0)),
            Shell("O", first + rng.uniform(0.1, 0.3), rng.uniform(0.003, 0.012), rng.uniform(1.0, 4.0)),
        )
    iron = Shell("Fe", rng.uniform(2.95, 3.2), rng.uniform(0.006, 0.014), rng.uniform(4.0, 12.0))
    shift, known = 3.0 * rng.normal(), {scatterer.element: scatterer for scatterer in scatterers()}
    chi = np.zeros(len(K))
    for shell in (*pair, iron):
        wave = known[shell.element].wave(K, shift)
        chi += shell.atoms * wave.columns(np.array(shell.distance), np.array(shell.variance))
    for distance in rng.uniform(0.0, 0.8, 4):
        chi += 0.03 * rng.normal() * np.cos(2.0 * K * distance + rng.uniform(0.0, 2.0 * np.pi)) * np.exp(-(K - 3.0) / 5.0)
    noise = 10.0 ** rng.uniform(-3.0, -2.4)
    return chi + noise * rng.normal(size=len(K)), (*pair, iron), noise


def judged(found: FoundShells, shells: tuple[Shell, ...]) -> JsonDict:
    """Atoms of all samples near true shells of one element, beside the truth."""
    element, near = shells[0].element, found.samples
    own = near.active & (np.array([scatterer.element for scatterer in found.scatterers])[near.element] == element)
    low, high = (pick(shell.distance for shell in shells) for pick in (min, max))
    inside = own & (near.distance > low - NEAR) & (near.distance < high + NEAR)
    atoms, true = np.sum(near.atoms * inside, axis=1), sum(shell.atoms for shell in shells)
    mean, lower, upper = interval(atoms)
    return {
        "atoms": true, "mean": mean, "low": lower, "high": upper, "holds": bool(lower <= true <= upper),
        "rank": float(np.mean(atoms < true)),
    }  # fmt: skip


def case(number: int, settings: ExafsSettings = SETTINGS) -> JsonDict:
    """One spectrum, searched."""
    chi, shells, noise = spectrum(number)
    start = time.perf_counter()
    found = find_shells(FineStructure.of(K, chi, settings.choice), scatterers(), settings, lambda *_: None)
    seconds = time.perf_counter() - start
    oxygen = np.array([scatterer.element for scatterer in found.scatterers])[found.best.shells.element] == "O"
    return {
        "noise": noise,
        "shells": [list(vars(shell).values()) for shell in shells],
        "pair": judged(found, shells[:2]),
        "iron": judged(found, shells[2:]),
        "reported": [row for row in sums(found) if row["element"] == "O"],
        "rows": shell_rows(found),
        "winner": found.best.atoms[oxygen].tolist(),
        "number_posterior": found.samples.number_posterior.tolist(),
        "seconds": seconds,
    }


def coverage(spectra: dict[str, JsonDict]) -> JsonDict:
    """Shares of the spectra."""
    held = {}
    for name in ("pair", "iron"):
        rows = [spectrum[name] for spectrum in spectra.values()]
        held[name] = {
            "holds": statistics.mean(row["holds"] for row in rows),
            "median_below": statistics.mean(row["rank"] > 0.5 for row in rows),
            "median_width": statistics.median((row["high"] - row["low"]) / row["atoms"] for row in rows),
        }
    return held


def main() -> None:
    """Measures and writes the result."""
    parser = command("exafs.pairs", __doc__, quick="two spectra and few steps", jobs="spectra")
    given = parser.parse_args()
    result = begun(given.out, {"schema_version": 1, "quick": given.quick}, spectra={})
    missing = [number for number in range(2 if given.quick else SPECTRA) if str(number) not in result["spectra"]]
    for number, found in zip(missing, results(quick if given.quick else case, missing, given.jobs), strict=True):
        result["spectra"][str(number)] = found
        result["coverage"] = coverage(result["spectra"])
        write_json(given.out, result)
        print(number, json.dumps({name: found[name] for name in ("pair", "iron", "seconds")}), flush=True)
    write_json(given.out, result | {"provenance": describe_machine()})
    print(json.dumps(result["coverage"]))


def quick(number: int) -> JsonDict:
    """One spectrum, searched with few steps."""
    return case(number, ExafsSettings(SETTINGS.choice, SETTINGS.bounds, SETTINGS.most, steps=200))


if __name__ == "__main__":
    main()
