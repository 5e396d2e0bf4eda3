"""What a notebook sees of a stored search."""

import re
from pathlib import Path

import numpy as np

from tansaku.tasks.act.measurements.campaign_view import CampaignView
from tansaku.tasks.read.views.campaign import Campaign

PAGE = (Path(__file__).parents[5] / "docs" / "guide" / "notebook.md").read_text(encoding="utf-8")


def test_what_the_page_says_of_compositions_runs(tavorite_search):
    view = CampaignView(tavorite_search(12))
    (code,) = re.findall(
        r"```python\n(.*?)```", PAGE.partition("## Compositions")[2].partition("For a search with")[0], re.DOTALL
    )
    found = {"view": view}
    exec(code, found)
    best = view.compositions().iloc[0]
    assert found["path"].label.startswith(best["candidate"])
    assert found["path"].energy.max() == best["E_b"] == np.nanmin(found["one"].value[found["one"].state == 2])
    assert len(view.expectation().mean) == len(view.data.pool)
    assert view.front() is None


def test_a_table_has_neither_paths_nor_a_front(recorded):
    view = CampaignView(Campaign.load(recorded("a1"), "small-table"))
    assert (view.profiles(), view.front()) == ([], None)
