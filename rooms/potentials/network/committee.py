"""Training of a committee's members, one after the other, each until its validation error stops decreasing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Progress, TrainingRun, Weights
from tansaku.potentials.network.problem import Problem
from tansaku.potentials.network.trainers import Stage, open_cycle
from tansaku.potentials.specs.network import PotentialSpec

_UNIT = "meV/atom"
_STATE = "potential.committee"


@dataclass(frozen=True)
class Task:
    """The training task.

    Attributes:
        training: Loss of each member.
        validation: Loss on the groups set aside.
        starts: Weights that each member begins with.
        seed: Of what is random in trainers.
    """

    training: Sequence[Problem]
    validation: Problem
    starts: Sequence[FloatArray]
    seed: int


@dataclass(frozen=True)
class Trained:
    """Result of the training.

    Attributes:
        members: Best weights of each member, shape ``(n_members, n_weights)``.
        cycles: That each member took.
    """

    members: FloatArray
    cycles: Sequence[int]


Told = tuple[float, float, str]
"""Training and validation error [eV], and a note."""


@dataclass(frozen=True)
class _State:
    """Progress of the training, as stored in a checkpoint.

    Attributes:
        done: Best weights of members that have ended.
        cycles: That these took.
        stage: Trainer's state of the present member.
        best: Its best weights.
        lowest: Their validation error [eV].
        since: Cycles since it fell last.
        history: Every cycle so far.
    """

    stage: Stage
    best: FloatArray
    lowest: float = np.inf
    since: int = 0
    done: tuple[FloatArray, ...] = ()
    cycles: tuple[int, ...] = ()
    history: tuple[Told, ...] = field(default=(), repr=False)

    def next_member(self, start: FloatArray) -> _State:
        return _State(
            Stage(start), start, done=(*self.done, self.best), cycles=(*self.cycles, self.stage.cycle), history=self.history
        )

    def weights(self, key: str) -> Weights:
        stage = self.stage
        document: JsonDict = {
            "type": _STATE,
            "schema_version": 1,
            "key": key,
            "cycle": stage.cycle,
            "converged": stage.converged,
            "lowest": self.lowest,
            "since": self.since,
            "cycles": list(self.cycles),
            "told": [list(item) for item in self.history],
        }
        arrays = {"weights": stage.weights, "best": self.best}
        arrays |= {f"memory.{name}": array for name, array in stage.memory.items()}
        arrays |= {f"done.{place}": array for place, array in enumerate(self.done)}
        return Weights(arrays, document)

    @classmethod
    def of(cls, weights: Weights) -> _State:
        document, arrays = weights.document, weights.arrays
        memory = {name.removeprefix("memory."): array for name, array in arrays.items() if name.startswith("memory.")}
        return cls(
            stage=Stage(arrays["weights"], memory, document["cycle"], document["converged"]),
            best=arrays["best"],
            lowest=document["lowest"],
            since=document["since"],
            done=tuple(arrays[f"done.{place}"] for place in range(len(document["cycles"]))),
            cycles=tuple(document["cycles"]),
            history=tuple((float(item), float(other), str(note)) for item, other, note in document["told"]),
        )


class Committee:
    """Members being trained.

    Args:
        task: Losses and starts.
        key: Hash of hyper-parameters and data; a checkpoint with another key is ignored.
    """

    def __init__(self, spec: PotentialSpec, task: Task, key: str) -> None:
        self._spec, self._task, self._key = spec, task, key
        self._cycle = open_cycle(spec.trainer)

    def run(self, run: TrainingRun) -> Trained:
        """Trains all members, from the last checkpoint on."""
        state = self._begun(run)
        for step, entry in enumerate(state.history, start=1):
            run.on_progress(_progress(step, entry))
        while True:
            while not self._ended(state):
                state = self._next(state)
                run.checkpoints.save(state.weights(self._key))
                run.on_progress(_progress(len(state.history), state.history[-1]))
            following = len(state.done) + 1
            if following == self._spec.members:
                return Trained(np.array([*state.done, state.best]), (*state.cycles, state.stage.cycle))
            state = state.next_member(self._task.starts[following])

    def _begun(self, run: TrainingRun) -> _State:
        left = run.checkpoints.load()
        if left is not None and (left.document.get("type"), left.document.get("key")) == (_STATE, self._key):
            return _State.of(left)
        start = self._task.starts[0]
        return _State(Stage(start), start)

    def _ended(self, state: _State) -> bool:
        stage = state.stage
        return stage.converged or stage.cycle >= self._spec.trainer.cycles or state.since >= self._spec.patience

    def _next(self, state: _State) -> _State:
        member = len(state.done)
        problem = self._task.training[member]
        rng = np.random.default_rng([self._task.seed, member, 2, state.stage.cycle])
        stage = self._cycle(problem, state.stage, rng)
        training, validation = errors_of(problem, stage.weights), errors_of(self._task.validation, stage.weights)
        weight = self._spec.force_weight
        error = validation.together(weight)
        if not np.isfinite(error):
            raise FitError(
                f"potential: network {member + 1} diverged in cycle {stage.cycle}; the trainer's steps are too large"
            )
        note = f"network {member + 1} of {self._spec.members}, {stage.note}; {training.words}; validation: {validation.words}"
        state = replace(
            state, stage=stage, since=state.since + 1, history=(*state.history, (training.together(weight), error, note))
        )
        return replace(state, best=stage.weights, lowest=error, since=0) if error < state.lowest else state


@dataclass(frozen=True)
class RootMeanSquares:
    """Errors of a set of structures.

    Attributes:
        energy: Per atom [eV].
        force: Of a component [eV/Å]; None where forces are not looked at.
    """

    energy: float
    force: float | None

    def together(self, force_weight: float) -> float:
        """Energy and force errors combined as in the loss [eV]."""
        return float(np.sqrt(self.energy**2 + force_weight * (self.force or 0.0) ** 2))

    @property
    def words(self) -> str:
        """Both errors as text."""
        forces = "" if self.force is None else f", {1000 * self.force:.3g} meV/Å"
        return f"{1000 * self.energy:.3g} meV/atom{forces}"


def errors_of(problem: Problem, weights: FloatArray) -> RootMeanSquares:
    """Errors on the data of a loss, weighted as in the loss; combined they are its root, without the decay."""
    found = problem.residuals(weights)
    energy = _root_mean_square(found.energies, problem.counts)
    if not found.forces:
        return RootMeanSquares(energy, None)
    rows = list(found.forces)
    counts = np.repeat(problem.counts[rows], [len(found.forces[row]) for row in rows])
    return RootMeanSquares(energy, _root_mean_square(np.concatenate([found.forces[row] for row in rows]), counts))


def _root_mean_square(values: FloatArray, counts: FloatArray) -> float:
    return float(np.sqrt(np.average(values**2, weights=counts)))


def _progress(step: int, entry: Told) -> Progress:
    training, validation, note = entry
    return Progress(step, 1000.0 * training, 1000.0 * validation, _UNIT, note)
