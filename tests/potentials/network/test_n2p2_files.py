"""The files for n2p2 hold the potential, read as n2p2 reads them."""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from ase.data import atomic_numbers
from ase.neighborlist import neighbor_list

pytestmark = pytest.mark.needs("torch", "matscipy")

SYMMETRY = {"type": "symmetry_functions", "cutoff": 4.5, "radial": 3, "angular": 3, "zetas": [1, 2]}


def by_n2p2(folder: Path, atoms) -> float:
    """Energy of a structure by nothing but the files, as n2p2's documentation reads them."""
    settings = [line.split() for line in (folder / "input.nn").read_text().splitlines() if not line.startswith("#")]
    keys = {words[0]: words[1:] for words in settings}
    elements = sorted(keys["elements"], key=lambda symbol: atomic_numbers[symbol])
    owner, other, distance, vectors = neighbor_list("ijdD", atoms, 4.5)
    total = 0.0
    for atom, symbol in enumerate(atoms.get_chemical_symbols()):
        mine = owner == atom
        near = [(atoms[j].symbol, d, v / d) for j, d, v in zip(other[mine], distance[mine], vectors[mine], strict=True)]
        lines = [words[1:] for words in settings if words[0] == "symfunction_short" and words[1] == symbol]
        functions = []
        for words in lines:
            if words[1] == "2":
                eta, centre, reach = (float(word) for word in words[3:])
                value = sum(gauss(d, eta, centre) * fade(d, reach) for e, d, _ in near if e == words[2])
                functions.append(((2, reach, eta, centre, elements.index(words[2])), value))
                continue
            eta, sign, zeta, reach, centre = (float(word) for word in words[4:])
            value = 0.0
            for (e, d, one), (f, g, two) in combinations(near, 2):
                if sorted((e, f)) == sorted(words[2:4]):
                    radial = gauss(d, eta, centre) * gauss(g, eta, centre) * fade(d, reach) * fade(g, reach)
                    value += (1 + sign * (one @ two)) ** zeta * radial
            pair = sorted(elements.index(word) for word in words[2:4])
            functions.append(((9, reach, eta, centre, zeta, sign, *pair), 2 ** (1 - zeta) * value))
        values = np.array([value for _, value in sorted(functions)])
        text = (folder / f"weights.{atomic_numbers[symbol]:03d}.data").read_text().split()
        numbers = iter(float(word) for word in text)
        for size in [*(int(word) for word in keys["global_nodes_short"]), 1]:
            matrix = np.array([[next(numbers) for _ in range(size)] for _ in values])
            bias = np.array([next(numbers) for _ in range(size)])
            values = values @ matrix + bias
            values = np.tanh(values) if size > 1 else values
        assert next(numbers, None) is None
        total += values[0]
    return total


def gauss(distance, eta, centre):
    return math.exp(-eta * (distance - centre) ** 2)


def fade(distance, reach):
    return 0.5 * (1 + math.cos(math.pi * distance / reach)) if distance < reach else 0.0


@pytest.mark.parametrize("changes", [{}, {"angular_cutoff": 4.0}, {"angular": 0}], ids=str)
def test_n2p2_s_files_hold_the_potential(changes, random_potential, alloys, tmp_path):
    from tansaku.potentials.network.n2p2_files import n2p2_files

    species = ("Al", "Cu", "Ag")
    model = random_potential(SYMMETRY | changes, species)
    for name, text in n2p2_files(model).items():
        (tmp_path / name).write_text(text)
    atoms = alloys(species, seed=5)[0][:5]
    expected = model.evaluate(atoms).energies.mean(axis=0).sum()
    assert by_n2p2(tmp_path, atoms) == pytest.approx(expected, abs=1e-9)
    counts = (tmp_path / "scaling.data").read_text().splitlines()[1:]
    assert len(counts) == 3 * model.descriptor.size
    assert "cutoff_type 1" in (tmp_path / "input.nn").read_text()
