"""Jobs of the campaign with recorded results; loop, training and pre-screening are those of tansaku.

Structures, embedded-atom energies and CHGNet's energies of the same atoms are those of ``benchmarks/local_energies``. CHGNet's
energies with relaxation and those of SevenNet are in files beside this one.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from benchmarks.ended_jobs import EndedJobs
from benchmarks.local_energies.cases import DATA
from tansaku.calculators.structures.extended_xyz import read_extended_xyz, write_extended_xyz
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, planar_area
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import JobResult
from tansaku.models.domain.records import JsonDict, Outcome, Provenance, Quantity
from tansaku.models.domain.specs.label import LABEL_PROPERTY, LabelSpec
from tansaku.tasks.node.jobs.document import LABEL_ENERGIES, LABEL_ENERGY, STRUCTURE_FILE, JobDocument, TrainingDocument
from tansaku.tasks.node.jobs.labelling import LabelledJob, open_labelled_job
from tansaku.tasks.node.jobs.opened import opened_calculator
from tansaku.tasks.node.jobs.train import train
from tansaku.tasks.node.jobs.worker import read_document


@dataclass(frozen=True)
class Kind:
    """A label.

    Attributes:
        label: As a campaign file has it.
        systems: Boundaries that have it, those with the smallest cells.
        file: Where it is recorded by :mod:`benchmarks.local_energies.pre_screening.recording`; None: with the structures.
    """

    label: JsonDict
    systems: int
    file: Path | None = None


_HERE = Path(__file__).parent
KINDS: dict[str, Kind] = {
    "chgnet": Kind({"calculator": {"type": "chgnet"}}, 22),
    "sevennet": Kind({"calculator": {"type": "sevennet"}}, 22, _HERE / "sevennet.jsonl"),
    # The same degrees of freedom as with the embedded-atom potential. The other five boundaries take longer than these.
    "relaxed": Kind(
        {
            "calculator": {"type": "chgnet", "relaxation": {"cell": "normal", "translation": "free", "fmax": 0.02}},
            "relaxed": True,
        },
        17,
        _HERE / "relaxed.jsonl",
    ),
}
"""Energies of the structures without relaxation, by CHGNet and by SevenNet, and by CHGNet with relaxation."""


def lines(path: Path) -> list[JsonDict]:
    """Complete lines of a file that may still be written."""
    text = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in text if line.endswith("\n")]


@lru_cache(maxsize=1)
def structures() -> dict[str, Atoms]:
    """Recorded structures by candidate."""
    import gzip

    text = gzip.decompress(DATA.read_bytes()).decode("utf-8")
    return {str(item.info["candidate"]): item for item in read_extended_xyz(text)}


@lru_cache(maxsize=len(KINDS))
def recorded(kind: str) -> dict[str, JsonDict]:
    """Lines of a kind's file by candidate; empty where it has none."""
    file = KINDS[kind].file
    return {} if file is None else {str(line["candidate"]): line for line in lines(file)[1:]}


def kind_of(label: LabelSpec) -> str:
    """The kind of a label."""
    return next(name for name, kind in KINDS.items() if LabelSpec.model_validate(kind.label) == label)


def label_energies(candidate: str, kind: str) -> FloatArray:
    """Recorded energies of the atoms by a label [eV], shape ``(n_atoms,)``.

    Args:
        candidate: Its id.
        kind: Key of :data:`KINDS`.
    """
    known = recorded(kind)
    return np.asarray(known[candidate]["energies"] if known else structures()[candidate].arrays[LABEL_ENERGIES])


def computed_energy(candidate: str, bulk_energy: float, kind: str) -> float:
    """Recorded boundary energy by the label [mJ/m^2].

    Args:
        candidate: Its id.
        bulk_energy: Of an atom in the perfect crystal, by the label [eV].
        kind: Key of :data:`KINDS`.
    """
    atoms, energies = structures()[candidate], label_energies(candidate, kind)
    return 500.0 * EV_PER_A2 * float(energies.sum() - len(atoms) * bulk_energy) / planar_area(atoms)


@dataclass(frozen=True)
class RecordedLabel(LabelledJob):
    """The job with its pre-screening, in which recorded energies replace the computation of the label."""

    def labelled(self, outcome: Outcome, atoms: Atoms) -> Outcome:
        """The outcome with the label's energies, which are written into the structure that the job left."""
        if self.wanted is None:
            raise AssertionError("the campaign wants the label's energy")
        energies = label_energies(str(atoms.info["candidate"]), kind_of(self.label))
        atoms.arrays[LABEL_ENERGIES] = energies
        atoms.info[LABEL_ENERGY] = float(energies.sum())
        write_extended_xyz(self.folder / STRUCTURE_FILE, atoms)
        excess = self.wanted.excess(float(energies.sum()), atoms)
        label = opened_calculator(self.label.calculator, self.base_path).provenance
        return outcome.model_copy(
            update={
                "value": self.wanted.scale * excess,
                "quantities": outcome.quantities | {LABEL_PROPERTY: Quantity(value=excess, unit="J/m^2")},
                "properties": outcome.properties
                | {"label": label.model_dump(mode="json"), "label_relaxed": self.label.relaxed},
            }
        )


def evaluated(document: JobDocument, folder: Path) -> Outcome:
    """An evaluation from the record."""
    if document.label is None:
        raise AssertionError("the campaign has a label")

    def cheaply() -> Outcome:
        known = structures()[document.candidate]
        atoms, energies = known.copy(), known.calc.results["energies"]
        del atoms.arrays[LABEL_ENERGIES]
        atoms.calc = SinglePointCalculator(atoms, energy=float(energies.sum()), energies=energies)
        write_extended_xyz(folder / STRUCTURE_FILE, atoms)
        provenance = Provenance(code="lammps", code_version="", model=atoms.info["potential"])
        quantities = {"energy": Quantity(value=float(energies.sum()), unit="eV")}
        return Outcome(value=0.0, quantities=quantities, artifacts={STRUCTURE_FILE: STRUCTURE_FILE}, provenance=provenance)

    job = open_labelled_job(cheaply, document.label, document, folder)
    return RecordedLabel(job.job, job.label, job.base_path, job.folder, job.wanted)()


class RecordedLauncher(EndedJobs):
    """A ``Launcher`` that does its jobs in this process when they are fetched.

    Attributes:
        folder: For the jobs' files.
        training_seconds: What each training took [CPU s].
        look_seconds: Total time of pre-screening [CPU s].
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.training_seconds: list[float] = []
        self.look_seconds = 0.0

    def fetch(self, handle: JsonDict) -> JobResult:
        """Does the job."""
        request, folder = self.requests[handle["name"]], self.folder / handle["name"]
        folder.mkdir(parents=True, exist_ok=True)
        document, begun = read_document(request.document), time.process_time()
        if isinstance(document, TrainingDocument):
            outcome = train(document, folder)
            self.training_seconds.append(time.process_time() - begun)
        else:
            outcome = evaluated(document, folder)
            self.look_seconds += time.process_time() - begun if document.look is not None else 0.0
        return JobResult(request.token, outcome, folder)
