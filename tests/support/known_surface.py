"""A campaign for H in Al whose whole energy surface is known, on any store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Event, LeaseOwner, Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.engine.percolation import bottleneck
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.steps.certificates import CERTIFICATE
from tests.support.campaign_files import hydrogen_campaign
from tests.support.records import campaign_record, proposal_of, store_evaluation

NAME = "h-in-al"


class KnownSurface:
    """A campaign on a store, all energies of its surface, and how many of them the campaign has."""

    def __init__(self, store: CampaignStore) -> None:
        spec = CampaignSpec.model_validate(hydrogen_campaign(dimensions=2, evaluations=100))
        space, calculator = open_space(spec.space, Path()), open_calculator(spec.calculator, Path())
        self.pool = space.pool()
        self.energies = np.array([calculator.evaluate(space.structure(str(name))).energy for name in self.pool.ids])
        self.order = np.argsort(self.energies)
        self.store = store
        self.count = 0
        self.store.create_campaign(campaign_record(spec, name=NAME, base_path=""))

    @property
    def barriers(self) -> tuple[float, float, float]:
        """Of all energies [eV]."""
        return bottleneck(self.energies, self.pool.grids[self.pool.systems[0]]).barriers

    def compute(self, count: int) -> None:
        """Stores the next lowest energies."""
        lease = self.store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
        for place in self.order[self.count : self.count + count]:
            self.count += 1
            candidate, system, surface = str(self.pool.ids[place]), self.pool.systems[0], self.pool.surfaces[0]
            proposal = proposal_of(self.count, candidate=candidate, system=system, surface=surface)
            outcome = Outcome(value=1000.0 * float(self.energies[place]))
            store_evaluation(self.store, lease, proposal, outcome)
        self.store.release_lease(lease)

    def certify(self, estimate: float, tolerance: float) -> None:
        """Stores a certificate [meV]."""
        data = {
            "number": self.count + 1, "horizon": self.count, "searched": self.count, "confidence": 0.95,
            "tolerance": tolerance, "estimate": estimate, "unit": "meV",
        }  # fmt: skip
        event = Event(id=f"c{self.count}", campaign=NAME, kind=CERTIFICATE, at=datetime.now(UTC), data=data)
        self.store.append_event(event)
