"""What a script shows of a campaign that it runs."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pandas as pd

import tansaku as ts


def test_a_notebook_shows_one_figure_that_is_drawn_again(monkeypatch):
    drawn: list[tuple[str, object]] = []
    handle = SimpleNamespace(update=lambda image: drawn.append(("again", image)))

    def display(image: object, **_: object) -> SimpleNamespace:
        drawn.append(("first", image))
        return handle

    shell, shows = SimpleNamespace(kernel=None), SimpleNamespace(Image=lambda data, **_: data, display=display)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell, display=shows, version_info=(9, 0)))
    monkeypatch.setattr("tansaku.deploy.python.progress._EVERY", 0.0)
    rows = pd.DataFrame({"id": ["a", "b", "c"], "x": [1.0, 2.0, 3.0], "y": [3.0, 1.0, 2.0]})
    space = ts.Table(rows, columns={"id": "id", "value": "y"}, features={"all": {"columns": ["x"]}})
    assert ts.Campaign(space, ts.minimize("energy", unit="eV"), 3, proposer="grid", store=None).run() == "evaluations"
    assert [how for how, _ in drawn] == ["first", "again", "again", "again"]
    assert all(bytes(image).startswith(b"\x89PNG") for _, image in drawn)
