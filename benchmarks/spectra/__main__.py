"""``python -m benchmarks.spectra --out result.json``: number and places of peaks in synthetic spectra of known truth.

Each spectrum has 201 points from 0 to 100, 1 to 5 peaks of height 0.3 to 1 and full width 5 to 11, a sloping background, and
noise of a twentieth of the mean height. Some neighbours are nearer than their mean width, none nearer than 0.75 of it.

ours: 200 spectra of Gaussian peaks. right: method → share of spectra with the right number of peaks. Methods: Laplace's
approximation, BIC of the same fits, LARS with least squares by free energy. shapes: the same of 40 spectra with Lorentzian
peaks and 40 with pseudo-Voigt peaks of any share, the shape known.
sampled: with ``--steps``, the sampled search of the first ``--sampled`` Gaussian spectra, and of the same by Laplace.
places: with the number known, the median error of positions in units of the width, of our fits and, with ``--peers PYTHON``, of
lmfit, which adds peaks one at a time at the maximum of the residual.

An interrupted measurement continues with the parts that FILE has; delete the file to measure again.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.command import begun, command, figure_file
from benchmarks.intervals import wilson
from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.spectra.candidates import Fit
from tansaku.sparse.models.spectra.peaks import ShapeName, profile
from tansaku.sparse.models.spectra.score import Spectrum
from tansaku.sparse.tasks.spectrum import Decomposition, SpectrumSettings, decompose
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

X = np.linspace(0.0, 100.0, 201)
MOST = 8
RATIO = 20.0  # mean height over the noise's deviation
NEAREST = 0.75  # smallest distance of two peaks, in units of their mean width


def made(seed: int, shape: ShapeName = "gaussian") -> tuple[Spectrum, FloatArray]:
    """A spectrum and its true peaks in order: positions, widths and heights, (n_peaks, 3)."""
    rng = np.random.default_rng([23, 2, seed])
    count = 1 + seed % 5
    while True:
        peaks = np.column_stack([rng.uniform(12.0, 88.0, count), rng.uniform(5.0, 11.0, count), rng.uniform(0.3, 1.0, count)])
        peaks = peaks[np.argsort(peaks[:, 0])]
        gaps = np.diff(peaks[:, 0]) / (0.5 * (peaks[1:, 1] + peaks[:-1, 1]))
        if count == 1 or (gaps.min() >= NEAREST and gaps.min() < 1.0):
            break
    noise = peaks[:, 2].mean() / RATIO * rng.normal(size=len(X))
    mixing = {"gaussian": np.zeros(count), "lorentzian": np.ones(count), "pseudo_voigt": rng.uniform(size=count)}[shape]
    y = peaks[:, 2] @ profile(X, peaks[:, 0], peaks[:, 1], mixing) + 0.1 + 0.001 * X
    return Spectrum(X, y + noise), peaks


def bic(found: Decomposition) -> int:
    """Number of peaks by the Bayesian information criterion."""
    n = len(X)

    def criterion(fit: Fit) -> float:
        parts = profile(X, fit.peaks.position, fit.peaks.width, fit.peaks.mixing) * fit.heights[:, None]
        rest = found.spectrum.y - fit.background - parts.sum(axis=0)
        per_peak = 4 if found.settings.shape == "pseudo_voigt" else 3
        return n * float(np.log(rest @ rest / n)) + per_peak * len(fit.heights) * float(np.log(n))

    return int(np.argmin([criterion(fit) for fit in found.fits]))


def errors(positions: FloatArray, peaks: FloatArray) -> list[float]:
    """Errors of positions in units of the width."""
    return [float(value) for value in np.abs(np.sort(positions) - peaks[:, 0]) / peaks[:, 1]]


def measured(seeds: range, shape: ShapeName = "gaussian") -> JsonDict:
    """Numbers and places found without sampling."""
    right: dict[str, list[bool]] = {}
    places, seconds = [], []
    for seed in seeds:
        spectrum, peaks = made(seed, shape)
        begun_at = time.perf_counter()
        found = decompose(spectrum, SpectrumSettings(shape, most=MOST, steps=0))
        seconds.append(time.perf_counter() - begun_at)
        chosen = {"Laplace": found.number, "BIC": bic(found), "LARS": len(found.lars[0].position)}
        for name, number in chosen.items():
            right.setdefault(name, []).append(number == len(peaks))
        places += errors(found.fits[len(peaks)].peaks.position, peaks)
    return {
        "spectra": len(seeds),
        "right": {name: statistics.mean(values) for name, values in right.items()},
        "median_position_error": statistics.median(places),
        "seconds": statistics.median(seconds),
    }


def sampled(seeds: range, steps: int, jobs: int, runs: list[JsonDict], store: Callable[[], None]) -> None:
    """Numbers found by sampling, spectrum by spectrum; ``runs`` is filled and stored."""
    for seed in seeds[len(runs) :]:
        spectrum, peaks = made(seed)
        begun_at, used = time.perf_counter(), time.process_time()
        found = decompose(spectrum, SpectrumSettings(most=MOST, steps=steps), jobs)
        if found.sampled is None:
            raise AssertionError("a sampled search has a landscape")
        measures = found.sampled.convergence
        runs.append({
            "true": len(peaks),
            "sampled": int(np.argmax(found.sampled.landscape.size_posterior)),
            "laplace": int(np.argmax(found.laplace)),
            "reached": measures.reached,
            "r_hat": measures.r_hat if np.isfinite(measures.r_hat) else None,
            "seconds": time.perf_counter() - begun_at,
            "processor_seconds": time.process_time() - used,
        })  # fmt: skip
        store()


def lmfit_places(seeds: range, python: Path) -> JsonDict:
    """The median error of lmfit's positions, the number of peaks known."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spectra.npz")
        pairs = [made(seed) for seed in seeds]
        arrays = {f"y{seed}": spectrum.y for seed, (spectrum, _) in zip(seeds, pairs, strict=True)}
        counts = np.array([len(peaks) for _, peaks in pairs])
        np.savez(path, allow_pickle=False, x=X, counts=counts, seeds=np.array(seeds), **arrays)
        script = Path(__file__).with_name("peers.py")
        done = subprocess.run([python, script, path], check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    found = json.loads(done.stdout.splitlines()[-1])
    places = [
        error for row, (_, peaks) in zip(found["positions"], pairs, strict=True) for error in errors(np.array(row), peaks)
    ]
    return {"median_position_error": statistics.median(places), "seconds": found["seconds"]}


_WANTED = 0.9
_NAMES = {"gaussian": "Gaussian", "lorentzian": "Lorentzian", "pseudo_voigt": "pseudo-Voigt"}
_COLOURS = {"Laplace": MAIN, "BIC": ACCENT, "LARS": FAINT}


def draw(result: JsonDict, path: Path) -> None:
    """Draws the shares with their 95 % intervals, and the wanted one.

    Args:
        result: What ``result.json`` holds.
        path: Of the figure.
    """
    parts = {"gaussian": result["ours"]} | result["shapes"]
    with figure_file(path, 5.0, 3.0) as figure:
        ax = figure.subplots()
        for place, (method, colour) in enumerate(_COLOURS.items()):
            at = np.arange(len(parts)) + 0.26 * (place - 1)
            share = np.array([part["right"][method] for part in parts.values()])
            ends = [wilson(value, part["spectra"]) for value, part in zip(share, parts.values(), strict=True)]
            ax.bar(at, share, 0.24, color=colour, label=method)
            ax.vlines(at, [low for low, _ in ends], [high for _, high in ends], color=INK, lw=0.8)
        ax.axhline(_WANTED, color=INK, lw=0.8, ls=":")
        ax.set_xticks(range(len(parts)), [f"{_NAMES[name]} ({part['spectra']})" for name, part in parts.items()])
        ax.set_ylabel("right number of peaks")
        ax.set_ylim(0.0, 1.05)
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def main() -> None:
    """Measures and writes the result."""
    quick, figure = "ten spectra, five of each other shape", "shares with the right number"
    parser = command("spectra", __doc__, quick=quick, figure=figure, jobs="chains of a sampled search")
    parser.add_argument("--steps", type=int, default=0, help="steps of the sampled search; 0: it is left out")
    parser.add_argument("--sampled", type=int, default=5, help="spectra of the sampled search")
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="Python of an environment with lmfit")
    given = parser.parse_args()
    result = begun(given.out, {"schema_version": 2, "signal_to_noise": RATIO})

    def store() -> None:
        write_json(given.out, result | {"provenance": describe_machine()})

    seeds = range(10 if given.quick else 200)
    if "ours" not in result:
        result["ours"] = measured(seeds)
        store()
    shapes = result.setdefault("shapes", {})
    for shape in ("lorentzian", "pseudo_voigt"):
        if shape not in shapes:
            shapes[shape] = measured(range(5 if given.quick else 40), shape)
            store()
    if given.peers is not None and "lmfit" not in result:
        result["lmfit"] = lmfit_places(seeds, given.peers)
        store()
    if given.steps:
        part = result.setdefault("sampled", {"steps": given.steps, "runs": []})
        sampled(range(given.sampled), part["steps"], given.jobs, part["runs"], store)
    print(json.dumps(result, indent=2))
    if given.figure is not None:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
