"""Edits and parts of molecules, against what a chemist writes down."""

import numpy as np
import pytest

pytest.importorskip("rdkit", reason="component rdkit: extra molecules")

from rdkit import Chem

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.specs.molecules import MoleculeRulesSpec
from tansaku.spaces.molecules.edits import Edits
from tansaku.spaces.molecules.fragments import Parts
from tansaku.spaces.molecules.space import UNSTABLE, Rules

ALL = {
    "add": {"CCCO", "CC(C)O", "CCOC", "CC(O)O", "OCCO", "CCOO"},
    "attach": set(),
    "close": {"C1CO1"},
    "exchange": set(),
    "insert": {"CCCO", "CCOO", "COCO"},
    "open": set(),
    "order": {"C=CO", "CC=O"},
    "remove": {"CO", "CC"},
    "replace": {"CCC", "COO", "OCO"},
}
"""What one edit makes of ethanol with carbon and oxygen."""


def test_all_edits_of_ethanol():
    found = {kind: set(made) for kind, made in Edits(("C", "O")).neighbours("CCO").items()}
    assert {kind: made - {"CCO"} for kind, made in found.items()} == ALL


def test_rings_are_opened_and_closed_and_aromatic_ones_stay_whole():
    edits = Edits(("C", "N"))
    assert "C1CCCCC1" in edits.neighbours("CCCCCC")["close"]
    assert "CCCCCC" in edits.neighbours("C1CCCCC1")["open"]
    benzene = edits.neighbours("c1ccccc1")
    assert "c1ccncc1" in benzene["replace"]
    assert not benzene["open"]
    assert all(Chem.MolFromSmiles(made) is not None for several in benzene.values() for made in several)


def test_nitro_groups_keep_their_charges():
    for several in Edits(("C", "O")).neighbours("C[N+](=O)[O-]").values():
        assert all("+]" in made and "[O-]" in made for made in several)


def test_parts_are_exchanged_at_single_bonds_outside_rings():
    parts = Parts(["CCOC(C)=O"])
    assert {group.molecule.GetNumAtoms() for group in parts.groups} >= {2, 3}
    made = Edits(("C",), parts.groups).neighbours("CC#N")
    assert "CC(C)=O" in made["exchange"]
    assert "CC(=O)CC#N" in made["attach"]


def test_random_edits_are_edits_and_reach_all_kinds():
    edits, rng, ethanol = Edits(("C", "O")), np.random.default_rng(0), Chem.MolFromSmiles("CCO")
    every = {made for several in edits.neighbours("CCO").values() for made in several}
    drawn = {Chem.MolToSmiles(made) for _ in range(300) if (made := edits.changed(ethanol, rng)) is not None}
    assert drawn == every
    with pytest.raises(NotFoundError):
        edits.neighbours("C1CC")


def test_parts_are_joined_by_bonds_of_brics_and_no_others():
    """Acyl, alkoxy, amino and alkyl: an ester, an amide, an ether and an amine, but no alkane, peroxide or hydrazine."""
    parts, rng = Parts(["COC(C)=O", "CCN(C)C"]), np.random.default_rng(3)
    assert parts.smiles == ("[1*]C(C)=O", "[3*]OC", "[4*]CC", "[5*]N(C)C")
    assert {Chem.MolToSmiles(parts.joined(2, rng)) for _ in range(60)} == {"COC(C)=O", "CC(=O)N(C)C", "CCOC", "CCN(C)C"}


def test_open_bonds_that_are_left_get_a_hydrogen():
    parts, rng = Parts(["COCCOC"]), np.random.default_rng(0)
    joined = {Chem.MolToSmiles(parts.joined(3, rng)) for _ in range(60)}
    assert {"COCCOC", "CCOC"} <= joined
    assert all(Chem.MolFromSmiles(smiles) is not None and "*" not in smiles for smiles in joined)
    assert Parts(["CC"]).joined(3, rng) is None


@pytest.mark.parametrize(
    ("smiles", "name"),
    [
        ("COOC", "peroxide or hypohalite"),
        ("CSSC", "bond of sulphur to sulphur"),
        ("CSOC", "bond of oxygen or nitrogen to divalent sulphur"),
        ("CN(C)Cl", "halogen at nitrogen"),
        ("CN(C)N(C)C", "hydrazine, hydroxylamine"),
        ("CN=NC", "chain of nitrogen"),
        ("COCO", "hemiacetal, aminal"),
        ("COCCl", "halogen next to oxygen or nitrogen"),
        ("COC(OC)OC", "orthoester"),
        ("C=CO", "enol, enamine"),
        ("CC#COC", "ynol, ynamine"),
        ("C=C=C", "allene, ketene, cumulene"),
        ("CC=N", "imine with a hydrogen"),
        ("CC=NC", "imine"),
        ("CC(C)=S", "multiple bond of carbon to sulphur or phosphorus"),
        ("CC(=O)Cl", "halide of an acid"),
        ("CC(=O)OC(C)=O", "anhydride"),
        ("COC(=O)O", "carbonic or carbamic acid"),
        ("CC(=O)S", "thioacid"),
        ("CS(C)(C)C", "sulphur with four bonds"),
        ("CP(C)(C)(C)C", "phosphorus with five bonds"),
        ("CPC", "hydrogen at phosphorus, silicon or boron"),
        ("CS(=O)O", "sulphinic or sulphenic acid"),
        ("C1C2CC12", "atom in two small rings"),
        ("C1=CC1", "double bond in a small ring"),
        ("O=C1CO1", "carbonyl in a three-membered ring"),
        ("c1cc2cc(c1)CC2", "bridge across an aromatic ring"),
        ("C1#CCCCC1", "triple or cumulated bond in a ring"),
        ("C1ON1", "three-membered ring of two other atoms"),
    ],
)
def test_every_unstable_group_is_known_by_an_example(smiles, name):
    molecule = Chem.MolFromSmiles(smiles)
    assert molecule.HasSubstructMatch(Chem.MolFromSmarts(UNSTABLE[name]))
    elements = frozenset(atom.GetSymbol() for atom in molecule.GetAtoms())
    assert Rules(MoleculeRulesSpec(max_synthesizability=None), elements).broken(molecule) == "unstable groups"
    assert Rules(MoleculeRulesSpec(max_synthesizability=None, unstable=True), elements).broken(molecule) is None


def test_every_unstable_group_has_an_example():
    examples = test_every_unstable_group_is_known_by_an_example.pytestmark[0].args[1]
    assert {name for _, name in examples} == UNSTABLE.keys()


@pytest.mark.parametrize(
    "smiles",
    [
        "COCCOC",
        "CC#N",
        "C1CCOC1",
        "O=C1OCCO1",
        "O=C1OCC(F)O1",
        "CS(C)=O",
        "O=S1(=O)CCCC1",
        "CN(C)C=O",
        "COP(=O)(OC)OC",
        "C[N+](=O)[O-]",
        "c1ccncc1",
        "CN1CCN(C)C1=O",
    ],
)
def test_solvents_in_use_are_stable(smiles):
    molecule = Chem.MolFromSmiles(smiles)
    elements = frozenset(atom.GetSymbol() for atom in molecule.GetAtoms())
    assert Rules(MoleculeRulesSpec(), elements).broken(molecule) is None
