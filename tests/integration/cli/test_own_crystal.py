"""A CIF of one's own: compositions of it searched for the lowest distance from the hull, with a network potential."""

from __future__ import annotations

import json

import pytest
from ase import Atoms
from ase.build import bulk

import tansaku as package

CAMPAIGN = """\
schema_version: 1
name: my-oxide
space:
  type: composition
  parent: {cif: my.cif}
  sites:
    M: {replaces: Ni2+, ions: [Ni2+, Co2+, Mg2+]}
    O: {replaces: O2-}
  relaxed: false
  phases: {file: phases.csv}
calculator: {type: chgnet}
objective: {property: energy_above_hull, unit: meV/atom, goal: {type: best_overall}}
proposer: {type: gp, initial_points: 1}
budget: {evaluations: 3}
execution: {in_flight: 1, polish: 0}
"""


def test_hull_distances_of_an_own_crystal_are_those_of_the_potential_by_itself(tansaku, tmp_path, require):
    require("pymatgen")
    require("chgnet")
    from chgnet.model.dynamics import CHGNetCalculator

    potential = CHGNetCalculator(use_device="cpu", verbose=False)

    def energy(atoms: Atoms) -> float:
        """Per atom [eV]."""
        atoms.calc = potential
        return float(atoms.get_potential_energy()) / len(atoms)

    bulk("NiO", "rocksalt", a=4.18).write(tmp_path / "my.cif")
    (tmp_path / "my-oxide.yaml").write_text(CAMPAIGN)
    molecule = Atoms("O2", [(0, 0, 0), (0, 0, 1.21)], cell=[9, 9, 9], pbc=True)
    phases = {"O2": energy(molecule)}
    phases |= {symbol: energy(bulk(symbol)) for symbol in ("Ni", "Co", "Mg")}
    rows = "".join(f"{formula},{value!r}\n" for formula, value in phases.items())
    (tmp_path / "phases.csv").write_text("formula,energy_per_atom\n" + rows)

    ended = tansaku("run", tmp_path / "my-oxide.yaml", "--plain")
    assert ended.code == 0, ended.err
    campaign = package.open("my-oxide")
    found = {}
    for evaluation in campaign.evaluations:
        candidate, crystal = evaluation.proposal.candidate, campaign.structure(evaluation)
        metal = candidate.removesuffix("2")
        assert crystal.get_chemical_formula() == Atoms(f"{metal}O").get_chemical_formula()
        assert (crystal.get_volume() == pytest.approx(4.18**3 / 4)) == (metal == "Ni")  # cells follow the radii of the ions
        # Between its elements there is no other phase, so the hull is their mean.
        above = 1000 * (energy(crystal) - (phases[metal] + phases["O2"]) / 2)
        assert evaluation.outcome.value == pytest.approx(above, abs=0.5)
        found[candidate] = above
    assert len(found) == 3
    rows = json.loads(tansaku("results", "my-oxide", "--json").out)
    assert [row["candidate"] for row in rows] == sorted(found, key=found.__getitem__)
