"""Methods of the comparison: each learns all targets from some oxides and says those of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.spatial.distance import cdist, pdist

from benchmarks.voxel.data import TARGETS
from benchmarks.voxel.features import Oxides, example
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.voxel_network import FREE_ATOMS, VoxelNetworkSpec
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.models.surrogates.voxel_network.training import VoxelNetworkTrainer

Places = npt.NDArray[np.intp]

SOAP_REGULARISATION = 3.0
MATRIX_REGULARISATION = 0.01
"""Both constants are those of Kajita et al. 2017; kernels and widths are ours."""
_POWER = 4
_RIDGES = tuple(10.0**power for power in range(-10, 3))


@dataclass(frozen=True)
class Division:
    """Who teaches and who is asked.

    Attributes:
        oxides: All of them.
        training: Places of those to learn from.
        test: Places of those to say something of.
        seed: Start of every random choice.
    """

    oxides: Oxides
    training: Places
    test: Places
    seed: int


Method = Callable[[Division, FloatArray], tuple[FloatArray, FloatArray]]
"""Given a division and what is to be learned of its training oxides: what it says of these and of the test oxides, shapes
``(n, n_targets)``."""


def soap(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """SOAP kernel ridge with the report's regularisation."""
    oxides, training = division.oxides, division.training
    kernel = (oxides.soap @ oxides.soap[training].T) ** _POWER
    return _ridge(kernel, training, division.test, values, SOAP_REGULARISATION)


