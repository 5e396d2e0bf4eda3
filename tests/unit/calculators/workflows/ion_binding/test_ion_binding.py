"""Ions at molecules: against the table of solvents, another program's calls, and what was measured."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from pydantic import ValidationError

pytest.importorskip("rdkit", reason="component rdkit: extra molecules")
pytest.importorskip("tblite", reason="component tblite: extra tblite")

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.conformers import conformers_of
from tansaku.calculators.workflows.ion_binding.binding import coordination_of, ion_binding, same_bonds, sites_of
from tansaku.models.domain.errors import CalculationError, ConfigurationError, NotFoundError
from tansaku.models.domain.specs.calculators.ase import AseCalculatorSpec
from tansaku.models.domain.specs.workflow import IonBindingSpec

TABLE = Path(__file__).resolve().parents[5] / "benchmarks/target_search/solvents/table.csv"
KILOJOULE_PER_MOL = 96.48533212331


def opened() -> Any:
    return open_calculator(AseCalculatorSpec(name="tblite"), Path())


def bound(smiles: str, **changes: object) -> Any:
    return ion_binding(opened(), smiles, IonBindingSpec(**changes))


@pytest.mark.parametrize("smiles", ["O", "CC#N", "C=O"])
def test_energies_are_those_of_the_table(smiles):
    with TABLE.open(newline="") as file:
        known = {row["smiles"]: float(row["binding_energy [kJ/mol]"]) for row in csv.DictReader(file)}
    assert bound(smiles).energy * KILOJOULE_PER_MOL == pytest.approx(known[smiles], abs=0.05)


def test_water_and_its_ion_by_plain_calls_of_the_package():
    """The geometries are the workflow's; the three energies are tblite's own, charge and all."""
    from tblite.ase import TBLite

    found = bound("O")
    parts = [(found.bound.atoms, 1), (found.free.atoms, 0), (Atoms("Li"), 1)]
    energies = []
    for atoms, charge in parts:
        plain = Atoms(atoms.symbols, atoms.positions)
        plain.calc = TBLite(method="GFN2-xTB", charge=charge, verbosity=0)
        energies.append(plain.get_potential_energy())
    assert found.energy == pytest.approx(energies[0] - energies[1] - energies[2], abs=1e-6)
    assert found.coordination == 1
    assert 1.6 < found.bound.atoms.get_distance(0, 3) < 2.0


def test_larger_ions_bind_water_less_as_measured():
    """Dzidic and Kebarle (doi:10.1021/j100702a013): -142, -100 and -75 kJ/mol for Li+, Na+ and K+."""
    energies = [bound("O", ion=ion).energy for ion in ("Li", "Na", "K")]
    assert energies == sorted(energies)
    assert energies[-1] < 0


def test_the_molecule_is_not_periodic_and_its_charges_add_up():
    result = opened().evaluate(molecule("H2O"))
    assert result.stress is None
    assert result.charges.sum() == pytest.approx(0.0, abs=1e-6)
    ion = molecule("H2O")
    ion.info["total_charge"] = 1
    assert opened().evaluate(ion).charges.sum() == pytest.approx(1.0, abs=1e-6)


def test_crystals_are_still_required_where_a_calculator_knows_no_molecules():
    with pytest.raises(ConfigurationError, match="needs a fully periodic structure"):
        open_calculator(AseCalculatorSpec(name="emt"), Path()).evaluate(molecule("H2O"))


@dataclass
class Breaking:
    """The calculator, whose relaxations pull one hydrogen off, or do not end."""

    inner: Any
    reason: str

    def evaluate(self, structure: Atoms, relaxation: object = None) -> Any:
        if relaxation is not None and self.reason == "not_converged":
            raise CalculationError("not_converged", "it did not end")
        found = self.inner.evaluate(structure)
        if relaxation is not None:
            found.atoms.positions[2] += 3.0
        return found


@pytest.mark.parametrize("reason", ["bonds_changed", "not_converged"])
def test_a_molecule_that_falls_apart_or_does_not_converge_fails(reason):
    with pytest.raises(CalculationError) as raised:
        ion_binding(Breaking(opened(), reason), "O", IonBindingSpec())
    assert raised.value.reason == reason


def test_a_calculator_without_charges_is_refused():
    class Plain(Breaking):
        def evaluate(self, structure: Atoms, relaxation: object = None) -> Any:
            return replace(self.inner.evaluate(structure, relaxation), charges=None)

    with pytest.raises(ConfigurationError, match="gives no charges of atoms"):
        ion_binding(Plain(opened(), ""), "O", IonBindingSpec())


def test_what_is_no_molecule_is_not_found():
    with pytest.raises(NotFoundError, match="'C1CC' is not the SMILES"):
        conformers_of("C1CC", 1)


@pytest.mark.parametrize("smiles", ["COCCOC", "CS(C)=O", "C1CCC1", "c1ccsc1", "O=C1OCCO1", "C[N+](=O)[O-]", "COP(=O)(OC)OC"])
def test_bonds_are_those_of_the_graph_until_one_breaks(smiles):
    conformers = conformers_of(smiles, 4)
    assert all(same_bonds(positions, conformers) for positions in conformers.positions)
    pulled = conformers.positions[0].copy()
    pulled[-1] *= 3.0
    assert not same_bonds(pulled, conformers)


def test_conformers_are_the_same_every_time_and_the_best_comes_first():
    one, other = conformers_of("COCCOC", 24), conformers_of("COCCOC", 24)
    np.testing.assert_array_equal(one.positions, other.positions)
    assert one.energies[0] == 0.0
    assert (np.diff(one.energies) >= 0).all()
    assert len(conformers_of("COCCOC", 2).positions) <= 2


@pytest.mark.parametrize(("ion", "larger"), [("Li", 0.0), ("K", 0.78)])
def test_places_keep_their_distance_and_differ(ion, larger):
    conformers = conformers_of("COCCOC", 4)
    charges = np.array([{"O": -0.4, "C": 0.0, "H": 0.08}[symbol] for symbol in conformers.symbols])
    sites = sites_of(conformers, charges, 6, ion)
    assert len(sites) == 6
    assert [site.estimate for site in sites] == sorted(site.estimate for site in sites)
    for i, site in enumerate(sites):
        distances = np.linalg.norm(conformers.positions[site.conformer] - site.place, axis=1)
        donors = [d for d, symbol in zip(distances, conformers.symbols, strict=True) if symbol == "O"]
        assert min(abs(distance - 1.85 - larger) for distance in donors) < 0.06
        assert distances.min() > 1.59 + larger
        for other in sites[:i]:
            assert site.conformer != other.conformer or np.linalg.norm(site.place - other.place) > 1.0


def test_coordination_counts_donors_within_reach():
    atoms = Atoms("OOSCLi", [[2.0, 0, 0], [0, 2.6, 0], [0, 0, 2.7], [-2, 0, 0], [0, 0, 0]])
    assert coordination_of(atoms) == 2
    atoms.symbols[-1] = "Na"
    assert coordination_of(atoms) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "emt"}, "workflow: emt computes no molecules with a charge; expected name tblite"),
        ({"name": "tblite", "keywords": {"charge": 1}}, r"keywords\.charge: the workflow says the charge; remove it"),
        ({"name": "tblite", "workflow": {"type": "ion_binding", "ion": "Mg"}}, "Input should be 'Li', 'Na' or 'K'"),
        ({"name": "tblite", "workflow": {"type": "ion_binding", "places": 2}}, "relaxed: 3 of 2 places"),
    ],
    ids=str,
)
def test_a_workflow_that_cannot_be_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        AseCalculatorSpec.model_validate({"workflow": {"type": "ion_binding"}} | given)
