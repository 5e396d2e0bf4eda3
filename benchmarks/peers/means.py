"""``python -m benchmarks.peers.means --package WHEEL --out means.json``: a constant or a linear mean, chosen by evidence.

On public tables of ``olymp``: the preset ``default``, the same with a linear mean, and one that fits both at each refit and
proposes by the one with the higher log density. An interrupted run continues with the same command.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.command import begun, command
from benchmarks.peers.public import DATASETS, Dataset, write_table
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import Choice, History, Proposer
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.act.replay import run as replays
from tansaku.tasks.act.replay.records import BenchOptions, ReplayTask
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

LAYOUT = 1
TABLES = ("suzuki", "benzylation", "snar", "hplc", "fullerenes", "photo_pce10")
EXPERIMENTS = 50
LINEAR = GPProposerSpec.model_validate({"preset": "default", "mean": [{"type": "linear"}]})


class ByEvidence:
    """Two proposers; the one whose fit has the higher log density chooses until the next fit.

    Args:
        plain: With a constant mean.
        linear: With a linear one.
    """

    name = "evidence"

    def __init__(self, plain: Proposer, linear: Proposer) -> None:
        self._both = {"plain": plain, "linear": linear}

    def initial_count(self, pool: CandidatePool) -> int:
        """As both."""
        return self._both["plain"].initial_count(pool)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """As both."""
        return self._both["plain"].refit_due(n_observed, fitted_at)

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits both."""
        before = previous or {}
        fitted = {name: model.fit(pool, history, before.get(name)) for name, model in self._both.items()}
        better = fitted["linear"]["log_density"] > fitted["plain"]["log_density"]
        return {**fitted, "used": "linear" if better else "plain"}

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses by the better one."""
        used = hyperparameters["used"] if hyperparameters else "plain"
        return self._both[used].propose(pool, history, number, rng, hyperparameters[used] if hyperparameters else None)


def build(name: str, spec: CampaignSpec, _pool: CandidatePool, _base_path: Path) -> Proposer:
    """The proposer of a variant; replaces ``build_method``."""
    specs = {"default": GPProposerSpec(preset="default"), "linear": LINEAR}
    built = {key: build_proposer(item, spec.objective, spec.constraints) for key, item in specs.items()}
    return ByEvidence(built["default"], built["linear"]) if name == "evidence" else built[name]


def search(file: Path, name: str, seed: int) -> JsonDict:
    """Replays one variant on one table: gap to the best experiment after each."""
    campaign, options = load_campaign(file), BenchOptions(methods=("default",), seeds=(0,))
    task = ReplayTask.model_validate(
        {
            "spec": campaign.spec,
            "base_path": str(campaign.base_path),
            "method": name,
            "seed": seed,
            **options.task_options(campaign.spec),
        }
    )
    with patch.object(replays, "build_method", build):
        run = replays.run_one(task)
    return {"table": file.stem, "variant": name, "seed": seed, "gap": run.mean_gap, "initial": run.n_initial}


def main() -> None:
    """Runs and writes the comparison."""
    parser = command("peers.means", __doc__, quick="one seed, one table")
    parser.add_argument("--package", type=Path, required=True, help="wheel of olymp")
    parser.add_argument("--seeds", type=int, default=8, help="how many")
    given = parser.parse_args()
    document = begun(given.out, {"schema_version": LAYOUT}, runs=[])
    known = {(row["table"], row["variant"], row["seed"]) for row in document["runs"]}
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(given.package) as wheel:
        for table in TABLES[:1] if given.quick else TABLES:
            inside = f"olympus/datasets/dataset_{table}"
            rows = wheel.read(f"{inside}/data.csv").count(b"\n")
            title = json.loads(wheel.read(f"{inside}/config.json")).get("description", table)
            DATASETS.setdefault(table, Dataset("1", str(title).splitlines()[0], min(0.3, EXPERIMENTS / rows)))
            file = write_table(given.package, table, Path(folder))
            for seed in range(1 if given.quick else given.seeds):
                for name in ("default", "linear", "evidence"):
                    if (table, name, seed) not in known:
                        document["runs"].append(search(file, name, seed))
                        write_json(given.out, document | {"provenance": describe_machine()})
    for table, name in dict.fromkeys((row["table"], row["variant"]) for row in document["runs"]):
        mine = [row for row in document["runs"] if (row["table"], row["variant"]) == (table, name)]
        gaps = [[row["gap"][min(row["initial"] + k, len(row["gap"])) - 1] for k in (5, 10, 20)] for row in mine]
        print(f"{table:12} {name:10}", " ".join(f"{gap:10.4f}" for gap in np.mean(gaps, axis=0)), f"{len(mine)} seeds")


if __name__ == "__main__":
    main()
