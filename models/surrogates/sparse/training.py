"""Training of an average of sparse linear models; one checkpoint for each part of the groups that is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import norm, t

from tansaku.models.averaging.averaging import Average, fit_average
from tansaku.models.domain.errors import FitError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.surrogate import SparseSpec
from tansaku.models.domain.surrogates import Example, Progress, TrainingRun, Weights
from tansaku.models.features.atomic_environment import check_descriptors
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.calibration import ErrorModel, fit_error_model
from tansaku.models.surrogates.sparse.model import SparseAverage, keys_of, row_of
from tansaku.models.surrogates.structure_rows import groups_of, known_value, surroundings_of, unit_of

_STATE = "sparse.folds"
_NAMED = 20
_LEAK = 1.0 - 1e-9  # correlation with the property from which on a column is taken for the property itself


class SparseTrainer:
    """``Trainer`` of :class:`SparseAverage`. Nothing is random."""

    def __init__(self, spec: SparseSpec) -> None:
        self._spec = spec

    @property
    def needs(self) -> tuple[str, ...]:
        """The property."""
        return (self._spec.property,)

    def check(self) -> None:
        """Raises MissingComponentError when a package is not installed."""
        check_descriptors(surroundings_of(self._spec.descriptors))

    def fit(self, examples: Sequence[Example], run: TrainingRun) -> SparseAverage:
        """Trains, as ``Trainer`` says."""
        self.check()
        spec = self._spec
        groups = groups_of(self._spec, examples)
        y = np.array([known_value(self._spec, example) for example in examples])
        species, keys = species_of(item.structure for item in examples), keys_of(spec, examples)
        x = np.array([row_of(spec, keys, species, example) for example in examples])
        _refuse_leaks(keys, x, y)
        folds = min(spec.folds, len(groups))
        owner = np.array([groups.index(example.group) % folds for example in examples])
        off, distance = self._left_out(x, y, owner, run)
        average = fit_average(x, y, spec.max_features)
        return SparseAverage(
            spec=spec,
            species=species,
            keys=keys,
            average=average,
            error=_widened(fit_error_model(off, distance), len(groups)),
            training={
                "left_out_rmse": float(np.sqrt(np.mean(off**2))),
                "groups": len(groups),
                "probabilities": _probabilities(average, keys),
            },
        )

    def _left_out(
        self, x: FloatArray, y: FloatArray, owner: np.ndarray[tuple[int], np.dtype[np.intp]], run: TrainingRun
    ) -> tuple[FloatArray, FloatArray]:
        """Errors and variances of the prediction by models that saw no example of the same fold, shapes ``(n,)``."""
        off, distance = np.zeros(len(y)), np.zeros(len(y))
        fitted = np.zeros(int(owner.max()) + 1)
        key = content_hash([self._spec.model_dump(mode="json"), x.tolist(), y.tolist(), owner.tolist()])
        left, done = run.checkpoints.load(), 0
        if left is not None and (left.document.get("type"), left.document.get("key")) == (_STATE, key):
            done = int(left.document["done"])
            off, distance, fitted = (np.array(left.arrays[name]) for name in ("off", "distance", "fitted"))
        for fold in range(len(fitted)):
            if fold >= done:
                inside = owner != fold
                average = fit_average(x[inside], y[inside], self._spec.max_features)
                mean, _ = average.predict(x)
                off[~inside], distance[~inside] = (mean - y)[~inside], average.uncertainty(x[~inside])
                fitted[fold] = np.sqrt(np.mean((mean - y)[inside] ** 2))
                document = {"type": _STATE, "schema_version": 1, "key": key, "done": fold + 1}
                run.checkpoints.save(Weights({"off": off, "distance": distance, "fitted": fitted}, document))
            error = float(np.sqrt(np.mean(off[owner == fold] ** 2)))
            run.on_progress(Progress(fold + 1, float(fitted[fold]), error, unit_of(self._spec), f"part {fold + 1}"))
        return off, distance


def _widened(error: ErrorModel, groups: int) -> ErrorModel:
    """The error model with the factor of Student's distribution: few groups say only roughly how large errors are.

    Examples of a group share what they are off by, so groups count and not examples.
    """
    return replace(error, scale=error.scale * float(t.ppf(norm.cdf(1.0), groups - 1)))


def _refuse_leaks(keys: Sequence[str], x: FloatArray, y: FloatArray) -> None:
    """Raises FitError where a number of the metadata is the property itself, up to a factor and an offset."""
    for place, key in enumerate(keys):
        varies = len(y) > 3 and np.std(y) > 0.0 and np.std(x[:, place]) > 0.0
        if varies and abs(float(np.corrcoef(x[:, place], y)[0, 1])) > _LEAK:
            raise FitError(f"columns: {key!r} is the property itself in another form; leave it out")


def _probabilities(average: Average, keys: Sequence[str]) -> dict[str, float]:
    """The most probable columns by name; a descriptor is named by its place."""
    found = average.column_probabilities
    order = np.argsort(-found, kind="stable")[:_NAMED]
    names = {int(place): keys[place] if place < len(keys) else f"descriptor {place - len(keys) + 1}" for place in order}
    return {name: float(found[place]) for place, name in names.items() if found[place] > 0.0}
