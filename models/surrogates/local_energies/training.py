"""Training of local energies: rows once, then the cross-validated path, then the error estimate from the left-out groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tansaku.models.domain.errors import FitError, installed
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import Example, TrainingRun
from tansaku.models.features.atomic_environment import check_descriptors
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.calibration import ErrorModel, fit_error_model
from tansaku.models.surrogates.local_energies.columns import Columns, raw_features
from tansaku.models.surrogates.local_energies.model import Leverage, LocalEnergies
from tansaku.models.surrogates.local_energies.path import Chosen, CrossValidatedPath
from tansaku.models.surrogates.local_energies.system import GroupSums, Rows, Solution, group_sums

Features = Callable[[LocalEnergiesSpec, Example, Sequence[str]], FloatArray]


class LocalEnergiesTrainer:
    """``Trainer`` of :class:`LocalEnergies`. The fit is convex: seed and initial weights do not change its result.

    Args:
        features: Computes a structure's features; a caller that trains on the same structures many times can cache them.
    """

    def __init__(self, spec: LocalEnergiesSpec, features: Features = raw_features) -> None:
        self._spec = spec
        self._features = features

    @property
    def needs(self) -> tuple[str, ...]:
        """Energies of the atoms or of the structure."""
        return ("energies", "energy")

    def check(self) -> None:
        """Raises MissingComponentError when a package is not installed; called before anything is spent."""
        check_descriptors(self._spec.descriptors)
        with installed("surrogate local_energies needs the package scikit-learn", hint="pip install 'tansaku[surrogates]'"):
            import sklearn  # noqa: F401

    def fit(self, examples: Sequence[Example], run: TrainingRun) -> LocalEnergies:
        """Trains."""
        self.check()
        if not examples:
            raise FitError("local_energies: no training data")
        species = species_of(item.structure for item in examples)
        raw = [self._features(self._spec, example, species) for example in examples]
        columns = Columns.learned(self._spec, examples, raw)
        offset = _mean_energy(examples)
        groups = sorted({example.group for example in examples})
        rows = [
            _rows(example, columns.rows(example, features), offset, groups.index(example.group))
            for example, features in zip(examples, raw, strict=True)
        ]
        sums = group_sums(rows, len(groups))
        path = CrossValidatedPath(self._spec, sums, columns.n_features)
        chosen = path.run(self._key(sums), run)
        used = np.r_[np.flatnonzero(chosen.full.coefficients), columns.n_features : rows[0].columns.shape[1]].astype(np.intp)
        of_atoms, of_cells = _error_models(rows, sums, chosen, used)
        return LocalEnergies(
            columns=columns,
            solution=chosen.full,
            offset=offset,
            leverage=_leverage(rows, used),
            of_atoms=of_atoms,
            of_cells=of_cells,
            training={
                "total_weight": chosen.total_weight,
                "penalty": chosen.penalty,
                "left_out_rmse": chosen.error,
                "features": int(np.count_nonzero(chosen.full.coefficients)),
                "of_features": columns.n_features,
                "groups": len(groups),
                "atoms": sum(len(row.columns) for row in rows),
            },
        )

    def _key(self, sums: Sequence[GroupSums]) -> str:
        """Returns the key of checkpoints that may be continued: a hash of hyper-parameters and data."""
        numbers = [[group.n_atoms, group.n_cells, *np.diag(group.atomic + group.total).tolist()] for group in sums]
        return content_hash([self._spec.model_dump(mode="json"), numbers])


def _mean_energy(examples: Sequence[Example]) -> float:
    """Mean energy per atom [eV], subtracted to preserve precision."""
    energies = [_energy(example) for example in examples]
    return float(np.mean([energy for energy in energies if energy is not None]))


def _energy(example: Example) -> float | None:
    """Energy per atom [eV]."""
    known = example.properties.get("energy")
    if known is not None:
        return float(known) / len(example.structure)
    energies = example.properties.get("energies")
    if energies is None:
        raise FitError(f"{example.id}: neither energies nor energy is known")
    return float(np.mean(energies))


def _rows(example: Example, columns: FloatArray, offset: float, group: int) -> Rows:
    energies, energy = example.properties.get("energies"), _energy(example)
    return Rows(
        columns=columns,
        energies=None if energies is None else np.asarray(energies) - offset,
        energy=None if energy is None else energy - offset,
        group=group,
    )


def _leverage(rows: Sequence[Rows], used: IntArray) -> Leverage:
    """Leverage by the mean of x xᵀ over all atoms."""
    total = np.zeros((len(used), len(used)))
    for row in rows:
        columns = row.columns[:, used]
        total += columns.T @ columns
    return Leverage.of(total / sum(len(row.columns) for row in rows), used)


def _error_models(
    rows: Sequence[Rows], sums: Sequence[GroupSums], chosen: Chosen, used: IntArray
) -> tuple[ErrorModel, ErrorModel]:
    """Errors of the atoms and of the cells' energies per atom, each from groups that the fit did not see."""
    atoms: list[tuple[FloatArray, FloatArray]] = []
    cells: list[tuple[float, float]] = []
    for group in range(len(sums)):
        leverage = _leverage([row for row in rows if row.group != group], used)
        fit = chosen.folds[group]
        for row in rows:
            if row.group != group:
                continue
            errors = _predicted(row.columns, fit)
            if row.energies is not None:
                atoms.append((row.energies - errors, leverage.of_rows(row.columns)))
            if row.energy is not None:
                mean = row.columns.mean(axis=0, keepdims=True)
                cells.append((row.energy - float(errors.mean()), float(leverage.of_rows(mean)[0])))
    of_cells = fit_error_model(np.array([e for e, _ in cells]), np.array([h for _, h in cells]))
    if not atoms:
        # No atom's energy is known: an atom gets the error of its cell.
        return of_cells, of_cells
    return fit_error_model(np.concatenate([e for e, _ in atoms]), np.concatenate([h for _, h in atoms])), of_cells


def _predicted(columns: FloatArray, fit: Solution) -> FloatArray:
    return np.asarray(columns @ np.concatenate([fit.coefficients, fit.intercepts]))
