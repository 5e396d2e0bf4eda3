"""GPAW in several MPI ranks: a task goes to a folder, the ranks compute it together, the first one leaves the result there.

``MPIEXEC -n N env GPAW_MPI_BACKEND=cgpaw python -P -m tansaku.calculators.engines.gpaw_ranks FOLDER``
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from ase import Atoms

from tansaku.calculators.engines.electronic import GRID_CELL, TOTAL_CHARGE, total_charge
from tansaku.calculators.engines.gpaw import GpawTask, compute
from tansaku.calculators.engines.gpaw_parameters import usable_ranks
from tansaku.models.domain.errors import CalculationError, ConfigurationError, MissingComponentError, TransientError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import JsonDict, Provenance
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.parallel import ParallelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

_TASK, _RESULT, _WORDS = "task.json", "result.json", "ranks.txt"
_TAIL = 800


def compute_in_ranks(task: GpawTask, parallel: ParallelSpec) -> CalculationResult:
    """Starts the ranks and waits for them: as many as were asked for and as GPAW can use.

    Raises:
        CalculationError: As :func:`compute` raises it.
        ConfigurationError: ``mpiexec`` belongs to another MPI than GPAW.
        MissingComponentError: There is no such ``mpiexec``.
        TransientError: The ranks ended without a result.
    """
    usable = usable_ranks(task.structure, task.spec)
    ranks = parallel.ranks if usable is None else min(parallel.ranks, usable)
    place = nullcontext(str(task.folder)) if task.folder is not None else tempfile.TemporaryDirectory(prefix="tsk-gpaw-")
    with place as name:
        folder = Path(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _RESULT).unlink(missing_ok=True)
        (folder / _TASK).write_text(json.dumps(_task_json(task) | {"ranks": ranks}))
        command = [
            *(parallel.mpiexec, "-n", str(ranks)),
            *("env", "GPAW_MPI_BACKEND=cgpaw", f"OMP_NUM_THREADS={parallel.threads}"),
            *(sys.executable, "-P", "-m", "tansaku.calculators.engines.gpaw_ranks", str(folder)),
        ]
        with (folder / _WORDS).open("wb") as words:
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, check=False)  # noqa: S603 - fixed words, and a program's name held to a pattern
            except FileNotFoundError as error:
                raise MissingComponentError(
                    f"{parallel.mpiexec}: no such program", hint="give the site's mpiexec as a path, or ask for one rank"
                ) from error
        try:
            found = json.loads((folder / _RESULT).read_text())
        except (FileNotFoundError, ValueError) as error:
            said = (folder / _WORDS).read_text(errors="replace")[-_TAIL:].strip()
            raise TransientError(f"gpaw's {ranks} ranks ended without a result ({done.returncode}): {said}") from error
    if "world" in found:
        raise ConfigurationError(
            f"{parallel.mpiexec}: each rank of gpaw sees {found['world']} ranks, expected {ranks}",
            hint="the site's mpiexec must belong to the MPI that gpaw was compiled with",
        )
    if "reason" in found:
        raise CalculationError(found["reason"], found["message"])
    return _result(found, task)


def _task_json(task: GpawTask) -> JsonDict:
    structure = task.structure
    return {
        "numbers": structure.numbers.tolist(),
        "positions": structure.positions.tolist(),
        "cell": structure.cell.array.tolist(),
        "held": np.asarray(structure.arrays["held"], dtype=bool).tolist() if "held" in structure.arrays else None,
        "charge": total_charge(structure),
        "kpoint_cell": np.asarray(structure.info[GRID_CELL]).tolist() if GRID_CELL in structure.info else None,
        "relaxation": task.relaxation.model_dump(mode="json") if task.relaxation is not None else None,
        "spec": task.spec.model_dump(mode="json"),
        "provenance": task.provenance.model_dump(mode="json"),
        "keeps": task.folder is not None,
        "interval": task.interval,
    }


def _task(data: JsonDict, folder: Path) -> GpawTask:
    structure = Atoms(data["numbers"], data["positions"], cell=data["cell"], pbc=True)
    if data["held"] is not None:
        structure.arrays["held"] = np.array(data["held"], dtype=bool)
    if data["charge"]:
        structure.info[TOTAL_CHARGE] = data["charge"]
    if data["kpoint_cell"] is not None:
        structure.info[GRID_CELL] = np.array(data["kpoint_cell"])
    return GpawTask(
        structure=structure,
        relaxation=RelaxationSpec.model_validate(data["relaxation"]) if data["relaxation"] is not None else None,
        spec=GpawSpec.model_validate(data["spec"]),
        provenance=Provenance.model_validate(data["provenance"]),
        folder=folder if data["keeps"] else None,
        interval=data["interval"],
    )


def _result_json(result: CalculationResult) -> JsonDict:
    return {
        "positions": result.atoms.positions.tolist(),
        "cell": result.atoms.cell.array.tolist(),
        "energy": result.energy,
        "forces": result.forces.tolist(),
        "stress": result.stress.tolist() if result.stress is not None else None,
        "steps": result.steps,
        "wall_time": result.wall_time,
        "terms": dict(result.terms),
        "details": dict(result.details),
        "files": {name: str(path) for name, path in result.files.items()},
    }


def _result(data: JsonDict, task: GpawTask) -> CalculationResult:
    atoms = task.structure.copy()
    atoms.set_constraint()
    atoms.set_cell(np.array(data["cell"]))
    atoms.positions = np.array(data["positions"])
    return CalculationResult(
        atoms=atoms,
        energy=data["energy"],
        energies=None,
        forces=np.array(data["forces"], dtype=np.float64),
        stress=np.array(data["stress"], dtype=np.float64),
        converged=True,
        steps=data["steps"],
        wall_time=data["wall_time"],
        provenance=task.provenance,
        terms=data["terms"],
        details=data["details"],
        files={name: Path(path) for name, path in data["files"].items()},
    )


def main(arguments: list[str]) -> int:
    """Entry of a rank, whose one argument is the folder; returns its exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: gpaw_ranks FOLDER\n")
        return 2
    from gpaw.mpi import world

    folder = Path(arguments[0])
    request = json.loads((folder / _TASK).read_text())
    data: JsonDict
    if world.size != request["ranks"]:
        # Processes that do not know of each other would compute the same thing side by side.
        data = {"world": int(world.size)}
    else:
        try:
            data = _result_json(compute(_task(request, folder)))
        except CalculationError as error:
            data = {"reason": error.reason, "message": error.message}
    if world.rank == 0:
        aside = folder / f".{_RESULT}"
        aside.write_text(json.dumps(data))
        aside.rename(folder / _RESULT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
