"""One search for shells of atoms, as `tansaku sparse exafs` runs it."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.exafs.fit import ShellFit, ShellFitter
from tansaku.sparse.models.exafs.posterior import Group, Samples, Sampling, sampled
from tansaku.sparse.models.exafs.scattering import Scatterer, scatterers_of
from tansaku.sparse.models.exafs.shells import Bounds, ShellScore
from tansaku.sparse.models.exafs.signal import Choice, FineStructure
from tansaku.sparse.models.search.exhaustive import Running
from tansaku.sparse.models.search.state_file import StateFile
from tansaku.sparse.tasks.exafs_file import Reading, read_fine_structure
from tansaku.sparse.tasks.feff_file import read_feff
from tansaku.sparse.tasks.folders import created, report_folders
from tansaku.sparse.tasks.search import Report

CREDIBLE = 0.5
"""Probability from which a shell is in the table."""


@dataclass(frozen=True)
class ExafsSettings:
    """Settings of a search for shells.

    Attributes:
        choice: Range, window and weight.
        bounds: Of shells.
        most: Largest number of shells.
        reduction: S0^2, by which numbers of atoms are divided.
        steps: Of each walker that samples the posterior.
        seed: Of the random numbers.
    """

    choice: Choice = field(default_factory=Choice)
    bounds: Bounds = field(default_factory=Bounds)
    most: int = 16
    reduction: float = 1.0
    steps: int = 16000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 40:
            raise ConfigurationError(f"--max-shells {self.most}: expected 1 to 40")
        if not 0.1 <= self.reduction <= 2.0:
            raise ConfigurationError(f"--s02 {self.reduction:g}: expected 0.1 to 2")
        if not 200 <= self.steps <= 1_000_000:
            raise ConfigurationError(f"--steps {self.steps}: expected 200 to 1000000")

    def check(self, signal: FineStructure) -> None:
        """Checks what depends on the data.

        Raises:
            ConfigurationError: There are fewer points than parameters.
        """
        if len(signal.k) <= signal.background.shape[1] + 3 * self.most + 1:
            raise ConfigurationError(
                f"{len(signal.k)} points: too few for {self.most} shells and a background; choose a smaller --max-shells"
            )


@dataclass(frozen=True, eq=False)
class FoundShells:
    """The result.

    Attributes:
        signal: That was explained.
        scatterers: Elements around the absorber.
        samples: Of the posterior.
        groups: Shells that at least half of the samples have, by distance.
        best: The best sample of the most probable number of shells, with its curves.
    """

    signal: FineStructure
    scatterers: tuple[Scatterer, ...]
    settings: ExafsSettings
    samples: Samples
    groups: tuple[Group, ...]
    best: ShellFit

    @property
    def sound(self) -> list[Group]:
        """Credible shells that are at no bound."""
        return [group for group in self.groups if not group.at_bounds]


def find_shells(
    signal: FineStructure,
    scatterers: tuple[Scatterer, ...],
    settings: ExafsSettings,
    report: Report,
    state: Path | None = None,
) -> FoundShells:
    """Finds the shells of a fine structure.

    Args:
        scatterers: Elements around the absorber.
        state: Folder from which an interrupted search of the same data and settings continues; None: none is written.

    Raises:
        ConfigurationError: The Feff files do not reach far enough, there is nothing to explain, or there are too few points.
    """
    settings.check(signal)
    key, fitter = _key(signal, scatterers, settings), ShellFitter(ShellScore(signal, scatterers, settings.bounds))
    running = Running(1, None if state is None else state / "shells.npz", lambda share: report("shells", share))
    sets = fitter.best_by_number(settings.most, running, key)
    file = StateFile(None if state is None else state / "samples.npz", f"samples {key}")
    stored = file.read()
    if stored is None:
        starts, fitter = [*fitter.starts(settings.most), *sets], fitter.evened(sets[-1])
        sampling = Sampling(settings.most, settings.steps, settings.seed)
        samples = sampled(fitter, starts, sampling, lambda share: report("posterior", share))
        file.write({**vars(samples), "tilt": np.array(fitter.score.signal.tilt)})
    else:
        fitter = fitter.tilted(float(stored.pop("tilt")))
        samples = Samples(**stored)
    groups = tuple(group for group in samples.groups(settings.bounds, fitter.score.lowest) if group.probability >= CREDIBLE)
    return FoundShells(fitter.score.signal, scatterers, settings, samples, groups, fitter.fit(samples.best()))


def _key(signal: FineStructure, scatterers: tuple[Scatterer, ...], settings: ExafsSettings) -> str:
    """Identifies the search: the same fine structure, Feff files and settings."""
    paths = [path for scatterer in scatterers for path in scatterer.paths]
    said = json.dumps([asdict(settings), [[path.absorber, path.scatterer, path.distance] for path in paths]], sort_keys=True)
    waves = [a.tobytes() for path in paths for a in (path.k, path.amplitude, path.phase, path.momentum, path.free_path)]
    return hashlib.sha256(said.encode() + b"|".join([signal.k.tobytes(), signal.chi.tobytes(), *waves])).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class _Work:
    """One file to be searched, perhaps in a process of its own."""

    name: str
    signal: FineStructure
    origin: JsonDict
    scatterers: tuple[Scatterer, ...]
    settings: ExafsSettings
    folder: Path


@dataclass(frozen=True)
class ExafsFiles:
    """Files of a search.

    Attributes:
        paths: Of the absorption spectra or fine structures.
        feff: Files feffNNNN.dat of single scattering.
        out: Folder of the report; an interrupted search continues from it. Several files have a folder each in it.
    """

    paths: Sequence[Path]
    feff: Sequence[Path]
    out: Path


def run(
    files: ExafsFiles, reading: Reading, settings: ExafsSettings, jobs: int = 1, report: Report | None = None
) -> list[JsonDict]:
    """Finds the shells of files' fine structures and writes the reports.

    Args:
        files: That are read and written.
        settings: How shells are searched.
        jobs: Files that are searched at once.

    Returns:
        What report.json holds, by file.

    Raises:
        ConfigurationError: A file or a setting cannot be used, or a folder cannot be created.
    """
    say: Report = (lambda _stage, _share: None) if report is None else report
    folders = report_folders(files.paths, files.out)
    scatterers = scatterers_of([read_feff(file) for file in files.feff])
    works = []
    for path, folder in zip(files.paths, folders, strict=True):
        k, chi, origin = read_fine_structure(path, reading)
        signal = FineStructure.of(k, chi, settings.choice)
        settings.check(signal)
        works.append(_Work(path.name, signal, origin, scatterers, settings, folder))
    for folder in folders:
        created(folder)
    if jobs == 1 or len(works) == 1:
        return [_searched(work, say) for work in works]
    found: list[JsonDict] = []
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(min(jobs, len(works)), mp_context=context) as workers:
        for data in workers.map(_searched, works):
            found.append(data)
            say("files", len(found) / len(works))
    return found


def _searched(work: _Work, report: Report | None = None) -> JsonDict:
    """Searches one file and writes its report."""
    from tansaku.sparse.tasks.exafs_report import write_exafs_report

    say: Report = (lambda _stage, _share: None) if report is None else report
    found = find_shells(work.signal, work.scatterers, work.settings, say, work.folder)
    return write_exafs_report(found, work.name, work.origin, work.folder)
