"""One decomposition of a spectrum into peaks, as `tansaku sparse spectrum` runs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.sparse.models.search.chain import Sampling
from tansaku.sparse.models.search.exhaustive import Running
from tansaku.sparse.models.search.sampled import SampledLandscape, search_sampled
from tansaku.sparse.models.spectra.candidates import Fit, Fitter, Peaks
from tansaku.sparse.models.spectra.peaks import PeakDictionary, ShapeName
from tansaku.sparse.models.spectra.score import PeakScore, Spectrum
from tansaku.sparse.tasks.folders import created, report_folders
from tansaku.sparse.tasks.number_file import read_numbers
from tansaku.sparse.tasks.search import Report

_GAP = 0.5  # distance of neighbouring positions above which peaks are different ones, in units of the median width
_COLUMNS = (2, 3)
_FEWEST_POINTS = 20
_MOST_POINTS = 100_000
_LARGEST_BYTES = 20_000_000
_CHAINS = 4
_FEWEST_STEPS = 200  # two blocks of a chain, which are compared
_NEAR = 2  # numbers of peaks on each side of the best set that replicas begin from


@dataclass(frozen=True)
class SpectrumSettings:
    """Settings of the decomposition of a spectrum.

    Attributes:
        shape: Of the peaks.
        most: Largest number of peaks.
        background: Degree of the polynomial background.
        widths: Smallest and largest full width at half maximum, in the positions' unit; None: by spacing and range.
        signed: Whether heights may be negative.
        steps: Recorded steps of each chain; 0: no sampling, only the best set of each number.
        repeats: Moves per step.
        seed: Of the random numbers.
    """

    shape: ShapeName = "gaussian"
    most: int = 8
    background: int = 1
    widths: tuple[float, float] | None = None
    signed: bool = False
    steps: int = 1000
    repeats: int = 10
    seed: int = 0

    def dictionary(self, spectrum: Spectrum) -> PeakDictionary:
        """All peaks that are considered.

        Raises:
            ConfigurationError: A setting cannot be used.
        """
        if self.most < 1:
            raise ConfigurationError(f"--max-peaks {self.most}: expected at least 1")
        if 0 < self.steps < _FEWEST_STEPS:
            raise ConfigurationError(f"--steps {self.steps}: expected 0 or at least {_FEWEST_STEPS}")
        if self.background < 0 or self.background > 10:
            raise ConfigurationError(f"--background {self.background}: expected a degree of 0 to 10")
        return PeakDictionary.over(spectrum.x, self.widths, self.shape)


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The result.

    Attributes:
        spectrum: That was decomposed.
        fits: A good fit of each number of peaks, 0 to the largest.
        lars: What LARS with least squares chooses, with its free energy.
        sampled: The sampled search; None: it was not asked for.
    """

    spectrum: Spectrum
    settings: SpectrumSettings
    fits: tuple[Fit, ...]
    lars: tuple[Peaks, float]
    sampled: SampledLandscape | None
    dictionary: PeakDictionary

    @property
    def number(self) -> int:
        """The most probable number of peaks."""
        return int(np.argmax(self.posterior))

    @property
    def laplace(self) -> FloatArray:
        """Posterior of the number of peaks by Laplace's approximation around one set of each number."""
        evidence = np.array([fit.evidence for fit in self.fits])
        weights = np.exp(np.min(evidence) - evidence)
        return np.asarray(weights / weights.sum())

    @property
    def posterior(self) -> FloatArray:
        """Posterior of the number of peaks: by sampling if it converged, else by Laplace's approximation."""
        if self.sampled is None or not self.sampled.convergence.reached:
            return self.laplace
        return self.sampled.landscape.size_posterior

    @property
    def best(self) -> Fit:
        """The fit with that number of peaks."""
        return self.fits[self.number]


