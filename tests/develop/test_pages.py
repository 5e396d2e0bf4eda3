"""The pages that say how to add a space, an objective, a launcher, a surrogate, a field or a verb, followed literally."""

from pathlib import Path

import pytest

from tests.literal_pages import ROOT, LiteralPage, blocks_of


def test_a_new_space(tmp_path):
    (campaign,) = LiteralPage("new-space.md", tmp_path).follow()
    assert campaign["reason"] == "evaluations"
    assert len(campaign["rows"]) == 10
    assert {row["system"] for row in campaign["rows"]} == {"Cu", "Au"}
    assert all(row["state"] == "DONE" and row["unit"] == "eV/atom" for row in campaign["rows"])


def test_a_new_objective(tmp_path):
    forces, podium = LiteralPage("new-objective.md", tmp_path).follow()
    assert len(forces["rows"]) == len(podium["rows"]) == 6
    assert all(row["state"] == "DONE" for row in (*forces["rows"], *podium["rows"]))
    assert {row["unit"] for row in forces["rows"]} == {"meV/Angstrom"}
    assert max(row["value"] for row in forces["rows"]) > 1.0


def test_a_new_launcher(tmp_path):
    (campaign,) = LiteralPage("new-launcher.md", tmp_path).follow()
    assert len(campaign["rows"]) == 6
    assert all(row["state"] == "DONE" for row in campaign["rows"])


def test_a_new_surrogate(tmp_path):
    (campaign,) = LiteralPage("new-surrogate.md", tmp_path).follow()
    assert [row["state"] for row in campaign["rows"]] == ["DONE"] * 12
    assert campaign["models"] == [{"type": "radial_ridge", "cutoff": 5.0}]


@pytest.mark.parametrize("kind", ["calculator", "space", "launcher", "surrogate"])
def test_a_new_kind_takes_one_line_of_the_sources_besides_its_own_modules(kind):
    blocks = blocks_of(ROOT / "docs" / "develop" / f"new-{kind}.md")
    (line,) = (block for block in blocks if block.language == "diff" and not str(block.title).startswith("tests/"))
    assert line.title == "models/domain/ours.py"
    assert [text[:1] for text in line.text.splitlines()].count("+") == 1


def test_a_new_field_takes_three_places(tmp_path):
    page = LiteralPage("new-field.md", tmp_path)
    assert len({block.title for block in page.blocks if block.language == "diff"}) == 3
    (campaign,) = page.follow()
    assert [row["memory"] > 1.0 for row in campaign["rows"]] == [True] * 3


def test_a_new_verb(tmp_path):
    page = LiteralPage("new-verb.md", tmp_path)
    page.follow()
    assert len({block.title for block in page.blocks if block.title is not None}) <= 5


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            'title="models/domain/ours.py"\n         "crystals"',
            'title="models/domain/ours.py"\n         "minerals"',
            "stand 0 times",
        ),
        ("$ tansaku run dimers.yaml", "$ tansaku run absent.yaml", "ended with 1"),
    ],
)
def test_a_page_that_went_stale_fails(tmp_path, monkeypatch, old, new, why):
    page = LiteralPage("new-space.md", tmp_path)
    text = (Path(__file__).parents[2] / "docs/develop/new-space.md").read_text(encoding="utf-8")
    assert text.count(old) == 1
    stale = tmp_path / "stale.md"
    stale.write_text(text.replace(old, new), encoding="utf-8")
    import tests.literal_pages as pages

    # Commands that run tests take long, and say nothing of this.
    blocks = [block for block in pages.blocks_of(stale) if "pytest" not in block.text or block.language != "console"]
    monkeypatch.setattr(page, "blocks", blocks)
    with pytest.raises(AssertionError, match=why):
        page.follow()
