"""``python -m benchmarks.potential.growth.campaigns --out FILE``: campaigns that end when their potential is good enough.

``examples/al-grow-potential.yaml`` as ``tansaku run`` runs it, with the embedded-atom potential computing, and the same with
the next structures at random: the number of evaluations until a version is within the target on the scans held out, and the
errors of the version in use on all structures of these scans. Runs that are in the file are not repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.command import begun, command
from benchmarks.driven import driven
from benchmarks.potential.data import computed
from benchmarks.potential.fits import judged
from benchmarks.potential.growth.growth import potential
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.retraining import Retrain, RetrainEnd, ended, in_use
from tansaku.models.domain.specs.proposer import DisagreementProposerSpec, ProposerBase, RandomProposerSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.loop.retraining.definition import sides_of_pool
from tansaku.tasks.loop.training.versions import find_model, open_model
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

CAMPAIGN = Path(__file__).parents[3] / "examples" / "al-grow-potential.yaml"
PROPOSERS: dict[str, ProposerBase] = {
    "disagreement": DisagreementProposerSpec(),
    "random": RandomProposerSpec(),
    "in-turn": RandomProposerSpec(by_system=True),
}
SEEDS = (0, 1, 2)
QUICK = 45
"""Evaluations of a quick run: its first training and the one at the end."""


def main() -> None:
    """Runs the campaigns that the file does not have yet."""
    parser = command("potential.growth.campaigns", __doc__, quick="one campaign, two trainings")
    given = parser.parse_args()
    same = {"schema_version": 1, "quick": given.quick, "campaign": {"file": CAMPAIGN.name, "sha256": file_sha256(CAMPAIGN)}}
    found = begun(given.out, same, runs=[])
    had = {(item["proposer"], item["seed"]) for item in found["runs"]}
    cases = [Case(name, seed, given.quick) for seed in SEEDS for name in PROPOSERS]
    missing = [case for case in (cases[:1] if given.quick else cases) if (case.proposer, case.seed) not in had]
    for item in finished(missing):
        found["runs"].append(item)
        write_json(given.out, found | {"provenance": describe_machine()})
        last = item["held_out"]
        print(
            f"{item['proposer']}, seed {item['seed']}: ended ({item['stop']}) after {item['evaluations']} structures of "
            f"{item['cost']:.0f} atoms, {last['energy_rmse_mev_per_atom']:.1f} meV/atom, "
            f"{last['force_rmse_mev_per_angstrom']:.0f} meV/Angstrom",
            flush=True,
        )


def finished(cases: Sequence[Case]) -> Iterator[JsonDict]:
    """Results of campaigns as they end: of one in this process, of several each in a process of its own."""
    if len(cases) == 1:
        yield run(cases[0])
        return
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        yield from processes.map(run, cases)


@dataclass(frozen=True)
class Case:
    """A campaign.

    Attributes:
        proposer: Of :data:`PROPOSERS`.
        seed: Its seed.
        quick: The campaign trains small networks and ends after the second training.
    """

    proposer: str
    seed: int
    quick: bool

    def campaign(self) -> LoadedCampaign:
        """The example with the proposer and the seed."""
        loaded = load_campaign(CAMPAIGN)
        change: JsonDict = {"proposer": PROPOSERS[self.proposer], "seed": self.seed}
        if self.quick:
            change["budget"] = loaded.spec.budget.model_copy(update={"evaluations": QUICK})
            if loaded.spec.retrain is not None:
                change["retrain"] = loaded.spec.retrain.model_copy(update={"surrogate": potential(quick=True)})
        return LoadedCampaign(loaded.spec.model_copy(update=change), loaded.base_path)


def run(case: Case) -> JsonDict:
    """Runs a campaign to its end; returns the reason, the cost, and the errors of each version."""
    loaded = case.campaign()
    with driven(loaded, loaded.spec.execution.in_flight) as (result, resources):
        store, name = resources.store, loaded.spec.name
        return {
            "proposer": case.proposer,
            "seed": case.seed,
            "stop": result.reason,
            "evaluations": result.last_number,
            "cost": sum(evaluation.proposal.predicted_cost for evaluation in store.evaluations(name)),
            "held_out": judged_by_all(loaded, resources),
            "versions": [version_of(begin, end) for begin, end in store.retrains(name) if end is not None and end.ok],
        }


def judged_by_all(loaded: LoadedCampaign, resources: Resources) -> JsonDict:
    """Errors of the version in use on every candidate held out, whether the campaign computed it or not.

    Campaigns compute different shares of them, and a small test set may be easy by chance.
    """
    used = in_use(ended(resources.store.retrains(loaded.spec.name)))
    if used is None or used.version is None or loaded.spec.calculator is None:
        raise AssertionError(f"{loaded.spec.name} has no version, or nothing that computes")
    model = open_model(resources.artifacts, find_model(resources.registry, used.version))
    space = open_space(loaded.spec.space, loaded.base_path)
    sides = sides_of_pool(space.pool(), loaded.spec)
    calculator = open_calculator(loaded.spec.calculator, loaded.base_path)
    judges = computed(space, calculator, [name for name, side in sides.items() if side == "held_out"])
    return judged(judges, model.predict(judges))


def version_of(begin: Retrain, end: RetrainEnd) -> JsonDict:
    """A version: results that it had, and its errors on the groups held out."""
    return {
        "observations": begin.observations,
        "promoted": end.promoted,
        "energy_rmse_mev_per_atom": 1000 * end.held_out["energy"].rmse,
        "force_rmse_mev_per_angstrom": 1000 * end.held_out["forces"].rmse,
        "seconds": end.seconds,
    }


if __name__ == "__main__":
    main()
