"""The energy along a path, from what an evaluation stored."""

from __future__ import annotations

import pytest

from tansaku.tasks.read.figures.barrier_profile import path_drawing
from tansaku.tasks.read.views.migration_path import migration_path


def stored(tavorite_search, **properties: object):
    (evaluation,) = tavorite_search(1).evaluations
    outcome = evaluation.outcome.model_copy(update={"properties": properties})
    return evaluation.model_copy(update={"outcome": outcome})


def test_distances_energies_and_barrier(tavorite_search):
    found = migration_path(stored(tavorite_search, frame_index=[0, 1.5, 3.0], energies=[0.0, 0.4, 0.1], forward_barrier=0.4))
    assert (found.distance, found.energy, found.barrier) == ((0.0, 1.5, 3.0), (0.0, 0.4, 0.1), 0.4)


@pytest.mark.parametrize(
    "properties",
    [{}, {"frame_index": [0, 1], "energies": [0]}, {"frame_index": ["a", 1], "energies": [0, 1]}, {"energies": 3}],
)
def test_without_complete_numbers_there_is_no_path(tavorite_search, properties):
    assert migration_path(stored(tavorite_search, **properties)) is None


def test_the_path_of_one_evaluation_is_a_figure_with_a_table(tavorite_search, tmp_path):
    found = migration_path(stored(tavorite_search, frame_index=[0.0, 1.0, 2.5], energies=[0.0, 0.4, 0.1], forward_barrier=0.4))
    drawing = path_drawing(found.distance, found.energy, "LiFe")
    assert drawing.table == (["distance [Angstrom]", "energy [eV]"], [[0.0, 0.0], [1.0, 0.4], [2.5, 0.1]])
    assert drawing.draw(tmp_path / "path.png").stat().st_size > 5000
