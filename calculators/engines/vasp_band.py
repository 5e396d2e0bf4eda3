"""A climbing-image band relaxed by VASP itself, through atomate2's maker for it: all images at once, each on ranks of its own.

Needs a VASP with the VTST tools: VASP's own band has no climbing image, so that its highest image lies below the saddle point.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

from ase import Atoms
from monty.io import zopen

from tansaku.calculators.engines.vasp import VaspCalculator
from tansaku.calculators.engines.vasp_inputs import as_structure, band_keywords
from tansaku.calculators.engines.vasp_runs import Run, corrections_of, maker_keywords, run_vasp_jobs
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.specs.calculators.vasp import VaspSpec

_VTST = re.compile(r"^\s*VTST:", re.MULTILINE)


class VtstCalculator(VaspCalculator):
    """``Calculator`` on VASP that relaxes bands itself: a ``BandCalculator`` of the migration workflow."""

    def band(self, images: Sequence[Atoms], fmax: float, max_steps: int) -> tuple[CalculationResult, ...]:
        """Computes all images of a band, as a ``BandCalculator``; no files are kept."""
        between, ranks = len(images) - 2, self._parallel.ranks
        if ranks % between:
            raise ConfigurationError(
                f"calculator.workflow.images: {between}; VASP computes them side by side, {ranks} ranks must be a multiple"
            )
        with self._place() as folder:
            runs = relax_band(images, self._spec, self._command(), folder, fmax=fmax, max_steps=max_steps)
            for run, image in zip(runs, images[1:-1], strict=True):
                self._check(run, image, None)
            return tuple(
                replace(self._result([run], image, run.final(image), len(run.ionic_steps) - 1), files={})
                for run, image in zip(runs, images[1:-1], strict=True)
            )


def relax_band(
    images: Sequence[Atoms], spec: VaspSpec, command: str, folder: Path, *, fmax: float, max_steps: int
) -> list[Run]:
    """Relaxes the images between two ends.

    Args:
        images: The ends included, atoms in one order, no position wrapped.
        spec: Level of theory.
        command: Words that start VASP.
        folder: Existing folder for the job's own.
        fmax: Largest force on a band's atom [eV/Å].
        max_steps: Steps of the band's optimiser.

    Returns:
        The runs of the images between the ends.

    Raises:
        CalculationError: ``not_converged``.
        ConfigurationError: This VASP has no VTST tools.
        TransientError: VASP ended without a result.
    """
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        from atomate2.vasp.jobs.neb import NebFromImagesMaker
        from atomate2.vasp.run import JobType
        from atomate2.vasp.sets.core import NebSetGenerator

        keywords = maker_keywords(command)
        keywords["task_document_kwargs"] = {}
        keywords["run_vasp_kwargs"] |= {
            "job_type": JobType.NEB,
            "vasp_job_kwargs": {"output_file": "vasp.out", "stderr_file": "std_err.txt"},
        }
        generator = NebSetGenerator(**band_keywords(spec, images[0], len(images) - 2, fmax, max_steps))
        maker = NebFromImagesMaker(input_set_generator=generator, **keywords)
        (document,) = run_vasp_jobs([maker.make([as_structure(image, spec) for image in images])], folder)
    corrections = corrections_of(document.custodian)
    runs = [
        Run(calculation, corrections, Path(place.partition(":")[2] or place))
        for calculation, place in zip(document.calculations, document.directories, strict=True)
    ]
    _check_climbing(runs[0])
    if any(len(run.ionic_steps) > max_steps for run in runs):
        raise CalculationError("not_converged", f"vasp: a band did not converge to {fmax:g} eV/Å in {max_steps} steps")
    return runs


def _check_climbing(run: Run) -> None:
    outcar = next(path for path in (run.folder / "OUTCAR", run.folder / "OUTCAR.gz") if path.is_file())
    with zopen(outcar, "rt", encoding="utf-8", errors="replace") as text:
        if _VTST.search(str(text.read())) is None:
            raise ConfigurationError(
                "calculator type vasp: the band's OUTCAR names no VTST tools, so nothing has climbed to the saddle point",
                hint="compile VASP with the VTST tools (theory.cm.utexas.edu/vtsttools), or leave calculator.band at ase",
            )
