"""Which specs from the dashboard are refused before any file is opened."""

from __future__ import annotations

import hashlib
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from tansaku.models.domain.errors import ConfigurationError, InvalidSpecError
from tansaku.models.domain.library import ENDINGS, LibraryFile
from tansaku.models.domain.specs.base import PLAIN_TEXT, NamesFile, Spec
from tansaku.models.domain.specs.calculators.table import CALCULATORS
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.dataset import DatasetSpec
from tansaku.models.domain.specs.screen import ScreenSpec
from tansaku.models.domain.specs.space import SPACE_SPECS
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.specs.web import ADMIN_LIMITS, RoleLimitsSpec
from tansaku.tasks.act.checks import policy
from tansaku.tasks.act.checks.policy import LARGEST_TEXT, admit, texts_of
from tansaku.tasks.backends.stores.mongo_library import MongoLibrary

LIMITS = RoleLimitsSpec()
TABLE, POTENTIAL, MODEL = "1" * 64, "2" * 64, "3" * 64

TABLE_SPEC = """\
schema_version: 1
name: rows
space:
  type: table
  candidates: rows.csv
  columns: {id: id, value: value}
  features:
    place: {columns: [x]}
proposer: {type: grid}
"""
COPPER = """\
schema_version: 1
name: copper
space: {type: crystals, crystals: {fcc: CRYSTAL}, scans: [{type: lattice, percent: {start: -2, stop: 2, steps: 3}}]}
calculator: {type: emt}
objective: {property: energy_per_atom, unit: eV/atom}
execution: {polish: 0}
""".replace("CRYSTAL", "{structure: fcc, elements: [Cu], lattice_parameter: 3.6}")


def file(sha256: str, name: str, kind: str, day: int = 1, user: str = "ada") -> LibraryFile:
    moment = datetime(2026, 1, day, tzinfo=UTC)
    return LibraryFile(sha256=sha256, name=name, kind=kind, size=1, user=user, created_at=moment)


@pytest.fixture
def library(emptied_database) -> MongoLibrary:
    library = MongoLibrary(emptied_database)
    for entry in (
        file(TABLE, "rows.csv", "table"),
        file(POTENTIAL, "al.eam.alloy", "potential"),
        file(MODEL, "m.safetensors", "model"),
    ):
        library.add_file(entry)
    return library


def problems(text: str, library: MongoLibrary, limits: RoleLimitsSpec = LIMITS) -> list[tuple[str, int | None]]:
    with pytest.raises(InvalidSpecError) as caught:
        admit(text, library, limits, "ada")
    return [(problem.key, problem.line) for problem in caught.value.problems]


def test_a_name_or_hash_of_the_library_becomes_the_path_of_its_copy(library):
    for given in ("rows.csv", f"sha256:{TABLE}", f"{TABLE}/rows.csv", f"{TABLE}/other.csv"):
        admitted = admit(TABLE_SPEC.replace("rows.csv", given), library, LIMITS, "ada")
        assert admitted.spec.space.candidates == f"{TABLE}/rows.csv"
        assert [(item.path, item.sha256) for item in admitted.records] == [(f"{TABLE}/rows.csv", TABLE)]


def test_a_path_that_the_library_lacks_may_be_kept_by_a_campaign_if_it_holds_the_same_kind(library):
    def kept(path: str) -> LibraryFile | None:
        kinds = {f"{'5' * 64}/a.csv": "table", f"{'6' * 64}/a.cif": "structure"}
        return file(path[:64], path[65:], kinds[path]) if path in kinds else None

    table, structure = f"{'5' * 64}/a.csv", f"{'6' * 64}/a.cif"
    admitted = admit(TABLE_SPEC.replace("rows.csv", table), library, LIMITS, "ada", kept)
    assert (admitted.spec.space.candidates, admitted.records[0].path) == (table, table)
    for path in (structure, f"{'5' * 64}/b.csv"):
        with pytest.raises(InvalidSpecError, match=r"space\.candidates"):
            admit(TABLE_SPEC.replace("rows.csv", path), library, LIMITS, "ada", kept)


def test_of_two_contents_of_a_name_the_newest_is_meant(library):
    library.add_file(file("4" * 64, "rows.csv", "table", day=2))
    assert admit(TABLE_SPEC, library, LIMITS, "ada").files[0].sha256 == "4" * 64


