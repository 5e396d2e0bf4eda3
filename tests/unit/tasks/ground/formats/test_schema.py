from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import TypeAdapter

from tansaku.models.domain.errors import NotFoundError
from tansaku.tasks.ground.formats.schema import (
    MODELS,
    TASKS,
    attributes,
    configuration_tables,
    examples_in,
    explained,
    json_schema,
    key_overview,
    key_tables,
    sections,
)

ROOT = Path(__file__).resolve().parents[5]


@pytest.fixture(scope="module")
def examples():
    return examples_in(yaml.safe_load(path.read_text()) for path in sorted((ROOT / "examples").glob("*.yaml")))


@pytest.fixture(scope="module")
def page(examples):
    return configuration_tables(examples)


def test_every_default_is_a_value_and_every_type_in_plain_words(page):
    assert "Undefined" not in page
    assert "matching `" not in page


@pytest.mark.parametrize("kind", MODELS)
def test_every_key_accepts_its_example(kind, examples):
    for (_, model), table in zip(sections(MODELS[kind]), key_tables(kind, examples), strict=True):
        for field, row in zip(model.model_fields.values(), table.rows, strict=True):
            TypeAdapter(field.rebuild_annotation()).validate_python(yaml.safe_load(row.example))


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "screen"])
def test_every_top_key_belongs_to_a_task(kind):
    top = next(iter(key_tables(kind)))
    assert sorted(key for keys in TASKS[kind].values() for key in keys) == sorted(row.key for row in top.rows)
    assert all(row.key in key_overview() for row in top.rows)


def test_a_key_is_explained(examples):
    assert explained("calculator.relaxation.fmax", examples).splitlines()[2:] == [
        "  value    number > 0",
        "  unit     eV/Å",
        "  default  0.001",
        "  example  fmax: 0.005",
    ]
    assert "type: lammps" in explained("calculator.potential", examples)
    assert explained("site.limits", {}).startswith("limits (site file)")
    assert explained("space.features.site.columns", {}).startswith("space.features.site.columns ")


def test_a_wrong_key_suggests_near_ones():
    with pytest.raises(NotFoundError) as error:
        explained("in_flight", {})
    assert "execution.in_flight" in error.value.hint
    with pytest.raises(NotFoundError) as error:
        explained("budget.evaluation", {})
    assert "budget.evaluations" in error.value.hint


@pytest.mark.parametrize("kind", MODELS)
def test_every_key_is_described(kind):
    missing = [
        f"{model.__name__}.{name}"
        for _, model in sections(MODELS[kind])
        for name in model.model_fields
        if name not in attributes(model) and name != "type"
    ]
    assert missing == []


@pytest.mark.parametrize("kind", MODELS)
def test_schemas_are_valid_and_describe_themselves(kind):
    schema = json_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema_version"]["description"] == "Version of this format."


def test_the_schema_accepts_the_examples_and_refuses_a_wrong_key():
    validator = jsonschema.Draft202012Validator(json_schema("campaign"))
    examples = sorted((ROOT / "examples").glob("*.yaml"))
    assert examples
    for path in examples:
        data = yaml.safe_load(path.read_text())
        assert list(validator.iter_errors(data)) == []
        assert not validator.is_valid({**data, "budgget": {}})
        assert not validator.is_valid({**data, "budget": {"evaluations": 0}})


def test_links_of_the_page_have_their_targets(page):
    targets = {part.partition(")")[0] for part in page.split("](#")[1:]}
    anchors = {part.partition('"')[0] for part in page.split('<a id="')[1:]}
    assert targets
    assert targets <= anchors
