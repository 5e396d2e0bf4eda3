"""Training of network potentials: descriptors once, then the committee's members, then the error estimate."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.domain.errors import FitError, installed
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.surrogates import Example, TrainingRun, Weights
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.calibration import ErrorModel, fit_error_model
from tansaku.models.surrogates.torch_device import torch_device
from tansaku.potentials.network.committee import Committee, Task
from tansaku.potentials.network.descriptors.contract import open_descriptor
from tansaku.potentials.network.inputs import Inputs
from tansaku.potentials.network.model import TYPE, Potential, architecture_of, spreads
from tansaku.potentials.network.pool import shares
from tansaku.potentials.network.problem import Block, Problem, one_thread_each
from tansaku.potentials.network.scaling import Scaling, expressed
from tansaku.potentials.specs.network import PotentialSpec

_SYMMETRIC = 1e-7
"""A force that is below this in every network vanishes by symmetry [eV/Å]."""


class PotentialTrainer:
    """``Trainer`` of :class:`Potential`."""

    def __init__(self, spec: PotentialSpec) -> None:
        self._spec = spec

    @property
    def needs(self) -> tuple[str, ...]:
        """The energy; forces are learned where they are known."""
        return ("energy",)

    def check(self) -> None:
        """Raises MissingComponentError when a package is not installed; called before anything is spent."""
        with installed("surrogate potential needs the package matscipy", hint="pip install 'tansaku[potential]'"):
            import matscipy  # noqa: F401

    def fit(self, examples: Sequence[Example], run: TrainingRun) -> Potential:
        """Trains."""
        self.check()
        aside = set_aside(examples, self._spec.validation, run.seed)
        species = species_of(example.structure for example in examples)
        with one_thread_each() as workers:
            device = torch_device(run.device)
            inputs = Inputs.of(examples, open_descriptor(self._spec.environment, species, device=device), species)
            data = _Data(self._spec, examples, inputs, inputs.scaling(), aside, device, workers)
            starts = None if run.start is None else self._starts(run.start, species, data.scaling)
            key = content_hash([self._spec.model_dump(mode="json"), run.seed, data.key(), _hash(starts)])
            trained = Committee(self._spec, data.task(run.seed, starts), key).run(run)
            draft = Potential(
                spec=self._spec,
                species=species,
                scaling=data.scaling,
                members=trained.members,
                of_energies=ErrorModel(0.0, 0.0, 1.0, 1.0),
                of_forces=None,
                training={},
                device=run.device,
            )
            of_energies, of_forces, errors = calibrated(draft, [examples[int(place)] for place in np.flatnonzero(aside)])
        training = {
            "cycles": [int(cycle) for cycle in trained.cycles],
            "structures": len(examples),
            "set_aside": int(aside.sum()),
            "atoms": len(inputs.described.species),
            "features": inputs.described.features.shape[1],
            "weights": trained.members.shape[1],
            **errors,
        }
        return replace(draft, of_energies=of_energies, of_forces=of_forces, training=training)

    def _starts(self, weights: Weights, species: tuple[str, ...], scaling: Scaling) -> FloatArray:
        """Initial weights, converted to the new standardisation."""
        if weights.document.get("type") != TYPE:
            raise FitError(f"potential: the initial weights are of a {weights.document.get('type')}")
        model = Potential.from_weights(weights)
        same = ("environment", "hidden", "activation", "members")
        other = [name for name in same if getattr(model.spec, name) != getattr(self._spec, name)]
        if other or model.species != species:
            raise FitError(f"potential: the initial weights have another {(*other, 'set of elements')[0]}")
        return np.array([expressed(member, model.architecture, model.scaling, scaling) for member in model.members])


@dataclass(frozen=True)
class _Data:
    """Training data of the members."""

    spec: PotentialSpec
    examples: Sequence[Example]
    inputs: Inputs
    scaling: Scaling
    aside: np.ndarray
    device: str
    workers: ThreadPoolExecutor

    def key(self) -> str:
        """Hash of the data."""
        forces = [np.empty(0) if force is None else force for force in self.inputs.forces]
        named = [self.inputs.described.features, self.inputs.energies, self.aside, *forces]
        return hashlib.sha256(b"".join(np.ascontiguousarray(item).tobytes() for item in named)).hexdigest()

    def task(self, seed: int, starts: FloatArray | None) -> Task:
        with_forces = self.spec.force_weight > 0
        training, validation = (
            self.inputs.blocks(np.flatnonzero(rows), self.scaling, forces=with_forces, device=self.device)
            for rows in (~self.aside, self.aside)
        )
        groups = sorted({example.group for example in self.examples})
        owner = np.array([groups.index(example.group) for example in self.examples], dtype=np.intp)

        squares = [0.0 if force is None else float(np.mean(force**2)) for force in self.inputs.forces]
        share = shares(self.spec.softening, np.array(squares))

        def counts(member: int) -> FloatArray:
            if not self.spec.bootstrap:
                return np.asarray(share * ~self.aside)
            # Bayesian bootstrap (Rubin 1981, doi:10.1214/aos/1176345338): no group and no element is ever left out.
            found = np.random.default_rng([seed, member, 0]).exponential(size=len(groups))[owner] * ~self.aside
            return np.asarray(share * found / found[~self.aside].mean())

        def begin(member: int) -> FloatArray:
            if starts is not None:
                return np.asarray(starts[member])
            return architecture_of(self.spec, self.scaling).drawn(np.random.default_rng([seed, member, 1]))

        return Task(
            training=[self._problem(training, counts(member)) for member in range(self.spec.members)],
            validation=self._problem(validation, share * self.aside),
            starts=[begin(member) for member in range(self.spec.members)],
            seed=seed,
        )

    def _problem(self, blocks: Sequence[Block], counts: FloatArray) -> Problem:
        spec = self.spec
        architecture = architecture_of(spec, self.scaling)
        return Problem(architecture, blocks, counts, spec.force_weight, spec.decay, self.scaling.unit, self.workers)


def set_aside(examples: Sequence[Example], share: float, seed: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The examples that are set aside: about a share of the groups, drawn by name, so that a group keeps its side as data grow.

    Args:
        examples: Of two groups at least.
        share: Of the groups.
        seed: Of the drawing.

    Raises:
        FitError: There are too few groups.
    """
    groups = sorted({example.group for example in examples})
    if len(groups) < 2:
        raise FitError(f"potential: {len(groups)} group of training data; one of at least 2 is set aside")
    chosen = groups_aside(groups, share, seed)
    return np.array([example.group in chosen for example in examples], dtype=np.bool_)


