"""A potential of bispectrum components as files of LAMMPS's ML-IAP package: ``pair_style mliap``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.potentials.network.descriptors.bispectrum import components, element_weights
from tansaku.potentials.network.folded import Layer, folded
from tansaku.potentials.network.model import Potential
from tansaku.potentials.specs.environment import BispectrumSpec

_PER_LINE = 10


def mliap_files(model: Potential, name: str) -> dict[str, str]:
    """Files by name: the descriptor, the networks, and the lines of an input script that use them.

    Args:
        model: The potential; LAMMPS computes the mean of its committee.
        name: Of the files, without ending.

    Raises:
        ConfigurationError: LAMMPS does not have the potential's descriptor or activation.
    """
    environment = model.spec.environment
    if not isinstance(environment, BispectrumSpec):
        raise ConfigurationError(
            f"format lammps: the potential sees {environment.type}, expected bispectrum", hint="--format n2p2 writes this one"
        )
    if model.spec.activation != "tanh":
        raise ConfigurationError(f"format lammps: activation {model.spec.activation}, expected tanh")
    networks = [_symmetric(folded(model, code), environment, len(model.species)) for code in range(len(model.species))]
    elements = " ".join(model.species)
    script = (
        f"# units metal; newton on. In pair_coeff stands the element of each atom type.\n"
        f"pair_style mliap model nn {name}.mliap.model descriptor sna {name}.mliap.descriptor\n"
        f"pair_coeff * * {elements}\n"
    )
    return {
        f"{name}.mliap": script,
        f"{name}.mliap.model": "\n".join(_networks(networks)) + "\n",
        f"{name}.mliap.descriptor": _descriptor(environment, model.species),
    }


def _symmetric(layers: Sequence[Layer], environment: BispectrumSpec, n_species: int) -> Sequence[Layer]:
    """The same network with equal weights of components that are equal.

    Where two angular momenta of a component are equal, exchanging their elements gives the same number. LAMMPS's forces
    assume that their weights are equal too; with other weights they are not the gradient of its energies.
    """
    if environment.elements != "separate":
        return layers
    keys = [
        tuple(sorted(zip(momenta, triple, strict=True)))
        for triple in product(range(n_species), repeat=3)
        for momenta in components(environment.degree)
    ]
    matrix, bias = layers[0]
    _, group = np.unique(np.array(keys).reshape(len(keys), -1), axis=0, return_inverse=True)
    sums = np.zeros((group.max() + 1, len(matrix)))
    np.add.at(sums, group, matrix.T)
    return [((sums / np.bincount(group)[:, None])[group].T, bias), *layers[1:]]


def _descriptor(environment: BispectrumSpec, species: Sequence[str]) -> str:
    separate = environment.elements == "separate"
    weights = element_weights(species, separate=separate)
    lines = [
        f"rcutfac {environment.cutoff!r}",
        f"twojmax {environment.degree}",
        f"nelems {len(species)}",
        f"elems {' '.join(species)}",
        f"radelems {' '.join('0.5' for _ in species)}",
        f"welems {' '.join(repr(float(weight)) for weight in weights)}",
        f"rfac0 {environment.angle!r}",
        "rmin0 0",
        "bzeroflag 1",
        f"chemflag {int(separate)}",
        f"bnormflag {int(separate)}",
    ]
    return "\n".join(lines) + "\n"


def _networks(networks: Sequence[Sequence[Layer]]) -> Iterator[str]:
    """Yields for each element shifts of 0 and scales of 1 of the descriptors, then bias and weights of each neuron."""
    matrices = [matrix for matrix, _ in networks[0]]
    n_features = matrices[0].shape[1]
    yield "# nelements nparams"
    yield f"{len(networks)} {sum(matrix.shape[0] * (matrix.shape[1] + 1) for matrix in matrices)}"
    kinds = ["tanh"] * (len(matrices) - 1) + ["linear"]
    sizes = " ".join(f"{kind} {len(matrix)}" for kind, matrix in zip(kinds, matrices, strict=True))
    yield f"NET {n_features} {len(matrices)} {sizes}"
    for layers in networks:
        yield from _lines(["0"] * n_features)
        yield from _lines(["1"] * n_features)
        for matrix, bias in layers:
            for weights, offset in zip(matrix, bias, strict=True):
                yield from _lines([repr(float(offset)), *_texts(weights)])


def _texts(values: FloatArray) -> list[str]:
    return [repr(float(value)) for value in values]


def _lines(words: Sequence[str]) -> Iterator[str]:
    for first in range(0, len(words), _PER_LINE):
        yield " ".join(words[first : first + _PER_LINE])
