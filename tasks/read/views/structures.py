"""Relaxed structures of evaluations, read back from the artifact store: in memory, as files of other programs, and in words."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tansaku.calculators.structures.export import SUFFIXES, StructureFormat, write_structure
from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.errors import CalculationError, ConfigurationError, NotFoundError
from tansaku.models.domain.evaluation_columns import value_from
from tansaku.models.domain.identifiers import file_stem, shown
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.structures import read_steps, read_structure
from tansaku.tasks.node.jobs.document import STEPS_FILE, STRUCTURE_FILE
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.evaluation_table import Selection, evaluation_of, table_page
from tansaku.tasks.read.views.origins import best_of, value_of
from tansaku.tasks.read.views.parameter_figures import space_of
from tansaku.tasks.read.views.proposals import system_lines
from tansaku.tasks.read.views.results import system_rows

if TYPE_CHECKING:
    from ase import Atoms

_LOOKED_AT = 30
"""Evaluations of which a page of the gallery is chosen: some have no structure, or are of a candidate that it shows already."""


@dataclass(frozen=True)
class BestStructure:
    """The best structure found for one system.

    Attributes:
        row: The system's results row.
        candidate: Candidate from which it was relaxed.
        value: Its energy in the objective's unit.
        polished: Whether it comes from the final relaxation (free translation, no normal stress) or from the search.
        source: Calculator that computed the value, or model that predicted it.
        atoms: With per-atom energies where the calculator gives them.
    """

    row: JsonDict
    candidate: str
    value: float
    polished: bool
    source: str | None
    atoms: Atoms


def is_stored(evaluation: Evaluation, artifacts: ArtifactStore) -> bool:
    """Returns whether an evaluation's structure is stored: imported evaluations may have none."""
    sha256 = evaluation.outcome.artifacts.get(STRUCTURE_FILE) if evaluation.outcome is not None else None
    return sha256 is not None and artifacts.exists(sha256)


def _ranked(data: Campaign, artifacts: ArtifactStore, system: str, most: int | None) -> list[Evaluation]:
    """The best evaluations of a system whose structures are stored.

    Args:
        system: Code of the system.
        most: Number of candidates, each after its final relaxation where there was one; None: all evaluations of search
            and final relaxation.
    """
    left = data.answers([evaluation for evaluation in data.evaluations if evaluation.proposal.system == system])
    if most is not None:
        final = {item.proposal.candidate for item in left if item.proposal.purpose == "polish" and _has_result(item, artifacts)}
        left = [item for item in left if item.proposal.purpose == "polish" or item.proposal.candidate not in final]
    found: list[Evaluation] = []
    while (most is None or len(found) < most) and (best := best_of(left, data.sign)) is not None:
        left.remove(best)
        if is_stored(best, artifacts):
            found.append(best)
            if most is not None:
                left = [item for item in left if item.proposal.candidate != best.proposal.candidate]
    return found


def _has_result(evaluation: Evaluation, artifacts: ArtifactStore) -> bool:
    return value_of(evaluation) is not None and is_stored(evaluation, artifacts)


def best_structures(data: Campaign, artifacts: ArtifactStore, most: int | None = 1) -> list[BestStructure]:
    """The best structures of each system that has one, by system in the pool's order, the best first.

    Args:
        most: Number of candidates of each system, each once; None: all evaluations that have a value.
    """
    found = []
    for row in system_rows(data):
        for best in _ranked(data, artifacts, row["system"], most):
            if best.outcome is None or best.outcome.value is None:
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
    data: Campaign,
    artifacts: ArtifactStore,
    folder: Path,
    form: StructureFormat = "extxyz",
    most: int | None = 1,
) -> list[Path]:
    """Writes the best structures of each system to files named after their candidates.

    A candidate that occurs again (in search and final relaxation, or computed twice) has a number in the name, from 2. Metadata
    (Σ, plane, angle, translation, potential, energy) are written to the file, see :func:`write_structure`.

    Args:
        folder: Created if it does not exist.
        most: Number of candidates of each system, each once; None: all evaluations that have a value.

    Raises:
        ConfigurationError: The campaign has no structure, or the folder cannot be made.
        StoreError: A stored structure cannot be read.
    """
    best = best_structures(data, artifacts, most)
    if not best:
        raise ConfigurationError(f"campaign {data.record.name!r} has no structure to export")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"folder {str(folder)!r} cannot be created: {error.strerror}") from error
    paths: list[Path] = []
    for item in best:
        item.atoms.info |= {
            "objective_value": item.value,
            "objective_unit": data.spec.objective.unit,
            "polished": item.polished,
        }
        item.atoms.info |= {} if item.source is None else {"objective_from": item.source}
        stem = file_stem(item.candidate)
        names = (f"{stem}{'' if rank == 1 else f'-{rank}'}{SUFFIXES[form]}" for rank in count(1))
        path = next(path for name in names if (path := folder / name) not in paths)
        paths.append(write_structure(item.atoms, path))
    return paths


StructureForm = Literal["extxyz", "cif"]
StructureOf = Literal["end", "start", "steps"]
EndOf = Literal["end", "start"]
"""Structures of an evaluation: the one that was computed, the one that its space has, and some between them."""


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
    return StructureFile(
        _name_of(evaluation.proposal.candidate, form),
        form,
        sha256,
        written_structure(read_structure(evaluation, artifacts), form),
    )


