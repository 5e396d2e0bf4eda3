from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tansaku.deploy.cli import results
from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.read.views.campaign import Campaign
from tests.support.alloys import store_alloys


def test_compositions_are_listed_with_barrier_paths_and_what_computed_it(tavorite_search, capsys):
    data = tavorite_search(8)
    results._show_compositions(data, as_json=False, as_csv=False)
    head, *lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert head[:3] == ["formula", "candidate", "E_b [eV]"]
    assert len(lines) == 8
    best = dict(zip(head, lines[0], strict=True))
    assert best["formula"].startswith("Li")
    assert best["directions"] == "[1 0 -1]"
    assert best["hops"] == "2>3[1,0,0], 2>3[0,0,1]"
    assert best["limiting_hop"] == "2>3[0,0,1]"
    assert best["model"] == "emt 1"
    failed = dict(zip(head, lines[-1], strict=True))
    assert (failed["E_b [eV]"], failed["reason"]) == ("", "not_converged: no")


def test_both_values_of_a_line_belong_to_the_candidate_that_it_names(recorded, capsys):
    results._show_systems(Campaign.load(recorded("a1", "a2", "b1", polish=("a1",)), "small-table"), as_json=False, as_csv=False)
    head, beta, alpha, *notes = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    rows = [dict(zip(head, line, strict=True)) for line in (alpha, beta)]
    found = [(row["value [mJ/m2]"], row["relaxed"], row["best candidate"]) for row in rows]
    assert found == [("5", "5", "a1"), ("9", "", "b1")]
    assert ["alpha: the search's best was a2, 3 mJ/m2 before the relaxation"] in notes


def test_without_a_final_relaxation_the_best_of_the_search_is_shown(recorded, capsys):
    results._show_systems(Campaign.load(recorded("a1", "a2"), "small-table"), as_json=False, as_csv=False)
    head, _, alpha, described = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert "relaxed" not in head
    assert described[0].startswith("a2: ")
    assert (alpha[1], alpha[-1]) == ("3", "a2")


def hull(monkeypatch, store: MemoryCampaignStore, **options: object) -> None:
    @contextmanager
    def opened(_site: object):
        yield SimpleNamespace(store=store, artifacts=None)

    monkeypatch.setattr(results, "opened", opened)
    results.hull("cu-au", **options)


def test_a_phase_diagram_that_cannot_be_drawn_is_listed(monkeypatch, capsys, tmp_path):
    store = MemoryCampaignStore()
    store_alloys(store, {"Cu-fcc": -0.007})
    with pytest.raises(ConfigurationError, match=r"f\.png': a figure shows two or three elements, not Cu"):
        hull(monkeypatch, store, figure=tmp_path / "f.png")
    shown = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in shown] == ["phase", "Cu", "Cu-fcc", "Cu: stable are Cu"]


def test_a_figure_that_cannot_be_written_is_named_with_its_option(monkeypatch, tmp_path):
    store, path = MemoryCampaignStore(), tmp_path / "nowhere" / "f.png"
    store_alloys(store)
    with pytest.raises(ConfigurationError) as told:
        hull(monkeypatch, store, figure=path)
    assert str(told.value) == f"--figure: '{path}' cannot be written: No such file or directory"
