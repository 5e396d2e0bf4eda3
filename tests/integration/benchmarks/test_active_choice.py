"""Labels by information per cost, by size or at random: the benchmark runs, and the committed result says who wins."""

import json
from pathlib import Path

from benchmarks.local_energies.active_choice.cases import POWERS, RULES, SHARES, order_of, sides
from benchmarks.local_energies.cases import DATA
from tansaku.models.domain.identifiers import file_sha256

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "benchmarks/local_energies/active_choice/result.json"


def test_quick_run_writes_result_and_figure(benchmark_result, require):
    require("sklearn")
    require("dscribe")
    result = benchmark_result("local_energies.active_choice", "--quick", figure=20_000)
    assert {one["rule"] for one in result["curves"]} == set(RULES)
    assert [row["share"] for row in result["summary"]] == list(SHARES)
    for one in result["curves"]:
        for point in one["points"]:
            assert point["share"] <= point["limit"] * 1.000001 or point["structures"] == 1


def test_what_tests_is_never_chosen_and_every_seed_has_its_candidates():
    drawn = set()
    for seed in (0, 1):
        candidates, test = sides("eam", seed)
        assert len(candidates) == 84
        assert max(one.info["sigma"] for one in candidates) <= 59 < min(one.info["sigma"] for one in test)
        assert len({one.group for one in test}) == 10
        drawn.add(tuple(one.id for one in candidates))
    assert len(drawn) == 2
    order, cost = order_of("size", 1.0, 0)
    assert len(order) == 84
    assert (cost[order][1:] >= cost[order][:-1]).all()


def test_the_committed_result_is_of_the_committed_data_and_information_wins_while_little_is_spent():
    result = json.loads(RESULT.read_text())
    assert result["data"]["sha256"] == file_sha256(DATA)
    assert len({one["seed"] for one in result["curves"]}) >= 10
    assert {(row["power"], row["share"]) for row in result["summary"]} == {(p, s) for p in POWERS for s in SHARES}
    for row in result["summary"]:
        middle = {rule: row["rmse_mev"][rule][1] for rule in RULES}
        rivals = min(value for rule, value in middle.items() if rule != "information")
        if row["share"] < 0.1:
            assert middle["information"] < rivals
        else:
            # With more, what is chosen matters little; it must not be much worse either.
            assert middle["information"] < 1.1 * rivals
