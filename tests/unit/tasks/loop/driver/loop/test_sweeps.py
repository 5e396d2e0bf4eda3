"""Sweeps: orphans go, what is named stays."""

from tansaku.tasks.act.commands.delete import sweep_artifacts


def test_artifacts_that_an_outcome_names_stay(open_bench):
    bench = open_bench(budget={"evaluations": 4})
    bench.keep_structures()
    bench.drive()
    orphan = bench.folder / "orphan"
    orphan.write_text("nobody names me")
    unnamed = bench.resources.artifacts.put(orphan)
    named = [one.outcome.artifacts["structure"] for one in bench.store.evaluations("small")]
    assert len(set(named)) == len(named) >= 3
    assert sweep_artifacts(bench.resources, older_than=3600.0) == 0
    assert sweep_artifacts(bench.resources, older_than=-1.0) == 1
    assert not bench.resources.artifacts.exists(unnamed)
    assert all(bench.resources.artifacts.exists(one) for one in named)
