"""Training of networks on voxels: one after the other, a checkpoint per pass through the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from tansaku.models.domain.errors import FitError, installed
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.surrogate_base import FREE_ATOMS
from tansaku.models.domain.surrogates import Array, Example, Progress, TrainingRun, Weights
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.calibration import ErrorModel, fit_error_model
from tansaku.models.surrogates.torch_device import full_precision, torch_device
from tansaku.potentials.features.free_atoms import scattering_parameters
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec
from tansaku.potentials.voxel_network.cubes import Crystals, rotation_set
from tansaku.potentials.voxel_network.model import Scaling, VoxelNetworks, inputs, standardised
from tansaku.potentials.voxel_network.network import VoxelNetwork, arrays_of, drawn, load

Mask = npt.NDArray[np.bool_]

_STATE = "voxel_network.training"
_CONSTANT = 1e-9


class VoxelNetworkTrainer:
    """``Trainer`` of :class:`VoxelNetworks`. Initial weights are not used: the networks are small."""

    def __init__(self, spec: VoxelNetworkSpec) -> None:
        self._spec = spec

    @property
    def needs(self) -> tuple[str, ...]:
        """The properties; every example needs all."""
        return self._spec.properties

    def check(self) -> None:
        """Raises MissingComponentError when a package is not installed; called before anything is spent."""
        with installed("surrogate voxel_network needs the package torch", hint="pip install 'tansaku[potential]'"):
            import torch  # noqa: F401
        if self._spec.field == FREE_ATOMS:
            scattering_parameters()

    def fit(self, examples: Sequence[Example], run: TrainingRun) -> VoxelNetworks:
        """Trains."""
        self.check()
        spec = self._spec
        values = np.array([properties_of(example, spec) for example in examples]).reshape(len(examples), -1)
        groups = sorted({example.group for example in examples}, key=lambda group: content_hash([run.seed, group]))
        if len(groups) < 2:
            raise FitError(f"voxel_network: {len(groups)} group of training data; a network leaves out one of at least 2")
        crystals = Crystals.of(examples, spec, torch_device(run.device))
        scaling = _scaling(crystals, values)
        owner = np.array([groups.index(example.group) for example in examples], dtype=np.intp)
        wanted = (values - scaling.mean) / scaling.scale
        left = [_left_out(owner, len(groups), member, spec) for member in range(spec.members)]
        # Without patience the training is the same as before this key existed.
        keys = spec.model_dump(mode="json", exclude={"patience"} if spec.patience is None else None)
        key = content_hash([keys, run.seed, wanted.tolist(), owner.tolist(), _content(crystals)])
        there = torch.as_tensor(wanted, dtype=torch.float32, device=crystals.sizes.device)
        under_way = _Members(spec, crystals, scaling, there, left, key)
        with full_precision():
            members, passes = under_way.run(run)
        said = [standardised(item, crystals, scaling, rotation_set(spec.rotations)[: spec.views]) for item in members]
        errors = _errors(np.array(said), wanted, left)
        arrays = {
            name: array for place, item in enumerate(members) for name, array in arrays_of(item, f"member{place}").items()
        }
        off = [(each[mine] - wanted[mine]) for each, mine in zip(said, left, strict=True)]
        training: JsonDict = {
            "structures": len(examples),
            "groups": len(groups),
            "weights": sum(parameter.numel() for parameter in members[0].parameters()),
            "left_out_rmse": [float(item) for item in np.sqrt((np.concatenate(off) ** 2).mean(axis=0)) * scaling.scale],
        }
        if spec.patience is not None:
            training["passes"] = passes
        species = species_of(item.structure for item in examples)
        return VoxelNetworks(spec, species, scaling, arrays, errors, training, run.device)


def properties_of(example: Example, spec: VoxelNetworkSpec) -> list[float]:
    """Returns the learned properties of an example, extensive ones per atom.

    Raises:
        FitError: One is not known.
    """
    missing = [name for name in spec.properties if name not in example.properties]
    if missing:
        raise FitError(f"{example.id}: no {missing[0]} is known")
    atoms = len(example.structure)
    return [float(example.properties[name]) / (1 if name in spec.intensive else atoms) for name in spec.properties]


@dataclass(frozen=True)
class _Members:
    """Networks being trained.

    Attributes:
        spec: Hyper-parameters.
        crystals: All of the training data.
        scaling: Around the networks.
        wanted: Standardised properties on the device of the crystals, shape ``(n, n_properties)``.
        left: Examples that each network does not see.
        key: Hash of hyper-parameters and data; a checkpoint with another key is ignored.
    """

    spec: VoxelNetworkSpec
    crystals: Crystals
    scaling: Scaling
    wanted: torch.Tensor
    left: Sequence[Mask]
    key: str

    def run(self, run: TrainingRun) -> tuple[list[VoxelNetwork], list[int]]:
        """Trains all networks from the last checkpoint on; returns them and the number of passes of each."""
        found = run.checkpoints.load()
        state = found if found is not None and self._mine(found) else None
        errors_so_far, ended = self._so_far(state)
        for step, errors in enumerate(errors_so_far, 1):
            run.on_progress(self._progress(step, ended, errors))
        done: list[VoxelNetwork] = []
        for member in range(self.spec.members):
            network = drawn(self.spec, self.crystals.grid.size, _number(run.seed, member, 0)).to(self.crystals.sizes.device)
            optimizer = torch.optim.AdamW(network.parameters(), lr=self.spec.rate, weight_decay=self.spec.decay)
            best: dict[str, Array] = {}
            if state is not None and (member < len(ended) or len(errors_so_far) > sum(ended)):
                load(network, dict(state.arrays), f"member{member}")
                if member >= len(ended):
                    _load_optimizer(optimizer, state.arrays)
                    best = {name: array for name, array in state.arrays.items() if name.startswith("best.")}
            done.append(network)
            if member < len(ended):
                continue
            while not self._over(aside := [item for _, item in errors_so_far[sum(ended) :]]):
                fitted = self._epoch(network, optimizer, member, len(aside), run.seed)
                errors_so_far.append((fitted, self._aside(network, member)))
                if self.spec.patience is not None and errors_so_far[-1][1] < min(aside, default=math.inf):
                    best = arrays_of(network, "best")
                run.checkpoints.save(self._state(done, optimizer, errors_so_far, ended, best))
                run.on_progress(self._progress(len(errors_so_far), ended, errors_so_far[-1]))
            if best:
                load(network, best, "best")
            ended.append(len(aside))
        return done, ended

    def _so_far(self, state: Weights | None) -> tuple[list[tuple[float, float]], list[int]]:
        """Returns the errors of all passes in a checkpoint, and the number of passes of each finished network."""
        if state is None:
            return [], []
        errors_so_far = [(float(fitted), float(aside)) for fitted, aside in state.document["told"]]
        # Checkpoints from before early stopping: each network took all passes.
        ended = state.document.get("ended", [self.spec.epochs] * (len(errors_so_far) // self.spec.epochs))
        return errors_so_far, list(ended)

    def _over(self, aside: Sequence[float]) -> bool:
        """Returns whether training of a network has ended, by its errors on left-out data."""
        if len(aside) >= self.spec.epochs:
            return True
        patience = self.spec.patience
        return patience is not None and len(aside) > 0 and len(aside) - 1 - int(np.argmin(aside)) >= patience

    def _epoch(self, network: VoxelNetwork, optimizer: torch.optim.Optimizer, member: int, epoch: int, seed: int) -> float:
        """Runs one pass; returns its root mean square error."""
        spec, device = self.spec, self.crystals.sizes.device
        rng = np.random.default_rng([seed, member, 1, epoch])
        order = rng.permutation(np.flatnonzero(~self.left[member]))
        views = rotation_set(spec.rotations)[rng.integers(spec.rotations, size=len(order))]
        for group in optimizer.param_groups:
            group["lr"] = 0.5 * spec.rate * (1.0 + math.cos(math.pi * epoch / spec.epochs))
        network.train()
        total = 0.0
        for start in range(0, len(order), spec.batch):
            chosen = torch.as_tensor(order[start : start + spec.batch], device=device)
            rotations = torch.as_tensor(views[start : start + spec.batch], device=device)
            off = network(*inputs(self.crystals, self.scaling, chosen, rotations)) - self.wanted[chosen]
            # The loss is linear beyond one deviation, so that a few outliers do not dominate.
            loss = torch.nn.functional.smooth_l1_loss(off, torch.zeros_like(off))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float((off.detach() ** 2).mean()) * len(chosen)
        error = math.sqrt(total / len(order))
        if not math.isfinite(error):
            raise FitError(f"voxel_network: network {member + 1} diverged in pass {epoch + 1}; lower its rate")
        return error

    def _aside(self, network: VoxelNetwork, member: int) -> float:
        """Error on left-out data, in one rotation."""
        said = standardised(network, self.crystals, self.scaling, rotation_set(1))
        off = (said - self.wanted.cpu().numpy())[self.left[member]]
        return float(np.sqrt((off**2).mean()))

    def _progress(self, step: int, ended: Sequence[int], errors: tuple[float, float]) -> Progress:
        member = int((np.cumsum(ended) < step).sum()) + 1
        return Progress(step, *errors, "standard deviations", f"network {member} of {self.spec.members}")

    def _mine(self, found: Weights) -> bool:
        return (found.document.get("type"), found.document.get("key")) == (_STATE, self.key)

    def _state(
        self,
        networks: Sequence[VoxelNetwork],
        optimizer: torch.optim.Optimizer,
        errors_so_far: Sequence[tuple[float, float]],
        ended: Sequence[int],
        best: Mapping[str, Array],
    ) -> Weights:
        arrays: dict[str, Array] = dict(best)
        for place, network in enumerate(networks):
            arrays |= arrays_of(network, f"member{place}")
        for place, item in optimizer.state_dict()["state"].items():
            arrays |= {f"adam.{place}.{name}": value.detach().cpu().numpy().copy() for name, value in item.items()}
        document = {"type": _STATE, "schema_version": 1, "key": self.key, "told": [list(item) for item in errors_so_far]}
        return Weights(arrays, document | {"ended": list(ended)})


def _load_optimizer(optimizer: torch.optim.Optimizer, arrays: Mapping[str, Array]) -> None:
    found = optimizer.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, array in arrays.items():
        if name.startswith("adam."):
            _, place, part = name.split(".")
            state.setdefault(int(place), {})[part] = torch.as_tensor(array)
    optimizer.load_state_dict({"state": state, "param_groups": found["param_groups"]})


def _scaling(crystals: Crystals, values: FloatArray) -> Scaling:
    space = crystals.space.double().cpu().numpy()
    sizes = crystals.sizes[crystals.sizes > 0]
    spread = values.std(axis=0)
    return Scaling(
        space=np.array([space.mean(), max(float(space.std()), _CONSTANT)]),
        size=float(sizes.double().std()) or 1.0,
        mean=values.mean(axis=0),
        scale=np.where(spread > _CONSTANT, spread, 1.0),
    )


def _left_out(owner: np.ndarray[tuple[int], np.dtype[np.intp]], groups: int, member: int, spec: VoxelNetworkSpec) -> Mask:
    """Returns the groups left out by each network: consecutive parts of a random order."""
    many = min(max(1, round(spec.left_out * groups)), groups - 1)
    return np.isin(owner, (member * many + np.arange(many)) % groups)


def _errors(said: FloatArray, wanted: FloatArray, left: Sequence[Mask]) -> tuple[ErrorModel, ...]:
    """Error models from predictions of left-out groups, as a function of the spread of all networks."""
    spread = said.var(axis=0, ddof=1) if len(said) > 1 else np.zeros(wanted.shape)
    off = np.concatenate([(each - wanted)[mine] for each, mine in zip(said, left, strict=True)])
    near = np.concatenate([spread[mine] for mine in left])
    return tuple(fit_error_model(off[:, place], near[:, place]) for place in range(wanted.shape[1]))


def _content(crystals: Crystals) -> list[float]:
    """Returns a hash of a set of crystals."""
    sizes, squares = crystals.sizes.double(), (crystals.vectors**2).sum(dim=2)
    return [*sizes.sum(dim=1).tolist(), *(sizes * squares).sum(dim=1).tolist(), *crystals.space[:, 0].tolist()]


def _number(*parts: int) -> int:
    """A seed of torch from several numbers."""
    return int(content_hash(list(parts))[:15], 16)
