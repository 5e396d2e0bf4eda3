from pathlib import Path

import jsonschema
import pytest
import yaml

from tansaku.tasks.ground.formats.schema import MODELS, attributes, configuration_page, json_schema, sections

ROOT = Path(__file__).resolve().parents[5]


def test_the_committed_page_is_current():
    assert (ROOT / "docs/reference/configuration.md").read_text() == configuration_page(), "run `make docs`"


def test_every_default_on_the_page_is_a_value():
    assert "Undefined" not in configuration_page()


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


def test_a_key_s_former_name_is_accepted_and_deprecated():
    schema = json_schema("campaign")
    assert schema["properties"]["first_look"] | {"default": None} == schema["properties"]["pre_screening"] | {
        "deprecated": True
    }
    assert "| `pre_screening` |" in configuration_page()
    assert "| `first_look` |" not in configuration_page()


def test_links_of_the_page_have_their_targets():
    page = configuration_page()
    targets = {part.partition(")")[0] for part in page.split("](#")[1:]}
    anchors = {part.partition('"')[0] for part in page.split('<a id="')[1:]}
    assert targets
    assert targets <= anchors
