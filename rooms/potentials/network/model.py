"""Fitted network potentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import DeviceChoice, Estimate, Example, Prediction, Weights
from tansaku.models.surrogates.calibration import ErrorModel
from tansaku.models.surrogates.reading import reading
from tansaku.models.surrogates.torch_device import torch_device
from tansaku.potentials.network.descriptors.contract import Descriptor, open_descriptor
from tansaku.potentials.network.descriptors.jacobian import Described, describe
from tansaku.potentials.network.network import Architecture, passed
from tansaku.potentials.network.scaling import Scaling
from tansaku.potentials.specs.network import PotentialSpec

if TYPE_CHECKING:
    from ase import Atoms

TYPE = "potential"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Evaluated:
    """Predictions of every member of the committee for a structure.

    Attributes:
        energies: Of the atoms [eV], shape ``(n_members, n_atoms)``.
        forces: [eV/Å], shape ``(n_members, n_atoms, 3)``.
        virial: Stress times volume in Voigt's order [eV], shape ``(n_members, 6)``.
    """

    energies: FloatArray
    forces: FloatArray
    virial: FloatArray


@dataclass(frozen=True)
class Potential:
    """Surrogate of energy and forces.

    Attributes:
        spec: Hyper-parameters.
        species: Elements, in order.
        scaling: Around the networks.
        members: Weights of each network, shape ``(n_members, n_weights)``.
        of_energies: Error of the energy per atom by the committee's spread.
        of_forces: Error of a force component by the committee's spread; None where no forces were known.
        training: Summary of the training, for the record.
        device: Where it predicts.
    """

    spec: PotentialSpec
    species: tuple[str, ...]
    scaling: Scaling
    members: FloatArray
    of_energies: ErrorModel
    of_forces: ErrorModel | None
    training: JsonDict
    device: DeviceChoice = "cpu"

    @property
    def predicts(self) -> tuple[str, ...]:
        """Energy and forces; how the energy is divided among atoms has no physical meaning."""
        return ("energy", "forces")

    @property
    def architecture(self) -> Architecture:
        """Architecture of the networks."""
        return architecture_of(self.spec, self.scaling)

    @cached_property
    def descriptor(self) -> Descriptor:
        """Descriptor of atomic environments."""
        return open_descriptor(self.spec.environment, self.species, device=torch_device(self.device))

    def predict(self, examples: Sequence[Example]) -> list[Prediction]:
        """Predictions in the order of the examples."""
        return [self._predict(example) for example in examples]

    def evaluate(self, structure: Atoms) -> Evaluated:
        """All members' energies, forces and stress.

        Raises:
            FitError: An element that the training data did not have.
        """
        return evaluated(self, describe(self.descriptor, [structure], self.species))

    def disagreement(self, structure: Atoms) -> FloatArray:
        """Spread of the members in the force on each atom [eV/Å], as ``Disagreeing`` says."""
        return spreads(self.evaluate(structure))[1]

    def atomic(self, features: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Atomic energies and their gradients with respect to the descriptors, by every member.

        Args:
            features: As the descriptor gives them, shape ``(n_atoms, n_features)``.
            codes: Element of each atom, shape ``(n_atoms,)``.

        Returns:
            Shapes ``(n_members, n_atoms)`` [eV] and ``(n_members, n_atoms, n_features)`` [eV].
        """
        scaling = self.scaling
        energies = features.new_zeros((len(self.members), len(features)))
        gradients = features.new_zeros((len(self.members), *features.shape))
        for code in range(len(self.species)):
            mine = torch.nonzero(codes == code)[:, 0]
            if not len(mine):
                continue
            mean, inverse = (features.new_tensor(item[code]) for item in (scaling.mean, scaling.inverse))
            inputs = (features[mine] - mean) * inverse
            for place, weights in enumerate(self.members):
                layers = self.architecture.layers(features.new_tensor(weights), code)
                found = passed(layers, self.spec.activation, inputs)
                energies[place, mine] = scaling.unit * found.energies + float(scaling.references[code])
                gradients[place, mine] = scaling.unit * found.gradients * inverse
        return energies, gradients

    def rescaled(self, factors: Mapping[str, float]) -> Potential:
        """The same predictions with other deviations, as ``Rescalable`` says."""
        of_energies, of_forces = (factors.get(name, 1.0) for name in self.predicts)
        forces = None if self.of_forces is None else self.of_forces.rescaled(of_forces)
        return replace(self, of_energies=self.of_energies.rescaled(of_energies), of_forces=forces)

    def weights(self) -> Weights:
        """Returns the weights and metadata from which :func:`restored` rebuilds the model."""
        document: JsonDict = {
            "type": TYPE,
            "schema_version": SCHEMA_VERSION,
            "spec": self.spec.model_dump(mode="json"),
            "species": list(self.species),
            "unit": self.scaling.unit,
            "of_energies": self.of_energies.document(),
            "of_forces": None if self.of_forces is None else self.of_forces.document(),
            "training": self.training,
        }
        arrays = {name: getattr(self.scaling, name) for name in ("mean", "inverse", "references")}
        return Weights(arrays | {"members": self.members}, document)

    @classmethod
    def from_weights(cls, weights: Weights, device: DeviceChoice = "cpu") -> Potential:
        """Rebuilds the model from its weights. Raises as :func:`reading` does."""
        document, arrays = weights.document, weights.arrays
        with reading(weights, TYPE, SCHEMA_VERSION):
            forces = document["of_forces"]
            return cls(
                spec=PotentialSpec.model_validate(document["spec"]),
                species=tuple(document["species"]),
                scaling=Scaling(arrays["mean"], arrays["inverse"], arrays["references"], float(document["unit"])),
                members=arrays["members"],
                of_energies=ErrorModel(**document["of_energies"]),
                of_forces=None if forces is None else ErrorModel(**forces),
                training=document["training"],
                device=device,
            )

    def _predict(self, example: Example) -> Prediction:
        atoms = len(example.structure)
        try:
            found = self.evaluate(example.structure)
        except FitError as error:
            raise FitError(f"{example.id}: {error.message}") from error
        totals, spread = found.energies.sum(axis=1), spreads(found)
        of_energy = self.of_energies.deviation(np.asarray(spread[0])) * atoms
        of_forces = None
        if self.of_forces is not None:
            of_forces = np.repeat(self.of_forces.deviation(spread[1])[:, None], 3, axis=1)
        return {
            "energy": Estimate(np.asarray(totals.mean()), np.asarray(of_energy)),
            "forces": Estimate(found.forces.mean(axis=0), of_forces),
        }


