"""Training of kernel ridge regression: width and regularisation by leaving groups out, one checkpoint per width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_solve, cholesky
from scipy.spatial.distance import pdist, squareform

from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.surrogates import Example, Progress, TrainingRun, Weights
from tansaku.models.features.atomic_environment import check_descriptors
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.calibration import fit_error_model
from tansaku.models.surrogates.kernel_ridge.model import KernelRidge, kernel
from tansaku.models.surrogates.structure_rows import groups_of, known_value, structure_features, surroundings_of, unit_of

Places = np.ndarray[tuple[int], np.dtype[np.intp]]

_STATE = "kernel_ridge.search"
_CONSTANT = 1e-9
_HUGE = 1e300


class KernelRidgeTrainer:
    """``Trainer`` of :class:`KernelRidge`. It is deterministic and needs no initial weights."""

    def __init__(self, spec: KernelRidgeSpec) -> None:
        self._spec = spec

    @property
    def needs(self) -> tuple[str, ...]:
        """The property."""
        return (self._spec.property,)

    def check(self) -> None:
        """Raises MissingComponentError when a package is not installed; called before anything is spent."""
        check_descriptors(surroundings_of(self._spec.descriptors))

    def fit(self, examples: Sequence[Example], run: TrainingRun) -> KernelRidge:
        """Trains."""
        self.check()
        groups = groups_of(self._spec, examples)
        species = species_of(item.structure for item in examples)
        raw = np.array([structure_features(self._spec.descriptors, example, species) for example in examples])
        mean, spread = raw.mean(axis=0), raw.std(axis=0)
        # The scale of a column that does not vary is huge, so it has no influence.
        scale = np.where(spread > _CONSTANT * np.maximum(np.abs(mean), 1.0), spread, _HUGE)
        rows = (raw - mean) / scale
        values = np.array([known_value(self._spec, example) for example in examples])
        offset = float(values.mean())
        owner = np.array([groups.index(example.group) for example in examples])
        squares = squareform(pdist(rows, "sqeuclidean"))
        unit = float(np.sqrt(np.median(squares[np.triu_indices(len(rows), 1)]))) or 1.0
        errors = self._search(squares, values - offset, owner, unit, run)
        best = np.unravel_index(int(np.argmin(errors)), errors.shape)
        width = unit * self._spec.widths[best[0]]
        regularisation = self._spec.regularisations[best[1]]
        factor = _factor(kernel(squares, width), regularisation)
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
            error=fit_error_model(*_left_out(factor, values - offset, owner, regularisation)),
            training={
                "width": self._spec.widths[best[0]],
                "regularisation": regularisation,
                "left_out_rmse": float(errors[best]),
                "groups": len(groups),
            },
        )

    def _search(
        self,
        squares: FloatArray,
        values: FloatArray,
        owner: Places,
        unit: float,
        run: TrainingRun,
    ) -> FloatArray:
        """Left-out errors, shape ``(n_widths, n_regularisations)``."""
        spec = self._spec
        errors = np.full((len(spec.widths), len(spec.regularisations)), np.inf)
        key = content_hash([spec.model_dump(mode="json"), values.tolist(), owner.tolist(), squares.sum(axis=0).tolist()])
        left = run.checkpoints.load()
        done = 0
        if left is not None and (left.document.get("type"), left.document.get("key")) == (_STATE, key):
            done = int(left.document["done"])
            errors[:done] = left.arrays["errors"][:done]
        for place, width in enumerate(spec.widths):
            matrix = kernel(squares, unit * width)
            if place >= done:
                for column, regularisation in enumerate(spec.regularisations):
                    off, _ = _left_out(_factor(matrix, regularisation), values, owner, regularisation)
                    errors[place, column] = float(np.sqrt(np.mean(off**2)))
                document = {"type": _STATE, "schema_version": 1, "key": key, "done": place + 1}
                run.checkpoints.save(Weights({"errors": np.where(np.isfinite(errors), errors, -1.0)}, document))
            column = int(np.argmin(errors[place]))
            residual = values - matrix @ cho_solve((_factor(matrix, spec.regularisations[column]), True), values)
            fitted, note = float(np.sqrt(np.mean(residual**2))), f"width {width:g}"
            run.on_progress(Progress(place + 1, fitted, float(errors[place, column]), unit_of(spec), note))
        return errors


def _factor(matrix: FloatArray, regularisation: float) -> FloatArray:
    # In the memory order that a file restores: another order changes the last digits.
    return np.ascontiguousarray(cholesky(matrix + regularisation * np.eye(len(matrix)), lower=True))


def _left_out(factor: FloatArray, values: FloatArray, owner: Places, regularisation: float) -> tuple[FloatArray, FloatArray]:
    """Leave-one-group-out errors and posterior variances, shapes ``(n,)``.

    Both follow from the group's own block of the inverse A of the regularised kernel: the errors are A_GG⁻¹ (A y)_G, and the
    variances, noise included, are the diagonal of A_GG⁻¹ (Rasmussen and Williams 2006, doi:10.7551/mitpress/3206.001.0001,
    section 5.4.2, for a group at a time).
    """
    inverse = cho_solve((factor, True), np.eye(len(factor)))
    weighted = inverse @ values
    errors, variances = np.empty_like(values), np.empty_like(values)
    for group in np.unique(owner):
        mine = np.flatnonzero(owner == group)
        block = np.linalg.inv(inverse[np.ix_(mine, mine)])
        errors[mine] = block @ weighted[mine]
        variances[mine] = np.maximum(0.0, block.diagonal() - regularisation)
    return errors, variances
