"""Training of kernel ridge regression: width and regularisation by leaving groups out, one checkpoint per width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.spatial.distance import pdist

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.surrogate import KernelRidgeSpec
from tansaku.models.domain.surrogates import Example, Progress, TrainingRun, Weights
from tansaku.models.features.atomic_environment import check_descriptors
from tansaku.models.surrogates.calibration import fit_error_model
from tansaku.models.surrogates.kernel_ridge.model import KernelRidge, kernel, structure_features, surroundings_of

_STATE = "kernel_ridge.search"
_CONSTANT = 1e-9
_HUGE = 1e300


class KernelRidgeTrainer:
    """``Trainer`` of :class:`KernelRidge`. Nothing is random, and there is nothing to begin with.

    Args:
        spec: Hyper-parameters.
    """

    def __init__(self, spec: KernelRidgeSpec) -> None:
        self._spec = spec

    @property
    def needs(self) -> tuple[str, ...]:
        """The property."""
        return (self._spec.property,)

    def check(self) -> None:
        """See ``Trainer``."""
        check_descriptors(surroundings_of(self._spec))

    def fit(self, examples: Sequence[Example], run: TrainingRun) -> KernelRidge:
        """See ``Trainer``."""
        self.check()
        groups = sorted({example.group for example in examples})
        if len(groups) < 2:
            raise FitError(f"kernel_ridge: {len(groups)} group of training data; cross-validation leaves one out of at least 2")
        species = tuple(sorted({symbol for one in examples for symbol in one.structure.get_chemical_symbols()}))
        raw = np.array([structure_features(self._spec, example, species) for example in examples])
        mean, spread = raw.mean(axis=0), raw.std(axis=0)
        # A column that does not vary counts for nothing by its scale.
        scale = np.where(spread > _CONSTANT * np.maximum(np.abs(mean), 1.0), spread, _HUGE)
        rows = (raw - mean) / scale
        values = np.array([self._value(example) for example in examples])
        offset = float(values.mean())
        owner = np.array([groups.index(example.group) for example in examples])
        unit = float(np.median(pdist(rows))) or 1.0
        errors = self._search(rows, values - offset, owner, unit, run)
        best = np.unravel_index(int(np.argmin(errors)), errors.shape)
        width = unit * self._spec.widths[best[0]]
        regularisation = self._spec.regularisations[best[1]]
        left_out = [_left_out(rows, values - offset, owner == group, width, regularisation) for group in range(len(groups))]
        factor = _factor(kernel(rows, rows, width), regularisation)
        return KernelRidge(
            spec=self._spec,
            species=species,
            mean=mean,
            scale=scale,
            rows=rows,
            width=width,
            coefficients=np.asarray(cho_solve((factor, True), values - offset)),
            factor=factor,
            offset=offset,
            error=fit_error_model(np.concatenate([e for e, _ in left_out]), np.concatenate([h for _, h in left_out])),
            training={
                "width": self._spec.widths[best[0]],
                "regularisation": regularisation,
                "left_out_rmse": float(errors[best]),
                "groups": len(groups),
            },
        )

    def _value(self, example: Example) -> float:
        if self._spec.property not in example.properties:
            raise FitError(f"{example.id}: no {self._spec.property} is known")
        return float(example.properties[self._spec.property]) / (len(example.structure) if self._spec.per_atom else 1)

    def _search(
        self,
        rows: FloatArray,
        values: FloatArray,
        owner: np.ndarray[tuple[int], np.dtype[np.intp]],
        unit: float,
        run: TrainingRun,
    ) -> FloatArray:
        """Left-out errors, shape ``(n_widths, n_regularisations)``."""
        spec = self._spec
        errors = np.full((len(spec.widths), len(spec.regularisations)), np.inf)
        key = content_hash([spec.model_dump(mode="json"), values.tolist(), owner.tolist(), rows.sum(axis=0).tolist()])
        left = run.checkpoints.load()
        done = 0
        if left is not None and (left.document.get("type"), left.document.get("key")) == (_STATE, key):
            done = int(left.document["done"])
            errors[:done] = left.arrays["errors"][:done]
        for place, width in enumerate(spec.widths):
            if place >= done:
                for column, regularisation in enumerate(spec.regularisations):
                    parts = [
                        _left_out(rows, values, owner == group, unit * width, regularisation)[0] for group in np.unique(owner)
                    ]
                    errors[place, column] = float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))
                document = {"type": _STATE, "schema_version": 1, "key": key, "done": place + 1}
                run.checkpoints.save(Weights({"errors": np.where(np.isfinite(errors), errors, -1.0)}, document))
            column = int(np.argmin(errors[place]))
            matrix = kernel(rows, rows, unit * width)
            residual = values - matrix @ cho_solve((_factor(matrix, spec.regularisations[column]), True), values)
            fitted, note = float(np.sqrt(np.mean(residual**2))), f"width {width:g}"
            run.on_progress(Progress(place + 1, fitted, float(errors[place, column]), "unit of the property", note))
        return errors


def _factor(matrix: FloatArray, regularisation: float) -> FloatArray:
    # In the order of memory in which it comes back from a file: another one gives other last digits.
    return np.ascontiguousarray(cholesky(matrix + regularisation * np.eye(len(matrix)), lower=True))


def _left_out(
    rows: FloatArray, values: FloatArray, held: np.ndarray[tuple[int], np.dtype[np.bool_]], width: float, regularisation: float
) -> tuple[FloatArray, FloatArray]:
    """Errors and posterior variances of rows that the fit did not see."""
    factor = _factor(kernel(rows[~held], rows[~held], width), regularisation)
    near = kernel(rows[held], rows[~held], width)
    predicted = near @ cho_solve((factor, True), values[~held])
    explained = (solve_triangular(factor, near.T, lower=True) ** 2).sum(axis=0)
    return values[held] - predicted, np.maximum(0.0, 1.0 - explained)
