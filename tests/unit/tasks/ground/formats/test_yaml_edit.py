"""Values in a YAML text are changed, and nothing else is."""

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.ground.formats.yaml_edit import edit_yaml, value_at, with_data
from tansaku.tasks.ground.formats.yaml_text import parse_yaml, write_yaml

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
    assert text == TEXT.replace("copper", "gold").replace("10", "5").replace("in_flight: 2", "in_flight: 4\nseed: 7")


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


@pytest.mark.parametrize("text", [TEXT, "budget: {cost: .nan}\n"])
def test_a_change_to_what_is_not_equal_to_itself_ends(text):
    assert isnan(value_at(parse_yaml(edit_yaml(text, {"budget.cost": nan}, "it"), "it").data, "budget.cost"))


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


BLOCKS = """\
space:  # where
  planes:
  - [1, 1, 1]  # the twin
  - [1, 1, 2]
  crystal: {element: Cu, a: 3.6}
  # What is varied.
  parameters:
    t: {low: 0, high: 1}  # the first
    p: {low: 2, high: 3}
budget:
  evaluations: 5
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("space", "crystal", "element"), "Al", "element: Cu", "element: Al"),
        (("space", "crystal", "b"), 1, "a: 3.6}", "a: 3.6, b: 1}"),
        (("space", "crystal", "element"), None, "element: Cu, a", "a"),
        (("space", "crystal", "a"), None, "Cu, a: 3.6", "Cu"),
        (("space", "planes", 1), [1, 1, 3], "[1, 1, 2]", "[1, 1, 3]"),
        (("space", "parameters", "p", "high"), 3.5, "high: 3}", "high: 3.5}"),
        (("space", "parameters", "q"), {"low": 4}, "high: 3}\n", "high: 3}\n    q: {low: 4}\n"),
        (("space", "parameters", "t"), None, "    t: {low: 0, high: 1}  # the first\n", ""),
        (("budget", "evaluations"), None, "\n  evaluations: 5", " {}"),
        (("budget", "cost"), 3, "evaluations: 5\n", "evaluations: 5\n  cost: 3\n"),
    ],
)
def test_data_change_at_their_place_alone(path, value, old, new):
    data = parse_yaml(BLOCKS, "it").data
    here = data
    for step in path[:-1]:
        here = here[step]
    if value is None:
        del here[path[-1]]
    else:
        here[path[-1]] = value
    edited = with_data(BLOCKS, data, "it")
    assert parse_yaml(edited, "it").data == data
    if path[-1] == "evaluations":
        assert edited.startswith(BLOCKS.partition("budget")[0])
    else:
        assert edited == BLOCKS.replace(old, new)


def test_a_key_gets_another_name_and_a_long_list_has_a_line_for_each_item():
    data = parse_yaml(BLOCKS, "it").data
    data["space"]["parameters"] = {"T": data["space"]["parameters"]["t"], "p": data["space"]["parameters"]["p"]}
    assert with_data(BLOCKS, data, "it") == BLOCKS.replace("t: {low", "T: {low")
    data["space"]["planes"] = [f"a-long-name-of-a-file-{i}.cif" for i in range(9)]
    edited = with_data(BLOCKS, data, "it")
    assert "  planes:\n    - a-long-name-of-a-file-0.cif\n" in edited
    assert parse_yaml(edited, "it").data == data


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["a", "b: c", "- x", "#", "", "no", "1e5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c d", "1"]), inner, max_size=3),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(st.sampled_from(["a", "b", "c d", "1"]), PLAIN, max_size=3)


@given(MAPPINGS, MAPPINGS)
def test_any_data_become_any_others(before, after):
    text = write_yaml(before)
    assert parse_yaml(with_data(text, after, "it"), "it").data == after
    assert with_data(text, before, "it") == text