def soap_tuned(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same kernel, its regularisation chosen for each target by leaving one composition out."""
    oxides, training = division.oxides, division.training
    kernel = (oxides.soap @ oxides.soap[training].T) ** _POWER
    return _chosen([kernel], oxides.families(training), training, division.test, values)


def matrix(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gaussian kernel ridge on the Coulomb matrix with the report's regularisation; the width is the median distance."""
    oxides, training = division.oxides, division.training
    return _ridge(_gaussian(oxides.matrix, training), training, division.test, values, MATRIX_REGULARISATION)


def shells(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ridge on the power spectrum of the field, in which the Hartree energy is linear."""
    oxides, training = division.oxides, division.training
    rows = oxides.shells - oxides.shells[training].mean(axis=0)
    return _chosen([rows @ rows[training].T], oxides.families(training), training, division.test, values)


def both(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points and field: kernels of surroundings, of cations and their bonds, and of field, ions and their electrostatics.

    Which share each has is chosen for each target by leaving one composition out.
    """
    oxides, training = division.oxides, division.training
    surroundings = (oxides.soap @ oxides.soap[training].T) ** _POWER
    charges, elements = _standard(oxides.electrostatics, training), _standard(oxides.fractions, training)
    spectrum = oxides.shells - oxides.shells[training].mean(axis=0)
    spectrum /= np.linalg.norm(spectrum[training], axis=1).mean()
    linear = sum(rows @ rows[training].T / rows.shape[1] for rows in (charges, elements)) + spectrum @ spectrum[training].T
    smooth = _gaussian(np.hstack([_standard(rows, training) for rows in (oxides.cations, oxides.bonds)]), training)
    kernels = [
        weight * linear + share * smooth + (1.0 - share) * surroundings
        for weight in (0.0, 1.0, 1e2, 1e4, 1e6)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    return _chosen(kernels, oxides.families(training), training, division.test, values)


def network(spec: VoxelNetworkSpec) -> Method:
    """The network on voxels, one for all targets."""

    def learn(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        examples = [example(division.oxides.rows[place], mine) for place, mine in zip(division.training, values, strict=True)]
        fitted = VoxelNetworkTrainer(spec).fit(examples, TrainingRun(seed=division.seed))
        known = set(fitted.species)
        asked = [example(division.oxides.rows[place], np.zeros(len(TARGETS))) for place in division.test]
        said = np.tile(values.mean(axis=0), (len(division.test), 1))
        for place, one in enumerate(asked):
            # An oxide with an element that the network has not seen is refused; it then counts as the mean.
            if set(one.structure.get_chemical_symbols()) <= known:
                found = fitted.predict([one])[0]
                atoms = len(one.structure)
                said[place] = [float(found[name].values) / (1 if name == "band_gap" else atoms) for name in TARGETS]
        return values, said

    return learn


def after(first: Method, second: Method) -> Method:
    """The second learns what the first leaves over on the training oxides."""

    def learn(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        fitted, said = first(division, values)
        further, more = second(division, values - fitted)
        return fitted + further, said + more

    return learn


def methods(spec: VoxelNetworkSpec) -> Mapping[str, Method]:
    """All methods by name."""
    voxels = network(spec)
    free = network(spec.model_copy(update={"field": FREE_ATOMS}))
    return {
        "soap": soap,
        "coulomb_matrix": matrix,
        "r3dvs": voxels,
        "r3dvs_free_atoms": free,
        "soap_then_r3dvs": after(soap, voxels),
        "soap_then_coulomb_matrix": after(soap, matrix),
        "soap_tuned": soap_tuned,
        "power_spectrum": shells,
        "points_and_field": both,
    }


NETWORKS = ("r3dvs", "r3dvs_free_atoms", "soap_then_r3dvs")
"""Methods that train networks, which takes minutes."""


def _standard(rows: FloatArray, training: Places) -> FloatArray:
    spread = rows[training].std(axis=0)
    return np.asarray((rows - rows[training].mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf))


def _gaussian(rows: FloatArray, training: Places) -> FloatArray:
    width = float(np.median(pdist(rows[training]))) or 1.0
    return np.asarray(np.exp(-0.5 * cdist(rows, rows[training], "sqeuclidean") / width**2))


def _ridge(
    kernel: FloatArray, training: Places, test: Places, values: FloatArray, regularisation: float
) -> tuple[FloatArray, FloatArray]:
    mean = values.mean(axis=0)
    solved = cho_solve(cho_factor(kernel[training] + regularisation * np.eye(len(training))), values - mean)
    return kernel[training] @ solved + mean, kernel[test] @ solved + mean


def _chosen(
    kernels: Sequence[FloatArray], families: Sequence[Places], training: Places, test: Places, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Ridge with the kernel and the regularisation whose left-out errors are smallest, target by target."""
    mean = values.mean(axis=0)
    off = values - mean
    best = np.full(values.shape[1], np.inf)
    fitted, said = np.zeros(values.shape), np.zeros((len(test), values.shape[1]))
    for kernel in kernels:
        size, turned = eigh(kernel[training])
        projected, across = turned.T @ off, kernel[test] @ turned
        for ridge in _RIDGES:
            shrunk = 1.0 / (np.maximum(size, 0.0) + ridge * size.max())
            kept = np.maximum(size, 0.0) * shrunk
            inside = turned @ (kept[:, None] * projected)
            error = np.abs(_left_out(off - inside, turned, kept, families)).mean(axis=0)
            better = error < best
            best[better] = error[better]
            fitted[:, better] = inside[:, better]
            said[:, better] = (across @ (shrunk[:, None] * projected))[:, better]
    return fitted + mean, said + mean


def _left_out(residuals: FloatArray, turned: FloatArray, kept: FloatArray, families: Sequence[Places]) -> FloatArray:
    """Errors of each family had the fit not seen it: (1 - H)⁻¹ times its residuals, H being its part of the hat matrix."""
    alone = np.array([family[0] for family in families if len(family) == 1], dtype=np.intp)
    found = np.empty_like(residuals)
    leverage = (turned[alone] ** 2 @ kept).clip(max=1.0 - 1e-9)
    found[alone] = residuals[alone] / (1.0 - leverage)[:, None]
    for family in families:
        if len(family) > 1:
            mine = turned[family]
            found[family] = np.linalg.solve(np.eye(len(family)) * (1.0 + 1e-9) - (mine * kept) @ mine.T, residuals[family])
    return found
