"""Relaxed structures of a campaign's best candidates, read back from the artifact store."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tansaku.calculators.structures.export import write_structure
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.tasks.jobs.document import STRUCTURE_FILE
from tansaku.tasks.origins import best_of, value_from
from tansaku.tasks.results import CampaignData, system_rows

if TYPE_CHECKING:
    from ase import Atoms

StructureFormat = Literal["extxyz", "cif"]


@dataclass(frozen=True)
class BestStructure:
    """The best structure found for one system.

    Attributes:
        row: The system's results row.
        candidate: What it was started from.
        value: Its energy in the objective's unit.
        polished: Whether it comes from the polish (free translation, no normal stress) or from the search.
        source: Who computed the value, or the model that predicted it.
        atoms: With per-atom energies where the calculator gives them.
    """

    row: JsonDict
    candidate: str
    value: float
    polished: bool
    source: str | None
    atoms: Atoms


def read_structure(evaluation: Evaluation, artifacts: ArtifactStore) -> Atoms:
    """Reads the final structure of a finished evaluation.

    Raises:
        ConfigurationError: The evaluation left no structure (a table's candidates have none).
        NotFoundError: The structure is not in the artifact store.
    """
    from ase.io.extxyz import read_extxyz

    sha256 = evaluation.outcome.artifacts.get(STRUCTURE_FILE) if evaluation.outcome is not None else None
    if sha256 is None:
        raise ConfigurationError(f"the evaluation of {evaluation.proposal.candidate!r} left no structure")
    with artifacts.open(sha256) as stream:
        text = stream.read().decode("utf-8")
    atoms: Atoms = next(iter(read_extxyz(io.StringIO(text))))
    return atoms


def _best(data: CampaignData, artifacts: ArtifactStore, system: str) -> Evaluation | None:
    """The best evaluation of a system, of search and polish, whose structure is stored.

    An imported campaign has its numbers, and structures only of what was computed since.
    """
    left = [one for one in data.evaluations if one.proposal.system == system]
    while (best := best_of(left, data.sign)) is not None:
        sha256 = best.outcome.artifacts.get(STRUCTURE_FILE) if best.outcome is not None else None
        if sha256 is not None and artifacts.exists(sha256):
            return best
        left.remove(best)
    return None


def best_structures(data: CampaignData, artifacts: ArtifactStore) -> list[BestStructure]:
    """The best structure of each system that has one, in the pool's order."""
    found = []
    for row in system_rows(data):
        best = _best(data, artifacts, row["system"])
        if best is None or best.outcome is None or best.outcome.value is None:
            continue
        found.append(
            BestStructure(
                row=row,
                candidate=best.proposal.candidate,
                value=best.outcome.value,
                polished=best.proposal.purpose == "polish",
                source=value_from(data.spec, best),
                atoms=read_structure(best, artifacts),
            )
        )
    return found


def export_structures(
    data: CampaignData, artifacts: ArtifactStore, folder: Path, form: StructureFormat = "extxyz"
) -> list[Path]:
    """Writes the best structure of each system to a file named after its candidate.

    Metadata (Σ, plane, angle, translation, potential, energy) stand in the file, see :func:`write_structure`.

    Args:
        folder: Made if it does not exist.

    Raises:
        ConfigurationError: The campaign has no structure, or the folder cannot be made.
    """
    best = best_structures(data, artifacts)
    if not best:
        raise ConfigurationError(f"campaign {data.record.name!r} has no structure to export")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"folder {str(folder)!r} cannot be made: {error.strerror}") from error
    for one in best:
        one.atoms.info |= {"objective_value": one.value, "objective_unit": data.spec.objective.unit, "polished": one.polished}
        one.atoms.info |= {} if one.source is None else {"objective_from": one.source}
    return [write_structure(one.atoms, folder / f"{one.candidate}.{form}") for one in best]
