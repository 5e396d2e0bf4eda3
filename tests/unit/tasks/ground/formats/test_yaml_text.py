import string

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.ground.formats.yaml_text import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, parse_yaml, read_yaml, write_yaml

KEYS = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | st.text(max_size=12)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


NUMBER_LIKE = st.from_regex(r"[-+]?[0-9]{1,3}(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?", fullmatch=True)
WORD_LIKE = st.sampled_from(
    ["No", "yes", "~", "null", "True", ".inf", "-.Inf", ".nan", "0x1f", "1_000", "12:30", "2024-01-02", "=", ""]
)


@example({"a": "\x85", "b": "x\u2028", "c": ["\u2029y"]})
@given(st.dictionaries(KEYS, PLAIN | NUMBER_LIKE | WORD_LIKE, max_size=4))
def test_what_is_written_comes_back(data):
    text = write_yaml(data)
    assert parse_yaml(text, "t.yaml").data == data
    assert yaml.safe_load(text) == data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e5", 1e5),
        ("No", "No"),
        ("on", "on"),
        ("2024-01-02", "2024-01-02"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("-.inf", -float("inf")),
    ],
)
def test_scalars_follow_the_core_rules_of_yaml_1_2(text, value):
    assert parse_yaml(f"a: {text}", "t.yaml").data == {"a": value}


def test_lines_are_those_of_the_keys():
    document = parse_yaml("a: 1\nb:\n  c:\n    - 1\n    - 2\n", "t.yaml")
    assert (document.line(("b", "c")), document.line(("b", "c", 1)), document.line(("b", "missing"))) == (3, 5, 2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\na: 2\n", "line 2: key 'a' is given twice"),
        ("b:\n  a: 1\n  a: 2\n", "line 3: key 'b.a' is given twice"),
        ("a: !!python/object/apply:os.system [id]\n", "is not allowed"),
        ("a: !thing 3\n", "is not allowed"),
        ("a: !!set {x, y}\n", "is not allowed"),
        ("!!str a: 3\n!!float b: 4\n!thing c: 4\n", "a key must be a plain word"),
        ("a: !!binary aGk=\n", "is not allowed"),
        ("a: !!int three\n", "not a number"),
        ("base: &b {x: 1}\nother:\n  <<: *b\n", "merge keys"),
        ("a: [1, 2\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("? [1, 2]\n: 3\n", "a key must be a plain word"),
        ("a: &x [*x]\n", "contains itself"),
        ("a: " + "9" * 5000, "5000 digits"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested deeper"),
        ("a: &x 1\nb: [" + "*x, " * (MAX_ALIASES + 1) + "]", "aliases"),
        ("a: \x07", "not valid YAML"),
    ],
)
def test_what_is_not_plain_is_refused(text, complaint):
    with pytest.raises(ConfigurationError, match=r"t\.yaml") as caught:
        parse_yaml(text, "t.yaml")
    assert complaint in str(caught.value)


def test_aliases_cannot_unfold_without_bound():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 8)]
    with pytest.raises(ConfigurationError, match="expands to more than"):
        parse_yaml("\n".join(levels), "t.yaml")


def test_files_that_cannot_be_read_are_named(tmp_path):
    large, binary = tmp_path / "large.yaml", tmp_path / "binary.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    binary.write_bytes(b"a: \xff\xfe")
    for path, complaint in (
        (large, "larger than"),
        (binary, "not UTF-8"),
        (tmp_path / "absent.yaml", "No such file"),
        (tmp_path, "directory"),
    ):
        with pytest.raises(ConfigurationError, match=complaint) as caught:
            read_yaml(path)
        assert str(path) in str(caught.value)
