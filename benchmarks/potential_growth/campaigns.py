"""``python -m benchmarks.potential_growth.campaigns --out FILE``: campaigns that end when their potential is good enough.

``examples/al-grow-potential.yaml`` as ``tansaku run`` runs it, with the embedded-atom potential computing, and the same with
the next structures at random: how many it takes until the versions are within the target on the scans held out. Runs that the
file has are not made again.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.command import begun, command
from benchmarks.driven import driven
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.specs.proposer import DisagreementProposerSpec, ProposerSpec, RandomProposerSpec
from tansaku.tasks.configuration import LoadedCampaign, load_campaign
from tansaku.tasks.jobs.spool import write_json
from tansaku.tasks.machine import describe_machine

CAMPAIGN = Path(__file__).parents[2] / "examples" / "al-grow-potential.yaml"
PROPOSERS: dict[str, ProposerSpec] = {
    "disagreement": DisagreementProposerSpec(),
    "random": RandomProposerSpec(),
    "in-turn": RandomProposerSpec(by_system=True),
}
SEEDS = (0, 1, 2)
QUICK = 45
"""Evaluations of a quick run: one training."""


def main() -> None:
    """Runs the campaigns that the file does not have yet."""
    parser = command("potential_growth.campaigns", __doc__, quick="one campaign, one training")
    given = parser.parse_args()
    same = {"schema_version": 1, "quick": given.quick, "campaign": {"file": CAMPAIGN.name, "sha256": file_sha256(CAMPAIGN)}}
    found = begun(given.out, same, runs=[])
    had = {(one["proposer"], one["seed"]) for one in found["runs"]}
    cases = [(name, seed) for seed in SEEDS for name in PROPOSERS]
    for name, seed in cases[:1] if given.quick else cases:
        if (name, seed) in had:
            continue
        one = run(campaign(name, seed, quick=given.quick))
        found["runs"].append({"proposer": name, "seed": seed} | one)
        write_json(given.out, found | {"provenance": describe_machine()})
        last = one["versions"][-1]
        print(
            f"{name}, seed {seed}: ended ({one['stop']}) after {one['evaluations']} structures of {one['cost']:.0f} atoms, "
            f"{last['energy_rmse_mev_per_atom']:.1f} meV/atom, {last['force_rmse_mev_per_angstrom']:.0f} meV/Angstrom",
            flush=True,
        )


def campaign(name: str, seed: int, *, quick: bool) -> LoadedCampaign:
    """The example with a proposer and a seed; quickly, until its first training."""
    loaded = load_campaign(CAMPAIGN)
    change: JsonDict = {"proposer": PROPOSERS[name], "seed": seed}
    if quick:
        change["budget"] = loaded.spec.budget.model_copy(update={"evaluations": QUICK})
    return LoadedCampaign(loaded.spec.model_copy(update=change), loaded.base_path)


def run(loaded: LoadedCampaign) -> JsonDict:
    """Runs a campaign to its end: why it ended, what it took, and what each version came to."""
    with driven(loaded, loaded.spec.execution.in_flight) as (result, resources):
        store, name = resources.store, loaded.spec.name
        return {
            "stop": result.reason,
            "evaluations": result.last_number,
            "cost": sum(one.proposal.predicted_cost for one in store.evaluations(name)),
            "versions": [told(begin, end) for begin, end in store.retrains(name) if end is not None and end.ok],
        }


def told(begin: Retrain, end: RetrainEnd) -> JsonDict:
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
