"""Labels for chosen structures alone: what is computed, what a raised share adds, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CHOSEN = (
    "  per_system: 2\n",
    "  label: {calculator: {type: emt}}\n"
    "  per_system: 3\n"
    "  choice: {share: 0.5, descriptors: [{type: radial, cutoff: 5.0, widths: [0.4, 0.8]}]}\n",
)


@pytest.fixture
def file(copper) -> Path:
    return copper("copper-chosen", "copper", CHOSEN) / "copper-chosen.yaml"


def content(tansaku, name: str) -> dict:
    return json.loads(tansaku("dataset", "show", name, "--json").out)


def test_only_chosen_structures_and_those_held_out_are_labelled_and_a_raised_share_adds(tansaku, file):
    built = tansaku("dataset", "build", file, "--plain")
    assert built.code == 0, built.err
    assert "of 9 structures to learn from" in built.out
    assert "and of 3 held out" in built.out
    first = content(tansaku, "copper-chosen")
    assert {"energies", "label_energies"} <= set(first["properties"])
    assert 3 < first["structures"] < 12
    again = tansaku("dataset", "build", file, "--plain")
    assert again.code == 0, again.err
    assert content(tansaku, "copper-chosen") == first

    chosen = file.read_text()
    file.write_text(chosen.replace("share: 0.5", "share: 1.0"))
    assert "labels of 9 of 9" in tansaku("dataset", "build", file, "--plain").out
    assert content(tansaku, "copper-chosen")["structures"] == 12

    file.write_text(chosen.replace("per_system: 3", "per_system: 4"))
    grown = tansaku("dataset", "build", file, "--plain")
    assert grown.code == 2
    assert "chose from 12 structures, but now there are 16" in grown.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("  label: {calculator: {type: emt}}\n", ""), "choice: it selects structures to label, but there is no label"),
        (("share: 0.5", "share: 0"), "share"),
        (("name: wrong-choice", f"name: {'a' * 60}"), "expected at most 56 with source.choice"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_spent(tansaku, copper, change, message):
    folder = copper("wrong-choice", "copper", CHOSEN, change)
    ended = tansaku("dataset", "build", folder / "wrong-choice.yaml", "--plain")
    assert ended.code == 2
    assert message in ended.err
    assert tansaku("status", "wrong-choice").code == 3
