"""Results of methods that came later are drawn with those of the first run, and only with those of the same table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.joined import joined
from tansaku.tasks.act.replay.records import BenchResult

FOLDER = Path(__file__).resolve().parents[4] / "benchmarks" / "peers"


def read(name: str) -> BenchResult:
    return BenchResult.model_validate_json((FOLDER / f"{name}.json").read_text())


def test_runs_of_both_files_are_in_it_and_the_first_one_s_win():
    first, later = read("suzuki"), read("suzuki-ax")
    both = joined([first, later])
    assert both.methods() == [*first.methods(), "ax"]
    found = {(run.method, run.seed): run for run in both.runs}
    assert len(found) == len(both.runs) == len(first.runs) + 3
    assert all(found[run.method, run.seed] is run for run in first.runs)
    assert [found["ax", seed].candidates for seed in range(3)] == [run.candidates for run in later.runs if run.method == "ax"]


def test_results_of_other_tables_or_seeds_are_refused():
    first, other = read("suzuki"), read("fullerenes")
    with pytest.raises(ValueError, match="chose other candidates"):
        joined([first, other])
    with pytest.raises(ValueError, match="no seed"):
        joined([first, other.model_copy(update={"runs": [run for run in other.runs if run.method != "random"]})])