def test_a_name_means_the_authors_own_file_and_another_file_is_named_as_the_message_says(library):
    def named(text: str, user: str) -> str:
        return admit(TABLE_SPEC.replace("rows.csv", text), library, LIMITS, user).files[0].sha256

    newer = "4" * 64
    library.add_file(file(newer, "rows.csv", "table", day=2, user="bob"))
    assert [named("rows.csv", user) for user in ("ada", "bob")] == [TABLE, newer]
    with pytest.raises(InvalidSpecError) as caught:
        named("rows.csv", "eve")
    message = f"rows.csv was uploaded by bob, not by you; name it bob:rows.csv or sha256:{newer}"
    assert caught.value.problems[0].message == message
    assert [named(text, "eve") for text in ("bob:rows.csv", "ada:rows.csv", f"sha256:{newer}")] == [newer, TABLE, newer]
    with pytest.raises(InvalidSpecError, match="was uploaded by bob, not by eve"):
        named("eve:rows.csv", "ada")
    # The same content from several users, and again after another one: the last upload counts.
    library.add_file(file(TABLE, "rows.csv", "table", day=3, user="eve"))
    library.add_file(file(newer, "rows.csv", "table", day=4, user="ada"))
    assert [named("rows.csv", user) for user in ("ada", "bob", "eve")] == [newer, newer, TABLE]
    library.add_file(file(TABLE, "rows.csv", "table", day=5, user="ada"))
    assert named("rows.csv", "ada") == TABLE


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../rows.csv",
        "./rows.csv",
        "rows.csv/../../secret.csv",
        "folder/rows.csv",
        "~/rows.csv",
        "..",
        ".hidden.csv",
        "'rows.csv\\0'",
        "file:///etc/passwd",
        f"{'9' * 64}/rows.csv",
        f"{POTENTIAL}/rows.csv",
        f"./{TABLE}/rows.csv",
        f"{TABLE}/../rows.csv",
        "other.csv",
        f"sha256:{'9' * 64}",
        "sha256:../../etc/passwd",
        "al.eam.alloy",
        '"rows.csv\\n"',
        '":rows.csv"',
    ],
)
def test_anything_but_a_fitting_file_of_the_library_is_refused_at_its_line(library, path):
    assert problems(TABLE_SPEC.replace("rows.csv", path), library) == [("space.candidates", 5)]


STRUCTURES_SPEC = """\
schema_version: 1
name: crystals
space: {type: structures, SOURCE}
calculator: {type: emt}
objective: {property: energy_per_atom, unit: eV/atom}
execution: {polish: 0}
"""


def test_files_of_one_content_keep_the_names_that_they_were_given(library):
    for user, name in (("bob", "secret.cif"), ("ada", "a.cif"), ("ada", "b.cif")):
        library.add_file(file("4" * 64, name, "structure", user=user))
    admitted = admit(STRUCTURES_SPEC.replace("SOURCE", "paths: [a.cif, b.cif]"), library, LIMITS, "ada")
    paths = tuple(f"{'4' * 64}/{name}" for name in ("a.cif", "b.cif"))
    assert admitted.spec.space.paths == paths == tuple(record.path for record in admitted.records)
    again = admit(STRUCTURES_SPEC.replace("SOURCE", f"paths: [{paths[1]}]"), library, LIMITS, "ada")
    assert again.spec.space.paths == paths[1:]


def test_structures_come_from_the_library_only(library):
    library.add_file(file("4" * 64, "mine.cif", "structure"))
    admitted = admit(STRUCTURES_SPEC.replace("SOURCE", "paths: [mine.cif]"), library, LIMITS, "ada")
    assert admitted.spec.space.paths == (f"{'4' * 64}/mine.cif",)
    for source, key in (
        ("folder: crystals", "space.folder"),
        ("folder: /etc", "space.folder"),
        ("paths: [mine.cif, ../secret.cif]", "space.paths[1]"),
        ("paths: [rows.csv]", "space.paths[0]"),
        ("paths: [mine.cif], phases: {file: /etc/passwd}", "space.phases.file"),
    ):
        assert problems(STRUCTURES_SPEC.replace("SOURCE", source), library) == [(key, 3)], source


