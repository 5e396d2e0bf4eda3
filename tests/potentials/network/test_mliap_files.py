"""LAMMPS computes what we compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.calculators.lammps import Prism
from ase.units import bar

pytestmark = pytest.mark.needs("torch", "matscipy")

BISPECTRUM = {"type": "bispectrum", "cutoff": 4.5, "degree": 4}


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
    from tansaku.potentials.network.mliap_files import mliap_files

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
    from tansaku.potentials.network.descriptors.contract import open_descriptor
    from tansaku.potentials.network.descriptors.jacobian import describe
    from tansaku.potentials.specs.environment import BispectrumSpec

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
