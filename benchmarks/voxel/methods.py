"""Methods of the comparison: each learns all targets of some oxides and predicts those of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.spatial.distance import cdist, pdist

from benchmarks.voxel.data import TARGETS
from benchmarks.voxel.features import Oxides
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.surrogate_base import FREE_ATOMS
from tansaku.models.domain.surrogates import DeviceChoice, TrainingRun
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec
from tansaku.potentials.voxel_network.training import VoxelNetworkTrainer

Places = npt.NDArray[np.intp]

SOAP_REGULARISATION = 3.0
MATRIX_REGULARISATION = 0.01
"""Both constants are those of Kajita et al. 2017; kernels and widths are ours."""
_RIDGES = tuple(10.0**power for power in range(-10, 3))


@dataclass(frozen=True)
class Division:
    """A division into training and test oxides.

    Attributes:
        oxides: All of them.
        training: Indices of training oxides.
        test: Indices of test oxides.
        seed: Of all random choices.
    """

    oxides: Oxides
    training: Places
    test: Places
    seed: int

    @cached_property
    def values(self) -> FloatArray:
        """Targets of the training oxides, shape ``(n_training, n_targets)``."""
        return np.asarray(self.oxides.values[self.training])

    @cached_property
    def unseen(self) -> npt.NDArray[np.bool_]:
        """Whether a test oxide has an element that no training oxide has, shape ``(n_test,)``."""
        shares = self.oxides.fractions
        return np.asarray(shares[self.test][:, ~shares[self.training].any(axis=0)].any(axis=1))


Method = Callable[[Division, FloatArray], FloatArray]
"""Given a division and what is to be learned of its training oxides: what it says of the test oxides, shape
``(n_test, n_targets)``."""
Kernel = Callable[[Division, FloatArray], tuple[FloatArray, FloatArray]]
"""A method that knows at once what it says of the training oxides, too: of these first. A network would have to be asked."""


def soap(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """SOAP kernel ridge with the report's regularisation."""
    kernel = division.oxides.soap_kernel[:, division.training]
    return _ridge(kernel, division, values, SOAP_REGULARISATION)


def soap_tuned(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same kernel, its regularisation chosen for each target by leaving one composition out."""
    return _chosen([division.oxides.soap_kernel[:, division.training]], division, values)


def coulomb_matrix(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gaussian kernel ridge on the Coulomb matrix with the report's regularisation; the width is the median distance."""
    kernel = _gaussian(division.oxides.coulomb_spectra, division.training)
    return _ridge(kernel, division, values, MATRIX_REGULARISATION)


def power_spectrum(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ridge on the power spectrum of the field, in which the Hartree energy is linear."""
    rows = division.oxides.shells - division.oxides.shells[division.training].mean(axis=0)
    return _chosen([rows @ rows[division.training].T], division, values)


def points_and_field(division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Kernels of surroundings, of cations and their bonds, and of field, ions and their electrostatics.

    Which share each has is chosen for each target by leaving one composition out.
    """
    oxides, training = division.oxides, division.training
    surroundings = oxides.soap_kernel[:, training]
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
    return _chosen(kernels, division, values)


def network(spec: VoxelNetworkSpec, device: DeviceChoice = "cpu") -> Method:
    """The network on voxels, one for all targets."""

    def learn(division: Division, values: FloatArray) -> FloatArray:
        oxides = division.oxides
        examples = [oxides.example(place, mine) for place, mine in zip(division.training, values, strict=True)]
        fitted = VoxelNetworkTrainer(spec).fit(examples, TrainingRun(seed=division.seed, device=device))
        # An oxide with an element that the network has not seen is refused; it then counts as the mean.
        said = np.tile(values.mean(axis=0), (len(division.test), 1))
        for asked in np.flatnonzero(~division.unseen):
            place = division.test[asked]
            (found,) = fitted.predict([oxides.examples[place]])
            said[asked] = [float(found[name].values) / oxides.rows[place].extent(name) for name in TARGETS]
        return said

    return learn


def alone(kernel: Kernel) -> Method:
    """One kernel."""
    return lambda division, values: kernel(division, values)[1]


def after(first: Kernel, second: Method) -> Method:
    """The second method learns the errors of the first on the training oxides."""

    def learn(division: Division, values: FloatArray) -> FloatArray:
        fitted, said = first(division, values)
        return np.asarray(said + second(division, values - fitted))

    return learn


def methods(spec: VoxelNetworkSpec, device: DeviceChoice = "cpu") -> Mapping[str, Method]:
    """All methods by name.

    Args:
        spec: Of the networks.
        device: Where they are trained.
    """
    voxels = network(spec, device)
    return {
        "soap": alone(soap),
        "coulomb_matrix": alone(coulomb_matrix),
        "r3dvs": voxels,
        "r3dvs_free_atoms": network(spec.model_copy(update={"field": FREE_ATOMS}), device),
        "soap_then_r3dvs": after(soap, voxels),
        "soap_then_coulomb_matrix": after(soap, alone(coulomb_matrix)),
        "soap_tuned": alone(soap_tuned),
        "soap_tuned_then_r3dvs": after(soap_tuned, voxels),
        "soap_tuned_then_coulomb_matrix": after(soap_tuned, alone(coulomb_matrix)),
        "power_spectrum": alone(power_spectrum),
        "points_and_field": alone(points_and_field),
    }


NETWORKS = ("r3dvs", "r3dvs_free_atoms", "soap_then_r3dvs", "soap_tuned_then_r3dvs")
"""Methods that train networks, which takes minutes."""


def _standard(rows: FloatArray, training: Places) -> FloatArray:
    spread = rows[training].std(axis=0)
    return np.asarray((rows - rows[training].mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf))


def _gaussian(rows: FloatArray, training: Places) -> FloatArray:
    width = float(np.median(pdist(rows[training]))) or 1.0
    return np.asarray(np.exp(-0.5 * cdist(rows, rows[training], "sqeuclidean") / width**2))


def _ridge(kernel: FloatArray, division: Division, values: FloatArray, regularisation: float) -> tuple[FloatArray, FloatArray]:
    training, test, mean = division.training, division.test, values.mean(axis=0)
    solved = cho_solve(cho_factor(kernel[training] + regularisation * np.eye(len(training))), values - mean)
    return kernel[training] @ solved + mean, kernel[test] @ solved + mean


def _chosen(kernels: Sequence[FloatArray], division: Division, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ridge with the kernel and the regularisation whose left-out errors are smallest, target by target.

    A training oxide is predicted without its composition: predictions of compositions in the training set are nearly exact.
    """
    training, test, mean = division.training, division.test, values.mean(axis=0)
    families = division.oxides.families(training)
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
            wrong = _left_out(off - inside, turned, kept, families)
            error = np.abs(wrong).mean(axis=0)
            better = error < best
            best[better] = error[better]
            fitted[:, better] = (off - wrong)[:, better]
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
