"""Relaxed structures of a campaign's best candidates, read back from the artifact store."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.tasks.jobs.evaluate import STRUCTURE_FILE
from tansaku.tasks.results import CampaignData, best_of, system_rows

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
        atoms: With per-atom energies where the calculator gives them.
    """

    row: JsonDict
    candidate: str
    value: float
    polished: bool
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


def _best(data: CampaignData, system: str) -> Evaluation | None:
    """The best evaluation of a system, of search and polish, that left a structure."""
    mine = [one for one in data.evaluations if one.proposal.system == system]
    return best_of([one for one in mine if one.outcome is not None and STRUCTURE_FILE in one.outcome.artifacts], data.sign)


def best_structures(data: CampaignData, artifacts: ArtifactStore) -> list[BestStructure]:
    """The best structure of each system that has one, in the pool's order.

    Raises:
        NotFoundError: A structure is not in the artifact store.
    """
    found = []
    for row in system_rows(data):
        best = _best(data, row["system"])
        if best is None or best.outcome is None or best.outcome.value is None:
            continue
        found.append(
            BestStructure(
                row=row,
                candidate=best.proposal.candidate,
                value=best.outcome.value,
                polished=best.proposal.purpose == "polish",
                atoms=read_structure(best, artifacts),
            )
        )
    return found


def export_structures(
    data: CampaignData, artifacts: ArtifactStore, folder: Path, form: StructureFormat = "extxyz"
) -> list[Path]:
    """Writes the best structure of each system to a file named after its candidate.

    Metadata (Σ, plane, angle, translation, potential, energy) stand in the comment line of extxyz and as comments at the
    head of a CIF.

    Args:
        folder: Made if it does not exist.

    Raises:
        ConfigurationError: The campaign has no structure, or the folder cannot be made.
    """
    from ase.io import write

    best = best_structures(data, artifacts)
    if not best:
        raise ConfigurationError(f"campaign {data.record.name!r} has no structure to export")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"folder {str(folder)!r} cannot be made: {error.strerror}") from error
    paths = []
    for one in best:
        path = folder / f"{one.candidate}.{form}"
        one.atoms.info["objective_value"] = one.value
        one.atoms.info["objective_unit"] = data.spec.objective.unit
        if form == "extxyz":
            write(path, one.atoms, format="extxyz")
        else:
            buffer = io.BytesIO()
            write(buffer, one.atoms, format="cif")
            notes = "".join(f"# {key}: {' '.join(str(value).split())}\n" for key, value in sorted(one.atoms.info.items()))
            path.write_text(notes + buffer.getvalue().decode("utf-8"), encoding="utf-8")
        paths.append(path)
    return paths
