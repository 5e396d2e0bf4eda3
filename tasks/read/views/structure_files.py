"""The final structure of an evaluation: as a file for other programs, and in words."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tansaku.calculators.structures.export import SUFFIXES, write_structure
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import file_stem, shown
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE

StructureForm = Literal["extxyz", "cif"]


@dataclass(frozen=True)
class StructureFile:
    """A structure as a file.

    Attributes:
        name: Safe for any file system.
        sha256: Of the stored structure.
    """

    name: str
    form: StructureForm
    sha256: str
    content: str


@dataclass(frozen=True)
class StructureText:
    """A structure in words.

    Attributes:
        formula: Chemical formula.
        atoms: Number of atoms.
        lengths: Of the cell [Angstrom].
        angles: Of the cell [degree].
        periodic: Along a, b and c.
    """

    formula: str
    atoms: int
    lengths: tuple[float, float, float]
    angles: tuple[float, float, float]
    periodic: tuple[bool, bool, bool]


def structure_sha256(evaluation: Evaluation) -> str | None:
    """SHA-256 of an evaluation's final structure; None if it left none."""
    return None if evaluation.outcome is None else evaluation.outcome.artifacts.get(STRUCTURE_FILE)


def structure_file(evaluation: Evaluation, artifacts: ArtifactStore, form: StructureForm) -> StructureFile:
    """The final structure of an evaluation as a file.

    Raises:
        NotFoundError: It left none, or it is not in the artifact store.
        StoreError: The stored data are not a structure.
    """
    sha256 = structure_sha256(evaluation)
    if sha256 is None:
        raise NotFoundError(f"the evaluation of {shown(evaluation.proposal.candidate)} left no structure")
    atoms = read_structure(evaluation, artifacts)
    name = f"{file_stem(evaluation.proposal.candidate)}{SUFFIXES[form]}"
    with tempfile.TemporaryDirectory(prefix="tansaku-structure-") as folder:
        content = write_structure(atoms, Path(folder) / f"structure{SUFFIXES[form]}").read_text(encoding="utf-8")
    return StructureFile(name, form, sha256, content)


def describe_structure(evaluation: Evaluation, artifacts: ArtifactStore) -> StructureText:
    """The final structure of an evaluation in words. Raises as :func:`structure_file`."""
    atoms = read_structure(evaluation, artifacts)
    a, b, c = (float(length) for length in atoms.cell.lengths())
    alpha, beta, gamma = (float(angle) for angle in atoms.cell.angles())
    x, y, z = (bool(along) for along in atoms.pbc)
    return StructureText(atoms.get_chemical_formula(), len(atoms), (a, b, c), (alpha, beta, gamma), (x, y, z))