def architecture_of(spec: PotentialSpec, scaling: Scaling) -> Architecture:
    """Sizes of the networks that a spec describes."""
    n_species, n_features = scaling.mean.shape
    return Architecture(n_features, spec.hidden, spec.activation, n_species)


def evaluated(model: Potential, described: Described) -> Evaluated:
    """Predictions of all members for structures with known descriptors."""
    device = model.descriptor.device
    with torch.no_grad():
        features, codes = (torch.as_tensor(item, device=device) for item in (described.features, described.species))
        energies, gradients = (item.cpu().numpy() for item in model.atomic(features, codes))
    pushes = np.matmul(gradients[:, described.centre, None, :], described.blocks)[:, :, 0]
    forces = np.zeros((len(energies), len(described.species), 3))
    for force, push in zip(forces, pushes, strict=True):
        np.subtract.at(force, described.moved, push)
    return Evaluated(energies, forces, np.einsum("mak,akv->mv", gradients, described.strain))


def spreads(found: Evaluated) -> tuple[float, FloatArray]:
    """Spread of the members: in the energy per atom [eV], and in an atom's force [eV/Å], shape ``(n_atoms,)``.

    Zero for a single member.
    """
    members, atoms = found.energies.shape
    if members == 1:
        return 0.0, np.zeros(atoms)
    energy = float(found.energies.sum(axis=1).std(ddof=1)) / atoms
    return energy, np.sqrt(found.forces.var(axis=0, ddof=1).mean(axis=1))
