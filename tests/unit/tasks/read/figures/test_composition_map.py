import dataclasses

import numpy as np
import pytest
from matplotlib.image import imread

from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.read.figures import composition_map, draw_campaign, parity, proposals
from tansaku.tasks.read.views.compositions import EVALUATED, FAILED, PREDICTED, composition_maps
from tansaku.tasks.read.views.predictions import relevance_history
from tansaku.tasks.read.views.results import predictions

HOSTILE = "<img src=x onerror=alert(2)>"


def test_a_composition_search_gets_its_figures(tavorite_search, tmp_path):
    data = tavorite_search(14, preset="abo")
    drawn = draw_campaign(data, FileArtifactStore(tmp_path / "artifacts"), tmp_path)
    names = {path.name for path in drawn}
    kinds = (
        "best-value-over-evaluations",
        "convergence",
        "parity",
        "calibration",
        "acquisition",
        "importance",
        "map",
        "rounds",
        "relevance",
        "profiles",
    )
    assert names == {f"tavorites-{kind}.png" for kind in kinds}
    assert all(path.stat().st_size > 5000 for path in drawn)


def test_a_search_without_a_model_has_no_figures_of_one(tavorite_search, tmp_path):
    data = tavorite_search(8, type="random", preset=None)
    drawn = draw_campaign(data, FileArtifactStore(tmp_path / "artifacts"), tmp_path)
    kinds = ("best-value-over-evaluations", "convergence", "map", "profiles")
    assert {path.stem for path in drawn} == {f"tavorites-{kind}" for kind in kinds}


def test_evaluated_predicted_and_failed_cells_look_different(tavorite_search, tmp_path):
    (full,) = composition_maps(tavorite_search(8))
    images = []
    for state in (EVALUATED, PREDICTED, FAILED):
        changed = full.state.copy()
        changed[changed == EVALUATED] = state
        one = dataclasses.replace(full, state=changed)
        images.append(imread(composition_map.draw_png([one], tmp_path / f"{state}.png", "E_b", "eV")))
    assert all(np.abs(images[i] - images[j]).mean() > 1e-3 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_the_same_map_is_the_same_file(tavorite_search, tmp_path):
    maps = composition_maps(tavorite_search(8))
    first = composition_map.draw_png(maps, tmp_path / "1.png", "E_b", "eV").read_bytes()
    assert composition_map.draw_png(maps, tmp_path / "2.png", "E_b", "eV").read_bytes() == first


def test_a_map_without_any_value_or_beyond_all_size_is_left_out(tavorite_search, monkeypatch):
    maps = composition_maps(tavorite_search(8))
    assert composition_map.drawable(maps)
    assert not composition_map.drawable(composition_maps(tavorite_search(0)))
    monkeypatch.setattr(composition_map, "MOST_CELLS", 10)
    assert not composition_map.drawable(maps)


def test_drawings_show_names_literally(tavorite_search, tmp_path):
    data = tavorite_search(14, preset="abo")
    (full,) = composition_maps(data)
    found = relevance_history(data)
    for path in (
        composition_map.draw_png([dataclasses.replace(full, system=HOSTILE)], tmp_path / "map.svg", "E_b", "eV"),
        proposals.draw_relevance(dataclasses.replace(found, categories=(HOSTILE, *found.categories[1:])), tmp_path / "r.svg"),
    ):
        drawn = path.read_text(encoding="utf-8")
        assert "alert(2)" in drawn
        assert "<img" not in drawn


def test_running_coverage_counts_what_lay_inside(tavorite_search):
    found = predictions(tavorite_search(14, preset="abo"))
    share = parity.running_coverage(found, 0.68)
    assert share[-1] == pytest.approx(found.coverage(np.array([0.68]))[0])
    assert share[0] in (0.0, 1.0)
    assert len(found.numbers) == len(share)