@pytest.mark.parametrize(
    ("calculator", "key"),
    [
        ("{type: lammps, potential: /etc/passwd}", "calculator.potential"),
        ("{type: lammps, potential: ../al.eam.alloy}", "calculator.potential"),
        ("{type: lammps, potential: rows.csv}", "calculator.potential"),
        ("{type: lammps, potential: 'sha256:5'}", "calculator.potential"),
        ("{type: potential, model: /etc/passwd}", "calculator.model"),
        ("{type: surrogate, model: /etc/shadow, relaxed_by: {type: emt}}", "calculator.model"),
        (
            "{type: surrogate, model: m.safetensors, relaxed_by: {type: lammps, potential: /etc/shadow}}",
            "calculator.relaxed_by.potential",
        ),
        ("{type: espresso, pseudopotentials: {Cu: Cu.UPF}, folder: pseudo}", "calculator.folder"),
        ("{type: ase, name: mace, files: {model_paths: /etc/shadow.model}}", "calculator.files.model_paths"),
    ],
)
def test_paths_of_calculators_and_of_their_parts_are_refused(library, calculator, key):
    text = COPPER.replace("{type: emt}", calculator)
    assert problems(text, library) == [(key, 4)]


def test_paths_of_transfer_and_label_are_refused(library):
    features = "{place: {lookup: ../x.csv, key: id, columns: [x]}}"
    space = f"{{type: table, candidates: /etc/passwd, columns: {{id: id, value: v}}, features: {features}}}"
    text = f"{TABLE_SPEC.replace('grid', 'gp')}transfer: {{sources: [{{type: table, name: other, space: {space}}}]}}\n"
    assert problems(text, library) == [
        ("transfer.sources[0].space.candidates", 10),
        ("transfer.sources[0].space.features.place.lookup", 10),
    ]
    boundary = """\
schema_version: 1
name: al
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Al, lattice_parameter: 4.05}
  boundaries: {planes: [[1, 1, 1]]}
calculator: {type: emt}
label:
  calculator: {type: lammps, potential: /etc/passwd}
"""
    assert problems(boundary, library) == [("label.calculator.potential", 9)]


def test_a_bare_name_may_be_a_potential_that_is_shipped(library):
    text = COPPER.replace("{type: emt}", "{type: lammps, potential: Cu_u3.eam}")
    admitted = admit(text, library, LIMITS, "ada")
    assert (admitted.spec.calculator.potential, admitted.files) == ("Cu_u3.eam", ())
    # One of the library is meant before one that is shipped.
    own = admit(text.replace("Cu_u3.eam", "al.eam.alloy"), library, LIMITS, "ada")
    assert own.spec.calculator.potential == f"{POTENTIAL}/al.eam.alloy"


@pytest.mark.parametrize(
    "line", ["folder: /tmp", "base_path: /etc", "site: {launcher: {python: /tmp/x}}", "database: {name: x}"]
)
def test_keys_of_the_machine_are_no_keys_of_a_spec(library, line):
    assert problems(COPPER + line + "\n", library) == [(line.partition(":")[0], 7)]


