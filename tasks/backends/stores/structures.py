"""Structures of finished evaluations in the artifact store."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from ase import Atoms

from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation
from tansaku.tasks.node.jobs.document import STEPS_FILE, STRUCTURE_FILE


def read_structure(evaluation: Evaluation, artifacts: ArtifactStore) -> Atoms:
    """Reads the final structure of a finished evaluation.

    Raises:
        ConfigurationError: The evaluation has no structure (a table's candidates have none).
        NotFoundError: The structure is not in the artifact store.
        StoreError: The stored data are not a structure.
    """
    sha256 = evaluation.outcome.artifacts.get(STRUCTURE_FILE) if evaluation.outcome is not None else None
    if sha256 is None:
        raise ConfigurationError(f"the evaluation of {shown(evaluation.proposal.candidate)} left no structure")
    with artifacts.open(sha256) as stream:
        data = stream.read()
    try:
        return next(read_extended_xyz(data.decode("utf-8")))
    except (ValueError, KeyError, IndexError, AttributeError, OSError, StopIteration) as error:
        what = f"the stored structure of candidate {shown(evaluation.proposal.candidate)}"
        raise StoreError(f"{what} cannot be read: {shown(str(error))}") from error


def read_steps(evaluation: Evaluation, artifacts: ArtifactStore) -> list[Atoms]:
    """Reads a few structures of a relaxation, from its start to its end; ``info`` has step and energy [eV].

    Raises:
        ConfigurationError: The evaluation has no structure.
        NotFoundError: No steps were kept, or they are not in the artifact store.
        StoreError: The stored data are no such steps.
    """
    candidate = shown(evaluation.proposal.candidate)
    sha256 = None if evaluation.outcome is None else evaluation.outcome.artifacts.get(STEPS_FILE)
    if sha256 is None:
        raise NotFoundError(f"no steps of the relaxation of {candidate} were kept; its start and its end are known")
    end = read_structure(evaluation, artifacts)
    with artifacts.open(sha256) as stream:
        data = stream.read()
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as kept:
            found = [
                _at_step(end, *step)
                for step in zip(kept["numbers"], kept["positions"], kept["cells"], kept["energies"], strict=True)
            ]
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise StoreError(f"the stored steps of {candidate} cannot be read: {shown(str(error))}") from error
    last = end.copy()
    energy = end.get_potential_energy() if end.calc is not None and "energy" in end.calc.results else None
    last.info = {"step": "end"} | ({} if energy is None else {"energy": energy})
    return [*found, last]


def _at_step(end: Atoms, number: int, positions: FloatArray, cell: FloatArray, energy: float) -> Atoms:
    atoms = Atoms(end.symbols, positions=positions.astype(float), cell=cell, pbc=end.pbc)
    atoms.info = {"step": int(number)} | ({"energy": float(energy)} if np.isfinite(energy) else {})
    return atoms
