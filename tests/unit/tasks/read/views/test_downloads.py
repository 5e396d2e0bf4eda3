"""Exports and tables of evaluations hold a part of a campaign in memory, whatever its size."""

from __future__ import annotations

import io
import weakref
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tansaku.models.domain.records import Evaluation
from tansaku.tasks.act.commands.export_import import export_observations
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.formats.csv_text import csv_of
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.downloads import row_parts
from tansaku.tasks.read.views.results import evaluations_frame

NAME = "small-table"
COUNT = 2600


class Watched:
    """A store that makes many evaluations of one, and counts how many of them are in memory at once."""

    def __init__(self, store: MemoryCampaignStore) -> None:
        self._store, self._alive, self.most = store, weakref.WeakSet(), 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def each_evaluation(self, name: str) -> Iterator[Evaluation]:
        (one,) = self._store.evaluations(name)
        for number in range(1, COUNT + 1):
            update = {"id": f"e{number}", "proposal": one.proposal.model_copy(update={"number": number})}
            evaluation = one.model_copy(update=update)
            self._alive.add(evaluation.proposal)
            self.most = max(self.most, len(self._alive))
            yield evaluation


@pytest.mark.parametrize("kind", ["export", "rows"])
def test_a_part_of_a_large_campaign_is_in_memory(recorded, tmp_path: Path, kind):
    store = Watched(recorded("a1"))
    if kind == "export":
        assert export_observations(store, NAME, tmp_path / "all.parquet") == COUNT
        numbers = pq.read_table(tmp_path / "all.parquet")["number"].to_pylist()
    else:
        numbers = pd.read_csv(io.StringIO("".join(row_parts(store, NAME, "search"))))["round"].tolist()
    assert numbers == list(range(1, COUNT + 1))
    assert store.most < COUNT / 2


@pytest.mark.parametrize("purpose", ["search", "polish", "all"])
def test_parts_of_a_table_are_together_the_whole_one(recorded, monkeypatch, purpose):
    monkeypatch.setattr("tansaku.tasks.read.views.downloads._PART", 2)
    store = recorded("a1", "a3", "b2", "b1", "a2", polish=("a1", "b1"))
    whole = csv_of(evaluations_frame(Campaign.load(store, NAME), purpose))
    assert "".join(row_parts(store, NAME, purpose)) == whole
    assert "".join(row_parts(recorded(), NAME, purpose)).splitlines() == ["candidate,system,surface,value,state,round"]


def test_a_time_is_written_the_same_beside_any_other():
    whole, half = pd.Timestamp("2026-11-29T09:14:00Z"), pd.Timestamp("2026-11-29T09:14:00.5Z")
    frame = pd.DataFrame({"finished": [whole, half, pd.NaT]})
    parts = [csv_of(frame.iloc[[place]], heading=False) for place in range(3)]
    assert parts == ["2026-11-29 09:14:00.000000+00:00\n", "2026-11-29 09:14:00.500000+00:00\n", '""\n']
    assert csv_of(frame, heading=False) == "".join(parts)
