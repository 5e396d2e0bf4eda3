"""Photographs: what is masked, what differs, what is on purpose, and that every route of the API is asked."""

from __future__ import annotations

import pytest

from tests.photographs import __main__ as photographs
from tests.photographs import comparing
from tests.photographs.api import API
from tests.photographs.comparing import read_photographs, write_photographs
from tests.photographs.figures import other_candidates, ratios
from tests.photographs.plain import plain
from tests.photographs.taking import Masks, command

BEFORE = {"help": {"out": ["a", "b"], "code": 0}, "status": {"value": 1.0, "best": None}, "gone": 1}
AFTER = {"help": {"out": ["a", "c"], "code": 0}, "status": {"value": 1.0 + 1e-12, "best": 2.5}, "new": 1}


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """``compare(before, after, purposes)``: exit status and lines of the command."""

    def run(before, after, purposes: str = "[]") -> tuple[int, list[str]]:
        (tmp_path / "purposes.yaml").write_text(purposes)
        monkeypatch.setattr(comparing, "PURPOSEFUL", tmp_path / "purposes.yaml")
        for name, items in (("before", before), ("after", after)):
            write_photographs(tmp_path / name, items)
        monkeypatch.setattr("sys.argv", ["photographs", "compare", str(tmp_path / "before"), str(tmp_path / "after")])
        with pytest.raises(SystemExit) as ended:
            photographs.main()
        said = capsys.readouterr()
        return ended.value.code, [*said.out.splitlines(), *said.err.splitlines()]

    return run


def test_equal_photographs_have_no_difference(compare):
    assert compare(BEFORE, BEFORE) == (0, ["0 differences, 0 more on purpose"])


def test_every_difference_is_named_by_item_and_path(compare):
    code, lines = compare(BEFORE, AFTER)
    assert code == 1
    assert lines == [
        'gone  /: 1 -> "(missing)"',
        'help  /out/1: "b" -> "c"',
        'new  /: "(missing)" -> 1',
        "status  /best: null -> 2.5",
        "4 differences, 0 more on purpose",
    ]


def test_what_is_on_purpose_is_not_counted_and_what_is_no_longer_needed_is_named(compare):
    listed = "".join(f"- {{item: '{item}', path: '*', reason: r}}\n" for item in ("help", "gone", "new", "stat*", "other"))
    code, lines = compare(BEFORE, AFTER, listed)
    assert code == 0
    assert lines[0] == "0 differences, 4 more on purpose"
    assert lines[1].endswith("nothing differs any more at other *")


def test_ids_times_paths_and_load_are_masked_and_values_are_not():
    masks = Masks({"/home/ada": "home"})
    identity = "0123456789abcdef" * 2
    shown = {"at": "2026-01-01T12:00:00.123Z", "file": "/home/ada/x.csv", identity: [identity, 1.5], "load": 0.3, "version": 3}
    hidden = {"at": "(time)", "file": "(home)/x.csv", "(id)": ["(id)", 1.5], "load": "(load)", "version": 3}
    assert masks.hidden(shown) == hidden
    assert masks.hidden({"version": "5d41402a"}) == {"version": "(version)"}


@pytest.fixture(scope="module")
def stored():
    return read_photographs(photographs.STORED)


def test_every_route_is_in_the_stored_photographs(stored):
    described = plain((photographs.STORED / API).read_text(encoding="utf-8"))["paths"]
    asked = {name.removeprefix("GET ").partition("?")[0] for name in stored if name.startswith("GET /api/v1/")}
    for path, operations in described.items():
        if "get" in operations and path not in Masks({}).left_out:
            parts = path.split("/")
            found = [name.split("/") for name in asked if len(name.split("/")) == len(parts)]
            same = [all(one == other or one.startswith("{") for one, other in zip(parts, name, strict=True)) for name in found]
            assert any(same), path


def test_a_command_says_what_it_says_in_a_shell():
    said = command("schema", "model")
    assert (said["code"], said["err"]) == (0, [])
    assert said["out"]["title"]
    assert command("schema", "teapot")["code"] == 2
    assert command("run", "--help")["out"][1].startswith(" Usage: tansaku run ")


def test_figures_are_compared_by_ratio_and_candidates_by_name():
    known = {name: {"a_s": 2.0, "provenance": {"cores": 2}} for name in ("growth", "dashboard", "overhead", "pool_posterior")}
    before = known | {"boundaries": {"random, seed 0": ["a", "b"], "default, seed 0": ["a"]}}
    after = before | {"growth": {"a_s": 3.0}, "boundaries": {"random, seed 0": ["a", "b"], "default, seed 0": ["b"]}}
    assert ("growth/a_s", 2.0, 3.0) in list(ratios(before, after))
    assert len(list(ratios(before, after))) == 4
    assert other_candidates(before, after) == ["default, seed 0"]
