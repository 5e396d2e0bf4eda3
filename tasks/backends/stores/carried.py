"""Structures in an exported file, from which data sets of an imported campaign are built."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE

COLUMN = "structure"
"""Column of the file with the structures as extended XYZ."""


def structure_texts(evaluations: Sequence[Evaluation], artifacts: ArtifactStore) -> list[str | None]:
    """Returns the stored structure of each evaluation, None without one."""
    found: list[str | None] = []
    for evaluation in evaluations:
        sha256 = _structure_of(evaluation)
        if sha256 is None or not artifacts.exists(sha256):
            found.append(None)
            continue
        with artifacts.open(sha256) as stream:
            found.append(stream.read().decode("utf-8"))
    return found


def check_structures(evaluations: Sequence[Evaluation], texts: Mapping[str, str]) -> None:
    """Raises StoreError if a structure of a file is not that of its evaluation."""
    for evaluation in evaluations:
        sha256 = _structure_of(evaluation)
        if sha256 is None or evaluation.id not in texts:
            continue
        if hashlib.sha256(texts[evaluation.id].encode("utf-8")).hexdigest() != sha256:
            raise StoreError(
                f"the structure of evaluation {evaluation.id} (candidate {shown(evaluation.proposal.candidate)}) is damaged"
            )


def keep_structures(evaluations: Sequence[Evaluation], texts: Mapping[str, str], artifacts: ArtifactStore) -> None:
    """Stores the structures of a file that are not yet stored.

    Args:
        texts: Structure by evaluation; :func:`check_structures` has seen them.
        artifacts: Where they go.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, STRUCTURE_FILE)
        for evaluation in evaluations:
            sha256 = _structure_of(evaluation)
            if sha256 is None or evaluation.id not in texts or artifacts.exists(sha256):
                continue
            file.write_bytes(texts[evaluation.id].encode("utf-8"))
            artifacts.put(file)


def _structure_of(evaluation: Evaluation) -> str | None:
    return evaluation.outcome.artifacts.get(STRUCTURE_FILE) if evaluation.outcome is not None else None
