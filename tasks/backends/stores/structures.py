"""Structures of finished evaluations in the artifact store."""

from __future__ import annotations

from ase import Atoms

from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE


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
