"""Specs that forms begin are valid, and a wrong field is named."""

from __future__ import annotations

import pytest
import yaml

from tansaku.deploy.web.starting import experiment, table
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.specs.campaign import CampaignSpec

GOAL = {"name": "bread", "property": "height", "unit": "cm", "direction": "maximize", "evaluations": "24"}
ROWS = {
    "parameter-1": "temperature", "kind-1": "number", "low-1": "180", "high-1": "240,5", "unit-1": "degC",
    "parameter-3": "steps", "kind-3": "integer", "low-3": "1", "high-3": "4",
    "parameter-4": "flour", "kind-4": "category", "values-4": "rye, wheat; <b>spelt</b>",
}  # fmt: skip
COLUMNS = ["id", "value", "cost", "x"]
MARKED = {"file": "rows.csv", "role-0": "id", "role-1": "value", "role-2": "cost", "role-3": "number"}


def test_an_experiment_becomes_a_valid_spec():
    document = yaml.safe_load(experiment(GOAL | ROWS))
    spec = CampaignSpec.model_validate(document)
    assert spec.manual
    assert document["space"]["parameters"] == {
        "temperature": {"type": "number", "low": 180.0, "high": 240.5, "unit": "degC"},
        "steps": {"type": "integer", "low": 1, "high": 4},
        "flour": {"type": "category", "values": ["rye", "wheat", "<b>spelt</b>"]},
    }
    assert document["objective"] == {"property": "height", "unit": "cm", "direction": "maximize"}


def test_a_table_with_known_values_needs_no_reports():
    known = CampaignSpec.model_validate(yaml.safe_load(table(GOAL | MARKED, COLUMNS)))
    assert not known.manual
    asked = CampaignSpec.model_validate(yaml.safe_load(table(GOAL | MARKED | {"role-1": ""}, COLUMNS)))
    assert asked.manual


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"low-1": "cold"}, "low-1"),
        ({"high-3": "4.5"}, "high-3"),
        ({"values-4": "rye"}, "values-4"),
        ({"kind-1": "colour"}, "kind-1"),
        ({"parameter-3": "temperature"}, "parameter-3"),
        ({"parameter-1": "", "parameter-3": "", "parameter-4": ""}, "parameter-1"),
        ({"name": " "}, "name"),
        ({"property": ""}, "property"),
        ({"evaluations": "many"}, "evaluations"),
    ],
)
def test_a_wrong_field_of_an_experiment_is_named(changes, key):
    with pytest.raises(FieldError) as caught:
        experiment(GOAL | ROWS | changes)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("changes", "key"), [({"role-3": ""}, "role-0"), ({"role-1": "id"}, "role-1"), ({"role-2": "x"}, "role-2")]
)
def test_a_wrong_column_is_named(changes, key):
    with pytest.raises(FieldError) as caught:
        table(GOAL | MARKED | changes, COLUMNS)
    assert caught.value.key == key


def test_the_forms_lead_to_the_editor(site):
    browser = site.with_session(Role.OPERATOR)
    assert "The library has no table yet" in browser.get("/new/table").text
    browser.upload()
    assert browser.get("/new/table?file=rows.csv").text.count("<select name=") == 4
    made = browser.submit("/new/table", GOAL | MARKED)
    assert made.status_code == 200
    assert "candidates: rows.csv" in made.text
    wrong = browser.submit("/new/experiment", GOAL | ROWS | {"low-1": "<i>cold"})
    assert wrong.status_code == 422
    assert 'id="problem-start-low-1"' in wrong.text
    assert "&lt;i&gt;cold" in wrong.text
    assert "rye, wheat" in wrong.text
    assert "low: 180" in browser.submit("/new/experiment", GOAL | ROWS).text
    for file in ("none.csv", "../../etc/passwd", "rows.txt"):
        assert "the library has no table" in browser.get("/new/table", params={"file": file}).text
