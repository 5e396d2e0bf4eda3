"""One search for shells of atoms, as `tansaku sparse exafs` runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.sparse.exafs.fit import ShellFit, ShellFitter
from tansaku.models.sparse.exafs.scattering import Scatterer, scatterers_of
from tansaku.models.sparse.exafs.shells import Bounds, ShellScore
from tansaku.models.sparse.exafs.signal import Choice, FineStructure
from tansaku.models.sparse.numbers import number_posterior
from tansaku.models.sparse.search.subsets import FloatArray
from tansaku.tasks.sparse.exafs_file import Reading, read_fine_structure
from tansaku.tasks.sparse.feff_file import read_feff
from tansaku.tasks.sparse.search import Report


@dataclass(frozen=True)
class ExafsSettings:
    """How shells are searched.

    Attributes:
        choice: Range, window and weight.
        bounds: Of shells.
        most: Largest number of shells.
        reduction: S0^2, by which numbers of atoms are divided.
    """

    choice: Choice = field(default_factory=Choice)
    bounds: Bounds = field(default_factory=Bounds)
    most: int = 16
    reduction: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 40:
            raise ConfigurationError(f"--max-shells {self.most}: expected 1 to 40")
        if not 0.1 <= self.reduction <= 2.0:
            raise ConfigurationError(f"--s02 {self.reduction:g}: expected 0.1 to 2")

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
        settings: Used.
        fits: A good fit of each number of shells, 0 to the largest.
    """

    signal: FineStructure
    scatterers: tuple[Scatterer, ...]
    settings: ExafsSettings
    fits: tuple[ShellFit, ...]

    @property
    def posterior(self) -> FloatArray:
        """Of the number of shells, by Laplace's approximation around one set of each number."""
        return number_posterior([fit.evidence for fit in self.fits])

    @property
    def best(self) -> ShellFit:
        """The fit of the most probable number."""
        return self.fits[int(np.argmax(self.posterior))]


def find_shells(
    signal: FineStructure, scatterers: tuple[Scatterer, ...], settings: ExafsSettings, report: Report
) -> FoundShells:
    """Finds the shells of a fine structure.

    Args:
        signal: Measured.
        scatterers: Elements around the absorber.
        settings: How.
        report: Receives progress.

    Raises:
        ConfigurationError: The Feff files do not reach far enough, there is nothing to explain, or there are too few points.
    """
    settings.check(signal)
    fitter = ShellFitter(ShellScore(signal, scatterers, settings.bounds))
    sets = fitter.best_by_number(settings.most, lambda share: report("shells", share))
    return FoundShells(signal, scatterers, settings, tuple(fitter.fit(placed) for placed in sets))


def run(path: Path, feff: Sequence[Path], out: Path, reading: Reading, settings: ExafsSettings, report: Report) -> JsonDict:
    """Finds the shells of a file's fine structure and writes the report.

    Args:
        path: Of the absorption spectrum or fine structure.
        feff: Files feffNNNN.dat of single scattering.
        out: Folder of the report.
        reading: What of the file is read.
        settings: How shells are searched.
        report: Receives progress.

    Returns:
        What report.json holds.

    Raises:
        ConfigurationError: A file or a setting cannot be used, or the folder cannot be created.
    """
    from tansaku.tasks.sparse.exafs_report import write_exafs_report

    scatterers = scatterers_of([read_feff(file) for file in feff])
    k, chi, origin = read_fine_structure(path, reading)
    signal = FineStructure.of(k, chi, settings.choice)
    settings.check(signal)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--out {str(out)!r}: the folder cannot be created: {error.strerror}") from error
    return write_exafs_report(find_shells(signal, scatterers, settings, report), path.name, origin, out)