def found_structure(campaign: Campaign, artifacts: ArtifactStore, candidate: str | int, of: EndOf) -> Atoms:
    """The structure of a candidate before it is computed, or the final one of its last evaluation.

    Args:
        candidate: Its id, or the number of a proposal.

    Raises:
        NotFoundError: There is none.
    """
    evaluation = numbered_evaluation(campaign, candidate) if isinstance(candidate, int) else None
    name = str(candidate) if evaluation is None else evaluation.proposal.candidate
    if of == "start":
        return start_of(campaign, name)
    return read_structure(evaluation or last_evaluation(campaign, name), artifacts)


def numbered_evaluation(campaign: Campaign, number: int) -> Evaluation:
    """The evaluation of a proposal. Raises NotFoundError."""
    found = evaluation_of(campaign, number)
    if found is None:
        raise NotFoundError(f"campaign {campaign.record.name!r} has no evaluation {number}")
    return found


def last_evaluation(campaign: Campaign, candidate: str) -> Evaluation:
    """The last evaluation of a candidate that left a structure. Raises NotFoundError."""
    columns = campaign.listed
    places = [place for place, name in enumerate(columns.candidates) if name == candidate]
    found = campaign.kept.numbered(columns.numbers[places].tolist()) if places else []
    left = [evaluation for evaluation in found if structure_sha256(evaluation) is not None]
    if not left:
        raise NotFoundError(f"no evaluation of {shown(candidate)} left a structure")
    return left[-1]


def start_of(campaign: Campaign, candidate: str) -> Atoms:
    """The structure of a candidate as its space has it, before anything was relaxed.

    Raises:
        NotFoundError: The space has none for it.
        ConfigurationError: A file that the space needs is gone or changed.
    """
    try:
        return space_of(campaign).structure(candidate)
    except CalculationError as error:
        raise NotFoundError(f"{shown(candidate)} has no structure to start from: {error.message}") from error


def start_file(campaign: Campaign, candidate: str, form: StructureForm) -> StructureFile:
    """The same as a file. Raises as :func:`start_of`."""
    atoms = start_of(campaign, candidate)
    content = written_structure(atoms, form)
    return StructureFile(_name_of(candidate, form), form, hashlib.sha256(content.encode()).hexdigest(), content)


def has_steps(evaluation: Evaluation) -> bool:
    """Returns whether some structures of the relaxation were kept."""
    return evaluation.outcome is not None and STEPS_FILE in evaluation.outcome.artifacts


def steps_file(evaluation: Evaluation, artifacts: ArtifactStore) -> StructureFile:
    """Some structures of the relaxation, from its start to its end, as extended XYZ. Raises as :func:`read_steps`."""
    steps = read_steps(evaluation, artifacts)
    with io.StringIO() as text:
        write_extended_xyz(text, steps)
        content = text.getvalue()
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return StructureFile(_name_of(evaluation.proposal.candidate, "extxyz"), "extxyz", sha256, content)


def _name_of(candidate: str, form: StructureForm) -> str:
    return f"{file_stem(candidate)}{SUFFIXES[form]}"


def written_structure(atoms: Atoms, form: StructureForm) -> str:
    """A structure as the text of a file."""
    with tempfile.TemporaryDirectory(prefix="tansaku-structure-") as folder:
        return write_structure(atoms, Path(folder) / f"structure{SUFFIXES[form]}").read_text(encoding="utf-8")


def gallery_of(campaign: Campaign, most: int, after: int | None = None) -> tuple[list[Evaluation], int | None]:
    """The evaluations with the best values that left structures, each candidate once.

    Args:
        most: How many.
        after: Number of an evaluation behind which they begin; None: with the best.

    Returns:
        They, and the number behind which others follow; None: none do.
    """
    page = table_page(campaign, Selection(state=EvaluationState.DONE, sort="best", limit=_LOOKED_AT, after=after))
    found: dict[str, Evaluation] = {}
    for item in campaign.kept.numbered([line["round"] for line in page.lines]):
        if not _has_both(item) or item.proposal.candidate in found:
            continue
        if len(found) == most:
            return list(found.values()), list(found.values())[-1].proposal.number
        found[item.proposal.candidate] = item
    return list(found.values()), page.next


def best_of_each(campaign: Campaign, most: int, after: int | None = None) -> tuple[list[Evaluation], int | None]:
    """The evaluation with the best value of each system, by system; arguments and result as of :func:`gallery_of`."""
    numbers = [line.number for line in system_lines(campaign) if line.number is not None]
    left = numbers[numbers.index(after) + 1 :] if after in numbers else numbers
    found = [item for item in campaign.kept.numbered(left) if _has_both(item)]
    return found[:most], found[most - 1].proposal.number if len(found) > most else None


def _has_both(evaluation: Evaluation) -> bool:
    """Whether an evaluation has a value and left a structure."""
    return structure_sha256(evaluation) is not None and value_of(evaluation) is not None


def describe_structure(evaluation: Evaluation, artifacts: ArtifactStore) -> StructureText:
    """The final structure of an evaluation in words. Raises as :func:`structure_file`."""
    atoms = read_structure(evaluation, artifacts)
    a, b, c = (float(length) for length in atoms.cell.lengths())
    alpha, beta, gamma = (float(angle) for angle in atoms.cell.angles())
    x, y, z = (bool(along) for along in atoms.pbc)
    return StructureText(atoms.get_chemical_formula(), len(atoms), (a, b, c), (alpha, beta, gamma), (x, y, z))
