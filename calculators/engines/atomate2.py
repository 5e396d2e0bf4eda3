"""Workflows of atomate2: a jobflow flow, built and run where the evaluation runs.

Ganose et al., Digital Discovery 4, 1944 (2025), doi:10.1039/D5DD00019J. Nothing of jobflow travels through a queue: a job
carries the spec as plain data, and only makers that are named here are made of it.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
import time
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import FixCartesian

from tansaku.calculators.engine import Engine
from tansaku.calculators.engines.chgnet import known_elements, open_chgnet
from tansaku.calculators.engines.motion import motion_without_blocks
from tansaku.calculators.engines.relaxation import Relaxed, check_axes, check_input, is_converged
from tansaku.calculators.engines.universal import DEVICE, installed
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.atomate2 import Atomate2Spec
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

_FORCE_FIELD = "CHGNet"
_KILOBAR = -units.GPa / 10.0  # atomate2 gives stress in kbar, with the sign that VASP gives it
_HEAVIEST = 94


class Atomate2Calculator:
    """``Calculator`` on atomate2's force-field makers: a relaxation is two jobs, the static one of what the first left.

    Args:
        spec: The makers.

    Raises:
        MissingComponentError: atomate2 or the force field's package is not installed.
        ConfigurationError: The force field's weights are not the known ones.
    """

    def __init__(self, spec: Atomate2Spec) -> None:
        installed("atomate2", "atomate2")
        network = open_chgnet(ChgnetSpec()).provenance
        self._optimizer = spec.optimizer
        self._provenance = Provenance(
            code="atomate2",
            code_version=importlib.metadata.version("atomate2"),
            model=f"{network.code} {network.model}",
            model_sha256=network.model_sha256,
            settings={
                "force_field": spec.force_field,
                "force_field_version": network.code_version,
                "device": DEVICE,
                "dtype": "float32",
                "minimizer": spec.optimizer,
            },
        )

    @property
    def provenance(self) -> Provenance:
        """Versions of atomate2 and of the force field, its model and the SHA-256 of its weights."""
        return self._provenance

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure as a ``Calculator``; the cell must stay as it is."""
        started = time.perf_counter()
        check_input(structure)
        check_axes(structure, relaxation)
        if relaxation is not None and relaxation.cell != "fixed":
            raise ConfigurationError(f"calculator.relaxation.cell: {relaxation.cell}; with type atomate2 expected fixed")
        for number, symbol in zip(structure.numbers, structure.get_chemical_symbols(), strict=True):
            if number > _HEAVIEST:
                raise ConfigurationError(f"{self._provenance.model} has no {symbol}")
        motion = motion_without_blocks(structure, relaxation)
        start = structure.copy()
        start.set_constraint(FixCartesian(motion.held.tolist(), mask=(True, True, False)) if len(motion.held) else None)
        output, steps = _run(start, relaxation, self._optimizer)
        atoms = structure.copy()
        atoms.set_constraint()
        if relaxation is not None:
            # The same periodic images as before: a structure of pymatgen's may have moved atoms by whole cells.
            moved = output.mol_or_struct.frac_coords - structure.get_scaled_positions(wrap=False)
            atoms.positions += (moved - np.round(moved)) @ structure.cell.array
        forces = np.asarray(output.forces, dtype=np.float64)
        stress = np.asarray(output.stress, dtype=np.float64) * _KILOBAR
        if not (np.isfinite(output.energy) and np.isfinite(forces).all() and np.isfinite(stress).all()):
            raise CalculationError("nan", f"atomate2 gave a number that is not finite after {steps} steps")
        if relaxation is not None:
            state = Relaxed(steps, forces, stress, structure.cell.array)
            if not is_converged(state, relaxation, motion):
                raise CalculationError(
                    "not_converged",
                    f"largest force {motion.largest_force(forces):.3g} eV/Å after {steps} steps; "
                    f"expected below {relaxation.fmax:g}",
                )
        return CalculationResult(
            atoms=atoms,
            energy=float(output.energy),
            energies=None,
            forces=forces,
            stress=np.ascontiguousarray(stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]),
            converged=True,
            steps=steps,
            wall_time=time.perf_counter() - started,
            provenance=self._provenance,
        )

    def close(self) -> None:
        """Nothing to release."""


def _run(structure: Atoms, relaxation: RelaxationSpec | None, optimizer: str) -> tuple[Any, int]:
    """Builds the flow and runs it in a temporary folder; its results stay in memory.

    Returns:
        atomate2's output of the last job, and steps of the relaxation.
    """
    with warnings.catch_warnings(), redirect_stdout(StringIO()), tempfile.TemporaryDirectory(prefix="tsk-at2-") as folder:
        # Of the packages': jobflow and chgnet warn of what is deprecated in themselves.
        warnings.simplefilter("ignore")
        import torch
        from atomate2.forcefields.jobs import ForceFieldRelaxMaker, ForceFieldStaticMaker
        from pymatgen.io.ase import AseAtomsAdaptor

        torch.set_num_threads(1)
        settings = {"use_device": DEVICE}
        static = ForceFieldStaticMaker(force_field_name=_FORCE_FIELD, calculator_kwargs=settings)
        given = AseAtomsAdaptor.get_structure(structure)
        jobs = []
        if relaxation is not None:
            maker = ForceFieldRelaxMaker(
                force_field_name=_FORCE_FIELD,
                relax_cell=False,
                steps=relaxation.max_steps,
                relax_kwargs={"fmax": relaxation.fmax},
                optimizer_kwargs={"optimizer": optimizer},
                calculator_kwargs=settings,
            )
            jobs.append(maker.make(given))
            given = jobs[0].output.structure
        jobs.append(static.make(given))
        outputs = [document.output for document in run_jobs(jobs, Path(folder))]
    return outputs[-1], int(outputs[0].n_steps) if relaxation is not None else 0


def run_jobs(jobs: list[Any], folder: Path) -> list[Any]:
    """Runs jobs of jobflow one after the other, each in a folder of its own; what they leave in a store stays in memory.

    Args:
        jobs: Made by makers.
        folder: Existing folder.

    Returns:
        The jobs' outputs.
    """
    from jobflow import Flow, JobStore, run_locally
    from maggma.stores import MemoryStore

    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    found = run_locally(Flow(jobs), store=store, create_folders=True, root_dir=folder, log=False, raise_immediately=True)
    return [found[job.uuid][1].output for job in jobs]


ENGINE = Engine[Atomate2Spec](open=lambda spec, *_: Atomate2Calculator(spec), elements=lambda *_: known_elements())