def decompose(
    spectrum: Spectrum, settings: SpectrumSettings, jobs: int = 1, state: Path | None = None, report: Report | None = None
) -> Decomposition:
    """Finds the peaks of a spectrum and how sure their number is.

    Args:
        state: Folder from which an interrupted search of the same spectrum and settings continues.

    Raises:
        ConfigurationError: A setting cannot be used, or the spectrum is nothing but background.
    """
    say: Callable[[str, float], None] = (lambda _stage, _share: None) if report is None else report
    dictionary = settings.dictionary(spectrum)
    score = PeakScore(spectrum, dictionary, settings.background, signed=settings.signed)
    fitter = Fitter(score)
    sets = fitter.best_by_number(settings.most)
    lars = fitter.lars(settings.most)
    say("candidates", 1.0)
    sampled = None
    if settings.steps:
        best = int(np.argmin([fitter.fit(peaks).evidence for peaks in sets]))
        starts = [fitter.support(peaks, settings.most) for peaks in sets[max(0, best - _NEAR) : best + _NEAR + 1]]
        sampling = Sampling(
            chains=_CHAINS, steps=settings.steps, pilot=max(50, settings.steps // 10), seed=settings.seed,
            repeats=settings.repeats, starts=tuple(tuple(start.tolist()) for start in starts),
        )  # fmt: skip
        file = None if state is None else state / "peaks.npz"
        running = Running(jobs, file, lambda share: say("sampling", share))
        sampled = search_sampled(score, settings.most, sampling, running, _key(spectrum, settings))
        sets = _with_visited(sets, sampled, fitter)
    fits = tuple(fitter.fit(peaks) for peaks in sets)
    return Decomposition(spectrum, settings, fits, (lars, fitter.energy(lars)), sampled, dictionary)


def _key(spectrum: Spectrum, settings: SpectrumSettings) -> str:
    """Identifies the search: the same spectrum and settings."""
    held = [spectrum.x.tobytes(), spectrum.y.tobytes(), b"" if spectrum.error is None else spectrum.error.tobytes()]
    return hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode() + b"|".join(held)).hexdigest()[:16]


def _with_visited(sets: list[Peaks], sampled: SampledLandscape, fitter: Fitter) -> list[Peaks]:
    """Sets that sampling found and that fit better, refined."""
    scene = sampled.landscape
    sizes = (scene.supports != EMPTY).sum(axis=1)
    found = list(sets)
    for number in range(1, len(sets)):
        own = np.flatnonzero(sizes == number)
        if len(own):
            visited = scene.supports[own[np.argmin(scene.energies[own])]]
            candidate = fitter.refined(Peaks.members(fitter.dictionary, visited))
            squares = [float(np.sum(fitter.residual(peaks) ** 2)) for peaks in (found[number], candidate)]
            if squares[1] < squares[0] * (1.0 - 1e-9):
                found[number] = candidate
    return found


def run(paths: Sequence[Path], out: Path, settings: SpectrumSettings, jobs: int, report: Report) -> list[JsonDict]:
    """Decomposes spectra and writes their reports.

    Args:
        paths: Of the spectra.
        out: Folder of the report; an interrupted search continues from it. Several spectra have a folder each in it, and
            their peaks are joined in one table, features.csv.

    Returns:
        What report.json holds, by spectrum.

    Raises:
        ConfigurationError: A file or a setting cannot be used, or a folder cannot be created.
    """
    from tansaku.sparse.tasks.spectrum import write_features
    from tansaku.sparse.tasks.spectrum_report import write_spectrum_report

    names, folders = [path.name for path in paths], report_folders(paths, out)
    spectra = [read_spectrum(path) for path in paths]
    for spectrum in spectra:
        settings.dictionary(spectrum)
    found, fits = [], []
    for name, spectrum, folder in zip(names, spectra, folders, strict=True):
        decomposed = decompose(spectrum, settings, jobs, created(folder), report)
        found.append(write_spectrum_report(decomposed, name, folder))
        fits.append(decomposed.best)
    if len(spectra) > 1:
        write_features(names, fits, out / "features.csv")
    return found


