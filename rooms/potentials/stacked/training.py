"""Training of stacked surrogates: the first with cross-validation over groups, then on all groups, then the second.

The second learns the errors of the first on data that the first was *not* trained on ("stacked generalisation", Wolpert 1992,
doi:10.1016/S0893-6080(05)80023-1). On its own training data the errors of a kernel of small regularisation are almost zero: the
second would learn nothing, and its error estimate would be far too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import compress

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.surrogates import Array, Example, Progress, Surrogate, TrainingRun, Weights
from tansaku.models.surrogates.surrogate_registry import build_trainer, restored
from tansaku.potentials.specs.stacked import StackedSpec
from tansaku.potentials.stacked.model import Stacked, packed, unpacked

_STATE = "stacked.training"
_LEAST = 3
"""Smallest number of groups: a part of them is left out, and the first surrogate leaves out one of the others."""


class StackedTrainer:
    """``Trainer`` of :class:`Stacked`."""

    def __init__(self, spec: StackedSpec) -> None:
        self._spec = spec
        self._first = build_trainer(spec.first)
        self._second = build_trainer(spec.second)

    @property
    def needs(self) -> tuple[str, ...]:
        """The property."""
        return (self._spec.property,)

    def check(self) -> None:
        """Raises MissingComponentError when a package is not installed; called before anything is spent."""
        self._first.check()
        self._second.check()

    def fit(self, examples: Sequence[Example], run: TrainingRun) -> Stacked:
        """Trains."""
        self.check()
        name = self._spec.property
        unknown = [example.id for example in examples if name not in example.properties]
        if unknown:
            raise FitError(f"{unknown[0]}: no {name} is known")
        parts = _parts(examples, self._spec.folds, run.seed)
        stages = _Stages(run, _key(self._spec, examples, run.seed), len(examples))
        for number, part in enumerate(parts):
            if number >= stages.done:
                fitted = self._first.fit(list(compress(examples, ~part)), stages.run())
                stages.left_out[part] = _said(fitted, list(compress(examples, part)), name)
                stages.next()
        if stages.first is None:
            first = self._first.fit(examples, stages.run())
            stages.first = first.weights()
            stages.next()
        else:
            first = restored(stages.first)
        said = stages.left_out
        # Elements that only one group has: only the fit to all groups can predict them.
        never = np.isnan(said)
        said = np.where(never, _said(first, examples, name), said)
        off = [
            replace(example, properties={**example.properties, name: np.asarray(example.properties[name] - known)})
            for example, known in zip(examples, said, strict=True)
        ]
        second = self._second.fit(off, stages.run())
        training = {
            "structures": len(examples),
            "folds": len(parts),
            "not_left_out": int(never.sum()),
            "first": first.weights().document.get("training"),
            "second": second.weights().document.get("training"),
        }
        return Stacked(self._spec, first, second, training)


@dataclass
class _Stages:
    """Progress of a training: one stage for each fit, each with its own checkpoints within those of the whole.

    Attributes:
        outer: Checkpoints of the whole training.
        key: Hash of hyper-parameters and data; a checkpoint with another key is ignored.
        size: Number of examples.
        done: Fits that have ended.
        left_out: Predictions of the first for each example by a fit without its group; NaN: not yet, or not possible.
        first: Weights of the first on all examples, when that fit has ended.
        history: Steps of the fits that have ended.
        telling: Steps of the present fit.
        inner: Checkpoint of the present fit.
    """

    outer: TrainingRun
    key: str
    size: int
    done: int = 0
    left_out: FloatArray = field(init=False)
    first: Weights | None = None
    history: list[Progress] = field(default_factory=list)
    telling: list[Progress] = field(default_factory=list)
    inner: Weights | None = None

    def __post_init__(self) -> None:
        self.left_out = np.full(self.size, np.nan)
        found = self.outer.checkpoints.load()
        if found is None or (found.document.get("type"), found.document.get("key")) != (_STATE, self.key):
            return
        document = found.document
        self.done = int(document["done"])
        self.left_out = np.array(found.arrays["left_out"])
        if document["first"] is not None:
            self.first = Weights(unpacked("first", found.arrays), document["first"])
        self.inner = Weights(unpacked("inner", found.arrays), document["inner"])
        self.history = [Progress(**item) for item in document["told"]]
        for item in self.history:
            self.outer.on_progress(item)

    def run(self) -> TrainingRun:
        """Returns the options of the next fit."""
        return replace(self.outer, checkpoints=self, on_progress=self._tell, start=None)

    def next(self) -> None:
        """Moves to the next stage after a fit has ended."""
        self.done += 1
        self.history += self.telling
        self.telling, self.inner = [], None

    def save(self, weights: Weights) -> None:
        """Replaces the checkpoint."""
        arrays: dict[str, Array] = {"left_out": self.left_out} | packed("inner", weights.arrays)
        if self.first is not None:
            arrays |= packed("first", self.first.arrays)
        document = {
            "type": _STATE,
            "schema_version": 1,
            "key": self.key,
            "done": self.done,
            "told": [asdict(item) for item in self.history],
            "first": self.first.document if self.first is not None else None,
            "inner": weights.document,
        }
        self.outer.checkpoints.save(Weights(arrays, document))

    def load(self) -> Weights | None:
        """Returns the last checkpoint, None without one."""
        return self.inner

    def _tell(self, progress: Progress) -> None:
        note = ": ".join(filter(None, (f"fit {self.done + 1}", progress.note)))
        self.telling.append(replace(progress, step=len(self.history) + progress.step, note=note))
        self.outer.on_progress(self.telling[-1])


def _parts(examples: Sequence[Example], folds: int, seed: int) -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Returns which examples are left out together; a group is never divided."""
    groups = sorted({example.group for example in examples})
    if len(groups) < _LEAST:
        raise FitError(f"stacked: {len(groups)} groups of training data; expected at least {_LEAST}")
    mixed = np.random.default_rng(seed).permutation(len(groups))
    owner = np.array([groups.index(example.group) for example in examples])
    return [np.isin(owner, part) for part in np.array_split(mixed, min(folds, len(groups)))]


def _said(fitted: Surrogate, examples: Sequence[Example], name: str) -> FloatArray:
    """Returns a surrogate's predictions; NaN for examples with an unknown element."""
    return np.array([_predicted(fitted, example, name) for example in examples])


def _predicted(fitted: Surrogate, example: Example, name: str) -> float:
    try:
        return float(fitted.predict([example])[0][name].values)
    except FitError:
        return float("nan")


def _key(spec: StackedSpec, examples: Sequence[Example], seed: int) -> str:
    known = [
        (
            example.group,
            float(example.properties[spec.property]),
            example.structure.numbers.tolist(),
            example.structure.positions.tolist(),
            example.structure.cell.array.tolist(),
        )
        for example in examples
    ]
    return content_hash([spec.model_dump(mode="json"), seed, known])
