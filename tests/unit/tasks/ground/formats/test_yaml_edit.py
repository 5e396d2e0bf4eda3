"""Values in a YAML text are changed, and nothing else is."""

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.ground.formats.yaml_edit import edit_yaml, value_at
from tansaku.tasks.ground.formats.yaml_text import parse_yaml

TEXT = """\
# A campaign.
name: copper  # its name
budget: {evaluations: 10}  # small
execution:
  # Two at once.
  in_flight: 2
"""


def test_values_change_and_comments_stay():
    text = edit_yaml(TEXT, {"name": "gold", "budget.evaluations": 5, "execution.in_flight": 4, "seed": 7}, "it")
    assert text == TEXT.replace("copper", "gold").replace("10", "5").replace("in_flight: 2", "in_flight: 4").replace(
        "name: gold", "seed: 7\nname: gold"
    )


@pytest.mark.parametrize(
    "text",
    [
        "name: a\n",
        "name: a",
        "{name: a}",
        "name: a\nbudget:\n",
        "name: a\nbudget: {}\n",
        "name: a\nbudget:\n  cost: 3\n",
        "budget: {cost: 3}",
    ],
)
def test_keys_that_are_not_there_are_added(text):
    data = parse_yaml(edit_yaml(text, {"budget.evaluations": 3}, "it"), "it").data
    before = parse_yaml(text, "it").data
    assert data == {**before, "budget": {**(before.get("budget") or {}), "evaluations": 3}}


@pytest.mark.parametrize(
    "value", ["plain", "b: c", "'", '"', "# x", "{a", "no", "1e5", "ünï", "a\nb", "x" * 500, 5, 0.25, True, None, ""]
)
def test_every_value_is_read_back_the_same(value):
    for text in (TEXT, "{name: a, budget: {}}", "name:\n"):
        assert value_at(parse_yaml(edit_yaml(text, {"name": value}, "it"), "it").data, "name") == value


def test_no_limit_is_taken_from_where_there_is_none():
    assert edit_yaml(TEXT, {"budget.cost": None, "transfer.mode": None}, "it") == TEXT
    assert value_at(parse_yaml(edit_yaml(TEXT, {"budget.evaluations": None}, "it"), "it").data, "budget.evaluations") is None


@pytest.mark.parametrize("text", ["- a", "just text", "name: [a]", "name: {a: 1}", "budget: 5", "name: [", "a: &b 1\nname: *b"])
def test_what_cannot_be_edited_is_refused_or_right(text):
    try:
        edited = edit_yaml(text, {"name": "x", "budget.cost": 5}, "it")
    except ConfigurationError:
        return
    assert {"name": "x", "budget": {"cost": 5}}.items() <= parse_yaml(edited, "it").data.items()
