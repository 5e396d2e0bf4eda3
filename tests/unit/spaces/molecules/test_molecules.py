"""Spaces of molecules: what is listed, what ids mean, what is refused and by which key."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.molecules import MoleculesSpaceSpec
from tansaku.models.domain.specs.space import SpaceSpec

pytest.importorskip("rdkit", reason="component rdkit: extra molecules")

from rdkit import Chem

from tansaku.spaces.molecules.space import MoleculesSpace, accessibility

SMALL = {
    "seeds": ["COCCOC", "CC#N", "CCOC(C)=O", "CS(C)=O", "CN(C)C=O"],
    "generate": {"number": 60, "fragments": 3, "edits": 2},
    "rules": {"elements": ["C", "N", "O", "F", "S"], "max_heavy_atoms": 8, "max_synthesizability": 4.0, "max_rings": 1},
}


def opened(folder: Path = Path(), **changes: object) -> MoleculesSpace:
    return MoleculesSpace(MoleculesSpaceSpec.model_validate(SMALL | changes), folder)


@pytest.fixture(scope="module")
def space() -> MoleculesSpace:
    return opened()


def test_every_candidate_meets_the_rules_and_is_listed_once_by_its_canonical_smiles(space):
    ids = space.pool().ids.tolist()
    assert len(ids) == len(set(ids)) == 65
    for smiles in ids:
        molecule = Chem.MolFromSmiles(smiles)
        assert Chem.MolToSmiles(molecule) == smiles
        assert {atom.GetSymbol() for atom in molecule.GetAtoms()} <= {"C", "N", "O", "F", "S"}
        assert molecule.GetNumHeavyAtoms() <= 8
        assert molecule.GetRingInfo().NumRings() <= 1
        assert accessibility()(molecule) <= 4.0
        assert not molecule.HasSubstructMatch(Chem.MolFromSmarts("[O][O]"))


def test_ids_do_not_change(space):
    """A stored campaign finds its candidates again; another version of RDKit may make others."""
    text = "\n".join(space.pool().ids.tolist())
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "3534042c2f498c7e"


@pytest.mark.parametrize(("scale", "expected"), [("auto", True), ("range", True), ("none", False), (None, False)])
def test_descriptors_of_graphs_have_different_units(scale, expected):
    groups = opened(scale=scale, generate=None).pool().groups
    assert (groups["graph"].mixed, groups["donors"].mixed) == (expected, False)


def test_another_seed_makes_other_molecules_of_the_same_known_ones(space):
    other = opened(seed=1).pool().ids.tolist()
    assert set(other) != set(space.pool().ids.tolist())
    assert {"COCCOC", "CC#N", "CCOC(C)=O", "CS(C)=O", "CN(C)C=O"} <= set(other)


def test_known_molecules_can_be_left_out():
    """Nor do they come back as neighbours of the best."""
    space = opened(known=False)
    assert not set(SMALL["seeds"]) & set(space.pool().ids.tolist())
    assert "CS(C)=O" in opened(refine={"neighbours": 500}).refined(["CCS(C)=O"], ["CCS(C)=O"]).ids
    assert not set(SMALL["seeds"]) & set(opened(known=False, refine={"neighbours": 500}).refined([], ["CCS(C)=O"]).ids.tolist())


def test_only_known_molecules_when_nothing_is_made():
    assert opened(generate=None).pool().ids.tolist() == sorted(["CC#N", "CCOC(C)=O", "CN(C)C=O", "COCCOC", "CS(C)=O"])


@pytest.mark.parametrize("how", [{"fragments": 0, "edits": 1}, {"fragments": 4, "edits": 0}], ids=["edits", "fragments"])
def test_fragments_and_edits_each_make_molecules_alone(how):
    made = set(opened(generate={"number": 10} | how, known=False).pool().ids.tolist())
    assert len(made) == 10
    assert made != set(opened(generate={"number": 10}, known=False).pool().ids.tolist())


def test_a_molecule_that_meets_the_rules_is_a_candidate_although_the_pool_does_not_list_it(space):
    assert "CCOCCOCC" not in space.pool().ids
    pool = space.refined(["CCOCCOCC"], [])
    assert set(pool.ids.tolist()) - set(space.pool().ids.tolist()) == {"CCOCCOCC"}
    assert space.structure("CCOCCOCC").get_chemical_formula() == "C6H14O2"


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [("CCCCCCCCCO", "heavy atoms"), ("CCP", "elements"), ("COOC", "unstable groups"), ("[Li+]", "neutral")],
)
def test_a_molecule_that_breaks_a_rule_is_not_found_and_the_rule_is_named(space, candidate, rule):
    with pytest.raises(NotFoundError, match=f"is not in the space: it breaks the rule on .*{rule}"):
        space.structure(candidate)


def test_neighbours_of_the_best_differ_by_one_edit_and_are_as_many_as_asked_for(space):
    few = opened(refine={"around": 1, "neighbours": 10})
    added = set(few.refined([], ["CS(C)=O", "CC#N"]).ids.tolist()) - set(few.pool().ids.tolist())
    assert 0 < len(added) <= 10
    assert added <= set(space.refined([], ["CS(C)=O"]).ids.tolist())
    assert opened(refine=None).refined([], ["CS(C)=O"]).ids.tolist() == opened(refine=None).pool().ids.tolist()


def test_molecules_come_from_a_file_too_whose_content_belongs_to_the_spec(tmp_path):
    (tmp_path / "known.csv").write_text("name,smiles\ndme,COCCOC\nagain,C(OC)COC\nmecn,N#CC\n")
    given = {"seeds": [], "file": "known.csv", "generate": None}
    assert opened(tmp_path, **given).pool().ids.tolist() == ["CC#N", "COCCOC"]
    with pytest.raises(ConfigurationError, match=r"space\.column: .*'structure'"):
        opened(tmp_path, **given, column="structure")
    with pytest.raises(ConfigurationError, match=r"space\.file"):
        opened(tmp_path, **given, sha256="0" * 64)


def test_known_molecules_that_rdkit_cannot_read_are_named_by_their_key(tmp_path):
    with pytest.raises(ConfigurationError, match=r"space\.seeds\[1\]: 'C1CC' is not the SMILES"):
        opened(seeds=["CC", "C1CC"]).pool()
    (tmp_path / "known.csv").write_text("smiles\nCC\nC(C\n")
    with pytest.raises(ConfigurationError, match=r"space\.file: row 3: 'C\(C' is not the SMILES"):
        opened(tmp_path, seeds=[], file="known.csv").pool()


def test_rules_that_no_molecule_meets_are_an_error_that_names_the_worst():
    with pytest.raises(ConfigurationError, match=r"space\.rules: no molecule meets them; .* break the rule on exclude first"):
        opened(rules={"exclude": ["[#6]"]}, generate={"number": 5}).pool()
    with pytest.raises(ConfigurationError, match=r"space\.rules\.exclude\[0\]: '\(\(' is not a SMARTS"):
        opened(rules={"exclude": ["(("]}).pool()


def test_more_molecules_than_the_machine_allows_are_refused():
    spec = MoleculesSpaceSpec.model_validate(SMALL)
    with pytest.raises(ConfigurationError, match=r"space\.generate\.number: candidates: 65; expected at most 50"):
        MoleculesSpace(spec, Path(), LimitsSpec(combinations=50))


def test_a_small_space_ends_when_there_are_no_more_molecules():
    few = opened(
        seeds=["CO"],
        generate={"number": 1000, "edits": 1, "fragments": 0},
        rules={"elements": ["C", "O"], "max_heavy_atoms": 3},
    )
    assert 3 <= len(few.pool()) < 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": []}, "file, seeds: neither names a molecule"),
        ({"generate": None, "known": False}, "known, generate: without either there are no candidates"),
        ({"generate": {"fragments": 0, "edits": 0}}, "fragments, edits: both are 0"),
        ({"rules": {"min_heavy_atoms": 5, "max_heavy_atoms": 4}}, "min_heavy_atoms: 5, above max_heavy_atoms 4"),
        ({"seeds": ["C C"]}, "String should match pattern"),
        ({"sha256": "0" * 64}, "sha256: given without file"),
        ({"cost": {"model": "measured", "kpoint_density": 30}}, "less than or equal to 20"),
        ({"cost": {"model": "measured", "kpoint_density": 10}}, "molecules have no k-points"),
        ({"reactions": []}, "Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_a_spec_that_cannot_be_is_refused_by_key(changes, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(SpaceSpec).validate_python({"type": "molecules"} | SMALL | changes)
