"""Stored names in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tansaku
from tansaku.models.domain.evaluation_columns import RESULTS
from tansaku.models.domain.objectives import OBJECTIVES
from tansaku.models.domain.wording import in_words, titled

JOBS = Path(tansaku.__file__).parent / "tasks" / "node" / "jobs"


@pytest.mark.parametrize(
    ("name", "words", "title"),
    [
        ("bulk_energy_per_formula_unit", "bulk energy per formula unit", "Bulk energy per formula unit"),
        ("barrier_3d", "barrier 3D", "Barrier 3D"),
        ("files_sha256", "files SHA-256", "Files SHA-256"),
        ("cpu", "CPU", "CPU"),
        ("expansion", "expansion", "Expansion"),
        # As people name their columns.
        ("pH", "pH", "pH"),
        ("E_ads", "E_ads", "E_ads"),
        ("C (wt%)", "C (wt%)", "C (wt%)"),
        ("m_", "m_", "m_"),
        ("", "", ""),
    ],
)
def test_names_of_the_program_are_words_and_those_of_people_stay(name: str, words: str, title: str):
    assert (in_words(name), titled(name)) == (words, title)


def test_every_name_that_the_program_stores_becomes_words():
    jobs = {
        name for path in JOBS.glob("*.py") for name in re.findall(r'"([a-z]+(?:_[a-z0-9]+)+)": Quantity\(', path.read_text())
    }
    assert "bulk_energy_per_formula_unit" in jobs
    known = {*OBJECTIVES, *jobs, *(column.name for column in RESULTS)}
    assert not {name for name in known if "_" in titled(name)}
