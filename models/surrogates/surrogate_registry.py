"""Registry of surrogates: maps specs and stored weights to the code of each type."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never, cast

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.plugins import open_by, opened, plugin_of
from tansaku.models.domain.specs.network_potential import PotentialSpec
from tansaku.models.domain.specs.surrogate import KernelRidgeSpec, LocalEnergiesSpec, SparseSpec, StackedSpec, SurrogateSpec
from tansaku.models.domain.specs.voxel_network import VoxelNetworkSpec
from tansaku.models.domain.surrogates import DeviceChoice, Surrogate, Trainer, Weights


def build_trainer(spec: SurrogateSpec) -> Trainer:
    """Builds the trainer of the surrogate that a spec describes."""
    if (open_plugin := opened("surrogates", spec)) is not None:
        return cast("Trainer", open_plugin(spec))
    match spec:
        case LocalEnergiesSpec():
            from tansaku.models.surrogates.local_energies.training import LocalEnergiesTrainer

            return LocalEnergiesTrainer(spec)
        case KernelRidgeSpec():
            from tansaku.models.surrogates.kernel_ridge.training import KernelRidgeTrainer

            return KernelRidgeTrainer(spec)
        case SparseSpec():
            from tansaku.models.surrogates.sparse.training import SparseTrainer

            return SparseTrainer(spec)
        case PotentialSpec():
            from tansaku.models.surrogates.potential.training import PotentialTrainer

            return PotentialTrainer(spec)
        case VoxelNetworkSpec():
            from tansaku.models.surrogates.voxel_network.training import VoxelNetworkTrainer

            return VoxelNetworkTrainer(spec)
        case StackedSpec():
            from tansaku.models.surrogates.stacked.training import StackedTrainer

            return StackedTrainer(spec, build_trainer(spec.first), build_trainer(spec.second), restored)
        case _:
            assert_never(spec)


def computed_on(spec: SurrogateSpec, device: DeviceChoice) -> str:
    """Returns the device of a spec's surrogate: ``cuda`` or ``cpu``.

    Args:
        spec: Hyper-parameters.
        device: The requested one; surrogates without GPU code compute on the processor.

    Raises:
        FitError: There is no GPU, and it was requested.
    """
    parts = (spec.first, spec.second) if isinstance(spec, StackedSpec) else (spec,)
    if not any(part.type in _USES_GPU for part in parts):
        return "cpu"
    from tansaku.models.surrogates.torch_device import torch_device

    return torch_device(device)


def restored(weights: Weights, device: DeviceChoice = "cpu") -> Surrogate:
    """Rebuilds a surrogate from its weights.

    Args:
        weights: As ``Surrogate.weights`` gave them, by this or an older version.
        device: Where it predicts; surrogates without GPU code predict on the processor.

    Raises:
        StoreError: The surrogate is unknown, or the version is newer.
    """
    kind = weights.document.get("type")
    restore = _RESTORE.get(str(kind)) or _restore_of_plugin(str(kind))
    if restore is None:
        raise StoreError(
            f"weights of unknown type {kind!r}; expected one of {', '.join(_RESTORE)}",
            hint="a newer tansaku may have written them",
        )
    return restore(weights, device)


def _restore_of_plugin(kind: str) -> Callable[[Weights, DeviceChoice], Surrogate] | None:
    plugin = plugin_of("surrogates", kind)
    return None if plugin is None else open_by(plugin.entry.load().restore, plugin)


def _local_energies(weights: Weights, device: DeviceChoice) -> Surrogate:  # noqa: ARG001 - a dot product per atom
    from tansaku.models.surrogates.local_energies.model import LocalEnergies

    return LocalEnergies.from_weights(weights)


def _kernel_ridge(weights: Weights, device: DeviceChoice) -> Surrogate:  # noqa: ARG001 - a small product per structure
    from tansaku.models.surrogates.kernel_ridge.model import KernelRidge

    return KernelRidge.from_weights(weights)


def _sparse(weights: Weights, device: DeviceChoice) -> Surrogate:  # noqa: ARG001 - a few products per structure
    from tansaku.models.surrogates.sparse.model import SparseAverage

    return SparseAverage.from_weights(weights)


def _potential(weights: Weights, device: DeviceChoice) -> Surrogate:
    from tansaku.models.surrogates.potential.model import Potential

    return Potential.from_weights(weights, device)


def _voxel_network(weights: Weights, device: DeviceChoice) -> Surrogate:
    from tansaku.models.surrogates.voxel_network.model import VoxelNetworks

    return VoxelNetworks.from_weights(weights, device)


def _stacked(weights: Weights, device: DeviceChoice) -> Surrogate:
    from tansaku.models.surrogates.stacked.model import Stacked

    return Stacked.from_weights(weights, lambda part: restored(part, device))


_USES_GPU = frozenset({"potential", "voxel_network"})

_RESTORE: dict[str, Callable[[Weights, DeviceChoice], Surrogate]] = {
    "kernel_ridge": _kernel_ridge,
    "local_energies": _local_energies,
    "potential": _potential,
    "sparse": _sparse,
    "stacked": _stacked,
    "voxel_network": _voxel_network,
}
