"""The form accepts what the model's schema accepts, and says what the page can show."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tansaku.flows.service import campaign_form
from tansaku.models.domain.specs.campaign import CampaignSpec

EXAMPLES = sorted((Path(__file__).resolve().parents[4] / "examples").glob("*.yaml"))
FORM = campaign_form()
CHECKER = jsonschema.Draft202012Validator(FORM)
MODEL = jsonschema.Draft202012Validator(CampaignSpec.model_json_schema())


def example(path: Path) -> dict:
    return {"name": path.stem, **yaml.safe_load(path.read_text())}


def nodes(node: object) -> list[dict]:
    below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [*([node] if isinstance(node, dict) else []), *(found for one in below for found in nodes(one))]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_fit_the_form(path):
    CHECKER.validate({"campaign": example(path), "folder": "/campaigns", "site": None})


@given(
    st.sampled_from(EXAMPLES).map(example),
    st.sampled_from(["name", "space", "calculator", "objective", "proposer", "budget", "execution", "surprise"]),
    st.one_of(
        st.none(), st.integers(), st.text(max_size=5), st.dictionaries(st.sampled_from(["type", "x"]), st.text(max_size=5))
    ),
)
def test_what_the_model_refuses_the_form_refuses_and_nothing_else(document, key, value):
    changed = document | {key: value}
    accepted = CHECKER.is_valid({"campaign": changed})
    if key in ("space", "calculator", "proposer") and isinstance(value, dict) and "type" not in value:
        # To JSON Schema a part without required keys is whole without its type, which the model asks for.
        assert not accepted
    else:
        assert accepted == MODEL.is_valid(changed)


def test_the_page_finds_tabs_defaults_and_descriptions():
    found = nodes(FORM)
    assert not any("oneOf" in node or "discriminator" in node for node in found)
    assert not any(set(member) == {"anyOf"} for node in found for member in node.get("anyOf", []))
    constants = [node for node in found if "const" in node]
    assert constants
    assert all(node["default"] == node["const"] for node in constants)
    assert FORM["definitions"]["TableSpaceSpec"]["title"] == "table"
    assert "are skipped" in FORM["definitions"]["ConstraintsSpec"]["properties"]["max_cost"]["description"]


def test_the_tab_of_the_default_comes_first():
    unions = [node for node in nodes(FORM) if "anyOf" in node and isinstance(node.get("default"), dict)]
    assert len(unions) >= 5
    for node in unions:
        first = jsonschema.Draft202012Validator({**node["anyOf"][0], "definitions": FORM["definitions"]})
        assert first.is_valid(node["default"]), node
