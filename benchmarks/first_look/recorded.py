"""The jobs of the campaign, answered from recorded results: the loop, the training and the first looks are the product's own.

Structures, embedded-atom energies and CHGNet's energies of the same atoms are those of ``benchmarks/local_energies``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.io.extxyz import read_extxyz

from benchmarks.local_energies.cases import DATA
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import JsonDict, Outcome, Provenance, Quantity
from tansaku.models.domain.specs.label import LABEL_PROPERTY
from tansaku.models.domain.states import JobState
from tansaku.tasks.jobs.document import STRUCTURE_FILE, JobDocument, TrainingDocument
from tansaku.tasks.jobs.labelling import LABEL_ENERGIES, LABEL_ENERGY, LabelledJob, open_labelled_job
from tansaku.tasks.jobs.training import train
from tansaku.tasks.jobs.worker import read_document


@lru_cache(maxsize=1)
def structures() -> dict[str, Atoms]:
    """Recorded structures by candidate."""
    import gzip
    import io

    text = gzip.decompress(DATA.read_bytes()).decode("utf-8")
    return {str(one.info["candidate"]): one for one in read_extxyz(io.StringIO(text), index=slice(None))}


def computed_energy(candidate: str, bulk_energy: float) -> float:
    """Recorded boundary energy by the label [mJ/m^2].

    Args:
        candidate: Its id.
        bulk_energy: Of an atom in the perfect crystal, by the label [eV].
    """
    atoms = structures()[candidate]
    area = float(np.linalg.norm(np.cross(atoms.cell[0], atoms.cell[1])))
    return 500.0 * EV_PER_A2 * float(atoms.arrays[LABEL_ENERGIES].sum() - len(atoms) * bulk_energy) / area


@dataclass(frozen=True)
class RecordedLabel(LabelledJob):
    """The product's job with its first look; where it would compute the label, the recorded energies are taken."""

    def labelled(self, outcome: Outcome, atoms: Atoms) -> Outcome:
        """See :class:`LabelledJob`."""
        if self.wanted is None:
            raise AssertionError("the campaign wants the label's energy")
        known = structures()[str(atoms.info["candidate"])]
        energies = np.asarray(known.arrays[LABEL_ENERGIES])
        atoms.arrays[LABEL_ENERGIES] = energies
        atoms.info[LABEL_ENERGY] = float(energies.sum())
        write(self.folder / STRUCTURE_FILE, atoms, format="extxyz")
        excess = self.wanted.excess(float(energies.sum()), atoms)
        label = Provenance(code="chgnet", code_version="", model=known.info["label"], model_sha256=known.info["label_sha256"])
        return outcome.model_copy(
            update={
                "value": self.wanted.scale * excess,
                "quantities": outcome.quantities | {LABEL_PROPERTY: Quantity(value=excess, unit="J/m^2")},
                "properties": outcome.properties | {"label": label.model_dump(mode="json")},
            }
        )


def evaluated(document: JobDocument, folder: Path) -> Outcome:
    """An evaluation from the record."""
    if document.label is None:
        raise AssertionError("the campaign has a label")

    def relaxed() -> Outcome:
        known = structures()[document.candidate]
        atoms, energies = known.copy(), known.calc.results["energies"]
        del atoms.arrays[LABEL_ENERGIES]
        atoms.calc = SinglePointCalculator(atoms, energy=float(energies.sum()), energies=energies)
        write(folder / STRUCTURE_FILE, atoms, format="extxyz")
        provenance = Provenance(code="lammps", code_version="", model=atoms.info["potential"])
        quantities = {"energy": Quantity(value=float(energies.sum()), unit="eV")}
        return Outcome(value=0.0, quantities=quantities, artifacts={STRUCTURE_FILE: STRUCTURE_FILE}, provenance=provenance)

    job = open_labelled_job(relaxed, document.label, document, folder)
    return RecordedLabel(job.job, job.label, job.base_path, job.folder, job.wanted)()


@dataclass
class RecordedLauncher:
    """A ``Launcher`` that does its jobs in this process when they are fetched.

    Attributes:
        folder: For the jobs' files.
        training_seconds: What each training took [CPU s].
        look_seconds: What all first looks took [CPU s].
    """

    folder: Path
    training_seconds: list[float] = field(default_factory=list)
    look_seconds: float = 0.0
    _requests: dict[str, JobRequest] = field(default_factory=dict)

    def start(self) -> None:
        """Nothing has to be started."""

    def stop(self) -> None:
        """Nothing has to be ended."""

    def runtime(self) -> Mapping[str, Any]:
        """Nothing has to be reaped."""
        return {}

    def submit(self, job: JobRequest) -> JsonDict:
        """Takes a job."""
        self._requests.setdefault(job.name, job)
        return {"name": job.name}

    def find(self, name: str) -> JsonDict | None:
        """Handle of a job that was taken."""
        return {"name": name} if name in self._requests else None

    def poll(self, handles: Sequence[JsonDict]) -> list[JobStatus]:
        """All are done."""
        return [JobStatus(JobState.FINISHED) for _ in handles]

    def wait(self, handles: Sequence[JsonDict], timeout: float) -> None:
        """Nobody waits."""

    def fetch(self, handle: JsonDict) -> JobResult:
        """Does the job."""
        request, folder = self._requests[handle["name"]], self.folder / handle["name"]
        folder.mkdir(parents=True, exist_ok=True)
        document, begun = read_document(request.document), time.process_time()
        if isinstance(document, TrainingDocument):
            outcome = train(document, folder)
            self.training_seconds.append(time.process_time() - begun)
        else:
            outcome = evaluated(document, folder)
            self.look_seconds += time.process_time() - begun if document.look is not None else 0.0
        return JobResult(request.token, outcome, folder)

    def cancel(self, handle: JsonDict) -> None:
        """Forgets a job."""
        self._requests.pop(handle["name"], None)

    def discard(self, handle: JsonDict) -> None:
        """Forgets a job."""
        self._requests.pop(handle["name"], None)
