"""A potential of symmetry functions as files of n2p2, which ``pair_style hdnnp`` of a LAMMPS that is built with it reads.

Singraber, Behler and Dellago, J. Chem. Theory Comput. 15, 1827 (2019), doi:10.1021/acs.jctc.8b00770. The format is that of
its documentation and source. n2p2 sorts the functions of an element by type, cutoff, exponent, centre, ζ, λ and elements by
rising atomic number; the first layer's weights follow that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase.data import atomic_numbers

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.potentials.network.descriptors.symmetry import angular_grid, radial_grid
from tansaku.potentials.network.folded import Layer, folded
from tansaku.potentials.network.model import Potential
from tansaku.potentials.specs.environment import SymmetryFunctionsSpec

_CUTOFF_TYPES = {"cosine": 1, "polynomial": 6}
_RADIAL, _ANGULAR = 2, 9


@dataclass(frozen=True, order=True)
class _Function:
    """A symmetry function, in n2p2's order of comparison.

    Attributes:
        kind: Number of its type.
        cutoff: [Å].
        exponent: η [1/Å^2].
        centre: [Å].
        zeta: Sharpness.
        sign: λ.
        numbers: Atomic numbers of the neighbours, ascending.
        place: Among our features.
    """

    kind: int
    cutoff: float
    exponent: float
    centre: float
    zeta: int
    sign: int
    numbers: tuple[int, ...]
    place: int


def n2p2_files(model: Potential) -> dict[str, str]:
    """Files by the names that n2p2 expects: settings, scaling, and the weights of each element.

    Args:
        model: The potential; its committee's mean is written.

    Raises:
        ConfigurationError: n2p2 does not have the potential's descriptor or activation.
    """
    environment = model.spec.environment
    if not isinstance(environment, SymmetryFunctionsSpec):
        raise ConfigurationError(
            f"format n2p2: the potential sees {environment.type}, expected symmetry_functions",
            hint="--format lammps writes this one",
        )
    if environment.elements != "separate" and len(model.species) > 1:
        raise ConfigurationError("format n2p2: elements: weighted, expected separate: n2p2 has no such angular functions")
    if model.spec.activation != "tanh":
        raise ConfigurationError(f"format n2p2: activation {model.spec.activation}, expected tanh")
    functions = _functions(environment, model.species)
    order = sorted(range(len(model.species)), key=lambda code: atomic_numbers[model.species[code]])
    networks = {code: folded(model, code) for code in order}
    files = {
        "input.nn": "\n".join(_settings(environment, [model.species[code] for code in order], functions, networks[0])) + "\n",
        "scaling.data": "\n".join(_scaling(len(order), len(functions))) + "\n",
    }
    for code in order:
        number = atomic_numbers[model.species[code]]
        files[f"weights.{number:03d}.data"] = "\n".join(_weights(networks[code], functions)) + "\n"
    return files


def _functions(environment: SymmetryFunctionsSpec, species: Sequence[str]) -> list[_Function]:
    """All functions of an atom, in n2p2's order; they are the same for every element of the atom."""
    numbers = [atomic_numbers[symbol] for symbol in species]
    radial = [
        (_RADIAL, environment.cutoff, exponent, centre, 0, 0, (number,))
        for number in numbers
        for exponent, centre in radial_grid(environment).tolist()
    ]
    reach = environment.angular_cutoff or environment.cutoff
    angular = [
        (_ANGULAR, reach, exponent, centre, zeta, sign, tuple(sorted(pair)))
        for pair in combinations_with_replacement(numbers, 2)
        for exponent, centre in angular_grid(environment).tolist()
        for zeta in environment.zetas
        for sign in (-1, 1)
    ]
    return sorted(_Function(*item, place) for place, item in enumerate([*radial, *angular]))


def _settings(
    environment: SymmetryFunctionsSpec, symbols: Sequence[str], functions: Sequence[_Function], network: Sequence[Layer]
) -> Iterator[str]:
    hidden = [len(matrix) for matrix, _ in network[:-1]]
    yield "# Written by tansaku. Lengths in Angstrom, energies in eV; no scaling: it is part of the weights."
    yield f"number_of_elements {len(symbols)}"
    yield f"elements {' '.join(symbols)}"
    yield f"global_hidden_layers_short {len(hidden)}"
    yield f"global_nodes_short {' '.join(str(size) for size in hidden)}"
    yield f"global_activation_short {' '.join('t' for _ in hidden)} l"
    yield f"cutoff_type {_CUTOFF_TYPES[environment.cutoff_function]}"
    names = {atomic_numbers[symbol]: symbol for symbol in symbols}
    for symbol in symbols:
        for function in functions:
            others = " ".join(names[number] for number in function.numbers)
            angular = f"{function.sign} {function.zeta} {function.cutoff!r} {function.centre!r}"
            rest = angular if function.kind == _ANGULAR else f"{function.centre!r} {function.cutoff!r}"
            yield f"symfunction_short {symbol} {function.kind} {others} {function.exponent!r} {rest}"


def _scaling(n_elements: int, n_functions: int) -> Iterator[str]:
    yield "# element function min max mean sigma: not used, and so wide that nothing counts as extrapolated"
    for element in range(1, n_elements + 1):
        for place in range(1, n_functions + 1):
            yield f"{element} {place} -1.0E+10 1.0E+10 0.0 1.0"


def _weights(network: Sequence[Layer], functions: Sequence[_Function]) -> Iterator[str]:
    """Layer by layer: the outgoing weights of each neuron, neuron by neuron, then the biases."""
    for place, (matrix, bias) in enumerate(network):
        ordered: FloatArray = matrix[:, [function.place for function in functions]] if place == 0 else matrix
        for value in np.concatenate([ordered.T.ravel(), bias]):
            yield repr(float(value))
