"""The shipped campaign on crystals of copper and gold, with energies that are set by hand."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.records import Evaluation, LeaseOwner, Outcome, Quantity
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.records import campaign_record, evaluation_of, proposal_of

NAME = "cu-au"
FILE = Path(__file__).resolve().parents[2] / "examples" / "structures" / f"{NAME}.yaml"
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


def alloy_store() -> MemoryCampaignStore:
    """A store that has the campaign with its evaluations."""
    loaded, store = load_campaign(FILE), MemoryCampaignStore()
    store.create_campaign(campaign_record(loaded.spec, base_path=str(loaded.base_path)))
    lease = store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
    for item in alloys():
        stored = store.insert_proposal(lease, item.proposal)
        store.begin_attempt(lease, stored.id, 1, stored.id, stored.id)
        store.accept_outcome(lease, stored.id, stored.id, item.outcome)
    store.release_lease(lease)
    return store