def groups_aside(groups: Sequence[str], share: float, seed: int) -> frozenset[str]:
    """Names of the groups that are set aside.

    Args:
        groups: Names, at least two.
        seed: Of the drawing.
    """
    drawn = {group: int(content_hash([seed, group])[:12], 16) / 16**12 for group in groups}
    rising = sorted(groups, key=lambda group: drawn[group])
    return frozenset([group for group in rising if drawn[group] < share][: len(groups) - 1] or rising[:1])


def _hash(starts: FloatArray | None) -> str | None:
    return None if starts is None else hashlib.sha256(starts.tobytes()).hexdigest()


def calibrated(draft: Potential, examples: Sequence[Example]) -> tuple[ErrorModel, ErrorModel | None, dict[str, float]]:
    """Error models of energies per atom and of forces, from groups that no member was trained on.

    Args:
        draft: The networks.
        examples: Of these groups.

    Returns:
        Of energies per atom [eV]; of components of forces [eV/Å], None where none that may differ from zero is known; errors.
    """
    energies: list[tuple[float, float]] = []
    forces: list[tuple[FloatArray, FloatArray]] = []
    for example in examples:
        found, atoms = draft.evaluate(example.structure), len(example.structure)
        of_energy, of_forces = spreads(found)
        known = float(example.properties["energy"])
        energies.append(((float(found.energies.sum(axis=1).mean()) - known) / atoms, of_energy))
        if "forces" in example.properties:
            # Every network predicts forces that vanish by symmetry; they carry no information on the errors of others.
            free = np.abs(found.forces).max(axis=0) > _SYMMETRIC
            off_by = found.forces.mean(axis=0) - example.properties["forces"]
            forces.append((off_by[free], np.broadcast_to(of_forces[:, None], free.shape)[free]))
    off, apart = (np.array(column) for column in zip(*energies, strict=True))
    errors = {"set_aside_rmse": float(np.sqrt(np.mean(off**2)))}
    if not any(len(force) for force, _ in forces):
        return fit_error_model(off, apart), None, errors
    off_forces, apart_forces = (np.concatenate(column) for column in zip(*forces, strict=True))
    errors["set_aside_force_rmse"] = float(np.sqrt(np.mean(off_forces**2)))
    return fit_error_model(off, apart), fit_error_model(off_forces, apart_forces), errors
