"""A small campaign on a table, in files and in a memory store; and a search of tavorites, half done."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.history import Entry, build_history
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.ports import Choice
from tansaku.models.domain.records import (
    Evaluation,
    Failure,
    LeaseOwner,
    Outcome,
    Provenance,
    Quantity,
    Refit,
    StopDecision,
)
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState, FailureKind, StopReason
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.views.campaign import Campaign
from tests.support.copper_desk import Desk, opened_desk
from tests.support.records import NOW, campaign_record, evaluation_of, proposal_of, read_campaign, store_evaluation

CANDIDATES = """\
id,system,surface,value,cost,x
a1,alpha,alpha/0,5.0,2.0,0.0
a2,alpha,alpha/0,3.0,2.0,0.5
a3,alpha,alpha/1,,4.0,1.0
b1,<b>beta</b>,beta/0,9.0,1.0,0.0
b2,<b>beta</b>,beta/0,7.0,1.0,0.5
"""

CAMPAIGN = """\
schema_version: 1
name: small-table
space:
  type: table
  candidates: candidates.csv
  columns: {id: id, system: system, surface: surface, value: value, cost: cost}
  features:
    translation: {columns: [x]}
objective: {direction: minimize, unit: mJ/m2}
proposer: {type: grid}
budget: {cost: 8}
"""


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    """Campaign file on a table of two systems and five candidates, one of them failed."""
    (tmp_path / "candidates.csv").write_text(CANDIDATES, encoding="utf-8")
    path = tmp_path / "small-table.yaml"
    path.write_text(textwrap.dedent(CAMPAIGN), encoding="utf-8")
    return path


@pytest.fixture
def recorded(table_file: Path) -> Callable[..., MemoryCampaignStore]:
    """Builds a store in which the named candidates of the table were proposed and evaluated, in that order.

    ``stop`` is why its driver proposed nothing more.
    """

    def build(
        *candidates: str,
        polish: tuple[str, ...] = (),
        clock: Callable[[], datetime] = utc_now,
        stop: StopReason | None = None,
    ) -> MemoryCampaignStore:
        loaded = load_campaign(table_file)
        space = open_space(loaded.spec.space, loaded.base_path)
        pool = space.pool()
        store = MemoryCampaignStore(clock)
        store.create_campaign(
            campaign_record(loaded.spec, base_path=str(loaded.base_path), tansaku_version="0.1.0", created_at=datetime.now(UTC))
        )
        owner = LeaseOwner(host="here", pid=1, process_started=0.0, user="me")
        lease = store.acquire_lease(loaded.spec.name, owner, 60.0)
        for number, candidate in enumerate((*candidates, *polish), start=1):
            position = int(pool.positions([candidate])[0])
            again = number > len(candidates)
            proposal = proposal_of(
                number,
                candidate=candidate,
                system=pool.systems[pool.system_codes[position]],
                surface=pool.surfaces[pool.surface_codes[position]],
                source="polish" if again else "table",
                predicted_cost=float(pool.cost[position]),
                purpose="polish" if again else "search",
                model="test",
            )
            store_evaluation(store, lease, proposal, space.recorded(candidate))
        if stop is not None:
            count = len(candidates)
            decided = StopDecision(reason=stop, proposed=count, finished=count, failed=0, remaining_cost=None)
            store.set_stop(lease, decided)
        store.release_lease(lease)
        return store

    return build


# ---------------------------------------------------------------- a search of compositions

FAILURE = Failure(kind=FailureKind.SCIENCE, reason="not_converged", message="no")


def _barrier(value: float, provenance: Provenance) -> Outcome:
    quantities = {"spread": 0.01, "barrier_1d": value, "barrier_2d": value + 0.1}
    return Outcome(
        value=value,
        quantities={name: Quantity(value=number, unit="eV") for name, number in quantities.items()},
        properties={
            "networks": {"1d": {"barrier": value, "directions": [[1, 0, -1]], "limiting_hop": "2>3[0,0,1]"}},
            "hops": [
                {"hop": "2>3[0,0,1]", "ts_energy": value},
                {"hop": "2>3[1,1,0]", "ts_energy": value + 0.1},
                {"hop": "2>2[1,0,0]", "failure": "drift"},
                {"hop": "2>3[1,0,0]", "ts_energy": value - 0.05},
            ],
            "energies": [0.0, value - 0.05, 0.0, value, 0.0],
            "frame_index": [0.0, 2.0, 4.0, 6.0, 8.0],
            "forward_barrier": value,
        },
        provenance=provenance,
    )


def _evaluation(number: int, candidate: str, value: float | None, choice: Choice | None) -> Evaluation:
    system = candidate.split("-")[0]
    predicted = {"predicted_mean": choice.mean, "predicted_deviation": choice.deviation} if choice else {}
    proposal = proposal_of(number, candidate=candidate, system=system, surface=system, model="default", **predicted)
    provenance = Provenance(code="emt", code_version="1", tansaku_version="0.1.0")
    outcome = Outcome(failure=FAILURE, provenance=provenance) if value is None else _barrier(value, provenance)
    state = EvaluationState.DONE if value is not None else EvaluationState.FAILED
    return evaluation_of(proposal, outcome, id=str(number), campaign="tavorites", state=state, finished_at=NOW)


@pytest.fixture(scope="session")
def tavorite_search(require) -> Callable[..., Campaign]:
    """``tavorite_search(24, proposer={...})``: a campaign after as many evaluations, the fifth of which failed."""
    require("pymatgen")

    def build(count: int, **proposer: object) -> Campaign:
        document = {
            "schema_version": 1,
            "name": "tavorites",
            "space": {
                "type": "composition",
                "parent": {"prototype": "tavorite"},
                "sites": {"A": {"ions": ["Li+"]}, "M": {"ions": ["Mg2+", "Mn2+", "Fe2+", "Al3+", "V3+", "Y3+", "Ti4+"]}},
            },
            "calculator": {"type": "chgnet", "workflow": {"type": "migration_barrier", "ion": "Li"}},
            "objective": {"unit": "eV"},
            "proposer": {
                key: value for key, value in ({"type": "gp", "preset": "default"} | proposer).items() if value is not None
            },
        }
        spec = CampaignSpec.model_validate(document)
        space = open_space(spec.space, None)
        pool = space.pool()
        site = pool.groups["site_m"]
        truth = 0.2 + (site.values[site.index, 0] - 0.7) ** 2 * 5.0  # eV, lowest at a radius of 0.7 Å
        engine = build_proposer(spec.proposer)
        entries: list[Entry] = []
        evaluations: list[Evaluation] = []
        refits: list[Refit] = []
        for number in range(1, count + 1):
            history = build_history(entries, number - 1)
            seen = [refit.hyperparameters["n_observed"] for refit in refits]
            if spec.proposer.type == "gp" and len(history.observed) and engine.refit_due(len(history.observed), seen):
                previous = refits[-1].hyperparameters if refits else None
                refits.append(
                    Refit(
                        campaign="tavorites",
                        number=len(refits) + 1,
                        at_proposal=number,
                        horizon=number - 1,
                        hyperparameters=engine.fit(pool, history, previous),
                        fitted_at=NOW,
                    )
                )
            fitted = refits[-1].hyperparameters if refits else None
            choice = engine.propose(pool, history, number, proposal_rng(0, number), fitted)
            value = None if number == 5 else float(truth[choice.position])
            evaluations.append(_evaluation(number, str(pool.ids[choice.position]), value, choice))
            state = evaluations[-1].state
            blame = None if value is not None else FailureKind.SCIENCE
            entries.append(Entry(number, choice.position, 1.0, state=state, value=value, failure=blame))
        assert np.isfinite(truth).all()
        record = campaign_record(spec, base_path="", tansaku_version="0.1.0")
        return read_campaign(record, spec, evaluations, space=space, refits=tuple(refits))

    return build


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return opened_desk(tmp_path)
