"""The shipped campaign on crystals of copper and gold, with energies that are set by hand."""

from __future__ import annotations

from pathlib import Path

from tansaku.calculators.structures.export import write_structure
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import Evaluation, LeaseOwner, Outcome, Provenance, Quantity
from tansaku.models.domain.specs.objective import GoalBase
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tests.support.records import campaign_record, evaluation_of, proposal_of, store_evaluation

NAME = "cu-au"
FILE = Path(__file__).resolve().parents[2] / "examples" / f"{NAME}.yaml"
ENERGIES = {"L12-AuCu3": -0.05, "L10-AuCu": -0.06, "B2-AuCu": -0.02, "L12-Au3Cu": 0.01, "B1-AuCu": 0.3}
"""Energies by candidate [eV/atom]."""


def outcome_of(energy: float | None, **changes: object) -> Outcome:
    """The result of a crystal of an energy [eV/atom]; None: of something else than a crystal."""
    quantities = {} if energy is None else {"energy_per_atom": Quantity(value=energy, unit="eV/atom")}
    return Outcome(value=1000.0 * (energy or 0.0), quantities=quantities, **changes)


def alloys(energies: dict[str, float | None] | None = None) -> list[Evaluation]:
    """Evaluations of the crystals in order."""
    given = ENERGIES if energies is None else energies
    return [
        evaluation_of(
            proposal_of(number, candidate=candidate, system=_system(candidate), surface=_system(candidate)),
            outcome_of(energy),
            campaign=NAME,
        )
        for number, (candidate, energy) in enumerate(given.items(), start=1)
    ]


def _system(candidate: str) -> str:
    """Its formula."""
    first, _, second = candidate.partition("-")
    return first if second == "fcc" else second


def alloy_store(goal: GoalBase | None = None) -> MemoryCampaignStore:
    """A store that has the campaign with its evaluations; with another goal than its file's if one is given."""
    store = MemoryCampaignStore()
    store_alloys(store, goal=goal)
    return store


def store_alloys(
    store: CampaignStore, energies: dict[str, float | None] | None = None, goal: GoalBase | None = None, name: str = NAME
) -> None:
    """Stores the campaign with its evaluations, see :func:`alloys`."""
    loaded = load_campaign(FILE)
    objective = loaded.spec.objective
    wanted = objective if goal is None else objective.model_copy(update={"goal": goal})
    spec = loaded.spec.model_copy(update={"objective": wanted, "name": name})
    store.create_campaign(campaign_record(spec, base_path=str(loaded.base_path)))
    lease = store.acquire_lease(name, LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
    for item in alloys(energies):
        store_evaluation(store, lease, item.proposal, item.outcome)
    store.release_lease(lease)


def store_crystals(store: CampaignStore, artifacts: ArtifactStore, folder: Path, name: str = NAME) -> list[Evaluation]:
    """Stores the campaign under a name, its evaluations with structures and total energies, and one without a structure.

    Args:
        folder: For a file.
    """
    loaded = load_campaign(FILE)
    space = open_space(loaded.spec.space, loaded.base_path)
    spec = loaded.spec.model_copy(update={"name": name})
    store.create_campaign(campaign_record(spec, id=f"id-of-{name}", base_path=str(loaded.base_path)))
    lease = store.acquire_lease(name, LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
    found = []
    for item in alloys({**ENERGIES, "B3-AuCu": None}):
        changes: dict[str, object] = {"provenance": Provenance(code="ase", code_version="3", model="emt")}
        if item.outcome.quantities:
            atoms = space.structure(item.proposal.candidate)
            energy = item.outcome.quantities["energy_per_atom"].value * len(atoms)
            changes["quantities"] = item.outcome.quantities | {"energy": Quantity(value=energy, unit="eV")}
            changes["artifacts"] = {STRUCTURE_FILE: artifacts.put(write_structure(atoms, folder / "one.extxyz"))}
        stored = store_evaluation(store, lease, item.proposal, item.outcome.model_copy(update=changes))
        found.append(store.evaluation(stored.id))
    store.release_lease(lease)
    return found