def read_spectrum(path: Path) -> Spectrum:
    """Reads position, intensity and, where there is a third column, the intensity's standard deviation.

    Args:
        path: Columns separated by commas, semicolons or white space. Lines that begin with ``#`` or ``%``, and text before the
            first number, are skipped.

    Raises:
        ConfigurationError: The file cannot be read, or a line is not numbers; the message has its number.
    """
    rows = read_numbers(path, _LARGEST_BYTES, lambda count: count in _COLUMNS, "2 or 3")
    if not _FEWEST_POINTS <= len(rows) <= _MOST_POINTS:
        raise ConfigurationError(f"{path}: {len(rows)} points; expected {_FEWEST_POINTS} to {_MOST_POINTS}")
    return _checked(rows, path)


def _checked(values: np.ndarray, path: Path) -> Spectrum:
    """The spectrum in rising order."""
    values = values[np.argsort(values[:, 0], kind="stable")]
    repeated = np.flatnonzero(np.diff(values[:, 0]) <= 0.0)
    if len(repeated):
        raise ConfigurationError(f"{path}: position {values[repeated[0], 0]:g} is in it twice")
    error = values[:, 2] if values.shape[1] == 3 else None
    if error is not None and not np.all(error > 0.0):
        place = values[np.flatnonzero(error <= 0.0)[0], 0]
        raise ConfigurationError(f"{path}: the standard deviation at {place:g} is not above 0")
    return Spectrum(values[:, 0], values[:, 1], error)


def same_peaks(positions: FloatArray, widths: FloatArray) -> IntArray:
    """Numbers peaks of all spectra so that the same one has the same number, in order of position."""
    if not len(positions):
        return np.empty(0, dtype=np.int64)
    order = np.argsort(positions, kind="stable")
    apart = np.diff(positions[order]) > _GAP * float(np.median(widths))
    numbers = np.empty(len(positions), dtype=np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(apart)])
    return numbers


def feature_table(names: Sequence[str], fits: Sequence[Fit]) -> tuple[list[str], list[list[float]]]:
    """Heights of all peaks, and positions and widths of those that every spectrum has.

    Args:
        names: Of the spectra.

    Returns:
        Names of the columns, and a row per spectrum. The height of a peak that a spectrum lacks is 0.

    Raises:
        ConfigurationError: Two peaks of one spectrum are as near as the same peak of two.
    """
    owner = np.concatenate([np.full(len(fit.heights), number) for number, fit in enumerate(fits)]).astype(np.int64)
    position, width, height = (
        np.concatenate(parts)
        for parts in zip(*((fit.peaks.position, fit.peaks.width, fit.heights) for fit in fits), strict=True)
    )
    peak = same_peaks(position, width)
    columns: list[str] = []
    values: list[FloatArray] = []
    for number in range(int(peak.max(initial=-1)) + 1):
        own = peak == number
        where = f"{np.median(position[own]):g}"
        twice = np.flatnonzero(np.bincount(owner[own], minlength=len(fits)) > 1)
        if len(twice):
            raise ConfigurationError(
                f"{names[twice[0]]}: two peaks near {where}, which cannot be distinguished from the others'"
            )
        complete = own.sum() == len(fits)
        for kind, of in (("height", height), ("position", position), ("width", width))[: 3 if complete else 1]:
            column = np.zeros(len(fits))
            column[owner[own]] = of[own]
            columns.append(f"{kind} at {where}")
            values.append(column)
    return columns, (np.array(values).T.tolist() if values else [[] for _ in fits])


def write_features(names: Sequence[str], fits: Sequence[Fit], path: Path) -> None:
    """Writes the table as CSV, a row per spectrum.

    Raises:
        ConfigurationError: Peaks cannot be distinguished.
    """
    columns, rows = feature_table(names, fits)
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write(csv_line(["spectrum", *columns]))
        stream.writelines(csv_line([name, *row]) for name, row in zip(names, rows, strict=True))