@pytest.mark.parametrize(
    ("execution", "key"),
    [
        ("{in_flight: 65, polish: 0}", "execution.in_flight"),
        ("{timeout: 1e8, polish: 0}", "execution.timeout"),
        ("{retries: 50, polish: 0}", "execution.retries"),
        ("{retry_backoff: 1e8, polish: 0}", "execution.retry_backoff"),
    ],
)
def test_roles_have_limits_that_admins_and_the_site_raise(library, execution, key):
    text = COPPER.replace("{polish: 0}", execution)
    assert problems(text, library) == [(key, 6)]
    limits = ADMIN_LIMITS.model_copy(update={"timeout": 1e9, "retry_backoff": 1e9})
    assert admit(text, library, limits, "ada").spec.name == "copper"
    assert problems(COPPER + "budget: {evaluations: 10001}\n", library) == [("budget.evaluations", 7)]


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n" for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "deep": "[" * 5000,
    "deep-mapping": "".join(f"{' ' * depth}a:\n" for depth in range(300)),
    "self": "&a [*a]",
    "tag": "!!python/object/apply:os.system ['id']",
    "merge": "<<: {name: x}",
    "twice": "name: a\nname: b",
    "digits": f"schema_version: {'9' * 5000}",
    "long": "#" * (LARGEST_TEXT + 1),
    "many": "[" + "1," * 32_000 + "]",
    "no-mapping": "just text",
    "empty": "",
    "nul": "name: \0",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_at_once(library, name):
    with pytest.raises(ConfigurationError):
        admit(BOMBS[name], library, LIMITS, "ada")


def model_types(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """A spec class and all that it holds."""
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for inner in inner_types(field.annotation):
            if isinstance(inner, type) and not isinstance(inner, types.GenericAlias) and issubclass(inner, BaseModel):
                yield from model_types(inner, seen)


def inner_types(annotation: Any) -> Iterator[Any]:
    yield annotation
    if typing.get_origin(annotation) is not Literal:
        for inner in typing.get_args(annotation):
            yield from inner_types(inner)


def texts_without_use(model: type[BaseModel]) -> list[str]:
    """Keys of a class whose texts the policy would refuse because their type does not say what they are."""
    found = []
    for name, field in model.model_fields.items():
        layer = list(policy._kinds(field.annotation, tuple(field.metadata)))
        while layer:
            texts = [(kind, marks) for kind, marks in layer if kind is str]
            if texts and policy.use_of("some text", texts) == "unknown":
                found.append(f"{model.__name__}.{name}")
            if any(kind in (Any, object, bytes, Path) for kind, _ in layer):
                found.append(f"{model.__name__}.{name}")
            layer = policy._inside(layer, None)
    return found


def every_spec() -> set[type[BaseModel]]:
    seen: set[type[BaseModel]] = set()
    for root in (CampaignSpec, DatasetSpec, ModelSpec, ScreenSpec):
        list(model_types(root, seen))
    return seen


def test_the_type_of_every_text_states_its_use():
    specs = every_spec()
    assert {*CALCULATORS, *SPACE_SPECS.values()} <= specs
    # A function of a script has none, so that the dashboard refuses it.
    assert sorted(name for spec in specs for name in texts_without_use(spec)) == ["AcquisitionFunctionSpec.source"]


def test_files_of_specs_are_marked_as_files():
    """The types of specs mark every file that calculators and spaces list."""
    marked = set()
    for spec in every_spec():
        for name, field in spec.model_fields.items():
            kinds = list(policy._kinds(field.annotation, tuple(field.metadata)))
            values = [typing.get_args(kind)[1] for kind, _ in kinds if typing.get_origin(kind) is dict]
            kinds += [inner for value in values for inner in policy._kinds(value, ())]
            if any(isinstance(mark, NamesFile) for _, marks in kinds for mark in marks):
                marked.add(f"{spec.__name__}.{name}")
    of_calculators = {f"{kind.__name__}.{path.path}" for kind in CALCULATORS for path in kind.facts.files if path.path}
    of_spaces = {"TableSpaceSpec.candidates", "FeatureLookupSpec.lookup", "ParentSpec.cif"}
    assert of_calculators | of_spaces <= marked


class Planted(Spec):
    """A new type of spec by somebody who never heard of the policy."""

    script: str = "/bin/true"
    maybe: str | None = "x"
    many: tuple[str, ...] = ("x",)
    named: dict[str, str] = Field(default_factory=lambda: {"x": "y"})
    where: Path = Path("x")
    short: Annotated[str, Field(max_length=3)] = "a/b"
    word: Annotated[str, Field(pattern="^[a-z]+$")] = "fine"
    choice: Literal["a", "b"] = "a"
    table: Annotated[str, NamesFile("table")] | Literal["none"] = "x.csv"
    note: Annotated[str, PLAIN_TEXT] = "fine"


def test_texts_of_a_new_spec_are_refused_until_their_type_states_their_use():
    uses = {text.path: text.use for text in texts_of(Planted())}
    refused = {path[0] for path, use in uses.items() if use == "unknown"}
    assert refused == {"script", "maybe", "many", "named", "where", "short"}
    assert uses["word",] == uses["choice",] == "closed"
    assert (uses["table",], uses["note",]) == (NamesFile("table"), "plain")
    assert set(texts_without_use(Planted)) == {f"Planted.{name}" for name in refused}


def test_every_kind_of_file_has_endings():
    assert all(ENDINGS.values())


def test_a_function_of_a_script_is_refused(library):
    text = "schema_version: 1\nname: oven\nspace: {type: parameters, parameters: {x: {type: number, low: 0, high: 1}}}\n"
    text += f"calculator: {{type: function, file: {TABLE}/rows.csv, function: measure}}\n"
    assert problems(text, library) == [("calculator.file", 4)]
    assert problems(text.replace(f"{TABLE}/", ""), library) == [("calculator.file", 4)]


def test_an_acquisition_function_of_a_script_is_refused(library):
    digest = hashlib.sha256(b"pass").hexdigest()
    function = f"{{module: script, name: score, source: pass, source_sha256: {digest}}}"
    text = TABLE_SPEC.replace("{type: grid}", f"{{type: gp, function: {function}}}").replace("rows.csv", f"{TABLE}/rows.csv")
    assert ("proposer.function.source", 9) in problems(text, library)
